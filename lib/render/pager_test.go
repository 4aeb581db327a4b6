//go:build !windows

package render

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// newTestPager pages by a shell's command line.
func newTestPager(out Output, line string) (*Pager, *bool) {
	started := new(bool)
	return NewPager(out, 5, exec.Command("sh", "-c", line), func() { *started = true }), started
}

func TestPagerIsNotNeeded(t *testing.T) {
	var out memory
	p, started := newTestPager(&out, "exit 1")
	p.Write([]byte("1\n2\n"))
	p.Write([]byte("3\n4\n"))
	if err := p.Close(); err != nil || out.String() != "1\n2\n3\n4\n" || *started {
		t.Errorf("%q, %v, started: %v", out.String(), err, *started)
	}
}

func TestPagerIsNeeded(t *testing.T) {
	var out memory
	file := filepath.Join(t.TempDir(), "paged")
	p, started := newTestPager(&out, "cat >"+file)
	want := ""
	for range 1000 {
		p.Write([]byte("line\n"))
		want += "line\n"
	}
	p.Flush()
	if err := p.Close(); err != nil || !*started {
		t.Fatalf("%v, started: %v", err, *started)
	}
	if paged, err := os.ReadFile(file); err != nil || string(paged) != want || out.Len() > 0 {
		t.Errorf("%d bytes paged, %v; %q beside", len(paged), err, out.String())
	}
}

// What is slow in coming is shown at once, and what comes then is not paged any more.
func TestPagerDoesNotHoldBack(t *testing.T) {
	out := &seen{shown: make(chan string, 10)}
	p, started := newTestPager(out, "exit 1")
	p.Write([]byte("1\n"))
	p.Flush()
	if got := <-out.shown; got != "1\n" { // hangs where it is held back
		t.Errorf("%q", got)
	}
	p.Write([]byte(strings.Repeat("more\n", 10)))
	p.Flush()
	if got := <-out.shown; got != strings.Repeat("more\n", 10) || *started {
		t.Errorf("%q, started: %v", got, *started)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// A person who has seen enough ends it quietly.
func TestPagerQuits(t *testing.T) {
	var out memory
	p, _ := newTestPager(&out, "exit 0")
	var err error
	for range 100000 {
		if _, err = p.Write([]byte("some line of some length, again and again\n")); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.EPIPE) {
		t.Errorf("writing: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

func TestPagerCannotStart(t *testing.T) {
	var out memory
	p := NewPager(&out, 5, exec.Command(filepath.Join(t.TempDir(), "none")), func() {})
	for range 10 {
		p.Write([]byte("line\n"))
	}
	if err := p.Close(); err != nil || out.String() != strings.Repeat("line\n", 10) {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestPagerCommand(t *testing.T) {
	for _, c := range []struct {
		pager string
		isSet bool
		want  string
	}{
		{"", true, ""},
		{"cat", true, ""},
		{"more -s", true, "sh -c more -s"},
		{"LESS=R more", true, "sh -c LESS=R more"},
		{"nosuch-pager -x", true, "nosuch-pager: no such program"},
	} {
		got := ""
		if cmd, err := PagerCommand(c.pager, c.isSet, nil, nil, nil); err != nil {
			got = err.Error()
		} else if cmd != nil {
			got = strings.Join(cmd.Args, " ")
		}
		if got != c.want {
			t.Errorf("%q, %v: %q", c.pager, c.isSet, got)
		}
	}
	cmd, err := PagerCommand("more", true, []string{"LESS=i", "HOME=/"}, nil, nil)
	if err != nil || cmd.Env[0] != "LESS=FRX" || cmd.Env[2] != "LESS=i" { // the later one counts
		t.Errorf("%q", cmd.Env)
	}
}
