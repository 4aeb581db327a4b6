//go:build linux

package syslog

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sess/lib/syslog/rsyslog"
)

// thorough asks for the numbers that are promised; go test alone runs the same with fewer.
var thorough = os.Getenv("SESS_TORTURE") != ""

func rounds(few, many int) int {
	if thorough {
		return many
	}
	return few
}

// Every protocol and framing carries every record, byte for byte, in order, once.
func TestTortureEveryProtocol(t *testing.T) {
	p := certificates(t)
	r := start(t, p, rsyslog.TCP, rsyslog.PTCP, rsyslog.TLS, rsyslog.MTLS, rsyslog.UDP, rsyslog.RELP, rsyslog.RELPTLS)
	n := rounds(4000, 100000)
	data := sessions(n, thorough)
	want := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
	for _, c := range []struct {
		in      rsyslog.Input
		framing Framing
		ack     bool
	}{
		{rsyslog.TCP, LF, false}, {rsyslog.TCP, LF, true}, {rsyslog.TCP, Octet, false}, {rsyslog.TCP, Octet, true},
		{rsyslog.PTCP, LF, false}, {rsyslog.PTCP, Octet, true},
		{rsyslog.TLS, LF, false}, {rsyslog.TLS, LF, true}, {rsyslog.TLS, Octet, true}, {rsyslog.MTLS, Octet, false},
		{rsyslog.RELP, "", true}, {rsyslog.RELPTLS, "", true}, {rsyslog.UDP, "", true},
	} {
		t.Run(fmt.Sprintf("%s-%s-ack=%v", c.in, c.framing, c.ack), func(t *testing.T) {
			r.Forget(c.in)
			o := standard(parse(t, r.Address(c.in)))
			o.Framing = c.framing
			if o.Address.Protocol.TLS() {
				o.TLS.CAFile = p.Authority
			}
			if c.in == rsyslog.MTLS || c.in == rsyslog.RELPTLS {
				o.TLS.CertFile, o.TLS.KeyFile = p.ClientCert, p.ClientKey
			}
			var acked bytes.Buffer
			if c.ack {
				o.Delivered = func(records []byte) error { acked.Write(records); return nil }
			}
			begin := time.Now()
			dropped := 0
			if c.in == rsyslog.UDP {
				dropped = drops(t, r)
			}
			tally, err := send(t, bytes.NewReader(data), o)
			if err != nil {
				t.Fatalf("%v\nrsyslog: %s", err, r.Log())
			}
			took := time.Since(begin)
			if tally.Delivered != n || tally.Read != n || tally.Resent != 0 {
				t.Errorf("tally %+v, want %d delivered, none resent", tally, n)
			}
			if c.ack && !bytes.Equal(acked.Bytes(), data) {
				t.Errorf("%d bytes handed on, want the %d of the input", acked.Len(), len(data))
			}
			got := lines(t, r, c.in, n)
			if c.in == rsyslog.UDP {
				dropped = drops(t, r) - dropped
				t.Logf("%d records, %d dropped by the kernel", n, dropped)
				if len(got)+dropped != n {
					t.Errorf("%d records arrived and %d were dropped, of %d", len(got), dropped, n)
				}
				seen := map[string]bool{}
				for _, w := range want {
					seen[string(w)] = true
				}
				for _, g := range got {
					if !seen[string(g)] {
						t.Fatalf("%.60q arrived and was not sent, or twice", g)
					}
					delete(seen, string(g))
				}
				return
			}
			if len(got) != n {
				t.Fatalf("%d records arrived, want %d", len(got), n)
			}
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("record %d arrived as %.80q, want %.80q", i, got[i], want[i])
				}
			}
			t.Logf("%d records, %d MB in %v, %d connections", n, len(data)>>20, took.Round(time.Millisecond), tally.Connections)
		})
	}
}

