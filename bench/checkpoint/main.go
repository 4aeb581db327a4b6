// Checkpoint measures feeds on a tenant of this machine: what they find, what they ask for, and
// what it costs to open and to commit. It needs sess-search on PATH:
//
//	PATH="$PWD/bin:$PATH" go run ./bench/checkpoint
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"sess/bench/internal/peak"
	"sess/lib/checkpoint"
	"sess/lib/sandbox"
)

func main() {
	for _, measure := range []func() error{recall, firstRun, polls, stored} {
		if err := measure(); err != nil {
			fmt.Fprintln(os.Stderr, "checkpoint:", err)
			os.Exit(1)
		}
		fmt.Println()
	}
}

// until is where the data ends.
var until = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// A site is a tenant that is served, a home for checkpoints, and what was printed so far.
type site struct {
	tenant *sandbox.Tenant
	server *httptest.Server
	home   string
	times  map[string]int
}

func newSite(o sandbox.Options) (*site, error) {
	o.Until = until
	tenant := sandbox.New(o)
	home, err := os.MkdirTemp("", "bench-checkpoint-")
	if err != nil {
		return nil, err
	}
	return &site{tenant: tenant, server: httptest.NewServer(tenant), home: home, times: map[string]int{}}, nil
}

func (s *site) close() {
	s.server.Close()
	os.RemoveAll(s.home)
}

// A run is what one search took.
type run struct {
	printed, requests int
	took, busy        time.Duration
	peak              int64 // bytes
	killed            bool
}

// search runs sess-search, and kills it when it has printed so many; 0: never.
func (s *site) search(kill int, args ...string) (r run, err error) {
	s.tenant.ResetStats()
	cmd := exec.Command("sess-search", append([]string{"--checkpoint", "bench"}, args...)...)
	cmd.Env = append(append(os.Environ(), s.tenant.Environ(s.server.URL)...), "INCYDR_CHECKPOINT_DIR="+filepath.Join(s.home, "checkpoints"))
	var messages bytes.Buffer
	cmd.Stderr = &messages
	out, err := cmd.StdoutPipe()
	if err != nil {
		return r, err
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return r, err
	}
	most := peak.Watch(cmd.Process.Pid)
	lines := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return r, err
		}
		var session struct{ SessionID string }
		if err := json.Unmarshal(line, &session); err != nil {
			return r, err
		}
		s.times[session.SessionID]++
		if r.printed++; r.printed == kill {
			cmd.Process.Kill()
			r.killed = true
		}
	}
	r.peak = most()
	if err := cmd.Wait(); err != nil && !r.killed {
		return r, fmt.Errorf("%w: %s", err, messages.Bytes())
	}
	r.took = time.Since(begun)
	r.busy = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	r.requests = s.tenant.Stats().Requests["GET /v1/sessions"]
	return r, nil
}

// judge counts the tenant's sessions, those that were never printed, and repetitions.
func (s *site) judge(query string) (all, lost, twice int, err error) {
	items, err := s.tenant.Items(query)
	if err != nil {
		return 0, 0, 0, err
	}
	for _, item := range items {
		var session struct{ SessionID string }
		if err := json.Unmarshal(item, &session); err != nil {
			return 0, 0, 0, err
		}
		switch n := s.times[session.SessionID]; n {
		case 0:
			lost++
		default:
			twice += n - 1
		}
	}
	return len(items), lost, twice, nil
}

// recall polls a tenant on which sessions show up late.
func recall() error {
	fmt.Printf("%-34s %6s %9s %6s %6s %16s\n", "2000 sessions over 10 days", "polls", "sessions", "lost", "twice", "requests a poll")
	for _, lag := range []time.Duration{0, 6 * time.Hour, 48 * time.Hour} {
		for _, step := range []time.Duration{30 * time.Minute, 12 * time.Hour} {
			s, err := newSite(sandbox.Options{Sessions: 2000, Days: 10, Lag: lag, Now: until.Add(-10 * 24 * time.Hour)})
			if err != nil {
				return err
			}
			polls, requests := 0, 0
			for s.tenant.Now().Before(until.Add(lag)) {
				s.tenant.Advance(step)
				r, err := s.search(0)
				if err != nil {
					return err
				}
				polls++
				requests += r.requests
			}
			all, lost, twice, err := s.judge("alerts=true")
			if err != nil {
				return err
			}
			fmt.Printf("%-34s %6d %9d %6d %6d %16.1f\n", fmt.Sprintf("lag %v, a poll every %v", lag, step), polls, all, lost, twice, float64(requests)/float64(polls))
			s.close()
		}
	}
	return nil
}

