//go:build unix

package cmd_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"sess/lib/checkpoint"
	"sess/lib/sandbox"
)

// rounds is how often something is done: few times, and SESS_TORTURE times many where that is
// set.
func rounds(few, many int) int {
	if n, err := strconv.Atoi(os.Getenv("SESS_TORTURE")); err == nil && n > 0 {
		return n * many
	}
	return few
}

// A feedSite is a tenant that is served to real binaries, and a home folder for them.
type feedSite struct {
	*testing.T
	tenant *sandbox.Tenant
	env    []string
	home   string
	dir    checkpoint.Dir
}

func newFeedSite(t *testing.T, o sandbox.Options) *feedSite {
	t.Helper()
	o.Until = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	o.Now = o.Until
	tenant := sandbox.New(o)
	server := httptest.NewServer(tenant)
	t.Cleanup(server.Close)
	home := t.TempDir()
	s := &feedSite{T: t, tenant: tenant, home: home, env: append(tenant.Environ(server.URL), "HOME="+home, "PATH="+bin+":"+os.Getenv("PATH"))}
	s.dir = checkpoint.DirOf(filepath.Join(home, ".incydr", "checkpoints"), tenant.ClientID())
	return s
}

// command is one of the binaries under test, or another program.
func (s *feedSite) command(name string, args ...string) *exec.Cmd {
	path := filepath.Join(bin, name)
	if _, err := os.Stat(path); err != nil {
		path = name
	}
	c := exec.Command(path, args...)
	c.Env, c.Dir = s.env, s.home
	return c
}

// wanted are the ids that the tenant shows.
func (s *feedSite) wanted() map[string]bool {
	s.Helper()
	items, err := s.tenant.Items("alerts=true")
	if err != nil {
		s.Fatal(err)
	}
	ids := map[string]bool{}
	for _, item := range items {
		ids[sessionID(item)] = true
	}
	return ids
}

// sessionID is the id in a line, "" where it is no whole session.
func sessionID(line []byte) string {
	var session struct{ SessionID string }
	if json.Unmarshal(line, &session) != nil {
		return ""
	}
	return session.SessionID
}

// count adds up how often each session stands in the file, and returns how many lines are no
// sessions.
func (s *feedSite) count(path string, times map[string]int) (broken int) {
	s.Helper()
	f, err := os.Open(path)
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		if id := sessionID(lines.Bytes()); id != "" {
			times[id]++
		} else {
			broken++
		}
	}
	if err := lines.Err(); err != nil {
		s.Fatal(err)
	}
	return broken
}

// judge counts the sessions that were lost and those that are there more than once.
func (s *feedSite) judge(times map[string]int) (lost, twice int) {
	s.Helper()
	wanted := s.wanted()
	for id := range wanted {
		switch n := times[id]; {
		case n == 0:
			lost++
		default:
			twice += n - 1
		}
	}
	for id := range times {
		if !wanted[id] {
			s.Errorf("%s was printed, and is nothing that was searched for", id)
		}
	}
	return lost, twice
}

// A search that is killed at any moment, and started again until it completes, loses nothing and
// repeats a page at most.
func TestSearchKilledAtAnyMoment(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	kills, completed, mostTwice := 0, 0, 0
	for want := rounds(12, 200); kills < want; {
		s := newFeedSite(t, sandbox.Options{Sessions: 5000, Seed: uint64(completed + 1), Latency: 2 * time.Millisecond})
		path := filepath.Join(s.home, "out.jsonl")
		here := 0
		for {
			out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			search := s.command("sess-search", "--checkpoint", "siem")
			var stderr bytes.Buffer
			search.Stdout, search.Stderr = out, &stderr
			if err := search.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(time.Duration(random.Int64N(int64(250*time.Millisecond))), func() { search.Process.Kill() })
			err = search.Wait()
			timer.Stop()
			out.Close()
			if err == nil {
				break
			}
			if status := search.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() {
				t.Fatalf("%v: %s", err, stderr.String())
			}
			here++
		}
		times := map[string]int{}
		broken := s.count(path, times)
		lost, twice := s.judge(times)
		if lost > 0 || twice > here*50 || broken > 0 {
			t.Errorf("%d kills: %d lost, %d printed twice, %d broken lines", here, lost, twice, broken)
		}
		kills += here
		completed++
		mostTwice = max(mostTwice, twice)
	}
	t.Logf("%d kills in %d searches, at most %d printed twice in one of them", kills, completed, mostTwice)
}

