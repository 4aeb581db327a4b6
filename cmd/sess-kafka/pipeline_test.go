package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sess/lib/jsonl"
	"sess/lib/sandbox"
)

// A pipeline is sess-search | sess-kafka | sess-checkpoint, each a process that can be killed by itself.
type pipeline struct {
	stages []*exec.Cmd
	stderr []*bytes.Buffer
}

func startPipeline(t *testing.T, env []string, broker string, searchOptions ...string) *pipeline {
	t.Helper()
	p := &pipeline{}
	lines := [][]string{
		append([]string{"sess-search", "--any-alerts", "--checkpoint", "bus", "--defer", "--wait", "10s"}, searchOptions...),
		{"sess-kafka", "--ack", "--key", "actor_id", "--retry-for", "60s", "--brokers", broker, topic},
		{"sess-checkpoint", "commit", "bus"},
	}
	var before *os.File
	for i, words := range lines {
		cmd := exec.Command(filepath.Join(bin, words[0]), words[1:]...)
		cmd.Env = env
		stderr := &bytes.Buffer{}
		cmd.Stderr = stderr
		if before != nil {
			cmd.Stdin = before
		}
		var next *os.File
		if i < len(lines)-1 {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.Stdout, next = w, r
			defer w.Close()
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if before != nil {
			before.Close()
		}
		before = next
		p.stages = append(p.stages, cmd)
		p.stderr = append(p.stderr, stderr)
	}
	return p
}

// wait returns the stages' exit statuses, -1 for one that was killed. No stage is left behind.
func (p *pipeline) wait(t *testing.T) (statuses []int) {
	t.Helper()
	for _, stage := range p.stages {
		done := make(chan struct{})
		go func() { stage.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(90 * time.Second):
			for _, s := range p.stages {
				s.Process.Kill()
			}
			t.Fatalf("%s is left behind: %s", stage.Path, p.said())
		}
		statuses = append(statuses, stage.ProcessState.ExitCode())
	}
	return statuses
}

func (p *pipeline) said() string {
	var b strings.Builder
	for _, s := range p.stderr {
		b.Write(s.Bytes())
	}
	return b.String()
}

// serve makes a tenant of this process's own, and the environment that leads to it.
func serve(t *testing.T, o sandbox.Options) (*sandbox.Tenant, []string) {
	t.Helper()
	tenant := sandbox.New(o)
	server := httptest.NewServer(tenant)
	t.Cleanup(server.Close)
	home := t.TempDir()
	return tenant, []string{
		"INCYDR_URL=" + server.URL, "INCYDR_API_CLIENT_ID=" + tenant.ClientID(), "INCYDR_API_CLIENT_SECRET=" + tenant.ClientSecret(),
		"HOME=" + home, "INCYDR_CHECKPOINT_DIR=" + filepath.Join(home, "checkpoints"), "PATH=" + bin,
	}
}

// Whichever stage or broker is killed, at whatever moment: run again until it is done, every
// session is in the topic.
func TestKilledPipeline(t *testing.T) {
	if os.Getenv("SESS_KAFKA_BROKERS") != "" {
		t.Skip("a real cluster is not for killing")
	}
	kills := scale(6, 30)
	tenant, env := serve(t, sandbox.Options{Sessions: 500, Seed: 3, Days: 5, Latency: 5 * time.Millisecond})
	b := startBroker(t)
	killed := map[string]int{}
	for n := 0; n < kills; {
		tenant.Add(200, time.Now().Add(-time.Duration(rand.Intn(72))*time.Hour))
		p := startPipeline(t, env, b.address)
		time.Sleep(time.Duration(10+rand.Intn(400)) * time.Millisecond)
		if victim := rand.Intn(4); victim == 3 {
			b.kill()
			time.Sleep(time.Duration(rand.Intn(200)) * time.Millisecond)
			b.start()
			killed["broker"]++
			n++
		} else if p.stages[victim].Process.Kill() == nil {
			killed[filepath.Base(p.stages[victim].Path)]++
			n++
		}
		p.wait(t)
	}
	for attempt := 1; ; attempt++ {
		p := startPipeline(t, env, b.address)
		statuses := p.wait(t)
		if fmt.Sprint(statuses) == "[0 0 0]" {
			break
		}
		if attempt == 5 {
			t.Fatalf("it does not get through: %v: %s", statuses, p.said())
		}
	}

	items, err := tenant.Items("")
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	records := consume(t, b.address, topic)
	for _, r := range records {
		times[jsonl.Text(jsonl.Lookup(r.value, "sessionId"))]++
	}
	lost := 0
	for _, item := range items {
		if times[jsonl.Text(jsonl.Lookup(item, "sessionId"))] == 0 {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d sessions lost", lost, len(items))
	}
	t.Logf("%d kills (%v), %d sessions: %d lost, %d records twice", kills, killed, len(items), lost, len(records)-len(times))
}

// A pipeline that is stopped from its first stage, as Kubernetes ends a pod, delivers and records
// what it has printed: the next one prints nothing twice.
func TestStoppedFromTheFirstStage(t *testing.T) {
	tenant, env := serve(t, sandbox.Options{Sessions: 1500, Seed: 4, Days: 5, Latency: 10 * time.Millisecond})
	b := startBroker(t)
	for range scale(3, 20) {
		p := startPipeline(t, env, b.address, "--follow", "1s")
		time.Sleep(time.Duration(100+rand.Intn(900)) * time.Millisecond)
		terminate(t, p.stages[0])
		statuses := p.wait(t)
		if statuses[1] != 0 || statuses[2] != 0 {
			t.Fatalf("the statuses are %v: %s", statuses, p.said())
		}
	}
	if statuses := startPipeline(t, env, b.address).wait(t); fmt.Sprint(statuses) != "[0 0 0]" {
		t.Fatalf("the last run: %v", statuses)
	}
	items, err := tenant.Items("")
	if err != nil {
		t.Fatal(err)
	}
	if records := consume(t, b.address, topic); len(records) != len(items) {
		t.Errorf("%d records of %d sessions", len(records), len(items))
	}
}
