package cli

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/kingpin/v2"
)

// The man page is made from what --help prints: the doc comment and the options.

// exitCodes are the same for all tools.
var exitCodes = [][2]string{
	{"0", "Done, all of it; no results is done."},
	{"1", "Failed: network, server or disk."},
	{"2", "Usage: a bad option, value, setting or input file; nothing was changed anywhere."},
	{"3", "Partly done: some rows or ids failed, each is reported."},
	{"4", "The server refused the credentials."},
	{"5", "There is no such session."},
	{"6", "The checkpoint is in use, damaged, or was made by another query."},
	{"130, 143", "Stopped by SIGINT or SIGTERM."},
}

// statuses are the exit codes for those who know them, and have forgotten one.
const statuses = "Exit status: 0 done, 1 failed, 2 usage, 3 partly done, 4 credentials refused, 5 no such session, " +
	"6 checkpoint in use, damaged or of another query; 130 and 143 after SIGINT and SIGTERM."

// tools are what SEE ALSO names.
var tools = []string{"sess-checkpoint", "sess-events", "sess-fmt", "sess-kafka", "sess-sandbox", "sess-search", "sess-show", "sess-syslog", "sess-update", "sessions"}

func (a *App) writeManPage(w io.Writer) {
	model := a.Model()
	manual := model.Help
	fmt.Fprintf(w, ".TH %s 1 %s %s %s\n", quoted(strings.ToUpper(a.Name)), `"`+built().Format(time.DateOnly)+`"`, quoted("sess "+version), quoted("User Commands"))
	fmt.Fprintf(w, ".SH NAME\n%s \\-\n%s\n", roff(a.Name), filled(purpose(a.Name, summary(manual))))
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B %s\n[\\fIOPTION\\fR]…", roff(a.Name))
	if len(model.Commands) > 0 {
		io.WriteString(w, " \\fICOMMAND\\fR [\\fIARGUMENT\\fR]…")
	}
	fmt.Fprintf(w, "%s\n", arguments(model.Args))
	io.WriteString(w, ".SH DESCRIPTION\n")
	writeManual(w, manual)
	if len(model.Commands) > 0 {
		io.WriteString(w, ".SH COMMANDS\n")
		for _, c := range model.Commands {
			if c.Hidden || c.Name == "help" {
				continue
			}
			fmt.Fprintf(w, ".SS %s [\\fIOPTION\\fR]…%s\n%s\n", roff(c.Name), arguments(c.Args), filled(c.Help))
			if c.HelpLong != "" {
				writeManual(w, c.HelpLong)
			}
			writeOptions(w, c.Flags)
		}
	}
	io.WriteString(w, ".SH OPTIONS\n")
	writeOptions(w, model.Flags)
	io.WriteString(w, ".SH EXIT STATUS\n")
	for _, code := range exitCodes {
		fmt.Fprintf(w, ".TP\n%s\n%s\n", roff(code[0]), filled(code[1]))
	}
	io.WriteString(w, ".SH SEE ALSO\n")
	var others []string
	for _, t := range tools {
		if t != a.Name {
			others = append(others, ".BR "+roff(t)+" (1)")
		}
	}
	io.WriteString(w, strings.Join(others, ",\n")+"\n")
}

// built is when the source was last changed, so that a page made twice is the same; where nobody
// knows, when the program was made.
func built() time.Time {
	if seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		return time.Unix(seconds, 0).UTC()
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
				return t.UTC()
			}
		}
	}
	if self, err := os.Executable(); err == nil {
		if info, err := os.Stat(self); err == nil {
			return info.ModTime().UTC()
		}
	}
	return time.Unix(0, 0).UTC()
}

// purpose makes of "Sess-fmt shows JSON lines as tables. …" what NAME says: "show…" is left to
// the reader; the sentence goes on after the tool's name.
func purpose(name, summary string) string {
	text := strings.Join(strings.Fields(summary), " ")
	if len(text) > len(name) && strings.EqualFold(text[:len(name)], name) {
		text = strings.TrimSpace(text[len(name):])
	}
	if i := strings.Index(text, ". "); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSuffix(text, ".")
}

