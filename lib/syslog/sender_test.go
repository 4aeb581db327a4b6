package syslog

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// receiver serves each connection of a loopback port; serve gets its number, from 0.
func receiver(t *testing.T, serve func(connection int, c *net.TCPConn)) Address {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(n, c.(*net.TCPConn))
			}()
		}
	}()
	return Address{TCP, "127.0.0.1", l.Addr().(*net.TCPAddr).Port}
}

// tlsReceiver is the same over TLS; serve gets the connection after the handshake.
func tlsReceiver(t *testing.T, conf *tls.Config, serve func(connection int, c *tls.Conn)) Address {
	a := receiver(t, func(n int, c *net.TCPConn) {
		secure := tls.Server(c, conf)
		if secure.Handshake() == nil {
			serve(n, secure)
		}
	})
	a.Protocol = TLSTCP
	return a
}

func pair(t *testing.T, cert, key string) tls.Certificate {
	t.Helper()
	c, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A log collects what a receiver got, connection by connection.
type inbox struct {
	mu   sync.Mutex
	data []string
}

func (b *inbox) add(n int, p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.data) <= n {
		b.data = append(b.data, "")
	}
	b.data[n] += string(p)
}

func (b *inbox) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.data, "/")
}

// readLines reads k lines byte for byte, so that nothing more is read than they are.
func readLines(c io.Reader, k int) []byte {
	var all []byte
	one := make([]byte, 1)
	for k > 0 {
		if _, err := c.Read(one); err != nil {
			break
		}
		if all = append(all, one...); one[0] == '\n' {
			k--
		}
	}
	return all
}

// Nothing is handed on before the receiver has closed its half, though its kernel has all of it.
func TestAckWaitsForTheReceiver(t *testing.T) {
	read, end := make(chan struct{}), make(chan struct{})
	a := receiver(t, func(n int, c *net.TCPConn) {
		io.Copy(io.Discard, c) // to our end
		close(read)
		<-end
	})
	o := standard(a)
	acked := make(chan string, 10)
	o.Delivered = func(r []byte) error { acked <- string(r); return nil }
	done := make(chan error)
	go func() { _, err := send(t, strings.NewReader("{\"a\":1}\n{\"a\":2}\n"), o); done <- err }()
	<-read
	select {
	case r := <-acked:
		t.Errorf("%q was handed on while the receiver was at work", r)
	case <-time.After(200 * time.Millisecond):
	}
	close(end)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if r := <-acked; r != "{\"a\":1}\n{\"a\":2}\n" {
		t.Errorf("handed on %q", r)
	}
}

// A receiver that ends a connection before its end, in whatever way, has it all sent again.
func TestLostConnections(t *testing.T) {
	const records = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"
	for name, lose := range map[string]func(c *net.TCPConn){
		"close before reading": func(c *net.TCPConn) {},
		"close after reading":  func(c *net.TCPConn) { readLines(c, 3) },
		"reset":                func(c *net.TCPConn) { readLines(c, 1); c.SetLinger(0) },
		"end and linger":       func(c *net.TCPConn) { c.CloseWrite(); time.Sleep(100 * time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got inbox
			a := receiver(t, func(n int, c *net.TCPConn) {
				if n == 0 {
					lose(c)
					return
				}
				data, _ := io.ReadAll(c)
				if !bytes.HasPrefix(data, []byte("\x16\x03")) { // the question whether it speaks TLS
					got.add(0, data)
				}
			})
			o := standard(a)
			o.Timeout = time.Second
			var acked bytes.Buffer
			o.Delivered = func(r []byte) error { acked.Write(r); return nil }
			tally, err := send(t, strings.NewReader(records), o)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != records || acked.String() != records || tally.Connections < 2 {
				t.Errorf("the receiver got %q, handed on %q, %+v", &got, &acked, tally)
			}
		})
	}
}

