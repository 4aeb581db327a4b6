// Update measures sess-update on a tenant of this machine: requests, time, memory. It needs
// sess-update on PATH:
//
//	PATH="$PWD/bin:$PATH" go run ./bench/update
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"sess/bench/internal/peak"
	"sess/lib/sandbox"
)

func main() {
	many := flag.Int("rows", 1_000_000, "how many rows the longest inputs have")
	flag.Parse()
	if err := run(*many); err != nil {
		fmt.Fprintln(os.Stderr, "update:", err)
		os.Exit(1)
	}
}

// A job is one run of sess-update over rows made of the tenant's ids.
type job struct {
	name    string
	latency time.Duration
	rows    int
	bad     int // ids among them that no session has
	args    []string
	perRow  int // requests that a client makes for a row that makes one for each change
}

func run(many int) error {
	dir, err := os.MkdirTemp("", "bench-update-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	closed := []string{"--state", "CLOSED"}
	noted := []string{"--state", "CLOSED", "--note", "swept by the night shift"}
	fmt.Printf("%-34s %8s %9s %8s %8s %9s %14s\n", "rows of sess-update", "rows", "requests", "s", "CPU s", "MiB peak", "x one by one")
	for _, j := range []job{
		{"one state", 0, 10_000, 0, closed, 1},
		{"one state, 50 ms latency", 50 * time.Millisecond, 10_000, 0, closed, 1},
		{"one state, 100 ms latency", 100 * time.Millisecond, 10_000, 0, closed, 1},
		{"5 unknown ids, 50 ms latency", 50 * time.Millisecond, 1000, 5, closed, 1},
		{"50 unknown ids, 50 ms latency", 50 * time.Millisecond, 1000, 50, closed, 1},
		{"all ids unknown, 50 ms latency", 50 * time.Millisecond, 1000, 1000, closed, 1},
		{"state and note, 20 ms latency", 20 * time.Millisecond, 1000, 0, noted, 2},
		{"one state, a long file", 0, many, 0, closed, 1},
		{"dry run, a long file", 0, many, 0, append(closed, "--dry-run"), 0},
	} {
		if err := j.measure(dir); err != nil {
			return fmt.Errorf("%s: %w", j.name, err)
		}
	}
	fmt.Println("\nx one by one: how many times as long a request for each change, one after the other, takes by the latency alone")
	return nil
}

func (j *job) measure(dir string) error {
	tenant := sandbox.New(sandbox.Options{Sessions: 12_000, Latency: j.latency, Days: 90})
	server := httptest.NewServer(tenant)
	defer server.Close()
	input := filepath.Join(dir, "rows.csv")
	if err := j.write(input, tenant); err != nil {
		return err
	}
	in, err := os.Open(input)
	if err != nil {
		return err
	}
	defer in.Close()
	cmd := exec.Command("sess-update", j.args...)
	cmd.Env = append(os.Environ(), tenant.Environ(server.URL)...)
	var messages bytes.Buffer
	cmd.Stdin, cmd.Stderr = in, &messages
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	most := peak.Watch(cmd.Process.Pid)
	printed, err := lines(out)
	memory := most()
	if err != nil {
		return err
	}
	err = cmd.Wait()
	took := time.Since(begun)
	if want := map[bool]int{true: 3, false: 0}[j.bad > 0]; cmd.ProcessState.ExitCode() != want {
		return fmt.Errorf("%w: %s", err, messages.Bytes())
	}
	if printed != j.rows {
		return fmt.Errorf("%d outcomes of %d rows", printed, j.rows)
	}
	requests := 0
	for name, n := range tenant.Stats().Requests {
		if name != "POST /v1/oauth" {
			requests += n
		}
	}
	ratio := ""
	if alone := time.Duration(j.rows*j.perRow) * j.latency; alone > 0 {
		ratio = fmt.Sprintf("%.0f", alone.Seconds()/took.Seconds())
	}
	busy := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	fmt.Printf("%-34s %8d %9d %8.2f %8.2f %9.0f %14s\n", j.name, j.rows, requests, took.Seconds(), busy.Seconds(), float64(memory)/(1<<20), ratio)
	return nil
}

// write makes a CSV file of the rows, beginning again with the first session where there are
// more rows than sessions.
func (j *job) write(path string, tenant *sandbox.Tenant) error {
	items, err := tenant.Items("")
	if err != nil {
		return err
	}
	ids := make([]string, len(items))
	for i, item := range items {
		var s struct{ SessionID string }
		if err := json.Unmarshal(item, &s); err != nil {
			return err
		}
		ids[i] = s.SessionID
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "session_id")
	for i := range j.rows {
		if every := j.rows / max(j.bad, 1); j.bad > 0 && i%every == every/2 {
			fmt.Fprintf(w, "no-such-session-%d\n", i)
			continue
		}
		fmt.Fprintln(w, ids[i%len(ids)])
	}
	return w.Flush()
}

func lines(r io.Reader) (n int, err error) {
	buf := make([]byte, 64<<10)
	for {
		k, err := r.Read(buf)
		n += bytes.Count(buf[:k], []byte("\n"))
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