// writeManual turns a doc comment into paragraphs, headings, lists and examples.
func writeManual(w io.Writer, text string) {
	example, item := false, false
	blank, begun := true, false
	for _, line := range strings.Split(text, "\n") {
		indented := strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "    ")
		trimmed := strings.TrimSpace(line)
		isItem := !indented && strings.HasPrefix(line, "  - ")
		if example && !indented && trimmed != "" {
			io.WriteString(w, ".EE\n.RE\n")
			example = false
		}
		switch {
		case trimmed == "":
			blank = true
			continue
		case strings.HasPrefix(line, "# "):
			fmt.Fprintf(w, ".SH %s\n", roff(strings.ToUpper(line[2:])))
			item, blank, begun = false, true, false
			continue
		case isItem:
			fmt.Fprintf(w, ".IP \\(bu 2\n%s\n", filled(strings.TrimPrefix(trimmed, "- ")))
			item, blank, begun = true, false, true
			continue
		case item && !blank && strings.HasPrefix(line, "  "):
			fmt.Fprintln(w, filled(trimmed))
			continue
		case indented:
			if example && blank {
				io.WriteString(w, "\n")
			}
			if !example {
				if begun {
					io.WriteString(w, ".PP\n")
				}
				begun = true
				io.WriteString(w, ".RS 4\n.EX\n")
				example = true
			}
			rest, ok := strings.CutPrefix(line, "\t")
			if !ok {
				rest = strings.TrimPrefix(line, "    ")
			}
			fmt.Fprintln(w, roff(strings.ReplaceAll(rest, "\t", "    ")))
		default:
			if blank && begun {
				io.WriteString(w, ".PP\n")
			}
			begun = true
			fmt.Fprintln(w, filled(trimmed))
		}
		item = item && !blank
		blank = false
	}
	if example {
		io.WriteString(w, ".EE\n.RE\n")
	}
}

// writeOptions lists the tool's own options before those that all tools have.
func writeOptions(w io.Writer, flags []*kingpin.FlagModel) {
	flags = slices.Clone(flags)
	slices.SortStableFunc(flags, func(a, b *kingpin.FlagModel) int {
		switch {
		case sharedOptions[a.Name] == sharedOptions[b.Name]:
			return 0
		case sharedOptions[a.Name]:
			return 1
		}
		return -1
	})
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		io.WriteString(w, ".TP\n")
		if f.Short != 0 {
			fmt.Fprintf(w, "\\fB\\-%s\\fR, ", roff(string(f.Short)))
		}
		fmt.Fprintf(w, "\\fB\\-\\-%s\\fR", roff(f.Name))
		if !f.IsBoolFlag() {
			fmt.Fprintf(w, " \\fI%s\\fR", roff(placeHolder(f)))
		}
		help := f.Help
		if f.Envar != "" {
			help += " (environment: " + f.Envar + ")"
		}
		fmt.Fprintf(w, "\n%s\n", filled(help))
	}
}

func arguments(args []*kingpin.ArgModel) string {
	var b strings.Builder
	for _, arg := range args {
		if arg.Hidden {
			continue
		}
		name := arg.PlaceHolder
		if name == "" {
			name = strings.ToUpper(arg.Name)
		}
		word := "\\fI" + roff(name) + "\\fR"
		if !arg.Required {
			word = "[" + word + "]"
		}
		if v, ok := arg.Value.(interface{ IsCumulative() bool }); ok && v.IsCumulative() {
			word += "…"
		}
		b.WriteString(" " + word)
	}
	return b.String()
}

// roff writes text so that a formatter takes it as it is.
func roff(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\`", "^", `\(ha`, "~", `\(ti`).Replace(text)
	if first, _ := utf8.DecodeRuneInString(text); first == '.' {
		text = `\&` + text
	}
	return text
}

// filled is text for a formatter that fills lines, in lines of the length that it likes.
func filled(text string) string {
	lines := wrap(text, 66)
	for i, line := range lines {
		lines[i] = roff(line)
	}
	return strings.Join(lines, "\n")
}

func quoted(text string) string { return `"` + strings.ReplaceAll(roff(text), `"`, `\(dq`) + `"` }
