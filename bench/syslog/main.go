// Syslog measures sess-syslog against socat -u: the same sessions over loopback to the same sink, a
// process that throws away what it reads and acknowledges what has to be, the programs in turn.
// Where rsyslogd is installed it is the sink once more. It needs sess-syslog and socat on PATH:
//
//	PATH="$PWD/bin:$PATH" go run ./bench/syslog
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sess/lib/sandbox"
	"sess/lib/syslog/rsyslog"
)

// vendor is what the vendor's CLI does, in bytes a second: 20,000 file events, 57 MB, in 10 s.
const vendor = 57e6 / 10

func main() {
	size := flag.Int("mb", 500, "how many megabytes of sessions to send")
	rounds := flag.Int("rounds", 5, "how often each program runs")
	serve := flag.String("sink", "", "be the sink, with the certificates in this folder")
	flag.Parse()
	measure := func() error { return run(int64(*size)*1e6, *rounds) }
	if *serve != "" {
		measure = func() error { return sink(*serve) }
	}
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, "syslog:", err)
		os.Exit(1)
	}
}

// A program is what is measured, with the file of sessions as its standard input.
type program struct {
	name string
	args []string
	want float64 // the ratio to the first program that is promised, 0 for none
	took []time.Duration
	busy time.Duration // processor time of the run that took least
}

func run(size int64, rounds int) error {
	for _, name := range []string{"sess-syslog", "socat"} {
		if _, err := exec.LookPath(name); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "bench-syslog-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	certificates, err := rsyslog.NewCertificates(dir)
	if err != nil {
		return err
	}
	input := filepath.Join(dir, "sessions.jsonl")
	if size, err = write(input, size); err != nil {
		return err
	}
	addresses, stop, err := startSink(dir)
	if err != nil {
		return err
	}
	err = contest("a sink that throws everything away", input, size, rounds, programs(addresses, certificates), nil)
	stop()
	if err != nil {
		return err
	}
	server, err := rsyslog.New(dir, certificates, rsyslog.TCP, rsyslog.TLS, rsyslog.RELP)
	if errors.Is(err, rsyslog.ErrMissing) {
		fmt.Println("\n", err, ", so it is not measured")
		return nil
	}
	if err != nil {
		return err
	}
	defer server.Kill()
	addresses = map[string]string{"TCP": server.Address(rsyslog.TCP), "TLS-TCP": server.Address(rsyslog.TLS), "RELP": server.Address(rsyslog.RELP)}
	fmt.Println()
	files := []string{server.File(rsyslog.TCP), server.File(rsyslog.TLS), server.File(rsyslog.RELP)}
	return contest("rsyslog, into a file", input, size, rounds, programs(addresses, certificates), files)
}

// programs are what is measured against socat, which does no more than read and write.
func programs(addresses map[string]string, c *rsyslog.Certificates) []*program {
	ours := func(protocol string, options ...string) []string {
		return append(append([]string{"sess-syslog"}, options...), addresses[protocol])
	}
	trust := []string{"--certs", c.Authority}
	return []*program{
		{name: "socat -u", args: []string{"socat", "-u", "STDIN", addresses["TCP"]}},
		{name: "socat -u -b 262144", args: []string{"socat", "-u", "-b", "262144", "STDIN", addresses["TCP"]}},
		{name: "TCP", args: ours("TCP"), want: 0.7},
		{name: "TCP, octet counting", args: ours("TCP", "--framing", "octet")},
		{name: "TCP --ack", args: ours("TCP", "--ack")},
		{name: "TCP rfc5424", args: ours("TCP", "--message", "rfc5424")},
		{name: "TCP cef", args: ours("TCP", "--message", "cef")},
		{name: "TLS-TCP", args: ours("TLS-TCP", trust...), want: 0.5},
		{name: "TLS-TCP --ack", args: ours("TLS-TCP", append(trust, "--ack")...)},
		{name: "RELP", args: ours("RELP"), want: 0.3},
		{name: "RELP --ack", args: ours("RELP", "--ack")},
	}
}

// contest runs the programs in turn, and empties the sink's files after each run.
func contest(title, input string, size int64, rounds int, programs []*program, files []string) error {
	for range rounds {
		for _, p := range programs {
			if err := p.measure(input); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			for _, file := range files {
				if err := os.Truncate(file, 0); err != nil && !os.IsNotExist(err) {
					return err
				}
			}
		}
	}
	fmt.Printf("%.0f MB to %s, best of %d\n", float64(size)/1e6, title, rounds)
	fmt.Printf("%-22s %8s %8s %9s %10s %9s\n", "", "seconds", "MB/s", "processor", "× socat", "× vendor")
	best := slices.Min(programs[0].took)
	for _, p := range programs {
		took := slices.Min(p.took)
		rate := float64(size) / took.Seconds()
		ratio := best.Seconds() / took.Seconds()
		judged := ""
		if p.want > 0 {
			judged = fmt.Sprintf("  at least %.1f: %s", p.want, map[bool]string{true: "yes", false: "NO"}[ratio >= p.want])
		}
		fmt.Printf("%-22s %8.3f %8.0f %8.2fs %10.2f %9.0f%s\n", p.name, took.Seconds(), rate/1e6, p.busy.Seconds(), ratio, rate/vendor, judged)
	}
	return nil
}

// measure runs the program once.
func (p *program) measure(input string) error {
	in, err := os.Open(input)
	if err != nil {
		return err
	}
	defer in.Close()
	cmd := exec.Command(p.args[0], p.args[1:]...)
	var complaint strings.Builder
	cmd.Stdin, cmd.Stderr = in, &complaint
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, complaint.String())
	}
	took := time.Since(begin)
	p.took = append(p.took, took)
	if took == slices.Min(p.took) {
		p.busy = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return nil
}

// write makes sessions of about that many bytes.
func write(path string, size int64) (int64, error) {
	items, err := sandbox.New(sandbox.Options{Sessions: 20000, Seed: 1}).Items("alerts=true")
	if err != nil {
		return 0, err
	}
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var n int64
	for n < size {
		for _, item := range items {
			k, err := f.Write(append(item, '\n'))
			if n += int64(k); err != nil {
				return n, err
			}
		}
	}
	return n, f.Close()
}