// A receiver that asks for a certificate and loses its first connections as they carry records is
// not one that refuses ours: that one answers no RELP, and ends a connection that carries nothing.
func TestLostConnectionsOfReceiversThatAskForACertificate(t *testing.T) {
	p := certificates(t)
	conf := &tls.Config{Certificates: []tls.Certificate{pair(t, p.Cert, p.Key)}, ClientAuth: tls.RequireAnyClientCert}
	const records = "{\"a\":1}\n{\"a\":2}\n"
	stream := tlsReceiver(t, conf, func(n int, c *tls.Conn) {
		if n < 2 {
			readLines(c, 1)
			return
		}
		io.Copy(io.Discard, c)
		c.Close()
	})
	relp := tlsReceiver(t, conf, func(n int, c *tls.Conn) {
		serveRELP(n, c, func(n int, c *relpConn) {
			for {
				f, err := c.next()
				if err != nil || n < 4 {
					return
				}
				c.say("%d rsp 6 200 OK\n", f.transaction)
			}
		})
	})
	relp.Protocol = RELPTLS
	for _, a := range []Address{stream, relp} {
		t.Run(string(a.Protocol), func(t *testing.T) {
			t.Parallel()
			o := standard(a)
			o.Timeout = 2 * time.Second
			o.TLS = TLSOptions{CAFile: p.Authority, CertFile: p.ClientCert, KeyFile: p.ClientKey}
			var acked bytes.Buffer
			o.Delivered = func(r []byte) error { acked.Write(r); return nil }
			if tally, err := send(t, strings.NewReader(records), o); err != nil || acked.String() != records {
				t.Errorf("%v, handed on %q, %+v", err, &acked, tally)
			}
		})
	}
}

// Once a receiver has ended TLS with close_notify, less than that is no orderly end.
func TestTLSWithoutNotify(t *testing.T) {
	p := certificates(t)
	conf := &tls.Config{Certificates: []tls.Certificate{pair(t, p.Cert, p.Key)}}
	var got inbox
	a := tlsReceiver(t, conf, func(n int, c *tls.Conn) {
		data, _ := io.ReadAll(c)
		got.add(n, data)
		if n != 1 {
			c.Close() // says goodbye
		}
	})
	o := standard(a)
	o.TLS.CAFile = p.Authority
	o.Delivered = func([]byte) error { return nil }
	r, w := io.Pipe()
	done := make(chan Tally)
	go func() {
		tally, err := send(t, r, o)
		if err != nil {
			t.Error(err)
		}
		done <- tally
	}()
	io.WriteString(w, "{\"a\":1}\n")
	time.Sleep(ackWithin + 300*time.Millisecond)
	io.WriteString(w, "{\"a\":2}\n")
	w.Close()
	tally := <-done
	if want := "{\"a\":1}\n/{\"a\":2}\n/{\"a\":2}\n"; got.String() != want || tally.Resent != 1 {
		t.Errorf("the receiver got %q, %+v, want %q", &got, tally, want)
	}
}

// An input that falls silent does not keep what it gave waiting, and connections that carry
// nothing are not opened one after the other.
func TestIdleInput(t *testing.T) {
	var got inbox
	a := receiver(t, func(n int, c *net.TCPConn) { data, _ := io.ReadAll(c); got.add(n, data) })
	o := standard(a)
	acked := make(chan string, 10)
	o.Delivered = func(r []byte) error { acked <- string(r); return nil }
	r, w := io.Pipe()
	done := make(chan Tally)
	go func() {
		tally, err := send(t, r, o)
		if err != nil {
			t.Error(err)
		}
		done <- tally
	}()
	begin := time.Now()
	io.WriteString(w, "{\"a\":1}\n")
	select {
	case <-acked:
		if took := time.Since(begin); took < ackWithin {
			t.Errorf("delivered after %v, before anything was due", took)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the record was not delivered while the input was silent")
	}
	time.Sleep(2 * ackWithin)
	w.Close()
	if tally := <-done; tally.Connections != 2 {
		t.Errorf("%+v, want one connection for the record and one that waits for the next", tally)
	}
}

// A receiver that ends a connection which nobody uses is not one that fails: it is not complained
// about, and --retry-for does not begin.
func TestReceiverEndsAnIdleConnection(t *testing.T) {
	end := make(chan struct{})
	a := receiver(t, func(n int, c *net.TCPConn) {
		if n%2 == 0 {
			io.Copy(io.Discard, c)
		} else { // the next one, on which nothing is sent
			<-end
		}
	})
	logged := make(chan string, 100)
	o := standard(a)
	o.Log = slog.New(slog.NewTextHandler(writer(func(p []byte) { logged <- string(p) }), &slog.HandlerOptions{Level: slog.LevelDebug}))
	acked := make(chan string, 10)
	o.Delivered = func(r []byte) error { acked <- string(r); return nil }
	in, out := io.Pipe()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Send(t.Context(), in) }()
	for i := range 2 {
		fmt.Fprintf(out, "{\"a\":%d}\n", i)
		select {
		case <-acked:
		case err := <-done:
			t.Fatal(err)
		}
		end <- struct{}{}
		for idle := false; !idle; {
			line := <-logged
			if strings.Contains(line, "connection lost") {
				t.Fatal(line)
			}
			idle = strings.Contains(line, "idle connection closed")
		}
		if !s.failing.IsZero() {
			t.Error("it counts as failing")
		}
	}
	out.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if tally := s.Tally(); tally.Delivered != 2 || tally.Resent > 0 {
		t.Errorf("%+v", tally)
	}
}

