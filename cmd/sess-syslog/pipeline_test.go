//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httptest"
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

// bin is the folder of the binaries that a pipeline has.
var bin string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "sess-bin-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-o", dir+"/", "sess/cmd/sess-syslog", "sess/cmd/sess-search", "sess/cmd/sess-checkpoint")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the binaries: %v\n%s", err, out)
			return 1
		}
		bin = dir
		return m.Run()
	}())
}

// rounds is how often something is done: few times, and SESS_TORTURE times many where that is set.
func rounds(few, many int) int {
	if n, err := strconv.Atoi(os.Getenv("SESS_TORTURE")); err == nil && n > 0 {
		return n * many
	}
	return few
}

// receiver starts an rsyslog for a test.
func receiver(t *testing.T, in ...rsyslog.Input) (*rsyslog.Server, *rsyslog.Certificates) {
	t.Helper()
	c, err := rsyslog.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := rsyslog.New(t.TempDir(), c, in...)
	if s != nil {
		t.Cleanup(s.Kill)
	}
	if errors.Is(err, rsyslog.ErrMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// The whole pipeline of a feed, of which a stage or the receiver is killed at random moments, and
// which is run again until all is done, loses no session.
func TestTorturePipeline(t *testing.T) {
	for _, in := range []rsyslog.Input{rsyslog.TCP, rsyslog.TLS, rsyslog.RELP} {
		t.Run(string(in), func(t *testing.T) {
			t.Parallel()
			server, certificates := receiver(t, in)
			kills := rounds(4, 50)
			tenant := sandbox.New(sandbox.Options{Sessions: rounds(1500, 20000), Seed: uint64(time.Now().UnixNano()), Latency: 2 * time.Millisecond})
			site := httptest.NewServer(tenant)
			defer site.Close()
			home := t.TempDir()
			environ := append(tenant.Environ(site.URL), "HOME="+home, "PATH="+os.Getenv("PATH"))
			options := []string{"--ack", "--timeout", "5s", server.Address(in)}
			if in == rsyslog.TLS {
				options = append(options, "--certs", certificates.Authority)
			}
			victims := map[string]int{}
			runs, again := 0, 0
			for done := false; !done; runs++ {
				stages := []*exec.Cmd{
					exec.Command(filepath.Join(bin, "sess-search"), "--checkpoint", "siem", "--defer", "--concurrency", "1"),
					exec.Command(filepath.Join(bin, "sess-syslog"), options...),
					exec.Command(filepath.Join(bin, "sess-checkpoint"), "commit", "siem"),
				}
				p := launch(t, stages, environ, home)
				if kills > 0 {
					time.Sleep(rand.N(400 * time.Millisecond))
					if n := rand.IntN(len(stages) + 1); n < len(stages) {
						stages[n].Process.Kill()
						victims[filepath.Base(stages[n].Path)]++
					} else {
						server.Kill()
						victims["rsyslogd"]++
						time.Sleep(rand.N(100 * time.Millisecond))
						if err := server.Start(); err != nil {
							t.Fatal(err)
						}
					}
					kills--
				}
				done = p.wait() && kills <= 0
				if runs > 20*rounds(5, 50) {
					t.Fatalf("not done after %d runs: %s", runs, p.stderr())
				}
			}
			items, err := tenant.Items("alerts=true")
			if err != nil {
				t.Fatal(err)
			}
			got, err := server.Lines(in, len(items))
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]int{}
			for _, line := range got {
				// A receiver that is killed leaves a part of a line, and the next one follows on it.
				if at := bytes.LastIndex(line, []byte(`{"sessionId":`)); at > 0 && !json.Valid(line) {
					line = line[at:]
				}
				seen[id(line)]++
			}
			lost := 0
			for _, item := range items {
				n := seen[id(item)]
				if n == 0 {
					lost++
				}
				again += max(n-1, 0)
			}
			t.Logf("killed %v in %d runs: of %d sessions %d are lost, %d came again", victims, runs, len(items), lost, again)
			if lost > 0 || len(items) == 0 {
				t.Errorf("%d of %d sessions were lost", lost, len(items))
			}
		})
	}
}

func id(line []byte) string {
	var session struct{ SessionID string }
	if json.Unmarshal(line, &session) != nil {
		return ""
	}
	return session.SessionID
}

// A pipe is a pipeline that runs.
type pipe struct {
	stages []*exec.Cmd
	errs   []bytes.Buffer
}

func launch(t *testing.T, stages []*exec.Cmd, environ []string, dir string) *pipe {
	t.Helper()
	p := &pipe{stages: stages, errs: make([]bytes.Buffer, len(stages))}
	var ends []io.Closer
	for i, stage := range stages {
		stage.Env, stage.Dir, stage.Stderr = environ, dir, &p.errs[i]
		if i > 0 {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			stages[i-1].Stdout, stage.Stdin = w, r
			ends = append(ends, r, w)
		}
	}
	for _, stage := range stages {
		if err := stage.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range ends {
		e.Close()
	}
	return p
}

// wait reports whether all stages ended well.
func (p *pipe) wait() bool {
	well := true
	for _, stage := range p.stages {
		if stage.Wait() != nil {
			well = false
		}
	}
	return well
}

func (p *pipe) stderr() string {
	all := ""
	for i := range p.errs {
		all += p.errs[i].String()
	}
	return all
}

// The memory of a run does not grow with what it sends, nor with a receiver that has stopped.
func TestMemory(t *testing.T) {
	const most = 48 << 10 // KiB
	record := `{"sessionId":"0123456789","contextSummary":"` + strings.Repeat("x", 2700) + `"}` + "\n"
	block := strings.Repeat(record, 100)
	server, certificates := receiver(t, rsyslog.TCP, rsyslog.TLS, rsyslog.RELP)
	for _, in := range []rsyslog.Input{rsyslog.TCP, rsyslog.TLS, rsyslog.RELP} {
		for _, format := range []string{"raw", "cef"} {
			for _, stopped := range []bool{false, true} {
				if rounds(1, 2) == 1 && (in == rsyslog.TLS) != (format == "cef") {
					continue // what all of them have in common is seen with fewer
				}
				t.Run(fmt.Sprintf("%s, %s, stopped %v", in, format, stopped), func(t *testing.T) {
					options := []string{"--ack", "--message", format, server.Address(in)}
					if in == rsyslog.TLS {
						options = append(options, "--certs", certificates.Authority)
					}
					cmd := exec.Command(filepath.Join(bin, "sess-syslog"), options...)
					var stderr bytes.Buffer
					cmd.Stderr = &stderr
					stdin, err := cmd.StdinPipe()
					if err != nil {
						t.Fatal(err)
					}
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					megabytes := rounds(50, 1000)
					wrote := make(chan int)
					go func() {
						n := 0
						for n < megabytes<<20 {
							k, err := io.WriteString(stdin, block)
							if n += k; err != nil {
								break
							}
						}
						stdin.Close()
						wrote <- n
					}()
					if stopped {
						// Beside the watch: the end comes soon after the signal.
						go func() {
							time.Sleep(100 * time.Millisecond)
							server.Signal(syscall.SIGSTOP)
							time.Sleep(1500 * time.Millisecond) // the buffer fills meanwhile
							cmd.Process.Signal(syscall.SIGTERM)
						}()
					}
					peak, err := watch(cmd)
					server.Signal(syscall.SIGCONT)
					n := <-wrote
					if status := cmd.ProcessState.ExitCode(); !stopped && status != 0 || stopped && status != 143 {
						t.Errorf("%v, exit status %d: %s", err, status, stderr.String())
					}
					t.Logf("%d MB sent or held, peak of %d KiB", n>>20, peak)
					if peak == 0 || peak > most {
						t.Errorf("peak memory of %d KiB, more than %d", peak, most)
					}
				})
			}
		}
	}
}

// Who sets GOGC decides how often garbage is collected.
func TestGOGC(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(io.Discard, c); c.Close() }()
		}
	}()
	in := strings.Repeat(`{"sessionId":"`+strings.Repeat("x", 2700)+`"}`+"\n", 4000)
	for _, c := range []struct {
		gogc    string
		collect bool
	}{{"", true}, {"off", false}} {
		cmd := exec.Command(filepath.Join(bin, "sess-syslog"), l.Addr().String())
		cmd.Env = append(os.Environ(), "GODEBUG=gctrace=1", "GOGC="+c.gogc)
		cmd.Stdin = strings.NewReader(in)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if n := bytes.Count(out, []byte("gc ")); (n > 0) != c.collect {
			t.Errorf("GOGC=%s: garbage was collected %d times", c.gogc, n)
		}
	}
}

// watch waits for a program and returns the most memory that it had, in KiB. What the system says
// afterwards counts the memory of who started it as well.
func watch(cmd *exec.Cmd) (peak int, err error) {
	done := make(chan error)
	go func() { done <- cmd.Wait() }()
	status := fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)
	for {
		data, _ := os.ReadFile(status)
		if _, after, ok := strings.Cut(string(data), "VmHWM:"); ok {
			kib := 0
			fmt.Sscan(after, &kib)
			peak = max(peak, kib)
		}
		select {
		case err := <-done:
			return peak, err
		case <-time.After(5 * time.Millisecond):
		}
	}
}
