package pipeline

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// parse reads what Words has made of a command line; the binary has a real parser for it.
func parse(args []string) (r Request) {
	r.Rich = true
	rest := false
	for _, word := range Words(args) {
		switch {
		case rest:
			r.Args = append(r.Args, word)
		case word == "--":
			rest = true
		case strings.HasPrefix(word, "--"):
			name, value, _ := strings.Cut(word[2:], "=")
			r.Options = append(r.Options, Given{name, value})
		default:
			r.Command = word
		}
	}
	return r
}

// familiar reads the command lines as they are typed, each with the pipeline that it means: all
// options of the vendor's CLI, singly and together, and ours.
func familiar(t *testing.T) (lines [][2]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "familiar.txt"))
	if err != nil {
		t.Fatal(err)
	}
	line := ""
	for row := range strings.Lines(string(text)) {
		row = strings.TrimRight(row, "\n")
		if command, ok := strings.CutPrefix(row, "sessions "); ok {
			line = command
		} else if pipeline, ok := strings.CutPrefix(row, "    "); ok {
			lines = append(lines, [2]string{line, pipeline})
		}
	}
	if len(lines) < 40 {
		t.Fatalf("only %d command lines", len(lines))
	}
	return lines
}

func TestFamiliarCommandLines(t *testing.T) {
	for _, c := range familiar(t) {
		line, want := c[0], c[1]
		p, _, err := Plan(parse(split(t, line)))
		if err != nil {
			t.Errorf("%s: %v", line, err)
		} else if got := p.String(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", line, got, want)
		}
	}
}

// Without INCYDR_USE_RICH the default is JSON lines, and a formatter is run where one is asked for.
func TestPlain(t *testing.T) {
	for line, want := range map[string]string{
		"search --checkpoint c":  "sess-search --checkpoint c",
		"show 7b1c":              "sess-show 7b1c",
		"show-events 7b1c":       "sess-events 7b1c",
		"search --columns a":     "sess-search",
		"search -f table":        "sess-search | sess-fmt --format table",
		"search --output siem":   "sess-search | sess-syslog siem",
		"show-events -f csv 7b1": "sess-events 7b1 | sess-fmt --format csv",
	} {
		r := parse(split(t, line))
		r.Rich = false
		p, _, err := Plan(r)
		if err != nil || p.String() != want {
			t.Errorf("%s: %v, %v; want %s", line, p, err, want)
		}
	}
}

func TestWhatDoesNotGoTogether(t *testing.T) {
	for line, want := range map[string]string{
		"search --output siem --format csv":         "--output and --format do not go together",
		"show-events --output siem -f table 7b1c":   "--output and --format do not go together",
		"search --count --format csv":               "--count and --format do not go together",
		"search --count --output siem":              "--count and --output do not go together",
		"search --checkpoint c --follow 9s":         "--follow and --checkpoint do not go with the format table: a checkpoint is committed when the printing has ended",
		"search --checkpoint c --follow 9s -f rich": "--follow and --checkpoint do not go with the format rich: a checkpoint is committed when the printing has ended",
	} {
		_, _, err := Plan(parse(split(t, line)))
		misuse := (*Misuse)(nil)
		if !errors.As(err, &misuse) || err.Error() != want || misuse.ExitCode() != 2 || misuse.Hint() == "" {
			t.Errorf("%s: %v; want %s", line, err, want)
		}
	}
}

func TestOptionsWithoutEffectAreNamed(t *testing.T) {
	_, notes, err := Plan(parse(split(t, "show-events --certs ca.pem --timeout 9s 7b1c")))
	want := []string{"--certs has no effect without --output", "--timeout has no effect without --output"}
	if err != nil || !slices.Equal(notes, want) {
		t.Errorf("%q, %v", notes, err)
	}
	if _, notes, _ := Plan(parse(split(t, "search --output siem --columns session_id"))); !slices.Equal(notes, []string{"--columns has no effect with --output"}) {
		t.Errorf("%q", notes)
	}
	if _, notes, _ := Plan(parse(split(t, "search --retry-for 1m"))); len(notes) > 0 {
		t.Errorf("%q", notes)
	}
}

// What is printed has to mean the same to a shell.
func TestShellReadsWhatExplainPrints(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a file's <name>")
	if err := os.WriteFile(file, []byte("rows"), 0o600); err != nil {
		t.Fatal(err)
	}
	echo := "#!/bin/sh\nfor a; do printf '[%s]' \"$a\"; done\ncat\n"
	for _, name := range []string{update, search, format} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(echo), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	nasty := []string{"", " ", "$HOME", "`id`", "it's", `"`, "a\nb", "*", "!x", "~", "\\", ";|&<>", "-dash", "=", "ünï\u202e", "#c"}
	for _, value := range nasty {
		p, _, err := Plan(Request{Command: "bulk-update-state", Options: []Given{{"note", value}}, Args: []string{file}})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-c", p.String())
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		out, err := cmd.Output()
		want := "[--note][" + value + "][--require-state]rows"
		if strings.HasPrefix(value, "-") {
			want = "[--note=" + value + "][--require-state]rows"
		}
		if err != nil || string(out) != want {
			t.Errorf("%q: sh -c %s: %q, %v", value, p, out, err)
		}
	}
}

func TestWords(t *testing.T) {
	for line, want := range map[string]string{
		"":                      "",
		"--help":                "--help",
		"serch --state OPEN":    "serch --state OPEN",
		"search --stat OPEN":    "search --stat -- OPEN",
		"search --state":        "search --state",
		"search -s":             "search -s",
		"search -x":             "search -x",
		"search --help":         "search --help",
		"--explain search -s A": "--explain search --state=A",
		"--log-level=a --explain --log-level=b search": "--explain --log-level=b search",
		"bulk-update-state -":                          "bulk-update-state -- -",
		"update --note --state x":                      "update --note=--state -- x",
		"update a --state CLOSED b":                    "update --state=CLOSED -- a b",
		"show a -- -b --state":                         "show -- a -b --state",
		"show-events --certs":                          "show-events --certs",
		"help search":                                  "help search",
		"search --ignore-cert-validation=maybe":        "search --ignore-cert-validation=maybe",
	} {
		if got := strings.Join(Words(strings.Fields(line)), " "); got != want {
			t.Errorf("%q: %q; want %q", line, got, want)
		}
	}
}

// split cuts a line into words as a shell does.
func split(t *testing.T, line string) []string {
	t.Helper()
	var words []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == ' ':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	if quote != 0 {
		t.Fatalf("%s: no end of a quote", line)
	}
	return words
}
