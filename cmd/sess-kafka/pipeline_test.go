package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// A pod is moved while the old one still runs: two pipelines, one folder of checkpoints. The lock
// keeps the second one waiting; when the first one's node is gone, it goes on where that was.
func TestMovedWhileTheOldOneRuns(t *testing.T) {
	tenant, env := serve(t, sandbox.Options{Sessions: 1000, Seed: 5, Days: 5, Latency: 10 * time.Millisecond})
	b := startBroker(t)
	before := startPipeline(t, env, b.address, "--follow", "1s")
	await(t, "the first one to commit something", func() bool { return committed(env) > 0 })

	refused := exec.Command(filepath.Join(bin, "sess-search"), "--any-alerts", "--checkpoint", "bus", "--defer")
	refused.Env = env
	out, err := refused.CombinedOutput()
	if refused.ProcessState.ExitCode() != 6 || !strings.Contains(string(out), fmt.Sprint(before.stages[0].Process.Pid)) {
		t.Errorf("a second search on a held checkpoint: %v: %.200s", err, out)
	}

	after := startPipeline(t, env, b.address, "--follow", "1s")
	time.Sleep(300 * time.Millisecond)
	tenant.Add(200, time.Now())
	for _, stage := range before.stages {
		stage.Process.Kill()
	}
	before.wait(t)
	items, err := tenant.Items("")
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the second one to commit the rest", func() bool { return committed(env) == len(items) })
	terminate(t, after.stages[0])
	if statuses := after.wait(t); statuses[1] != 0 || statuses[2] != 0 {
		t.Errorf("the statuses are %v: %s", statuses, after.said())
	}
	times := map[string]int{}
	records := consume(t, b.address, topic)
	for _, r := range records {
		times[jsonl.Text(jsonl.Lookup(r.value, "sessionId"))]++
	}
	if len(times) != len(items) {
		t.Errorf("%d of %d sessions lost", len(items)-len(times), len(items))
	}
	t.Logf("%d sessions: 0 lost, %d twice", len(items), len(records)-len(times))
}

// committed is how many sessions the checkpoint has recorded.
func committed(env []string) int {
	show := exec.Command(filepath.Join(bin, "sess-checkpoint"), "show", "bus")
	show.Env = env
	out, _ := show.Output()
	n, _ := jsonl.Int(jsonl.Lookup(out, "recorded"))
	return int(n)
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for begun := time.Now(); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > 60*time.Second {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// The script that pods run, stopped as their preStop hook stops it.
func TestTheScriptOfThePods(t *testing.T) {
	shell := []string{program(t, "busybox", "bash")}
	if filepath.Base(shell[0]) == "busybox" {
		shell = append(shell, "sh")
	}
	tenant, env := serve(t, sandbox.Options{Sessions: 700, Seed: 6, Days: 5})
	b := startBroker(t)
	dir := t.TempDir()
	settings := []string{"SESS_TENANT=acme"}
	own := []string{"FEED=bus", "BROKERS=" + b.address, "TOPIC=" + topic, "KAFKA_OPTIONS=--key actor_id --compression lz4", "INTERVAL=1s", "METRICS=" + dir, "TENANT_ENV=" + filepath.Join(dir, "tenant.env")}
	for _, kv := range env {
		if strings.HasPrefix(kv, "INCYDR_URL=") || strings.HasPrefix(kv, "INCYDR_API_") {
			settings = append(settings, kv)
		} else {
			own = append(own, kv)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "tenant.env"), []byte(strings.Join(settings, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(shell[0], append(shell[1:], "../../deploy/kubernetes/base/feed.sh")...)
	cmd.Env = append(own, "PATH="+bin+":"+os.Getenv("PATH"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	items, err := tenant.Items("alerts=true")
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the sessions", func() bool { return committed(env) == len(items) })
	stopChild(t, cmd.Process.Pid, "sess-search")
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		cmd.Process.Kill()
		t.Fatal("the script goes on without its first stage")
	}
	if status := cmd.ProcessState.ExitCode(); status != 143 || stderr.Len() > 0 {
		t.Errorf("status %d: %s", status, stderr.String())
	}
	records := consume(t, b.address, topic)
	if len(records) != len(items) {
		t.Errorf("%d records of %d sessions", len(records), len(items))
	}
	for _, r := range records {
		if !bytes.HasPrefix(r.value, []byte(`{"tenant":"acme",`)) || !strings.HasSuffix(r.headers, ",tenant=acme") {
			t.Fatalf("a record is not tagged: %.100q, %s", r.value, r.headers)
		}
	}
	for name, want := range map[string]string{
		"sess-search-acme.prom": fmt.Sprintf(`sess_sessions_total{tool="sess-search",checkpoint="bus",tenant="acme"} %d`, len(items)),
		"sess-kafka-acme.prom":  fmt.Sprintf(`sess_delivered_total{tool="sess-kafka",topic="incydr.sessions",tenant="acme"} %d`, len(items)),
	} {
		if text, _ := os.ReadFile(filepath.Join(dir, name)); !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %s in %s:\n%s", want, name, text)
		}
	}
}

// stopChild sends SIGTERM to the child of a process that has this name.
func stopChild(t *testing.T, parent int, name string) {
	t.Helper()
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, _ := os.ReadFile(path)
		fields := strings.Fields(string(text))
		if len(fields) > 3 && fields[1] == "("+name+")" && fields[3] == fmt.Sprint(parent) {
			terminate(t, &exec.Cmd{Process: find(t, fields[0])})
			return
		}
	}
	t.Fatalf("%d has no child %s", parent, name)
}

func find(t *testing.T, pid string) *os.Process {
	t.Helper()
	n, _ := strconv.Atoi(pid)
	p, err := os.FindProcess(n)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
