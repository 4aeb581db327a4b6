package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sess/lib/cli"
	"sess/lib/sandbox"
)

var tool = cli.Tool{Name: "sess-sandbox", Source: source, Setup: setup}

// The test binary is the command that is run, where its first argument says so.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "as-command" {
		os.Exit(command(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func command(args []string) int {
	switch args[0] {
	case "settings":
		for _, setting := range os.Environ() {
			if name, _, _ := strings.Cut(strings.ToUpper(setting), "="); strings.HasPrefix(name, "INCYDR_") || strings.HasPrefix(name, "SESS_") {
				fmt.Println(setting)
			}
		}
	case "ask":
		resp, err := http.Get(os.Getenv("SESS_SANDBOX_URL") + "/sandbox/" + args[1])
		if err != nil {
			fmt.Println(err)
			return 1
		}
		io.Copy(os.Stdout, resp.Body)
	case "copy":
		io.Copy(os.Stdout, os.Stdin)
		fmt.Fprintln(os.Stderr, "copied")
		return 7
	case "sleep":
		fmt.Println("ready")
		time.Sleep(time.Minute)
	}
	return 0
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

type result struct {
	status   int
	out, err string
}

func run(t *testing.T, in string, environ []string, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	status := tool.Run(t.Context(), args, cli.Streams{In: strings.NewReader(in), Out: &out, Err: &err, Environ: environ})
	return result{status, out.String(), err.String()}
}

func TestRunPassesEverythingThrough(t *testing.T) {
	got := run(t, "a\nb\n", os.Environ(), "run", "--sessions", "3", "--", self(t), "as-command", "copy", "--not-ours")
	if got != (result{7, "a\nb\n", "copied\n"}) {
		t.Errorf("%+v", got)
	}
}

// Whatever the caller's settings are, in whatever case, the command sees the sandbox only.
func TestRunHidesOtherSettings(t *testing.T) {
	environ := append(os.Environ(), "INCYDR_URL=https://api.us.code42.com", "incydr_api_client_secret=real", "Incydr_Refresh_Token=real", "INCYDR_LOG_LEVEL=info")
	names := func(args ...string) (names []string) {
		t.Helper()
		got := run(t, "", environ, append(args, "--sessions", "3", "run", self(t), "as-command", "settings")...)
		if got.status != 0 || strings.Contains(got.out, "code42") || strings.Contains(got.out, "real") {
			t.Fatalf("%+v", got)
		}
		for line := range strings.Lines(got.out) {
			name, _, _ := strings.Cut(line, "=")
			names = append(names, name)
		}
		slices.Sort(names)
		return names
	}
	if got, want := fmt.Sprint(names()), "[INCYDR_API_CLIENT_ID INCYDR_API_CLIENT_SECRET INCYDR_LOG_LEVEL INCYDR_URL SESS_SANDBOX_URL]"; got != want {
		t.Errorf("the command sees %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(names("--refresh-token")), "[INCYDR_LOG_LEVEL INCYDR_REFRESH_TOKEN INCYDR_REFRESH_URL INCYDR_URL SESS_SANDBOX_URL]"; got != want {
		t.Errorf("with a refresh token the command sees %s, want %s", got, want)
	}
}

func TestOptionsReachTheTenant(t *testing.T) {
	items := func(args ...string) string {
		t.Helper()
		got := run(t, "", os.Environ(), append(append([]string{"run", "--until", "2026-11-20"}, args...), "--", self(t), "as-command", "ask", "items")...)
		if got.status != 0 || got.err != "" {
			t.Fatalf("%v: %+v", args, got)
		}
		return got.out
	}
	// The clock has to stand behind --until, whatever today is.
	base := items("--now", "2027-01-01")
	if n := strings.Count(base, "\n"); n != 500 {
		t.Errorf("%d sessions where nothing is said, want 500", n)
	}
	if items("--now", "2027-02-01") != base {
		t.Error("another day gives other bytes")
	}
	if items("--now", "2027-01-01", "--seed", "2") == base || items("--now", "2027-01-01", "--hostile") == base || items("--now", "2027-01-01", "--days", "3") == base {
		t.Error("an option has no effect")
	}
	if n := strings.Count(items("--now", "2027-01-01", "--sessions", "0"), "\n"); n != 0 {
		t.Errorf("%d sessions, want 0", n)
	}
	if n := strings.Count(items("--now", "2026-10-01"), "\n"); n == 0 || n == 500 {
		t.Errorf("%d sessions are visible in the middle of the data", n)
	}
}

func TestBadOptions(t *testing.T) {
	for _, test := range []struct {
		args, says string
	}{
		{"run", "command"},
		{"run -- no-such-program", "no-such-program"},
		{"run --sessions -1 -- x", "--sessions"},
		{"run --sessions many -- x", "many"},
		{"run --faults 1.5 -- x", "--faults"},
		{"run --faults NaN -- x", "--faults"},
		{"run --latency fast -- x", "fast"},
		{"run --rate -3 -- x", "--rate"},
		{"run --token-life 0s -- x", "--token-life"},
		{"run --until yesterday -- x", "yesterday"},
		{"run --sesions 3 -- x", "--sessions"},
		{"serve --listen 0.0.0.0:0", "0.0.0.0"},
		{"serve --listen :0", ":0"},
		{"serve --listen example.com:80", "example.com"},
		{"serve --listen 127.0.0.1", "127.0.0.1"},
		{"serve --listen 127.0.0.1:99999", "99999"},
		{"serve extra", "extra"},
	} {
		if got := run(t, "", os.Environ(), strings.Fields(test.args)...); got.status != 2 || !strings.Contains(got.err, test.says) || got.out != "" {
			t.Errorf("%s: %+v", test.args, got)
		}
	}
}

// A command that lies beside sess-sandbox is found, and finds its neighbours, but PATH comes first.
func TestNeighboursAreFound(t *testing.T) {
	folder := filepath.Dir(self(t))
	environ := withFolder([]string{"PATH=" + t.TempDir()})
	if program, err := find(filepath.Base(self(t))); err != nil || program != self(t) || !strings.HasSuffix(environ[0], string(os.PathListSeparator)+folder) {
		t.Errorf("%s with %v, %v", program, environ, err)
	}
	if program, err := find("no-such-program"); err == nil {
		t.Errorf("%s", program)
	}
}

func TestAsk(t *testing.T) {
	server := httptest.NewServer(sandbox.New(sandbox.Options{Sessions: 10, Now: time.UnixMilli(1_800_000_000_000)}))
	defer server.Close()
	environ := []string{"SESS_SANDBOX_URL=" + server.URL}
	ask := func(args ...string) result { return run(t, "", environ, append([]string{"ask"}, args...)...) }

	if got := ask("items?alerts=any"); got.status != 0 || strings.Count(got.out, "\n") != 10 {
		t.Errorf("%+v", got)
	}
	if got := ask("clock", `{"now": 1900000000000}`); got.status != 0 || !strings.HasPrefix(got.out, `{"now":19000000`) || !strings.HasSuffix(got.out, "}\n") {
		t.Errorf("%+v", got)
	}
	if got := ask("/sandbox/stats/reset", "{}"); got != (result{}) {
		t.Errorf("%+v", got)
	}
	if got := ask("nothing"); got.status != 1 || !strings.Contains(got.err, "404") || got.out != "" {
		t.Errorf("%+v", got)
	}
	environ = nil
	if got := ask("clock"); got.status != 2 || !strings.Contains(got.err, "SESS_SANDBOX_URL") {
		t.Errorf("%+v", got)
	}
}

func TestServe(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan int)
	go func() {
		ended <- tool.Run(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--sessions", "4"}, cli.Streams{In: strings.NewReader(""), Out: writer, Err: io.Discard})
	}()
	settings := map[string]string{}
	buffer := make([]byte, 4096)
	n, err := reader.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(buffer[:n])) {
		setting, ok := strings.CutPrefix(strings.TrimSpace(line), "export ")
		name, value, _ := strings.Cut(setting, "=")
		if !ok {
			t.Errorf("a line that exports nothing: %q", line)
		}
		settings[name] = value
	}
	req, _ := http.NewRequest("POST", settings["INCYDR_URL"]+"/v1/oauth?grant_type=client_credentials", nil)
	req.SetBasicAuth(settings["INCYDR_API_CLIENT_ID"], settings["INCYDR_API_CLIENT_SECRET"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
	stop()
	<-ended
	if _, err := http.Get(settings["SESS_SANDBOX_URL"] + "/sandbox/clock"); err == nil {
		t.Error("it serves on after it was stopped")
	}

	// The port is free at once, for the same tenant to come back.
	site, err := open(strings.TrimPrefix(settings["INCYDR_URL"], "http://"), sandbox.Options{Log: slog.New(slog.DiscardHandler)}, false)
	if err != nil {
		t.Fatal(err)
	}
	site.close()
}