// firstRun reads everything there is, and goes on where it was killed.
func firstRun() error {
	fmt.Printf("%-34s %9s %9s %9s %8s %8s %9s\n", "a first run over 20,000 sessions", "printed", "requests", "x pages", "s", "CPU s", "MiB peak")
	row := func(name string, r run, all int) {
		fmt.Printf("%-34s %9d %9d %9.2f %8.2f %8.2f %9.1f\n", name, r.printed, r.requests, float64(r.requests)/(float64(all)/50), r.took.Seconds(), r.busy.Seconds(), float64(r.peak)/(1<<20))
	}
	for _, latency := range []time.Duration{0, 100 * time.Millisecond} {
		s, err := newSite(sandbox.Options{Sessions: 20000, Days: 90, Latency: latency, Now: until})
		if err != nil {
			return err
		}
		all, _, _, err := s.judge("alerts=true")
		if err != nil {
			return err
		}
		r, err := s.search(0)
		if err != nil {
			return err
		}
		row(fmt.Sprintf("whole, %v latency", latency), r, all)
		s.close()
	}
	for _, share := range []int{50, 80} {
		s, err := newSite(sandbox.Options{Sessions: 20000, Days: 90, Now: until})
		if err != nil {
			return err
		}
		all, _, _, err := s.judge("alerts=true")
		if err != nil {
			return err
		}
		if _, err := s.search(all * share / 100); err != nil {
			return err
		}
		r, err := s.search(0)
		if err != nil {
			return err
		}
		row("killed at "+strconv.Itoa(share)+" %, the second run", r, all)
		if _, lost, twice, err := s.judge("alerts=true"); err != nil || lost > 0 {
			return fmt.Errorf("%d sessions were lost, %d printed twice: %w", lost, twice, err)
		}
		s.close()
	}
	return nil
}

// polls asks for what is new where little is.
func polls() error {
	fmt.Printf("%-34s %9s %9s %9s %9s\n", "a poll, 3500 in the lookback", "polls", "new", "requests", "at most")
	for _, lag := range []time.Duration{0, 6 * time.Hour, 24 * time.Hour, 48 * time.Hour} {
		for _, fresh := range []int{0, 10} {
			s, err := newSite(sandbox.Options{Sessions: 4000, Days: 7, Lag: lag, Now: until.Add(-12 * time.Hour)})
			if err != nil {
				return err
			}
			if _, err := s.search(0, "--lookback", "20d"); err != nil {
				return err
			}
			polls, found, sum, most := 0, 0, 0, 0
			for polls < 20 {
				before, err := s.tenant.Items("alerts=true")
				if err != nil {
					return err
				}
				for now := before; len(now) < len(before)+fresh; {
					s.tenant.Advance(2 * time.Minute)
					if now, err = s.tenant.Items("alerts=true"); err != nil {
						return err
					}
				}
				r, err := s.search(0, "--lookback", "20d")
				if err != nil {
					return err
				}
				polls++
				found += r.printed
				sum += r.requests
				most = max(most, r.requests)
			}
			fmt.Printf("%-34s %9d %9.1f %9.1f %9d\n", fmt.Sprintf("lag %v, %d new", lag, fresh), polls, float64(found)/float64(polls), float64(sum)/float64(polls), most)
			s.close()
		}
	}
	return nil
}

// stored measures the journal by itself.
func stored() error {
	fmt.Printf("%-34s %12s %18s\n", "sessions on record", "open, ms", "commit of 50, ms")
	for _, n := range []int{1000, 10_000, 100_000} {
		dir, err := os.MkdirTemp("", "bench-checkpoint-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		d := checkpoint.DirOf(dir, "bench")
		c, err := d.Create("bench", "{}", checkpoint.State{})
		if err != nil {
			return err
		}
		batch := func(from, n int) (sessions []checkpoint.Session) {
			for i := range n {
				id := fmt.Sprintf("%08x-55c3-1f35-367f-442956dbb258", from+i)
				sessions = append(sessions, checkpoint.Session{ID: id, Begin: until.UnixMilli() + int64(from+i)*1000, Updated: until.UnixMilli()})
			}
			return sessions
		}
		for from := 0; from < n; from += 1000 {
			if err := c.Commit(batch(from, 1000)); err != nil {
				return err
			}
		}
		const rounds = 200
		begun := time.Now()
		for range 10 {
			if c, err = d.Load("bench"); err != nil {
				return err
			}
		}
		opening := time.Since(begun) / 10
		begun = time.Now()
		for i := range rounds {
			if err := c.Commit(batch(n+i*50, 50)); err != nil {
				return err
			}
		}
		fmt.Printf("%-34d %12.1f %18.2f\n", n, float64(opening.Microseconds())/1000, float64((time.Since(begun)/rounds).Microseconds())/1000)
	}
	return nil
}
