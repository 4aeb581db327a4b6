package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"
)

const source = `// Sess-try tries things.
//
// It is a second paragraph.
//
//	sess-try --colour RED
package main

import "x"
`

// runTool runs a small tool and returns what it printed and its status.
func runTool(t *testing.T, action func(*App) Action, args ...string) (out, err string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	tool := Tool{Name: "sess-try", Source: source, Setup: func(app *App) Action {
		EnumVar(app.Flag("colour", "Which colour."), "colour", "RED", "GREEN")
		CountVar(app.Flag("limit", "How many."), 1, 50)
		TimeVar(app.Flag("start", "Since when."))
		app.Flag("size", "How large.").Int()
		app.Flag("note", "What to say.").String()
		TextVar(app.Flag("id", "Whose."), new(string))
		TextsVar(app.Flag("ids", "Whose all."), new([]string))
		return action(app)
	}}
	status = tool.Run(context.Background(), args, Streams{In: strings.NewReader("in\n"), Out: &stdout, Err: &stderr})
	return stdout.String(), stderr.String(), status
}

func fine(*App) Action { return func(context.Context) error { return nil } }

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		stderr string
	}{
		{[]string{}, 0, ""},
		{[]string{"--colour", "red"}, 0, ""},
		{[]string{"--note", "@home"}, 0, ""},
		{[]string{"--colour", "GREN"}, 2, "sess-try: --colour: unknown colour \"GREN\": it must be one of RED, GREEN\nsess-try: hint: did you mean GREEN?\n"},
		{[]string{"--color", "RED"}, 2, "sess-try: unknown option --color\nsess-try: hint: did you mean --colour?\n"},
		{[]string{"--limit", "0"}, 2, "sess-try: --limit: 0 is out of range: it must be from 1 to 50\n"},
		{[]string{"--limit", "many"}, 2, "sess-try: --limit: \"many\" is not a whole number\n"},
		{[]string{"--size", "big"}, 2, "sess-try: --size: \"big\" is not a number\nsess-try: hint: sess-try --help lists the options\n"},
		{[]string{"--start", "yesterday"}, 2, "sess-try: --start: \"yesterday\" is not a date\nsess-try: hint: " + dateForms + "\n"},
		{[]string{"--start", "1795435200"}, 2, "sess-try: --start: \"1795435200\" is in seconds, and dates are milliseconds\nsess-try: hint: write 1795435200000\n"},
		{[]string{"--note"}, 2, "sess-try: option --note needs a value\nsess-try: hint: sess-try --help lists the options\n"},
		{[]string{"--note", "--id", "x"}, 2, "sess-try: option --note needs a value\nsess-try: hint: sess-try --help lists the options\n"},
		{[]string{"--note", "-seen"}, 2, "sess-try: option --note needs a value\nsess-try: hint: a value that begins with a dash is written --note=-seen\n"},
		{[]string{"--log-level", "inof"}, 2, "sess-try: unknown log level \"inof\": the levels are debug, info, warning, error\nsess-try: hint: did you mean info?\n"},
		{[]string{"--id", ""}, 2, "sess-try: --id: the value is empty\nsess-try: hint: is a variable not set? Leave the option out where it is not meant\n"},
		{[]string{"--ids", "a", "--ids", " , "}, 2, "sess-try: --ids: the value is empty\nsess-try: hint: is a variable not set? Leave the option out where it is not meant\n"},
		{[]string{"stray"}, 2, "sess-try: unexpected argument stray\nsess-try: hint: sess-try --help lists the options\n"},
	} {
		out, stderr, status := runTool(t, fine, c.args...)
		if status != c.status || stderr != c.stderr || out != "" {
			t.Errorf("%q: status %d, stderr %q, stdout %q; want %d, %q", c.args, status, stderr, out, c.status, c.stderr)
		}
	}
}

