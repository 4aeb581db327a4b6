package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand"
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

// bin is the folder of the binaries under test: sess-kafka and the broker it talks to, each a
// process that can be killed.
var bin string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "sess-kafka-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), ".", "../sess-search", "../sess-checkpoint", "../../bench/kafka/broker")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
			return 1
		}
		bin = dir
		return m.Run()
	}())
}

const topic = "incydr.sessions"

// scale is few, or many where SESS_TORTURE asks for that many rounds of many.
func scale(few, many int) int {
	if rounds, _ := strconv.Atoi(os.Getenv("SESS_TORTURE")); rounds > 0 {
		return many * rounds
	}
	return few
}

// program finds the first of the names that is installed. Without any the test is skipped, but
// not in CI, where everything is.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", names[0])
	}
	t.Skipf("%s is not installed", names[0])
	return ""
}

// A broker is a process that keeps what it has acknowledged, and its address.
type broker struct {
	t       *testing.T
	data    string
	address string
	cmd     *exec.Cmd
}

func startBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{t: t, data: t.TempDir()}
	b.start()
	t.Cleanup(b.kill)
	return b
}

func (b *broker) start() {
	b.t.Helper()
	port := "0"
	if _, p, ok := strings.Cut(b.address, ":"); ok {
		port = p
	}
	b.cmd = exec.Command(filepath.Join(bin, "broker"), "-port", port, "-data", b.data)
	b.cmd.Stderr = os.Stderr
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.t.Fatalf("the broker says nothing: %v", err)
	}
	b.address = strings.TrimSpace(line)
}

func (b *broker) kill() {
	b.cmd.Process.Kill()
	b.cmd.Wait()
}

// sessions are n made-up sessions, some of them hostile, one a line.
func sessions(t *testing.T, n int) [][]byte {
	t.Helper()
	lines, err := sandbox.New(sandbox.Options{Sessions: n - n/10, Seed: 7}).Items("")
	if err != nil {
		t.Fatal(err)
	}
	hostile, err := sandbox.New(sandbox.Options{Sessions: n / 10, Seed: 8, Hostile: true}).Items("")
	if err != nil {
		t.Fatal(err)
	}
	return append(lines, hostile...)
}

// A received record is what a second client, kcat, found.
type received struct {
	partition, key, headers string
	value                   []byte
}

// consume reads the whole topic with kcat.
func consume(t *testing.T, brokers, topic string) (records []received) {
	t.Helper()
	kcat := exec.Command(program(t, "kcat", "kafkacat"), "-C", "-e", "-q", "-b", brokers, "-t", topic, "-f", `%p\t%k\t%h\t%s\n`)
	kcat.Stderr = os.Stderr
	out, err := kcat.Output()
	if err != nil {
		t.Fatalf("kcat: %v", err)
	}
	for line := range bytes.Lines(out) {
		parts := bytes.SplitN(bytes.TrimSuffix(line, []byte("\n")), []byte("\t"), 4)
		if len(parts) != 4 {
			t.Fatalf("kcat printed %q", line)
		}
		records = append(records, received{string(parts[0]), string(parts[1]), string(parts[2]), parts[3]})
	}
	return records
}

func run(t *testing.T, stdin io.Reader, args ...string) (stdout []byte, stderr string, status int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "sess-kafka"), args...)
	var out, err bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &err
	failure := cmd.Run()
	if _, ok := failure.(*exec.ExitError); failure != nil && !ok {
		t.Fatal(failure)
	}
	return out.Bytes(), err.String(), cmd.ProcessState.ExitCode()
}

// brokers are those of SESS_KAFKA_BROKERS, where a real cluster is at hand, with a topic of this
// test's own; otherwise a broker on this machine.
func brokers(t *testing.T) (addresses, name string) {
	if real := os.Getenv("SESS_KAFKA_BROKERS"); real != "" {
		return real, fmt.Sprintf("sess-test-%d", time.Now().UnixNano())
	}
	return startBroker(t).address, topic
}

func TestRecallByKcat(t *testing.T) {
	lines := sessions(t, scale(10_000, 100_000))
	input := append(bytes.Join(lines, []byte("\n")), '\n')
	addresses, name := brokers(t)
	out, stderr, status := run(t, bytes.NewReader(input), "--ack", "--key", "actor_id", "--create-topic", "--partitions", "6", "--brokers", addresses, name)
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	if !bytes.Equal(out, input) {
		t.Fatalf("%d bytes acknowledged of %d, or others", len(out), len(input))
	}
	place := make(map[string]int, len(lines))
	for i, line := range lines {
		place[string(line)] = i
	}
	last, home := map[string]int{}, map[string]string{}
	records := consume(t, addresses, name)
	for _, r := range records {
		i, ok := place[string(r.value)]
		if !ok {
			t.Fatalf("read back what was not sent, or twice: %.300q", r.value)
		}
		delete(place, string(r.value))
		actor := jsonl.Text(jsonl.Lookup(r.value, "actorId"))
		if r.key != actor {
			t.Fatalf("the key is %q; the actor is %q", r.key, actor)
		}
		want := fmt.Sprintf("tenant_id=%s,session_id=%s", jsonl.Text(jsonl.Lookup(r.value, "tenantId")), jsonl.Text(jsonl.Lookup(r.value, "sessionId")))
		if r.headers != want {
			t.Fatalf("the headers are %q; want %q", r.headers, want)
		}
		if before, ok := last[r.key]; ok && before > i {
			t.Fatalf("actor %s: line %d came before line %d", r.key, before+1, i+1)
		}
		last[r.key] = i
		if at, ok := home[r.key]; ok && at != r.partition {
			t.Fatalf("actor %s is in partitions %s and %s", r.key, at, r.partition)
		}
		home[r.key] = r.partition
	}
	if len(place) != 0 {
		t.Errorf("%d of %d sessions were not read back", len(place), len(lines))
	}
	t.Logf("%d sessions, %d bytes, %d actors: read back byte for byte, once each, in each actor's order", len(records), len(input), len(last))
}