// A pipeline of which a random stage is killed, and that is run again until it completes, loses
// nothing: what the stage before commit has got is all there is.
func TestPipelineWithAKilledStage(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	kills, completed, twiceInAll := 0, 0, 0
	for want := rounds(9, 200); kills < want; {
		s := newFeedSite(t, sandbox.Options{Sessions: 4000, Seed: uint64(completed + 1), Latency: 2 * time.Millisecond})
		times := map[string]int{}
		here := 0
		for run := 0; ; run++ {
			path := filepath.Join(s.home, fmt.Sprintf("delivered-%d.jsonl", run))
			stages := []*exec.Cmd{
				s.command("sess-search", "--checkpoint", "siem", "--defer"),
				// Tee would pass a line on before it is in the file.
				s.command("awk", "-v", "out="+path, `{ print >>out; fflush(out); print; fflush() }`),
				s.command("sess-checkpoint", "commit", "siem"),
			}
			victim := stages[random.IntN(3)]
			killed := s.pipeline(stages, func() func() {
				timer := time.AfterFunc(time.Duration(random.Int64N(int64(400*time.Millisecond))), func() { victim.Process.Kill() })
				return func() { timer.Stop() }
			})
			if _, err := os.Stat(path); err == nil {
				s.count(path, times)
			}
			if !killed {
				break
			}
			here++
		}
		// What is in the pipes and in the stages is printed again.
		lost, twice := s.judge(times)
		if lost > 0 || twice > here*600 {
			t.Errorf("%d kills: %d lost, %d delivered twice", here, lost, twice)
		}
		c, err := s.dir.Load("siem")
		if err != nil {
			t.Fatal(err)
		}
		if c.Recorded() != len(times) {
			t.Errorf("%d sessions were delivered, %d are recorded", len(times), c.Recorded())
		}
		kills += here
		completed++
		twiceInAll += twice
	}
	t.Logf("%d kills in %d searches, %d delivered twice", kills, completed, twiceInAll)
}

// pipeline runs the stages and reports whether one was killed. begun is called when all run, and
// what it returns when the first of them has ended.
func (s *feedSite) pipeline(stages []*exec.Cmd, begun func() func()) (killed bool) {
	s.Helper()
	var files []io.Closer
	for i := range stages[:len(stages)-1] {
		r, w, err := os.Pipe()
		if err != nil {
			s.Fatal(err)
		}
		stages[i].Stdout, stages[i+1].Stdin = w, r
		files = append(files, r, w)
	}
	errs := make([]bytes.Buffer, len(stages))
	for i, stage := range stages {
		stage.Stderr = &errs[i]
		if err := stage.Start(); err != nil {
			s.Fatal(err)
		}
	}
	for _, f := range files {
		f.Close()
	}
	stop := begun()
	for i, stage := range stages {
		err := stage.Wait()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			s.Fatal(err)
		}
		if status := stage.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() && status.Signal() == syscall.SIGKILL {
			killed = true
		} else if code := stage.ProcessState.ExitCode(); code > 0 && code != 2 {
			// 2: half a line is no session
			s.Errorf("%s exited with %d: %s", stage.Args[0], code, errs[i].String())
		}
	}
	stop()
	return killed
}

// Of two searches at once one says that the checkpoint is in use, or waits; nothing is printed twice.
func TestRecallOfTwoSearchesAtOnce(t *testing.T) {
	waited, refused := 0, 0
	for round := range rounds(6, 50) {
		s := newFeedSite(t, sandbox.Options{Sessions: 300, Days: 5, Latency: 80 * time.Millisecond})
		outs := make([]bytes.Buffer, 2)
		errs := make([]bytes.Buffer, 2)
		codes := make([]int, 2)
		var both sync.WaitGroup
		for i := range 2 {
			args := []string{"--checkpoint", "siem"}
			if round%2 == 1 {
				args = append(args, "--wait", "30s")
			}
			search := s.command("sess-search", args...)
			search.Stdout, search.Stderr = &outs[i], &errs[i]
			both.Go(func() {
				search.Run()
				codes[i] = search.ProcessState.ExitCode()
			})
		}
		both.Wait()
		times := map[string]int{}
		for i := range 2 {
			for line := range bytes.Lines(outs[i].Bytes()) {
				times[sessionID(line)]++
			}
			switch codes[i] {
			case 0:
			case 6:
				refused++
				if round%2 == 1 || !bytes.Contains(errs[i].Bytes(), []byte("is in use by process ")) {
					t.Errorf("exit 6: %s", errs[i].String())
				}
			default:
				t.Errorf("exit %d: %s", codes[i], errs[i].String())
			}
		}
		if lost, twice := s.judge(times); lost+twice > 0 {
			t.Errorf("%d lost, %d twice", lost, twice)
		}
		if codes[0] == 0 && codes[1] == 0 {
			waited++
		}
	}
	t.Logf("%d were refused; both ended well %d times", refused, waited)
	if refused == 0 {
		t.Error("no search was ever refused")
	}
}