// A writer hands on what is written.
type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// A receiver that never ends its half: nothing counts as delivered, and the run ends.
func TestReceiverThatDoesNotEnd(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	a := receiver(t, func(n int, c *net.TCPConn) { io.Copy(io.Discard, c); <-stop })
	for _, ack := range []bool{false, true} {
		o := standard(a)
		o.Timeout, o.RetryFor = 150*time.Millisecond, 300*time.Millisecond
		if ack {
			o.Delivered = func(r []byte) error { t.Errorf("%q handed on", r); return nil }
		}
		tally, err := send(t, strings.NewReader("{}\n{}\n{}\n"), o)
		var exit interface{ ExitCode() int }
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.HasPrefix(err.Error(), "3 records are not known to be delivered: ") || !strings.Contains(err.Error(), "did not close the connection") {
			t.Errorf("ack %v: %v, %+v", ack, err, tally)
		}
	}
}

// Where nobody is reached, the records that are there are counted, though the connection fails
// before they are read; input that may have more is not waited for.
func TestUnreachedReceiverSaysHowMany(t *testing.T) {
	for _, c := range []struct {
		in   func() io.Reader
		says string
	}{
		{func() io.Reader { return &late{strings.NewReader("{}\n{}\n{}\n")} }, "3 records are not known to be delivered: cannot connect to "},
		{func() io.Reader { return io.MultiReader(&late{strings.NewReader("{}\n{}\n")}, waiting(t)) }, "at least 2 records are not known to be delivered: cannot connect to "},
		{func() io.Reader { return strings.NewReader("") }, "cannot connect to "},
	} {
		var err error
		for range 10 { // a busy machine may be too slow for the moment there is
			if _, err = send(t, c.in(), standard(Address{Protocol: TCP, Host: "127.0.0.1", Port: 1})); err != nil && strings.HasPrefix(err.Error(), c.says) {
				break
			}
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%v; want %s", err, c.says)
		}
	}
}

// late is input that is there a little after it was asked for.
type late struct{ *strings.Reader }

func (l *late) Read(p []byte) (int, error) {
	time.Sleep(10 * time.Millisecond)
	return l.Reader.Read(p)
}

// waiting is input that comes to no end.
func waiting(t *testing.T) io.Reader {
	r, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	return r
}

