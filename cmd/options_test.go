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