// A disk that is full is noticed before anything is printed that could not be recorded.
func TestRecallWithAFullDisk(t *testing.T) {
	s := newFeedSite(t, sandbox.Options{Sessions: 500, Days: 5})
	times := map[string]int{}
	full := 0
	for limit := 2; ; limit += 13 { // blocks of 512 bytes that a file may have
		search := s.command("sh", "-c", "ulimit -f "+strconv.Itoa(limit)+"; exec sess-search --checkpoint siem")
		var stdout, stderr bytes.Buffer
		search.Stdout, search.Stderr = &stdout, &stderr
		search.Run()
		for line := range bytes.Lines(stdout.Bytes()) {
			times[sessionID(line)]++
		}
		code := search.ProcessState.ExitCode()
		if code == 0 {
			break
		}
		if full++; code != 1 || !bytes.Contains(stderr.Bytes(), []byte("checkpoint \"siem\"")) {
			t.Fatalf("it exited with %d: %s", code, stderr.String())
		}
	}
	if lost, twice := s.judge(times); lost+twice > 0 || full < 3 {
		t.Errorf("%d lost, %d twice, %d full disks", lost, twice, full)
	}
}

// A feed that is stopped ends by itself, and all that it has printed is recorded.
func TestFollowEnds(t *testing.T) {
	s := newFeedSite(t, sandbox.Options{Sessions: 3000, Days: 20, Latency: 20 * time.Millisecond})
	search := s.command("sess-search", "--checkpoint", "siem", "--follow", "1s", "--log-level", "info")
	var stderr bytes.Buffer
	search.Stderr = &stderr
	out, err := search.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := search.Start(); err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	wanted := len(s.wanted())
	stopped := false
	for lines.Scan() {
		times[sessionID(lines.Bytes())]++
		if len(times) == wanted {
			s.tenant.Add(70, time.Time{})
		}
		if len(times) == wanted+30 && !stopped {
			stopped = true
			search.Process.Signal(syscall.SIGTERM)
			late := time.AfterFunc(time.Minute, func() { search.Process.Kill() })
			defer late.Stop()
		}
	}
	search.Wait()
	if code := search.ProcessState.ExitCode(); code != 143 {
		t.Errorf("it exited with %d: %s", code, stderr.String())
	}
	c, err := s.dir.Load("siem")
	if err != nil {
		t.Fatal(err)
	}
	for id, n := range times {
		if _, recorded := c.Lookup(id); n != 1 || !recorded && c.Recorded() < len(times) {
			t.Errorf("%s was printed %d times, recorded: %v", id, n, recorded)
		}
	}
	if !bytes.Contains(stderr.Bytes(), []byte("msg=polled")) {
		t.Errorf("the log does not tell of the polls:\n%s", stderr.String())
	}
}

// A search that is started while the stages of an earlier one are still at work does not print
// again what is on its way.
func TestDeferredSearchWaitsForItsPipeline(t *testing.T) {
	s := newFeedSite(t, sandbox.Options{Sessions: 400, Days: 5})
	run := func(delay string) (out *bytes.Buffer, wait func()) {
		stages := []*exec.Cmd{
			s.command("sess-search", "--checkpoint", "siem", "--defer", "--wait", "30s"),
			s.command("sh", "-c", "sleep "+delay+"; cat"),
			s.command("sess-checkpoint", "commit", "siem"),
		}
		out = new(bytes.Buffer)
		stages[2].Stdout = out
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.pipeline(stages, func() func() { return func() {} })
		}()
		return out, func() { <-done }
	}
	first, waitFirst := run("1")
	for {
		if _, used := s.dir.InUse("siem"); used {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	second, waitSecond := run("0")
	waitFirst()
	waitSecond()
	times := map[string]int{}
	for line := range bytes.Lines(append(first.Bytes(), second.Bytes()...)) {
		times[sessionID(line)]++
	}
	if lost, twice := s.judge(times); lost+twice > 0 {
		t.Errorf("%d lost, %d twice", lost, twice)
	}
}