// A slow receiver is waited for, gets each record once, and holds the input back.
func TestSlowReceiver(t *testing.T) {
	data := sessions(6000, false)
	var got inbox
	a := receiver(t, func(n int, c *net.TCPConn) {
		c.SetReadBuffer(16 << 10)
		buf := make([]byte, 32<<10)
		for {
			k, err := c.Read(buf)
			got.add(0, buf[:k])
			if err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	o := standard(a)
	o.ResendBuffer = 256 << 10
	o.Timeout = 2 * time.Second
	in := &metered{r: bytes.NewReader(data)}
	var acked int
	o.Delivered = func(r []byte) error {
		if acked += len(r); in.total()-acked > o.ResendBuffer+512<<10 {
			t.Errorf("%d bytes were read ahead of what is delivered", in.total()-acked)
		}
		return nil
	}
	tally, err := send(t, in, o)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(data) || tally.Resent != 0 {
		t.Errorf("%d bytes arrived of %d, %+v", len(got.String()), len(data), tally)
	}
}

// metered counts what is read.
type metered struct {
	r  io.Reader
	mu sync.Mutex
	n  int
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.r.Read(p[:min(len(p), 16<<10)])
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n += n
	return n, err
}

func (m *metered) total() int { m.mu.Lock(); defer m.mu.Unlock(); return m.n }

// A receiver that takes nothing at all: the input stops at the size of the buffer, and a context
// that ends is heeded, long before the receiver's time is over.
func TestStuckReceiverHoldsTheInputAndEnds(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	a := receiver(t, func(n int, c *net.TCPConn) { c.SetReadBuffer(4 << 10); <-stop })
	s, err := New(func() Options { o := standard(a); o.ResendBuffer, o.Timeout = 512<<10, time.Hour; return o }())
	if err != nil {
		t.Fatal(err)
	}
	in := &metered{r: neverending{}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Send(ctx, in) }()
	before := -1
	for before <= 0 || in.total() != before {
		before = in.total()
		time.Sleep(300 * time.Millisecond)
	}
	if before > 1<<20 {
		t.Errorf("%d bytes were read with a buffer of %d", before, 512<<10)
	}
	cancel()
	select {
	case err = <-done:
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	if most := lastMoments + countMoment; most > 1800*time.Millisecond {
		t.Errorf("%v are more than a tool has after a signal", most)
	}
	if err == nil || !strings.Contains(err.Error(), "not known to be delivered: context canceled") {
		t.Errorf("got %v", err)
	}
}

type neverending struct{}

func (neverending) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte(`{"sessionId":"x"}`+"\n"), 100)), nil
}

// A run that is stopped learns what was delivered before it ends.
func TestStoppedRunConfirms(t *testing.T) {
	var got inbox
	arrived := make(chan struct{}, 1)
	a := receiver(t, func(n int, c *net.TCPConn) {
		got.add(n, readLines(c, 1))
		arrived <- struct{}{}
		io.Copy(io.Discard, c)
	})
	o := standard(a)
	var acked bytes.Buffer
	o.Delivered = func(r []byte) error { acked.Write(r); return nil }
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer w.Close()
	done := make(chan error)
	go func() { done <- s.Send(ctx, r) }()
	io.WriteString(w, "{\"a\":1}\n")
	<-arrived
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if acked.String() != "{\"a\":1}\n" {
		t.Errorf("handed on %q", &acked)
	}
}

// What is wrong with a receiver is said at the first contact, within the timeout.
func TestFirstContact(t *testing.T) {
	p := certificates(t)
	silent := receiver(t, func(n int, c *net.TCPConn) { io.Copy(io.Discard, c) })
	talking := receiver(t, func(n int, c *net.TCPConn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); readLines(c, 1) })
	secure := func(conf *tls.Config, cert, key string) Address {
		conf.Certificates = []tls.Certificate{pair(t, cert, key)}
		return tlsReceiver(t, conf, func(n int, c *tls.Conn) { io.Copy(io.Discard, c) })
	}
	good := secure(&tls.Config{}, p.Cert, p.Key)
	old := secure(&tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, p.Cert, p.Key)
	expired := secure(&tls.Config{}, p.ExpiredCert, p.Key)
	elsewhere := secure(&tls.Config{}, p.WrongCert, p.WrongKey)
	asking := secure(&tls.Config{ClientAuth: tls.RequireAnyClientCert}, p.Cert, p.Key)
	asking12 := secure(&tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, p.Cert, p.Key)
	closed := Address{TCP, "127.0.0.1", closedPort(t)}
	with := func(a Address, p Protocol) Address { a.Protocol = p; return a }
	for name, c := range map[string]struct {
		address    Address
		tls        TLSOptions
		want, hint string
	}{
		"refused":              {closed, TLSOptions{}, "connection refused", fmt.Sprintf("port %d", closed.Port)},
		"refused, TLS":         {with(closed, TLSTCP), TLSOptions{}, "connection refused", ""},
		"refused, RELP":        {with(closed, RELP), TLSOptions{}, "connection refused", ""},
		"refused, UDP":         {with(closed, UDP), TLSOptions{}, "refuses datagrams: nobody listens on the port", ""},
		"no such name":         {Address{TCP, "no-such-host.invalid", 601}, TLSOptions{}, "cannot resolve the name no-such-host.invalid: ", ""},
		"no such name, UDP":    {Address{UDP, "no-such-host.invalid", 601}, TLSOptions{}, "cannot resolve the name no-such-host.invalid: ", ""},
		"TCP to TLS":           {with(good, TCP), TLSOptions{}, "speaks TLS on this port", "use TLS-TCP:"},
		"RELP to TLS":          {with(good, RELP), TLSOptions{}, "speaks TLS on this port", "use RELP-TLS:"},
		"TLS to TCP":           {with(silent, TLSTCP), TLSOptions{}, "the port may not speak TLS", "TCP:127.0.0.1"},
		"TLS to an answer":     {with(talking, TLSTCP), TLSOptions{}, "does not speak TLS on this port: it answered in plain text", "TCP:127.0.0.1"},
		"RELP-TLS to TCP":      {with(silent, RELPTLS), TLSOptions{}, "the port may not speak TLS", "RELP:127.0.0.1"},
		"TCP to an answer":     {talking, TLSOptions{}, `does not speak syslog on this port: it answered "HTTP/1.1 400 Bad Request`, ""},
		"RELP to TCP":          {with(silent, RELP), TLSOptions{}, "does not speak RELP on this port: no answer within", "TCP:127.0.0.1"},
		"RELP to an answer":    {with(talking, RELP), TLSOptions{}, "does not speak RELP on this port: its answer is something else", ""},
		"RELP-TLS to TLS":      {with(good, RELPTLS), TLSOptions{CAFile: p.Authority}, "does not speak RELP on this port: no answer within", "TLS-TCP:127.0.0.1"},
		"unknown authority":    {good, TLSOptions{CAFile: p.OtherAuthority}, `the certificate "localhost" (issued by "test authority") is signed by an authority that is not trusted`, "--certs"},
		"the system's roots":   {good, TLSOptions{}, "is signed by an authority that is not trusted", "--certs"},
		"expired":              {expired, TLSOptions{CAFile: p.Authority}, "has expired", ""},
		"another's":            {elsewhere, TLSOptions{CAFile: p.Authority}, "does not prove itself: ", ""},
		"another's, by name":   {Address{TLSTCP, "localhost", elsewhere.Port}, TLSOptions{CAFile: p.Authority}, "certificate is valid for elsewhere.example, not localhost", ""},
		"TLS 1.1":              {old, TLSOptions{CAFile: p.Authority}, "protocol version", ""},
		"no client cert":       {asking, TLSOptions{CAFile: p.Authority}, "refused our TLS: tls: certificate required", "--cert and --key"},
		"no client cert, 1.2":  {asking12, TLSOptions{CAFile: p.Authority}, "refused our TLS: tls: ", "--cert and --key"},
		"no client cert, RELP": {with(asking, RELPTLS), TLSOptions{CAFile: p.Authority}, "refused our TLS: tls: certificate required", "--cert and --key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := standard(c.address)
			o.TLS = c.tls
			if c.address.Port == silent.Port || c.address == with(good, RELPTLS) { // nothing comes, ever
				o.Timeout = time.Second
			}
			_, err := send(t, strings.NewReader("{\"a\":1}\n{\"a\":2}\n"), o)
			if err == nil {
				t.Fatal("no error")
			}
			var exit interface{ ExitCode() int }
			var help interface{ Hint() string }
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("exit status of %v", err)
			}
			if errors.Is(err, syscall.EPIPE) {
				t.Errorf("%v unwraps to a broken pipe, which stands for a reader of ours that went away", err)
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "tried for") {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if c.hint != "" && (!errors.As(err, &help) || !strings.Contains(help.Hint(), c.hint)) {
				t.Errorf("hint of %v: want %q", err, c.hint)
			}
		})
	}
	for name, c := range map[string]struct {
		address Address
		tls     TLSOptions
	}{
		"trusted":        {good, TLSOptions{CAFile: p.Authority}},
		"trusted itself": {good, TLSOptions{CAFile: p.Cert}},
		"unchecked":      {elsewhere, TLSOptions{Insecure: true}},
		"client cert":    {asking, TLSOptions{CAFile: p.Authority, CertFile: p.ClientCert, KeyFile: p.ClientKey}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := standard(c.address)
			o.TLS = c.tls
			if tally, err := send(t, strings.NewReader("{\"a\":1}\n"), o); err != nil || tally.Delivered != 1 {
				t.Errorf("%v, %+v", err, tally)
			}
		})
	}
}

