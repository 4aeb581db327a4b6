// Kafka measures sess-kafka against kcat: the same sessions into the same kind of broker, kfake in
// a process of its own, a fresh one for each run, the programs in turn. It needs sess-kafka and
// kcat on PATH:
//
//	PATH="$PWD/bin:$PATH" go run ./bench/kafka
//
// librdkafka, which is inside kcat, does not compress towards kfake, so that kcat is to be compared
// with sess-kafka --compression none.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sess/bench/internal/peak"
	"sess/lib/sandbox"
)

const topic = "incydr.sessions"

func main() {
	sessions := flag.Int("sessions", 100_000, "how many sessions to send")
	rounds := flag.Int("rounds", 7, "how often each program runs")
	flag.Parse()
	if err := run(*sessions, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}

// A program is what is measured, with the broker's address still to come.
type program struct {
	name string
	args func(address string) []string
	took []time.Duration
	peak int64 // bytes
}

func run(sessions, rounds int) error {
	dir, err := os.MkdirTemp("", "bench-kafka-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	input := filepath.Join(dir, "sessions.jsonl")
	size, err := write(input, sessions)
	if err != nil {
		return err
	}
	broker := filepath.Join(dir, "broker")
	if out, err := exec.Command("go", "build", "-o", broker, "sess/bench/kafka/broker").CombinedOutput(); err != nil {
		return fmt.Errorf("building the broker: %w\n%s", err, out)
	}
	kafka := func(options ...string) func(string) []string {
		return func(address string) []string {
			return append(append([]string{"sess-kafka", "--brokers", address}, options...), topic)
		}
	}
	kcat := &program{name: "kcat -P", args: func(address string) []string { return []string{"kcat", "-P", "-b", address, "-t", topic} }}
	programs := []*program{
		kcat,
		{name: "sess-kafka --compression none", args: kafka("--compression", "none")},
		{name: "sess-kafka", args: kafka()},
		{name: "sess-kafka --ack --key actor_id", args: kafka("--ack", "--key", "actor_id")},
		{name: "sess-kafka --compression lz4", args: kafka("--compression", "lz4")},
		{name: "sess-kafka --compression zstd", args: kafka("--compression", "zstd")},
	}
	for range rounds {
		for _, p := range programs {
			if err := p.measure(broker, input); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	fmt.Printf("%d sessions, %.0f MB, %d runs each\n", sessions, float64(size)/1e6, rounds)
	fmt.Printf("%-34s %8s %8s %9s %11s %8s\n", "", "median s", "best s", "MB/s", "x kcat", "MiB peak")
	for _, p := range programs {
		slices.Sort(p.took)
		fmt.Printf("%-34s %8.2f %8.2f %9.0f %5.2f %5.2f %8.0f\n", p.name, p.median(), p.best(), float64(size)/1e6/p.median(), kcat.median()/p.median(), kcat.best()/p.best(), float64(p.peak)/(1<<20))
	}
	fmt.Println("x kcat: its median time over ours, and its best time over ours")
	return nil
}

func (p *program) median() float64 { return p.took[len(p.took)/2].Seconds() }
func (p *program) best() float64   { return p.took[0].Seconds() }

// write makes the input, and returns its size in bytes.
func write(path string, sessions int) (int64, error) {
	items, err := sandbox.New(sandbox.Options{Sessions: sessions, Seed: 1}).Items("")
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(path, append(bytes.Join(items, []byte("\n")), '\n'), 0o600); err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	return info.Size(), err
}

func (p *program) measure(broker, input string) error {
	serving := exec.Command(broker, "-topic", topic)
	serving.Stderr = os.Stderr
	out, err := serving.StdoutPipe()
	if err != nil {
		return err
	}
	if err := serving.Start(); err != nil {
		return err
	}
	defer func() { serving.Process.Kill(); serving.Wait() }()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return err
	}
	in, err := os.Open(input)
	if err != nil {
		return err
	}
	defer in.Close()
	words := p.args(strings.TrimSpace(address))
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdin, cmd.Stderr = in, os.Stderr
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	most := peak.Watch(cmd.Process.Pid)
	err = cmd.Wait()
	p.took = append(p.took, time.Since(begun))
	if p.peak = max(p.peak, most()); p.peak == 0 {
		return errors.Join(err, errors.New("its memory is not known: this needs Linux"))
	}
	return err
}
