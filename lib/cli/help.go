package cli

import (
	"fmt"
	"strings"
	"text/template"

	"github.com/alecthomas/kingpin/v2"
)

// helpTemplate prints a tool's usage, its options, and then its manual.
const helpTemplate = `{{if .Context.SelectedCommand -}}
usage: {{.App.Name}} {{.Context.SelectedCommand}} [OPTION]…{{template "args" .Context.SelectedCommand.Args}}

{{.Context.SelectedCommand.Help}}
{{if .Context.SelectedCommand.HelpLong}}
{{.Context.SelectedCommand.HelpLong}}
{{end -}}
{{else -}}
usage: {{.App.Name}} [OPTION]…{{if .App.Commands}} COMMAND [ARGUMENT]…{{end}}{{template "args" .App.Args}}

{{.App.Help|Summary|Filled}}
{{end -}}
{{define "args"}}{{range .}}{{if not .Hidden}} {{if not .Required}}[{{end}}{{if .PlaceHolder}}{{.PlaceHolder}}{{else}}{{.Name|Upper}}{{end}}{{if not .Required}}]{{end}}{{if .Value|IsCumulative}}…{{end}}{{end}}{{end}}{{end -}}
{{if not .Context.SelectedCommand}}{{if .App.Commands}}
Commands:
{{range .App.Commands}}{{if not .Hidden}}  {{.Name|printf "%-18s"}} {{.Help}}
{{end}}{{end}}{{end}}{{end}}
Options:
{{.Context.Flags|Options}}{{if not .Context.SelectedCommand}}{{.App.Help|Rest|Filled}}
{{Filled statuses}}
{{end -}}
`

func (a *App) useHelp() {
	a.HelpFlag.Help("Print this and end.").Short('h')
	a.UsageTemplate(helpTemplate)
	a.UsageFuncs(template.FuncMap{
		"Summary":  summary,
		"Rest":     rest,
		"statuses": func() string { return statuses },
		"Filled":   func(text string) string { return refill(text, a.helpWidth()) },
		"Upper":    strings.ToUpper,
		"Options":  a.options,
	})
}

// manualOf is the doc comment of a main.go: the comment that ends where the package clause begins.
func manualOf(source string) string {
	head, _, _ := strings.Cut("\n"+source, "\npackage main")
	var lines []string
	for line := range strings.Lines(head) {
		text, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "//")
		if !ok {
			lines = lines[:0]
			continue
		}
		lines = append(lines, strings.TrimPrefix(text, " "))
	}
	return strings.Join(lines, "\n")
}

// summary is a manual's first paragraph.
func summary(manual string) string {
	first, _, _ := strings.Cut(manual, "\n\n")
	return first
}

// rest is what follows a manual's first paragraph, after a blank line.
func rest(manual string) string {
	_, after, ok := strings.Cut(manual, "\n\n")
	if !ok {
		return ""
	}
	return "\n" + strings.TrimRight(after, "\n") + "\n"
}

// refill fits a doc comment's paragraphs and lists to a width. Examples and headings stay.
func refill(text string, width int) string {
	var out, paragraph []string
	hang := ""
	end := func() {
		if len(paragraph) == 0 {
			return
		}
		for i, line := range wrap(strings.Join(paragraph, " "), width-len(hang)) {
			if i == 0 && hang != "" {
				out = append(out, "  - "+line)
				continue
			}
			out = append(out, hang+line)
		}
		paragraph, hang = nil, ""
	}
	for _, line := range strings.Split(text, "\n") {
		item, isItem := strings.CutPrefix(line, "  - ")
		indented := strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "    ")
		switch {
		case isItem:
			end()
			hang, paragraph = "    ", []string{item}
		case indented && hang != "":
			paragraph = append(paragraph, strings.TrimSpace(line))
		case indented || line == "" || strings.HasPrefix(line, "# "):
			end()
			out = append(out, strings.ReplaceAll(strings.TrimPrefix(line, "# "), "\t", "    "))
		default:
			if hang != "" {
				end()
			}
			paragraph = append(paragraph, line)
		}
	}
	end()
	return strings.Join(out, "\n")
}

// options lays the options out in two columns; what all tools share comes last.
func (a *App) options(flags []*kingpin.FlagModel) string {
	var own, shared strings.Builder
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		b := &own
		if sharedOptions[f.Name] {
			b = &shared
		}
		writeOption(b, f, a.helpWidth())
	}
	return own.String() + shared.String()
}

var sharedOptions = map[string]bool{"help": true, "version": true, "log-level": true, "log-file": true, "log-stderr": true}

const optionColumn = 28

func writeOption(b *strings.Builder, f *kingpin.FlagModel, width int) {
	left := "      --" + f.Name
	if f.Short != 0 {
		left = fmt.Sprintf("  -%c, --%s", f.Short, f.Name)
	}
	if !f.IsBoolFlag() {
		left += " " + placeHolder(f)
	}
	help := f.Help
	if f.Envar != "" {
		help += " (environment: " + f.Envar + ")"
	}
	lines := wrap(help, width-optionColumn-1)
	if len([]rune(left)) >= optionColumn {
		fmt.Fprintf(b, "%s\n", left)
		left = ""
	}
	for _, line := range lines {
		fmt.Fprintf(b, "%-*s %s\n", optionColumn, left, line)
		left = ""
	}
}

func placeHolder(f *kingpin.FlagModel) string {
	if f.PlaceHolder != "" {
		return f.PlaceHolder
	}
	return strings.ToUpper(f.Name[strings.LastIndexByte(f.Name, '-')+1:])
}

func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func (a *App) helpWidth() int {
	if w := a.Width(); w > 40 {
		return min(w, 100)
	}
	return 80
}
