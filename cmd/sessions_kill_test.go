//go:build linux

package cmd_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sess/lib/sandbox"
)

// A feed that sessions runs into rsyslog, killed again and again: the dispatcher, one of its
// stages, or rsyslog itself. Run once more until it is done, it has lost no session.
func TestKilledFeedOfSessionsIntoRsyslog(t *testing.T) {
	wants(t, "rsyslogd")
	s := newFeedSite(t, sandbox.Options{Sessions: 6000, Latency: 40 * time.Millisecond})
	r := startReceiver(t)
	feed := func() *exec.Cmd {
		c := s.command("sessions", "search", "--checkpoint", "siem", "--wait", "30s", "--retry-for", "20s", "--output", "TCP:"+r.address)
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
			r.kill()
			r.start(t)
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
	broken := s.count(r.file, times)
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

// A receiver is an rsyslog that writes each message to a file before it takes the next one.
type receiver struct {
	conf, file, address string
	cmd                 *exec.Cmd
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	r := &receiver{conf: filepath.Join(dir, "rsyslog.conf"), file: filepath.Join(dir, "out"), address: fmt.Sprintf("127.0.0.1:%d", port)}
	conf := fmt.Sprintf(`global(workDirectory=%q maxMessageSize="1m" parser.escapeControlCharactersOnReceive="off" net.enableDNS="off")
main_queue(queue.type="direct")
template(name="raw" type="string" string="%%rawmsg%%\n")
module(load="imtcp")
ruleset(name="in" queue.type="direct") { action(type="omfile" file=%q template="raw" asyncWriting="off") }
input(type="imtcp" address="127.0.0.1" port="%d" ruleset="in")
`, dir, r.file, port)
	if err := os.WriteFile(r.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start(t)
	t.Cleanup(r.kill)
	return r
}

// start returns once it takes connections.
func (r *receiver) start(t *testing.T) {
	t.Helper()
	pid := filepath.Join(filepath.Dir(r.conf), "pid")
	os.Remove(pid)
	r.cmd = exec.Command("rsyslogd", "-n", "-f", r.conf, "-i", pid)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		if c, err := net.Dial("tcp", r.address); err == nil {
			c.Close()
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("rsyslogd does not listen")
}

func (r *receiver) kill() {
	r.cmd.Process.Kill()
	r.cmd.Wait()
}
