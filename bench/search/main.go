// Search measures sess-search on a tenant of this machine: time, processor time, memory and
// requests. It needs sess-search on PATH:
//
//	PATH="$PWD/bin:$PATH" go run ./bench/search
//
// "at best" is what the requests take, eight at a time; "x at best" is how much longer it was.
// "one by one" is how much longer a client takes that asks for a page when it has the one before.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"time"

	"sess/bench/internal/peak"
	"sess/lib/sandbox"
)

func main() {
	many := flag.Int("sessions", 200_000, "how many sessions the largest tenant has")
	flag.Parse()
	if err := run(*many); err != nil {
		fmt.Fprintln(os.Stderr, "search:", err)
		os.Exit(1)
	}
}

// A job is one search.
type job struct {
	name    string
	tenant  sandbox.Options
	args    []string
	query   string // what the tenant is asked for to know what the search is to print
	changes bool   // while it runs, so that the tenant's list is no measure of it
}

// until is where the data ends: the same on any day.
var until = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)

func run(many int) error {
	fmt.Printf("%-36s %8s %8s %7s %7s %9s %12s %6s %5s\n", "sess-search", "sessions", "requests", "s", "at best", "x at best", "one by one", "CPU s", "MiB")
	alerts := "alerts=true"
	for _, j := range []job{
		{name: "no latency", tenant: sandbox.Options{Sessions: 20_000}, query: "alerts=any", args: []string{"--any-alerts"}},
		{name: "20 ms", tenant: sandbox.Options{Sessions: 22_000, Latency: 20 * time.Millisecond}, query: alerts},
		{name: "100 ms", tenant: sandbox.Options{Sessions: 22_000, Latency: 100 * time.Millisecond}, query: alerts},
		{name: "100 ms, --concurrency 16", tenant: sandbox.Options{Sessions: 22_000, Latency: 100 * time.Millisecond}, query: alerts, args: []string{"--concurrency", "16"}},
		{name: "100 ms, --limit 500", tenant: sandbox.Options{Sessions: 22_000, Latency: 100 * time.Millisecond}, args: []string{"--limit", "500"}},
		{name: "100 ms, --count", tenant: sandbox.Options{Sessions: 22_000, Latency: 100 * time.Millisecond}, args: []string{"--count"}},
		{name: "20 ms, a change every 20 ms", tenant: sandbox.Options{Sessions: 22_000, Latency: 20 * time.Millisecond, Churn: 20 * time.Millisecond}, changes: true},
		{name: "20 ms, one request of twenty fails", tenant: sandbox.Options{Sessions: 22_000, Latency: 20 * time.Millisecond, Faults: 0.05}, query: alerts},
		{name: "600 requests a minute", tenant: sandbox.Options{Sessions: 10_000, Rate: 600}, query: alerts},
		{name: "a large tenant", tenant: sandbox.Options{Sessions: many}, query: "alerts=any", args: []string{"--any-alerts"}},
	} {
		if err := j.run(); err != nil {
			return fmt.Errorf("%s: %w", j.name, err)
		}
	}
	return nil
}

func (j job) run() error {
	o := j.tenant
	o.Until = until
	o.Now = until.Add(30 * 24 * time.Hour) // nothing is still to show up
	tenant := sandbox.New(o)
	server := httptest.NewServer(tenant)
	defer server.Close()
	cmd := exec.Command("sess-search", append(j.args, "--retry-for", "5m")...)
	cmd.Env = append(os.Environ(), tenant.Environ(server.URL)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	most := peak.Watch(cmd.Process.Pid)
	printed := &counter{}
	if j.query != "" {
		printed.keep = &bytes.Buffer{}
	}
	if _, err := io.Copy(printed, out); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return err
	}
	took := time.Since(begun)
	memory := most()
	if j.query != "" {
		items, err := tenant.Items(j.query)
		if err != nil {
			return err
		}
		if j.query != "alerts=any" && !bytes.Equal(printed.keep.Bytes(), append(bytes.Join(items, []byte("\n")), '\n')) || printed.lines != len(items) {
			return fmt.Errorf("%d sessions were printed that are not the tenant's %d", printed.lines, len(items))
		}
	}
	requests := tenant.Stats().Requests["GET /v1/sessions"]
	best, oneByOne, ratio, factor := "-", "-", "-", "-"
	if o.Latency > 0 {
		// The token first, then a page that tells how many there are.
		ideal := max(time.Duration(requests-1)*o.Latency/8, 0) + 2*o.Latency
		best, ratio = fmt.Sprintf("%.2f", ideal.Seconds()), fmt.Sprintf("%.2f", took.Seconds()/ideal.Seconds())
		oneByOne = fmt.Sprintf("%.0f", (time.Duration(requests+1)*o.Latency).Seconds()/took.Seconds())
		factor = oneByOne + "x"
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	fmt.Printf("%-36s %8d %8d %7.2f %7s %9s %12s %6.2f %5.0f\n", j.name, printed.lines, requests, took.Seconds(), best, ratio, factor, cpu.Seconds(), float64(memory)/(1<<20))
	return nil
}

// A counter counts lines, and keeps them where it has a place to.
type counter struct {
	lines int
	keep  *bytes.Buffer
}

func (c *counter) Write(p []byte) (int, error) {
	c.lines += bytes.Count(p, []byte("\n"))
	if c.keep != nil {
		c.keep.Write(p)
	}
	return len(p), nil
}
