package cli

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
)

const documented = `// Sess-try tries things. It does more.
//
// It has a second paragraph, with a back\slash,
// 'quotes' and -dashes.
//
//	$ sess-try --colour RED
//	.dot first
//
// # A heading
//
//   - an item
//     that goes on
//   - another
//
// The end.
package main
`

func runDocumented(t *testing.T, args ...string) string {
	t.Helper()
	var out, stderr bytes.Buffer
	tool := Tool{Name: "sess-try", Source: documented, Setup: func(app *App) Action {
		app.Flag("top", "On top.").Bool()
		one := app.Command("one", "Do one thing. Then end.")
		EnumVar(one.Flag("colour", "Which colour: any."), "colour", "RED", "GREEN", "GREY")
		one.Flag("cols", "Which columns.").PlaceHolder("A,B").Short('c').HintOptions("id", "name").String()
		one.Flag("cert", "A file.").PlaceHolder("FILE").String()
		one.Flag("quick", "Do it quickly.").Short('q').Bool()
		one.Flag("secret", "Not shown.").Hidden().String()
		one.Arg("NAME", "Whose.").HintOptions("ann", "bob").String()
		two := app.Command("two", "Do two things.")
		two.Arg("FILE", "From where.").String()
		return func(context.Context) error { t.Error("it ran"); return nil }
	}}
	if status := tool.Run(context.Background(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &stderr}); status != 0 || stderr.Len() > 0 {
		t.Errorf("%q: status %d, %s", args, status, stderr.String())
	}
	return out.String()
}

func TestCompletionWords(t *testing.T) {
	for _, c := range []struct{ typed, want string }{
		{"", "one two"},
		{"|", "one two"},
		{"|t", "two"},
		{"|--t", "--top"},
		{"--top|", "one two"},
		{"three|", "one two"},
		{"one|", "ann bob"},
		{"one|b", "bob"},
		{"one|--c", "--colour --cols --cert"},
		{"one|--se", ""},
		{"one|--colour|", "RED GREEN GREY"},
		{"one|--colour|gre", "GREEN GREY"},
		{"one|--colour|BLUE", ""},
		{"one|--colour=R", "--colour=RED"},
		{"one|--colour|=", "RED GREEN GREY"},
		{"one|--colour|=|R", "RED"},
		{"one|--colour|=|RED|", "ann bob"},
		{"one|-c|n", "name"},
		{"one|--cols|id,", "id,id id,name"},
		{"one|--cols=id,n", "--cols=id,name"},
		{"one|-q|", "ann bob"},
		{"one|--cert|", "<files>"},
		{"one|--cert|x", "<files>"},
		{"one|--|--c", ""},
		{"two|", "<files>"},
		{"two|--q", ""},
	} {
		typed := strings.Split(c.typed, "|")
		if c.typed == "" {
			typed = nil
		}
		var got []string
		for line := range strings.Lines(runDocumented(t, append([]string{"--completion-words"}, typed...)...)) {
			word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			got = append(got, word)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: %q; want %q", typed, got, c.want)
		}
	}
	if got := runDocumented(t, "--completion-words", "o"); got != "one\tDo one thing\n" {
		t.Errorf("%q", got)
	}
}

func TestManPage(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1795435200")
	page := runDocumented(t, "--help-man")
	for _, want := range []string{
		`.TH "SESS\-TRY" 1 "2026-11-23" "sess dev" "User Commands"` + "\n",
		".SH NAME\nsess\\-try \\-\ntries things\n",
		".SH DESCRIPTION\nSess\\-try tries things. It does more.\n.PP\nIt has a second paragraph, with a back\\eslash,\n\\(aqquotes\\(aq and \\-dashes.\n",
		".RS 4\n.EX\n$ sess\\-try \\-\\-colour RED\n\\&.dot first\n.EE\n.RE\n",
		".SH A HEADING\n.IP \\(bu 2\nan item\nthat goes on\n.IP \\(bu 2\nanother\n.PP\nThe end.\n",
		".SS one [\\fIOPTION\\fR]… [\\fINAME\\fR]\nDo one thing. Then end.\n",
		".TP\n\\fB\\-c\\fR, \\fB\\-\\-cols\\fR \\fIA,B\\fR\nWhich columns.\n",
		".SH EXIT STATUS\n",
		".BR sess\\-fmt (1)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in:\n%s", want, page)
		}
	}
	if strings.Contains(page, "secret") {
		t.Error("a hidden option is shown")
	}
	if _, err := exec.LookPath("mandoc"); err == nil {
		lint := exec.Command("mandoc", "-Tlint", "-Wwarning")
		lint.Stdin = strings.NewReader(page)
		if out, err := lint.CombinedOutput(); err != nil {
			t.Errorf("mandoc: %v\n%s", err, out)
		}
	}
}

func TestCompletionScriptsAreForThisTool(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script := runDocumented(t, "--completion-script-"+shell)
		if strings.Contains(script, "NAME") || strings.Contains(script, "FUNCTION") || !strings.Contains(script, "sess-try") {
			t.Errorf("%s:\n%s", shell, script)
		}
		if _, err := exec.LookPath(shell); err != nil {
			continue
		}
		check := exec.Command(shell, "-n")
		check.Stdin = strings.NewReader(script)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s -n: %v\n%s", shell, err, out)
		}
	}
}
