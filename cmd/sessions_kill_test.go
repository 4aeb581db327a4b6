//go:build linux

package cmd_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sess/lib/sandbox"
	"sess/lib/syslog/rsyslog"
)

// A feed that sessions runs into rsyslog, killed again and again: the dispatcher, one of its
// stages, or rsyslog itself. Run once more until it is done, it has lost no session.
func TestKilledFeedOfSessionsIntoRsyslog(t *testing.T) {
	wants(t, "rsyslogd")
	s := newFeedSite(t, sandbox.Options{Sessions: 6000, Latency: 40 * time.Millisecond})
	r, err := rsyslog.New(t.TempDir(), nil, rsyslog.TCP)
	if r != nil {
		t.Cleanup(r.Kill)
	}
	if err != nil {
		t.Fatal(err)
	}
	feed := func() *exec.Cmd {
		c := s.command("sessions", "search", "--checkpoint", "siem", "--wait", "30s", "--retry-for", "20s", "--output", r.Address(rsyslog.TCP))
		if testing.Verbose() {
			c.Stderr = os.Stderr
		}
		return c
	}
	kills := rounds(5, 30)
	random := rand.New(rand.NewPCG(1, uint64(kills)))
	for range kills {
		c := feed()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(5+random.IntN(400)) * time.Millisecond)
		victims := append(children(c.Process.Pid), c.Process.Pid, -1)
		switch victim := victims[random.IntN(len(victims))]; victim {
		case -1:
			r.Kill()
			if err := r.Start(); err != nil {
				t.Fatal(err)
			}
		case c.Process.Pid:
			c.Process.Signal([]os.Signal{syscall.SIGKILL, syscall.SIGTERM, os.Interrupt}[random.IntN(3)])
		default:
			syscall.Kill(victim, syscall.SIGKILL)
		}
		c.Wait()
	}
	for range 3 {
		c := feed()
		if err := c.Run(); err != nil {
			t.Fatalf("the last run: %v", err)
		}
	}
	times := map[string]int{}
	broken := s.count(r.File(rsyslog.TCP), times)
	lost, twice := s.judge(times)
	t.Logf("%d kills: %d sessions, %d lost, %d more than once, %d broken lines", kills, len(times), lost, twice, broken)
	if lost > 0 {
		t.Errorf("%d sessions are lost", lost)
	}
	if left := stagesLeft(s.home); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// children are the processes that pid has started.
func children(pid int) (found []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, _ := os.ReadFile(path)
		_, rest, ok := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if ok && len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			found = append(found, child)
		}
	}
	return found
}

// stagesLeft are processes of ours that still run in the folder.
func stagesLeft(home string) (found []string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, dir := range dirs {
		if to, _ := os.Readlink(dir); to == home {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(dir), "cmdline"))
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