// A tool that has commands needs one; it is told in the same way as of any other mistake.
func TestCommands(t *testing.T) {
	for _, c := range []struct {
		overview string
		args     []string
		status   int
		out, err string
	}{
		{"", nil, 2, "", "sess-try: no command given\nsess-try: hint: the commands are run, ask; sess-try --help is the manual\n"},
		{"", []string{"--log-stderr"}, 2, "", "sess-try: no command given\nsess-try: hint: the commands are run, ask; sess-try --help is the manual\n"},
		{"run it\n", nil, 0, "run it\n", ""},
		{"run it\n", []string{"--log-stderr"}, 2, "", "sess-try: no command given\nsess-try: hint: the commands are run, ask; sess-try --help is the manual\n"},
		{"", []string{"--version"}, 0, "sess-try dev\n", ""},
		{"", []string{"ran"}, 2, "", "sess-try: unknown command \"ran\"\nsess-try: hint: did you mean run?\n"},
		{"", []string{"help", "ran"}, 2, "", "sess-try: unknown command \"ran\"\nsess-try: hint: did you mean run?\n"},
		{"", []string{"help", "nosuch"}, 2, "", "sess-try: unknown command \"nosuch\"\nsess-try: hint: the commands are run, ask\n"},
		{"", []string{"help", "run", "stray"}, 2, "", "sess-try: unexpected argument stray\nsess-try: hint: sess-try run --help lists the options\n"},
		{"", []string{"run", "stray"}, 2, "", "sess-try: unexpected argument stray\nsess-try: hint: sess-try run --help lists the options\n"},
		{"", []string{"ask"}, 2, "", "sess-try: CALL is missing\nsess-try: hint: sess-try ask --help lists the options\n"},
		{"", []string{"run"}, 0, "", ""},
	} {
		var out, err bytes.Buffer
		tool := Tool{Name: "sess-try", Source: source, Setup: func(app *App) Action {
			app.Command("run", "Run it.")
			app.Command("ask", "Ask it.").Arg("CALL", "What.").Required().String()
			app.Overview(c.overview)
			return func(context.Context) error { return nil }
		}}
		status := tool.Run(context.Background(), c.args, Streams{In: strings.NewReader(""), Out: &out, Err: &err})
		if status != c.status || out.String() != c.out || err.String() != c.err {
			t.Errorf("%q: status %d, stdout %q, stderr %q", c.args, status, out.String(), err.String())
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// What was asked for and could not be written is not done.
func TestHelpThatCannotBeWritten(t *testing.T) {
	for _, arg := range []string{"--help", "--version", "--help-man", "--completion-script-bash"} {
		var err bytes.Buffer
		tool := Tool{Name: "sess-try", Source: source, Setup: fine}
		status := tool.Run(context.Background(), []string{arg}, Streams{In: strings.NewReader(""), Out: full{}, Err: &err})
		if want := "sess-try: cannot write to standard output: no space left on device\n"; status != 1 || err.String() != want {
			t.Errorf("%s: status %d, stderr %q", arg, status, err.String())
		}
	}
}

func TestHelpIsTheDocComment(t *testing.T) {
	out, stderr, status := runTool(t, fine, "--help")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	for _, want := range []string{"usage: sess-try [OPTION]…\n\nSess-try tries things.\n", "--colour", "It is a second paragraph.", "    sess-try --colour RED\n", "--log-stderr"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if version, _, status := runTool(t, fine, "--version"); status != 0 || version != "sess-try dev\n" {
		t.Errorf("--version: %q, %d", version, status)
	}
}

func TestRefill(t *testing.T) {
	const text = `One paragraph that is longer than the
width, and ends.

	an example that stays as long as it is, whatever the width
		and its tab

# A heading

  - an item that
    goes on for a while and longer
  - another
Behind it.`
	const want = `One paragraph that is longer
than the width, and ends.

    an example that stays as long as it is, whatever the width
        and its tab

A heading

  - an item that goes on for a
    while and longer
  - another
Behind it.`
	if got := refill(text, 30); got != want {
		t.Errorf("%s", got)
	}
}

type own struct{}

func (own) Error() string { return "the tenant says no" }
func (own) ExitCode() int { return 4 }
func (own) Hint() string  { return "ask it again" }

func TestErrorsKnowTheirExitCode(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		stderr string
	}{
		{errors.New("it broke"), 1, "sess-try: it broke\n"},
		{own{}, 4, "sess-try: the tenant says no\nsess-try: hint: ask it again\n"},
		{Partlyf("1 of 2 failed"), 3, "sess-try: 1 of 2 failed\n"},
		{Exit(5), 5, ""},
		{ErrReaderGone, 0, ""},
		{syscall.EPIPE, 0, ""},
		{WithHint(own{}, "really"), 4, "sess-try: the tenant says no\nsess-try: hint: really\n"},
	} {
		_, stderr, status := runTool(t, func(*App) Action { return func(context.Context) error { return c.err } })
		if status != c.status || stderr != c.stderr {
			t.Errorf("%v: status %d, stderr %q; want %d, %q", c.err, status, stderr, c.status, c.stderr)
		}
	}
}

func TestPanicIsALine(t *testing.T) {
	_, stderr, status := runTool(t, func(*App) Action { return func(context.Context) error { panic("oh") } })
	if status != 1 || stderr != "sess-try: internal error: oh\n" {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
}

// A read that never returns must not keep the tool from ending.
func TestInputEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	defer w.Close()
	in := newInput(ctx, r)
	go w.Write([]byte("one"))
	buf := make([]byte, 8)
	if n, err := in.Read(buf); string(buf[:n]) != "one" || err != nil {
		t.Fatalf("read %q, %v", buf[:n], err)
	}
	cancel()
	if _, err := in.Read(buf); !errors.Is(err, context.Canceled) {
		t.Errorf("read after the end: %v", err)
	}
}

func TestInputGivesAllThenTheError(t *testing.T) {
	want := strings.Repeat("0123456789", 100_000)
	got, err := io.ReadAll(newInput(context.Background(), strings.NewReader(want)))
	if err != nil || string(got) != want {
		t.Errorf("read %d bytes of %d, %v", len(got), len(want), err)
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{
		"2026-11-20":                "2026-11-20T00:00:00Z",
		"2026-11-20 13:45:00":       "2026-11-20T13:45:00Z",
		"2026-11-20T13:45:00+02:00": "2026-11-20T11:45:00Z",
		"2026-11-20T13:45:00.5Z":    "2026-11-20T13:45:00.5Z",
		"1795435200000":             "2026-11-23T12:00:00Z",
		"2026-11-20t13:45:00.5z":    "2026-11-20T13:45:00.5Z",
		"0":                         "1970-01-01T00:00:00Z",
		"36h":                       "2026-11-22T00:00:00Z",
		"7d":                        "2026-11-16T12:00:00Z",
		"1d12h":                     "2026-11-22T00:00:00Z",
		"P5D":                       "2026-11-18T12:00:00Z",
		"PT90M":                     "2026-11-23T10:30:00Z",
	} {
		got, err := ParseTime(in, now)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v, %v; want %s", in, got.UTC(), err, want)
		}
	}
	for _, in := range []string{"", "x", "P", "PT", "-5h", "2026-13-01", "2026-11-31", "12", "99999999999999999d", "99999999999999999999", "5", "300000d", "1795435200"} {
		if got, err := ParseTime(in, now); err == nil {
			t.Errorf("%q: taken as %v", in, got)
		} else if exitCode(err) != ExitUsage {
			t.Errorf("%q: exit %d", in, exitCode(err))
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-11-20", "7d", "P5DT3H", "1795435200000", "1w2d3h", "+1h"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := ParseTime(s, now); err == nil && got.UnixMilli() < 0 {
			t.Errorf("%q: %v lies before the epoch", s, got)
		}
	})
}

func TestEnvironmentInAnyLetterCase(t *testing.T) {
	app := newApp(context.Background(), Tool{Name: "x"}, Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard,
		Environ: []string{"incydr_use_rich=false", "Incydr_Log_Level=debug", "INCYDR_LOG_LEVEL=info"}})
	if app.Rich() {
		t.Error("incydr_use_rich=false is not heeded")
	}
	if got := app.Getenv("INCYDR_LOG_LEVEL"); got != "info" {
		t.Errorf("the exact name gives way to another case: %q", got)
	}
}
