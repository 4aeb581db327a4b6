// Format measures sess-fmt against jq, Miller and cat on the same sessions, the programs in turn.
// It needs sess-fmt, jq and mlr on PATH:
//
//	PATH="$PWD/bin:$PATH" go run ./bench/format
//
// The sessions are the sandbox's, but for the field riskModel: Miller 6.6 cannot read an empty key.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"sess/lib/jsonl"
	"sess/lib/sandbox"
)

func main() {
	size := flag.Int("mb", 250, "how many megabytes of sessions to show")
	rounds := flag.Int("rounds", 3, "how often each program runs")
	given := flag.String("in", "", "sessions to measure with, in place of made-up ones")
	only := flag.String("write", "", "write the made-up sessions to this file and end")
	flag.Parse()
	measure := func() error { return run(*size, *rounds, *given) }
	if *only != "" {
		measure = func() error { return write(*only, int64(*size)*1e6) }
	}
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, "format:", err)
		os.Exit(1)
	}
}

// The nine columns that are measured, as each program asks for them.
const (
	nine     = "session_id,actor_id,begin_time,end_time,context_summary,exfiltration_summary,low_events,high_events,states.-1.state"
	nineJQ   = "[.sessionId,.actorId,.beginTime,.endTime,.contextSummary,.exfiltrationSummary,.lowEvents,.highEvents,.states[-1].state]|@csv"
	nineMlr  = "sessionId,actorId,beginTime,endTime,contextSummary,exfiltrationSummary,lowEvents,highEvents,state"
	eightMlr = "sessionId,actorId,beginTime,endTime,contextSummary,exfiltrationSummary,lowEvents,highEvents"
)

// A program is what is measured.
type program struct {
	name  string
	args  []string
	input string
	took  []time.Duration
	busy  time.Duration // processor time of the run that took least
	peak  int64         // bytes; 0 where it is not known
}

// A contest is programs that do the same; the first of them is ours.
type contest struct {
	title    string
	programs []*program
}

func run(size, rounds int, given string) error {
	dir, err := os.MkdirTemp("", "bench-format-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	large := given
	if large == "" {
		large = filepath.Join(dir, "sessions.jsonl")
		// In a process of its own: a program's peak begins with that of the process that starts it.
		if err := writeApart(large, size); err != nil {
			return err
		}
	}
	small, many := filepath.Join(dir, "18000.jsonl"), filepath.Join(dir, "200000.jsonl")
	if err := first(small, large, 18_000); err != nil {
		return err
	}
	if err := first(many, large, 200_000); err != nil {
		return err
	}
	contests := []contest{
		{"CSV of 9 columns", []*program{
			{name: "sess-fmt", args: []string{"sess-fmt", "-f", "csv", "--columns", nine}, input: large},
			{name: "jq -r …|@csv", args: []string{"jq", "-r", nineJQ}, input: large},
			{name: "mlr put … then cut", args: []string{"mlr", "--ijsonl", "--ocsv", "put", `$state=$states[-1]["state"]`, "then", "cut", "-o", "-f", nineMlr}, input: large},
			{name: "mlr cut, 8 of them", args: []string{"mlr", "--ijsonl", "--ocsv", "cut", "-o", "-f", eightMlr}, input: large},
			{name: "cat", args: []string{"cat"}, input: large},
		}},
		{"CSV of all columns", []*program{
			{name: "sess-fmt", args: []string{"sess-fmt", "-f", "csv"}, input: large},
			{name: "mlr cat", args: []string{"mlr", "--ijsonl", "--ocsv", "cat"}, input: large},
		}},
		{"other formats", []*program{
			{name: "table of 18,000", args: []string{"sess-fmt", "-f", "table"}, input: small},
			{name: "table of 200,000", args: []string{"sess-fmt", "-f", "table"}, input: many},
			{name: "columns of 200,000", args: []string{"sess-fmt", "-f", "columns"}, input: many},
			{name: "summary", args: []string{"sess-fmt", "-f", "summary"}, input: large},
			{name: "json-lines", args: []string{"sess-fmt", "-f", "json-lines"}, input: large},
			{name: "json-pretty", args: []string{"sess-fmt", "-f", "json-pretty"}, input: large},
			{name: "jq .", args: []string{"jq", "."}, input: large},
			{name: "rich of 18,000", args: []string{"sess-fmt", "-f", "rich"}, input: small},
		}},
	}
	for range rounds {
		for _, c := range contests {
			for _, p := range c.programs {
				if err := p.measure(); err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
			}
		}
	}
	info, err := os.Stat(large)
	if err != nil {
		return err
	}
	fmt.Printf("%.0f MB of sessions, %d runs each\n", float64(info.Size())/1e6, rounds)
	for _, c := range contests {
		fmt.Printf("\n%-26s %8s %8s %8s %14s %9s\n", c.title, "best s", "median s", "CPU s", "x sess-fmt's", "MiB peak")
		for i, p := range c.programs {
			slices.Sort(p.took)
			ratio := ""
			if i > 0 && c.title != "other formats" {
				ratio = fmt.Sprintf("%.2f", p.took[0].Seconds()/c.programs[0].took[0].Seconds())
			}
			fmt.Printf("%-26s %8.2f %8.2f %8.2f %14s %9.0f\n", p.name, p.took[0].Seconds(), p.took[len(p.took)/2].Seconds(), p.busy.Seconds(), ratio, float64(p.peak)/(1<<20))
		}
	}
	fmt.Println("\nx sess-fmt's: how many times as long as the best run of sess-fmt the program's best run took")
	return nil
}

// measure runs the program once, its output into nothing.
func (p *program) measure() error {
	in, err := os.Open(p.input)
	if err != nil {
		return err
	}
	defer in.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, null, os.Stderr
	begun := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	took := time.Since(begun)
	if len(p.took) == 0 || took < slices.Min(p.took) {
		p.busy = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	p.took = append(p.took, took)
	p.peak = max(p.peak, peak(cmd.ProcessState))
	return nil
}

func writeApart(path string, size int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "-mb", strconv.Itoa(size), "-write", path)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// write makes sessions of about so many bytes.
func write(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	var written int64
	for seed := uint64(1); written < size; seed++ {
		items, err := sandbox.New(sandbox.Options{Sessions: 20_000, Seed: seed}).Items("")
		if err != nil {
			return err
		}
		for _, item := range items {
			if written >= size {
				break
			}
			line := without(item, "riskModel")
			written += int64(len(line))
			w.Write(line)
		}
	}
	return w.Flush()
}

// without is the session on a line of its own, compact, without a field.
func without(session []byte, field string) []byte {
	line := []byte{'{'}
	jsonl.Members(session, func(name string, value []byte) {
		if name == field {
			return
		}
		if len(line) > 1 {
			line = append(line, ',')
		}
		line = fmt.Appendf(line, "%q:", name)
		line = jsonl.AppendCompact(line, value)
	})
	return append(line, '}', '\n')
}

// first writes the first n lines of a file to another, beginning again where it has fewer.
func first(to, from string, n int) error {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	w := bufio.NewWriterSize(out, 1<<20)
	for n > 0 {
		in, err := os.Open(from)
		if err != nil {
			return err
		}
		lines := bufio.NewReaderSize(in, 1<<20)
		for n > 0 {
			line, err := lines.ReadSlice('\n')
			if err == io.EOF {
				break
			}
			if err != nil {
				in.Close()
				return err
			}
			w.Write(line)
			n--
		}
		in.Close()
	}
	return w.Flush()
}
