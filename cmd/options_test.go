package cmd_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sess/lib/pipeline"
)

// kept are options of the stages that sessions does not offer, and why.
var kept = map[string]map[string]string{
	"sess-update": {
		"matching": "it asks, and takes filters in place of ids", "yes": "it is for --matching",
		"from-state": "a filter", "start": "a filter", "end": "a filter", "severity": "a filter", "actor-id": "a filter", "type": "a filter",
		"no-alerts": "a filter", "any-alerts": "a filter", "risk-indicators": "a filter", "rule-id": "a filter", "watchlist-id": "a filter",
		"content-inspection-status": "a filter", "require-state": "bulk-update-state sets it",
	},
	"sess-syslog":     {"severity": "the name is taken by the filter"},
	"sess-checkpoint": {},
}

// stages are the programs that each command runs.
var stages = map[string][]string{
	"search":            {"sess-search", "sess-fmt", "sess-syslog", "sess-checkpoint"},
	"show":              {"sess-show", "sess-fmt"},
	"show-events":       {"sess-events", "sess-fmt", "sess-syslog"},
	"update":            {"sess-update"},
	"bulk-update-state": {"sess-update"},
}

// sessions passes options on; each has to be known to the stage that it goes to, and none of a
// stage's options may be forgotten here.
func TestOptionsOfSessionsAndOfItsStages(t *testing.T) {
	of := map[string][]string{}
	for _, name := range names(t) {
		for line := range strings.Lines(command(t, filepath.Join(bin, name), "--completion-words", "--")) {
			option, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			of[name] = append(of[name], strings.TrimPrefix(option, "--"))
		}
	}
	common := []string{"help", "version", "log-level", "log-file", "log-stderr", "max-line"}
	offered := map[string]bool{}
	for _, c := range pipeline.Commands {
		for _, o := range c.Options {
			for _, program := range o.To {
				if o.Name == "output" || !slices.Contains(stages[c.Name], program) {
					continue
				}
				offered[program+" "+o.Name] = true
				if !slices.Contains(of[program], o.Name) {
					t.Errorf("sessions %s passes --%s on to %s, which does not know it", c.Name, o.Name, program)
				}
			}
		}
	}
	for _, program := range []string{"sess-search", "sess-show", "sess-events", "sess-update", "sess-fmt", "sess-syslog", "sess-checkpoint"} {
		for _, option := range of[program] {
			if !offered[program+" "+option] && !slices.Contains(common, option) && kept[program][option] == "" {
				t.Errorf("%s has --%s, which sessions does not offer", program, option)
			}
		}
	}
}

// sessions says of an option what its stage says of it, but where it is not quite the same there.
func TestOptionsOfSessionsReadAsTheirStages(t *testing.T) {
	differs := []string{"output", "concurrency", "metrics"}
	said := map[string]map[string]string{}
	for _, name := range names(t) {
		said[name] = described(command(t, filepath.Join(bin, name), "--help-man"))
	}
	for _, c := range pipeline.Commands {
		for _, o := range c.Options {
			i := slices.IndexFunc(o.To, func(program string) bool { return slices.Contains(stages[c.Name], program) })
			want := said[o.To[i]]["--"+o.Name]
			if slices.Contains(differs, o.Name) || o.Name == "format" && o.To[i] == "sess-fmt" {
				continue
			}
			if got := strings.TrimSpace(o.Value + "\n" + o.Help); got != want {
				t.Errorf("sessions %s --%s:\n%s\n%s:\n%s", c.Name, o.Name, got, o.To[i], want)
			}
		}
	}
}

// described are the options of a man page, each with what stands for its value and what is said
// of it.
func described(page string) map[string]string {
	found := map[string]string{}
	for _, item := range strings.Split(page, "\n.TP\n")[1:] {
		head, text, _ := strings.Cut(item, "\n")
		text, _, _ = strings.Cut(text, "\n.")
		head, text = plain.Replace(head), plain.Replace(text)
		option, value, _ := strings.Cut(head[strings.LastIndex(head, "--")+2:], " ")
		found["--"+option] = strings.TrimSpace(value + "\n" + strings.Join(strings.Fields(text), " "))
	}
	return found
}

// plain takes the formatting out of a page.
var plain = strings.NewReplacer(`\fB`, "", `\fI`, "", `\fR`, "", `\-`, "-", `\(aq`, "'", `\(ha`, "^", `\(ti`, "~", `\&`, "", `\e`, `\`)