// The system's roots are what SSL_CERT_FILE says, where no --certs are given.
func TestOptionsThatContradictThemselves(t *testing.T) {
	p := certificates(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	os.WriteFile(empty, []byte("nothing\n"), 0o600)
	for want, change := range map[string]func(o *Options){
		"--certs is of no use without TLS, and TCP:127.0.0.1:601 has none":           func(o *Options) { o.TLS.CAFile = p.Authority },
		"--ignore-cert-validation is of no use without TLS, and UDP:127.0.0.1:601":   func(o *Options) { o.Address.Protocol, o.TLS.Insecure = UDP, true },
		"--cert is of no use without TLS":                                            func(o *Options) { o.Address.Protocol, o.TLS.CertFile = RELP, p.Cert },
		"--key is of no use without TLS":                                             func(o *Options) { o.TLS.KeyFile = p.Key },
		"--certs and --ignore-cert-validation contradict each other":                 func(o *Options) { o.Address.Protocol, o.TLS.CAFile, o.TLS.Insecure = TLSTCP, p.Authority, true },
		"--cert needs --key":                                                         func(o *Options) { o.Address.Protocol, o.TLS.CertFile = TLSTCP, p.Cert },
		"--key needs --cert":                                                         func(o *Options) { o.Address.Protocol, o.TLS.KeyFile = RELPTLS, p.Key },
		"cannot read --certs: open nowhere.pem":                                      func(o *Options) { o.Address.Protocol, o.TLS.CAFile = TLSTCP, "nowhere.pem" },
		"holds no PEM certificate":                                                   func(o *Options) { o.Address.Protocol, o.TLS.CAFile = TLSTCP, empty },
		"cannot use the client certificate":                                          func(o *Options) { o.Address.Protocol, o.TLS.CertFile, o.TLS.KeyFile = TLSTCP, p.Cert, p.ClientKey },
		"--max-size 65508: a UDP datagram holds at most 65507 bytes":                 func(o *Options) { o.Address.Protocol, o.MaxSize = UDP, 65508 },
		`app name "a b": only printable ASCII characters without spaces are allowed`: func(o *Options) { o.Format, o.Header.AppName = RFC5424, "a b" },
		"--timeout must be more than nothing":                                        func(o *Options) { o.Timeout = 0 },
		"--resend-buffer 1: it must be at least 65536 bytes":                         func(o *Options) { o.ResendBuffer = 1 },
	} {
		o := standard(Address{TCP, "127.0.0.1", 601})
		change(&o)
		_, err := New(o)
		var exit interface{ ExitCode() int }
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// A line that is no record, or too large, ends the run once all before it is delivered.
func TestBadLines(t *testing.T) {
	big := `{"a":"` + strings.Repeat("ö", 100) + `"}`
	for _, c := range []struct {
		name     string
		change   func(o *Options)
		in       string
		got      string // "" for not looked at
		acked    string
		err      string
		code     int
		skipped  int
		shortens int
	}{
		{"not JSON", func(o *Options) { o.Format = RFC3164 }, "{\"a\":1}\n\n{\"a\":\n{\"a\":3}\n", "", "{\"a\":1}\n", "line 3: not JSON", 2, 0, 0},
		{"not an object", func(o *Options) { o.Format = CEF }, "{\"a\":1}\n[1]\n", "", "{\"a\":1}\n", "line 2: not a JSON object", 2, 0, 0},
		{"anything is raw", nil, "hello\n\n  \nworld\n", "hello\nworld\n", "hello\nworld\n", "", 0, 0, 0},
		{"the last line has no end", nil, "{}\n{\"a\":1}", "{}\n{\"a\":1}\n", "{}\n{\"a\":1}\n", "", 0, 0, 0},
		{"line too long", func(o *Options) { o.MaxLine = 50 }, "{}\n" + big + "\n{}\n", "{}\n", "{}\n", "line 2 is longer than 50 bytes", 2, 0, 0},
		{"too large: fail", func(o *Options) { o.MaxSize = 50 }, "{}\n" + big + "\n{}\n", "{}\n", "{}\n", "line 2: the message has 208 bytes, --max-size allows 50", 1, 0, 0},
		{"too large: skip", func(o *Options) { o.MaxSize, o.Oversize = 50, Skip }, big + "\n{}\n" + big + "\n", "{}\n", "{}\n", "2 records over 50 bytes left out", 3, 2, 0},
		{"too large: truncate", func(o *Options) { o.MaxSize, o.Oversize = 10, Truncate }, big + "\n{}\n", "{\"a\":\"öö\n{}\n", big + "\n{}\n", "", 0, 0, 1},
		{"too large: truncate, octets", func(o *Options) { o.MaxSize, o.Oversize, o.Framing = 11, Truncate, Octet }, big + "\n{}\n", "10 {\"a\":\"öö2 {}", big + "\n{}\n", "", 0, 0, 1},
		{"nothing", nil, "", "", "", "", 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got inbox
			a := receiver(t, func(n int, conn *net.TCPConn) { data, _ := io.ReadAll(conn); got.add(n, data) })
			o := standard(a)
			if c.change != nil {
				c.change(&o)
			}
			var acked bytes.Buffer
			o.Delivered = func(r []byte) error { acked.Write(r); return nil }
			tally, err := send(t, strings.NewReader(c.in), o)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got %v, want %q", err, c.err)
			}
			var exit interface{ ExitCode() int }
			if errors.As(err, &exit) && exit.ExitCode() != c.code {
				t.Errorf("exit status %d, want %d", exit.ExitCode(), c.code)
			}
			if acked.String() != c.acked || c.got != "" && got.String() != c.got {
				t.Errorf("the receiver got %q, handed on %q", &got, &acked)
			}
			if tally.Skipped != c.skipped || tally.Truncated != c.shortens {
				t.Errorf("tally %+v", tally)
			}
		})
	}
}

// An error of who the records are handed on to ends the run as it is.
func TestHandingOnFails(t *testing.T) {
	a := receiver(t, func(n int, c *net.TCPConn) { io.Copy(io.Discard, c) })
	o := standard(a)
	gone := errors.New("nobody reads")
	o.Delivered = func([]byte) error { return gone }
	if _, err := send(t, strings.NewReader("{}\n{}\n"), o); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}

// UDP: a datagram each, over IPv4 and IPv6; refusals after the first contact are told.
func TestUDP(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host)})
		if err != nil {
			if host == "::1" {
				t.Logf("no IPv6 here: %v", err)
				continue
			}
			t.Fatal(err)
		}
		defer c.Close()
		o := standard(Address{UDP, host, c.LocalAddr().(*net.UDPAddr).Port})
		tally, err := send(t, strings.NewReader("{\"a\":1}\n{\"a\":2}\n"), o)
		if err != nil || tally.Delivered != 2 {
			t.Errorf("%v, %+v", err, tally)
		}
		buf := make([]byte, 100)
		for _, want := range []string{`{"a":1}`, `{"a":2}`} {
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			n, _, err := c.ReadFrom(buf)
			if err != nil || string(buf[:n]) != want {
				t.Errorf("%s: got %q, %v", host, buf[:n], err)
			}
		}
	}
}

