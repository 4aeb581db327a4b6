// Scale measures what a tenant's feed costs: sess-search, a sender and sess-checkpoint as one
// pipeline, on a tenant of this process's own, into Kafka (kfake, in a process of its own) and into
// a syslog receiver that reads and forgets. It needs the binaries on PATH:
//
//	PATH="$PWD/bin:$PATH" go run ./bench/scale
//
// The figures of a process are its own: the tenant's and the receivers' processor time is not in
// them, but all share this machine.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sess/bench/internal/peak"
	"sess/lib/sandbox"
)

func main() {
	sessions := flag.Int("sessions", 20_000, "how many sessions the first run finds")
	polls := flag.Int("polls", 40, "how many polls with nothing new are measured")
	flag.Parse()
	if err := run(*sessions, *polls); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// bench is what all measurements share.
type bench struct {
	tenant *sandbox.Tenant
	dir    string
	env    []string
}

// A way is where a feed goes.
type way struct {
	name string
	args []string
}

func run(sessions, polls int) error {
	dir, err := os.MkdirTemp("", "bench-scale-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	kafka, stop, err := broker(dir)
	if err != nil {
		return err
	}
	defer stop()
	syslog, err := receiver()
	if err != nil {
		return err
	}
	ways := []way{
		{"Kafka", []string{"sess-kafka", "--ack", "--key", "actor_id", "--brokers", kafka, "incydr.sessions"}},
		{"syslog, TCP", []string{"sess-syslog", "--ack", "TCP:" + syslog}},
	}

	fmt.Printf("A first run over %d sessions\n", sessions)
	fmt.Printf("%-14s %8s %12s %10s   %s\n", "", "s", "sessions/s", "requests", "processor s and peak MiB of sess-search, the sender, sess-checkpoint")
	for _, w := range ways {
		b, err := newBench(dir, sessions)
		if err != nil {
			return err
		}
		took, stages, err := b.feed(w)
		if err != nil {
			return err
		}
		fmt.Printf("%-14s %8.2f %12.0f %10d  ", w.name, took.Seconds(), float64(sessions)/took.Seconds(), b.requests())
		for _, s := range stages {
			fmt.Printf(" %5.2f s %3.0f MiB,", s.cpu.Seconds(), s.peak)
		}
		fmt.Println()
	}

	const recent = 3500
	fmt.Printf("\nA poll with nothing new and %d sessions in the lookback, of %d polls\n", recent, polls)
	fmt.Printf("%-14s %12s %16s %10s\n", "", "median ms", "processor ms", "requests")
	for _, w := range ways {
		b, err := newBench(dir, recent)
		if err != nil {
			return err
		}
		for range 2 {
			if _, _, err := b.feed(w); err != nil {
				return err
			}
		}
		b.tenant.ResetStats()
		var took []time.Duration
		var cpu time.Duration
		for range polls {
			t, stages, err := b.feed(w)
			if err != nil {
				return err
			}
			took = append(took, t)
			for _, s := range stages {
				cpu += s.cpu
			}
		}
		slices.Sort(took)
		fmt.Printf("%-14s %12.1f %16.1f %10.1f\n", w.name, ms(took[len(took)/2]), ms(cpu)/float64(polls), float64(b.requests())/float64(polls))
	}

	fmt.Printf("\nA feed that follows, after 15 s with nothing new: MiB in memory of sess-search, the sender, sess-checkpoint\n")
	for _, w := range ways {
		b, err := newBench(dir, recent)
		if err != nil {
			return err
		}
		if _, _, err := b.feed(w); err != nil {
			return err
		}
		resident, cpu, err := b.follow(w, 15*time.Second)
		if err != nil {
			return err
		}
		fmt.Printf("%-14s", w.name)
		total := 0.0
		for _, mib := range resident {
			fmt.Printf(" %6.1f", mib)
			total += mib
		}
		fmt.Printf("   together %.1f; processor ms a poll: %.1f\n", total, cpu)
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// newBench makes a tenant whose sessions all lie within the lookback, and an empty folder of checkpoints.
func newBench(dir string, sessions int) (*bench, error) {
	tenant := sandbox.New(sandbox.Options{Sessions: sessions, Seed: 1, Days: 6})
	server := httptest.NewServer(tenant)
	checkpoints, err := os.MkdirTemp(dir, "checkpoints-")
	if err != nil {
		return nil, err
	}
	return &bench{tenant: tenant, dir: checkpoints, env: append(os.Environ(),
		"INCYDR_URL="+server.URL, "INCYDR_API_CLIENT_ID="+tenant.ClientID(), "INCYDR_API_CLIENT_SECRET="+tenant.ClientSecret(),
		"INCYDR_CHECKPOINT_DIR="+checkpoints)}, nil
}

// requests is how many the tenant has seen.
func (b *bench) requests() (n int64) {
	for _, count := range b.tenant.Stats().Statuses {
		n += int64(count)
	}
	return n
}

// A stage is what a process has used.
type stage struct {
	cpu  time.Duration
	peak float64 // MiB
}

func (b *bench) pipeline(w way, options ...string) ([]*exec.Cmd, error) {
	words := [][]string{
		append([]string{"sess-search", "--any-alerts", "--checkpoint", "feed", "--defer"}, options...),
		w.args,
		{"sess-checkpoint", "commit", "feed"},
	}
	var cmds []*exec.Cmd
	var before *os.File
	for i, args := range words {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env, cmd.Stderr = b.env, os.Stderr
		if before != nil {
			cmd.Stdin = before
		}
		var next *os.File
		if i < len(words)-1 {
			r, out, err := os.Pipe()
			if err != nil {
				return nil, err
			}
			defer out.Close()
			cmd.Stdout, next = out, r
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		if before != nil {
			before.Close()
		}
		before = next
		cmds = append(cmds, cmd)
	}
	return cmds, nil
}

// feed runs a pipeline to its end.
func (b *bench) feed(w way) (took time.Duration, stages []stage, err error) {
	begun := time.Now()
	cmds, err := b.pipeline(w)
	if err != nil {
		return 0, nil, err
	}
	var peaks []func() int64
	for _, cmd := range cmds {
		peaks = append(peaks, peak.Watch(cmd.Process.Pid))
	}
	for _, cmd := range cmds {
		if failed := cmd.Wait(); failed != nil && err == nil {
			err = fmt.Errorf("%s: %w", cmd.Args[0], failed)
		}
	}
	took = time.Since(begun)
	for i, cmd := range cmds {
		stages = append(stages, stage{cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), float64(peaks[i]()) / (1 << 20)})
	}
	return took, stages, err
}

// follow runs a pipeline that polls every second, and tells what its processes hold after a while
// and how much processor time each poll takes.
func (b *bench) follow(w way, d time.Duration) (held []float64, cpu float64, err error) {
	cmds, err := b.pipeline(w, "--follow", "1s")
	if err != nil {
		return nil, 0, err
	}
	time.Sleep(d)
	for _, cmd := range cmds {
		held = append(held, resident(cmd.Process.Pid))
	}
	cmds[0].Process.Signal(os.Interrupt)
	for _, cmd := range cmds {
		cmd.Wait()
		cpu += ms(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime())
	}
	return held, cpu / d.Seconds(), nil
}

// resident is the memory that a process has now, in MiB; 0 where it is over.
func resident(pid int) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	if fields := strings.Fields(rest); len(fields) > 0 {
		kib, _ := strconv.Atoi(fields[0])
		return float64(kib) / 1024
	}
	return 0
}

// broker starts kfake.
func broker(dir string) (address string, stop func(), err error) {
	path := filepath.Join(dir, "broker")
	if out, err := exec.Command("go", "build", "-o", path, "sess/bench/kafka/broker").CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("building the broker: %w\n%s", err, out)
	}
	cmd := exec.Command(path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line), func() { cmd.Process.Kill(); cmd.Wait() }, err
}

// receiver takes what is sent to it, to the end of each connection.
func receiver() (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(io.Discard, conn)
			}()
		}
	}()
	return l.Addr().String(), nil
}