// slowly hands out lines over a time, so that kills fall among them.
func slowly(lines [][]byte, over time.Duration) io.Reader {
	r, w := io.Pipe()
	go func() {
		const steps = 200
		for i := range steps {
			from, to := len(lines)*i/steps, len(lines)*(i+1)/steps
			for _, line := range lines[from:to] {
				if _, err := w.Write(append(bytes.Clone(line), '\n')); err != nil {
					return
				}
			}
			time.Sleep(over / steps)
		}
		w.Close()
	}()
	return r
}

// The broker is killed at random and comes up again: the run goes on, and nothing is lost.
func TestKilledBroker(t *testing.T) {
	if os.Getenv("SESS_KAFKA_BROKERS") != "" {
		t.Skip("a real cluster is not for killing")
	}
	kills := scale(4, 30)
	b := startBroker(t)
	lines := sessions(t, 1000*kills)
	finished := make(chan struct{})
	killed := make(chan int, 1)
	go func() {
		n := 0
		defer func() { killed <- n }()
		for n < kills {
			select {
			case <-finished:
				return
			case <-time.After(time.Duration(100+rand.Intn(700)) * time.Millisecond):
			}
			b.kill()
			n++
			time.Sleep(time.Duration(rand.Intn(300)) * time.Millisecond)
			b.start()
		}
	}()
	in := slowly(lines, time.Duration(kills)*600*time.Millisecond)
	out, stderr, status := run(t, in, "--ack", "--key", "actor_id", "--retry-for", "60s", "--brokers", b.address, topic)
	close(finished)
	n := <-killed
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	if want := append(bytes.Join(lines, []byte("\n")), '\n'); !bytes.Equal(out, want) {
		t.Fatalf("%d bytes acknowledged; want %d", len(out), len(want))
	}
	times := map[string]int{}
	records := consume(t, b.address, topic)
	for _, r := range records {
		times[string(r.value)]++
	}
	lost := 0
	for _, line := range lines {
		if times[string(line)] == 0 {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d lost", lost, len(lines))
	}
	t.Logf("%d kills of the broker, %d sessions: %d lost, %d twice", n, len(lines), lost, len(records)-len(times))
}

// Memory is bounded: by the window, not by what is sent.
func TestMemory(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("only Linux tells a process's peak memory while it runs")
	}
	b := startBroker(t)
	lines := sessions(t, 1000)
	block := append(bytes.Join(lines, []byte("\n")), '\n')
	times := scale(20, 400)
	for _, codec := range []string{"snappy", "zstd", "none"} {
		cmd := exec.Command(filepath.Join(bin, "sess-kafka"), "--ack", "--compression", codec, "--key", "actor_id", "--brokers", b.address, topic)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		peak := 0
		for range times {
			in.Write(block)
			peak = max(peak, peakOf(cmd.Process.Pid))
		}
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: peak memory %.1f MiB at %d MB sent", codec, float64(peak)/1024, times*len(block)/1_000_000)
		if peak > 64<<10 || peak == 0 {
			t.Errorf("%s: peak memory is %d KiB, over 64 MiB", codec, peak)
		}
	}
}

// Who sets GOMEMLIMIT decides when the collector begins to work harder.
func TestGOMEMLIMIT(t *testing.T) {
	b := startBroker(t)
	block := append(bytes.Join(sessions(t, 1000), []byte("\n")), '\n')
	for _, c := range []struct {
		limit   string
		collect bool
	}{{"", true}, {"64GiB", false}} {
		cmd := exec.Command(filepath.Join(bin, "sess-kafka"), "--compression", "none", "--brokers", b.address, topic)
		// Nothing but the limit is a reason to collect.
		cmd.Env = append(os.Environ(), "GODEBUG=gctrace=1", "GOGC=off", "GOMEMLIMIT="+c.limit)
		cmd.Stdin = bytes.NewReader(bytes.Repeat(block, 20))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if n := bytes.Count(out, []byte("gc ")); (n > 0) != c.collect {
			t.Errorf("GOMEMLIMIT=%s: garbage was collected %d times", c.limit, n)
		}
	}
}

// peakOf is the most memory that a process has had so far, in KiB. (What wait4 reports counts the
// parent before the exec, too.)
func peakOf(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, _ := strconv.Atoi(strings.Fields(rest)[0])
	return kib
}
