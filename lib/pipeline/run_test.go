//go:build !windows

package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test's own binary plays the stages: under the name of a stage, its arguments are a script
// of what to do.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); strings.HasPrefix(name, "play-") {
		os.Exit(play(name, os.Args[1:]))
	}
	os.Exit(m.Run())
}

func play(name string, script []string) int {
	if os.Getenv("SESS_CHECK") != "" {
		if slices.Contains(script, "refuse") {
			fmt.Fprintln(os.Stderr, name, "refuses")
			return 2
		}
		return 0
	}
	signal.Ignore(syscall.SIGPIPE)
	in := bufio.NewReader(os.Stdin)
	for _, step := range script {
		verb, value, _ := strings.Cut(step, "=")
		switch verb {
		case "say":
			fmt.Println(value)
		case "env":
			fmt.Println(os.Getenv(value))
		case "copy":
			if _, err := io.Copy(os.Stdout, in); err != nil {
				return 0 // as ours do, quietly
			}
		case "drain":
			io.Copy(io.Discard, in)
		case "line":
			line, _ := in.ReadString('\n')
			fmt.Print(line)
		case "flood":
			for {
				if _, err := fmt.Println("more"); err != nil {
					return 0
				}
			}
		case "close":
			os.Stdout.Close()
		case "note": // appends the process's number to a file
			f, _ := os.OpenFile(value, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			fmt.Fprintf(f, "%s %d\n", name, os.Getpid())
			f.Close()
		case "listen": // notes each signal in a file, and ends with it after a while
			ch := make(chan os.Signal, 8)
			signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
			play(name, []string{"note=" + value})
			first := (<-ch).(syscall.Signal)
			for end := time.After(100 * time.Millisecond); ; {
				f, _ := os.OpenFile(value, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
				fmt.Fprintf(f, "%s got %v\n", name, first)
				f.Close()
				select {
				case <-ch:
					continue
				case <-end:
				}
				return 128 + int(first)
			}
		case "sleep":
			time.Sleep(time.Hour)
		case "kill":
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			time.Sleep(time.Hour)
		case "exit":
			status, _ := strconv.Atoi(value)
			return status
		}
	}
	return 0
}

// stages makes a folder of programs play-0, play-1, … and a pipeline of them.
func stages(t *testing.T, scripts ...string) (Pipeline, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var p Pipeline
	for i, script := range scripts {
		name := fmt.Sprintf("play-%d", i)
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		p = append(p, Stage{Program: name, Args: strings.Fields(script)})
	}
	return p, dir
}

func runStages(t *testing.T, scripts ...string) (out string, status int, err error) {
	t.Helper()
	p, dir := stages(t, scripts...)
	var stdout bytes.Buffer
	status, err = p.Run(t.Context(), Surroundings{Stdin: strings.NewReader("in\n"), Stdout: &stdout, Stderr: io.Discard, Environ: os.Environ(), Beside: dir})
	return stdout.String(), status, err
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		scripts []string
		out     string
		status  int
	}{
		{[]string{"copy"}, "in\n", 0},
		{[]string{"say=a copy", "say=b copy", "say=c copy"}, "c\nb\na\nin\n", 0},
		{[]string{"say=a exit=4", "copy exit=3", "copy"}, "a\n", 4},
		{[]string{"say=a", "copy exit=3", "copy exit=2"}, "a\n", 3},
		{[]string{"say=a", "drain exit=2"}, "", 2},
		{[]string{"flood", "line"}, "more\n", 0},
		{[]string{"flood", "copy", "line exit=5"}, "more\n", 5},
		{[]string{"sleep", "exit=2"}, "", 2},
		{[]string{"sleep", "sleep", "say=done"}, "done\n", 0},
		{[]string{"say=x sleep", "line"}, "x\n", 0},
	} {
		out, status, err := runStages(t, c.scripts...)
		if out != c.out || status != c.status || err != nil {
			t.Errorf("%q: %q, status %d, %v; want %q, %d", c.scripts, out, status, err, c.out, c.status)
		}
	}
}

// Before the first stage does anything, all others have found their words right.
func TestRefusedWords(t *testing.T) {
	notes := filepath.Join(t.TempDir(), "notes")
	p, dir := stages(t, "note="+notes, "note="+notes+" copy", "note="+notes+" refuse", "refuse")
	var stderr bytes.Buffer
	status, err := p.Run(t.Context(), Surroundings{Stdout: io.Discard, Stderr: &stderr, Environ: os.Environ(), Beside: dir})
	if status != 2 || err != nil || stderr.String() != "play-2 refuses\n" {
		t.Errorf("status %d, %v: %q", status, err, &stderr)
	}
	if text, err := os.ReadFile(notes); err == nil {
		t.Errorf("some ran:\n%s", text)
	}
}

func TestKilledStageIsNamed(t *testing.T) {
	_, status, err := runStages(t, "say=a", "kill", "copy")
	if status != 137 || err == nil || err.Error() != "play-1 was stopped by a signal: killed" {
		t.Errorf("status %d, %v", status, err)
	}
}

func TestMissingProgram(t *testing.T) {
	p, dir := stages(t, "say=a")
	for _, p := range []Pipeline{
		append(p, Stage{Program: "sess-nowhere"}),
		{{Program: "play-0", Runs: "sess-nowhere"}},
	} {
		status, err := p.Run(t.Context(), Surroundings{Stdout: io.Discard, Stderr: io.Discard, Environ: []string{"PATH=/nowhere"}, Beside: dir})
		want := "cannot find sess-nowhere: it is neither in " + dir + " nor on PATH"
		if status != 1 || err == nil || err.Error() != want {
			t.Errorf("status %d, %v", status, err)
		}
	}
}

func TestProgramOnPath(t *testing.T) {
	p, dir := stages(t, "say=found env=PATH")
	var out bytes.Buffer
	status, err := p.Run(t.Context(), Surroundings{Stdout: &out, Stderr: io.Discard, Environ: []string{"PATH=" + dir}, Beside: "/nowhere"})
	if status != 0 || err != nil || out.String() != "found\n/nowhere:"+dir+"\n" {
		t.Errorf("%q, %d, %v", out.String(), status, err)
	}
}

func TestInputAndSilence(t *testing.T) {
	p, dir := stages(t, "copy", "copy")
	file := filepath.Join(dir, "rows")
	if err := os.WriteFile(file, []byte("rows\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p[0].Input = file
	in := Surroundings{Stdin: strings.NewReader("not this"), Environ: os.Environ(), Beside: dir}
	for _, silent := range []bool{false, true} {
		var out bytes.Buffer
		in.Stdout, p[1].Silent = &out, silent
		want := map[bool]string{false: "rows\n", true: ""}[silent]
		if status, err := p.Run(t.Context(), in); status != 0 || err != nil || out.String() != want {
			t.Errorf("silent %v: %q, %d, %v", silent, out.String(), status, err)
		}
	}
	p[0].Input = filepath.Join(dir, "none")
	status, err := p.Run(t.Context(), in)
	if misuse := (*Misuse)(nil); status == 0 || !errors.As(err, &misuse) || err.Error() != "cannot read "+p[0].Input+": no such file or directory" {
		t.Errorf("%d, %v", status, err)
	}
}

// Only one program may draw a progress bar, and none where the result itself appears.
func TestProgress(t *testing.T) {
	for watched, want := range map[bool]string{false: "false\n\n", true: "false\nfalse\n"} {
		p, dir := stages(t, "env=SESS_PROGRESS", "env=SESS_PROGRESS copy")
		var out bytes.Buffer
		_, err := p.Run(t.Context(), Surroundings{Stdout: &out, Stderr: io.Discard, Environ: os.Environ(), Beside: dir, Watched: watched})
		if err != nil || out.String() != want {
			t.Errorf("watched %v: %q, %v", watched, out.String(), err)
		}
	}
}

// A signal is passed on to every stage, once.
func TestSignalsArePassedOn(t *testing.T) {
	notes := filepath.Join(t.TempDir(), "notes")
	p, dir := stages(t, "listen="+notes, "listen="+notes, "listen="+notes)
	signals := make(chan os.Signal)
	go func() {
		waitFor(t, notes, 3)
		signals <- syscall.SIGTERM
	}()
	status, err := p.Run(t.Context(), Surroundings{Stdout: io.Discard, Stderr: os.Stderr, Environ: os.Environ(), Beside: dir, Signals: signals})
	if status != 143 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
	text, _ := os.ReadFile(notes)
	for i := range 3 {
		if n := strings.Count(string(text), fmt.Sprintf("play-%d got terminated\n", i)); n != 1 {
			t.Errorf("stage %d got the signal %d times:\n%s", i, n, text)
		}
	}
}

func TestContextEndsTheStages(t *testing.T) {
	notes := filepath.Join(t.TempDir(), "notes")
	p, dir := stages(t, "note="+notes+" sleep", "note="+notes+" sleep")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		waitFor(t, notes, 2)
		cancel()
	}()
	status, err := p.Run(ctx, Surroundings{Stdout: io.Discard, Stderr: io.Discard, Environ: os.Environ(), Beside: dir})
	if status != 143 || err == nil {
		t.Errorf("status %d, %v", status, err)
	}
}

// waitFor returns once that many stages have noted that they run.
func waitFor(t *testing.T, notes string, n int) {
	for range 1000 {
		if text, _ := os.ReadFile(notes); bytes.Count(text, []byte("\n")) >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the stages do not start")
}