func drops(t *testing.T, r *rsyslog.Server) int {
	t.Helper()
	n, err := r.Drops(rsyslog.UDP)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func lines(t *testing.T, r *rsyslog.Server, in rsyslog.Input, n int) [][]byte {
	t.Helper()
	got, err := r.Lines(in, n)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// arrivals counts how often each of n records is in what a receiver wrote. A receiver that is killed
// leaves a part of a line, and the next record follows on it.
func arrivals(n int, want, got [][]byte) (lost, twice int, example string) {
	index := make(map[string]int, n)
	for i, w := range want {
		index[string(w)] = i
	}
	seen := make([]int, n)
	for _, g := range got {
		i, ok := index[string(g)]
		if at := bytes.LastIndex(g, []byte(`{"sessionId":`)); !ok && at > 0 {
			i, ok = index[string(g[at:])]
		}
		if ok {
			seen[i]++
		}
	}
	for i, s := range seen {
		switch {
		case s == 0:
			if lost++; example == "" {
				example = fmt.Sprintf("%.40s", want[i])
			}
		case s > 1:
			twice += s - 1
		}
	}
	return lost, twice, example
}

// slowly gives an input over at least the time that d says, so that what happens to the receiver
// happens in the middle of it.
type slowly struct {
	data  []byte
	rest  []byte
	begin time.Time
	d     time.Duration
}

func newSlowly(data []byte, d time.Duration) *slowly { return &slowly{data: data, rest: data, d: d} }

func (s *slowly) Read(p []byte) (int, error) {
	if s.begin.IsZero() {
		s.begin = time.Now()
	}
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	part := min(len(p), len(s.rest), max(len(s.data)/200, 1))
	sent := len(s.data) - len(s.rest)
	due := s.begin.Add(time.Duration(float64(s.d) * float64(sent) / float64(len(s.data))))
	time.Sleep(time.Until(due))
	n := copy(p, s.rest[:part])
	s.rest = s.rest[n:]
	return n, nil
}

// harm is done to the receiver until stop is closed; it returns how often.
type harm func(t *testing.T, r *rsyslog.Server, rng *rand.Rand, stop <-chan struct{}) int

func killing(between time.Duration, times int) harm {
	return func(t *testing.T, r *rsyslog.Server, rng *rand.Rand, stop <-chan struct{}) int {
		for n := range times {
			if !pause(between/2+rand.N(between), stop) {
				return n
			}
			r.Kill()
			time.Sleep(rand.N(60 * time.Millisecond))
			if err := r.Start(); err != nil {
				t.Error(err)
				return n
			}
		}
		return times
	}
}

func stopping(between, still time.Duration, times int) harm {
	return func(t *testing.T, r *rsyslog.Server, rng *rand.Rand, stop <-chan struct{}) int {
		for n := range times {
			if !pause(between/2+rand.N(between), stop) {
				return n
			}
			r.Signal(syscall.SIGSTOP)
			time.Sleep(still)
			r.Signal(syscall.SIGCONT)
		}
		return times
	}
}

func pause(d time.Duration, stop <-chan struct{}) bool {
	select {
	case <-time.After(d):
		return true
	case <-stop:
		return false
	}
}

// A receiver that is killed, stopped or cut off loses nothing: all of it is in its file in the end.
func TestTortureKilled(t *testing.T) {
	p := certificates(t)
	kills, between := rounds(4, 20), 150*time.Millisecond
	for _, c := range []struct {
		in      rsyslog.Input
		framing Framing
	}{{rsyslog.TCP, LF}, {rsyslog.PTCP, Octet}, {rsyslog.TLS, LF}, {rsyslog.TLS, Octet}, {rsyslog.RELP, ""}, {rsyslog.RELPTLS, ""}} {
		for _, h := range []struct {
			name  string
			harm  harm
			proxy bool
		}{
			{"killed", killing(between, kills), false},
			{"stopped", stopping(between, time.Duration(rounds(300, 3000))*time.Millisecond, rounds(1, 2)), false},
			{"cut", nil, true},
		} {
			if h.name == "stopped" && c.in != rsyslog.TCP && c.in != rsyslog.RELP && !thorough || c.in == rsyslog.TLS && c.framing == LF && !thorough {
				continue
			}
			t.Run(string(c.in)+"-"+string(c.framing)+"-"+h.name, func(t *testing.T) {
				t.Parallel()
				r := start(t, p, c.in)
				n := rounds(6000, 100000)
				data := sessions(n, thorough)
				want := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
				o := standard(parse(t, r.Address(c.in)))
				o.Framing, o.Log = c.framing, slog.New(slog.NewTextHandler(t.Output(), nil))
				if o.Address.Protocol.TLS() {
					o.TLS.CAFile, o.TLS.CertFile, o.TLS.KeyFile = p.Authority, p.ClientCert, p.ClientKey
				}
				rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
				cuts := func() int { return 0 }
				if h.proxy {
					o.Address.Port, cuts = cutter(t, rng, o.Address.Port, len(data)/rounds(6, 40))
				}
				var acked bytes.Buffer
				begun := make(chan struct{})
				first := sync.OnceFunc(func() { close(begun) })
				o.Delivered = func(records []byte) error { first(); acked.Write(records); return nil }
				stop, harmed := make(chan struct{}), make(chan int, 1)
				go func() {
					if h.harm == nil {
						harmed <- 0
						return
					}
					// A receiver that fails at first contact ends a run at once, and is another test's.
					select {
					case <-begun:
					case <-stop:
					}
					harmed <- h.harm(t, r, rng, stop)
				}()
				tally, err := send(t, newSlowly(data, time.Duration(kills)*between), o)
				close(stop)
				times := <-harmed + cuts()
				if err != nil {
					t.Fatalf("%v (%+v)", err, tally)
				}
				if !bytes.Equal(acked.Bytes(), data) {
					t.Errorf("%d bytes handed on, want the %d of the input", acked.Len(), len(data))
				}
				lost, twice, example := arrivals(n, want, lines(t, r, c.in, n))
				t.Logf("harmed %d times: %d lost, %d twice, %+v", times, lost, twice, tally)
				if lost > 0 {
					t.Errorf("%d of %d records were lost, the first is %s", lost, n, example)
				}
				if most := times * (o.ResendBuffer / (len(data) / n)); twice > most {
					t.Errorf("%d records twice, more than %d resend buffers hold", twice, times)
				}
				if times == 0 {
					t.Error("nothing happened to the receiver")
				}
			})
		}
	}
}

// cutter is a proxy to a port that cuts each connection after a random number of bytes, about
// mean. It returns its own port and how often it did.
func cutter(t *testing.T, rng *rand.Rand, to, mean int) (port int, cuts func() int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	n := 0
	go func() {
		for first := true; ; first = false {
			from, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			after := int64(rng.ExpFloat64() * float64(mean))
			mu.Unlock()
			if first { // a receiver that cannot be reached at first ends a run, and is another test's
				after += 16 << 10
			}
			go func() {
				defer from.Close()
				onward, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", to))
				if err != nil {
					return
				}
				defer onward.Close()
				back := make(chan struct{})
				var cut atomic.Bool
				go func() {
					io.Copy(from, onward)
					if !cut.Load() {
						from.(*net.TCPConn).CloseWrite()
					}
					close(back)
				}()
				passed, err := io.CopyN(onward, from, after)
				if passed == after || err == nil {
					cut.Store(true)
					mu.Lock()
					n++
					mu.Unlock()
					return
				}
				onward.(*net.TCPConn).CloseWrite()
				<-back
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, func() int { mu.Lock(); defer mu.Unlock(); return n }
}