func TestUDPRefusedLater(t *testing.T) {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	address := c.LocalAddr().(*net.UDPAddr)
	o := standard(Address{UDP, "127.0.0.1", address.Port})
	acked := make(chan string, 100)
	o.Delivered = func(r []byte) error { acked <- string(r); return nil }
	r, w := io.Pipe()
	type end struct {
		tally Tally
		err   error
	}
	done := make(chan end)
	go func() { tally, err := send(t, r, o); done <- end{tally, err} }()
	io.WriteString(w, "{\"a\":1}\n")
	<-acked
	c.Close()
	io.WriteString(w, "{\"a\":2}\n") // sent, and refused
	<-acked
	time.Sleep(50 * time.Millisecond)
	io.WriteString(w, "{\"a\":3}\n") // not taken, kept
	time.Sleep(50 * time.Millisecond)
	if c, err = net.ListenUDP("udp", address); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := <-acked; got != "{\"a\":3}\n" {
		t.Errorf("handed on %q", got)
	}
	w.Close()
	e := <-done
	if e.err == nil || !strings.Contains(e.err.Error(), "1 datagram refused by UDP:127.0.0.1:") || e.tally.Delivered != 3 {
		t.Errorf("%v, %+v", e.err, e.tally)
	}
	buf := make([]byte, 100)
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, _, err := c.ReadFrom(buf)
	if err != nil || string(buf[:n]) != `{"a":3}` {
		t.Errorf("the receiver got %q, %v", buf[:n], err)
	}
}

// A datagram too large for UDP is a record too large.
func TestUDPTooLarge(t *testing.T) {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	o := standard(Address{UDP, "127.0.0.1", c.LocalAddr().(*net.UDPAddr).Port})
	fits := `{"a":"` + strings.Repeat("x", MaxDatagram-8) + `"}`
	tally, err := send(t, strings.NewReader(fits+"\n{\"b\":"+fits+"}\n"), o)
	if err == nil || !strings.Contains(err.Error(), "line 2: the message has 65513 bytes, a UDP datagram allows 65507") || tally.Delivered != 1 {
		t.Errorf("%v, %+v", err, tally)
	}
}
