package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A line is a TCP or TLS connection whose every wait is bounded.
type line struct {
	net.Conn // what messages are written to: the TLS connection where there is one
	tcp      *net.TCPConn
	raw      *noting       // under TLS, nil without
	trip     time.Duration // how long the connection took to be made

	mu     sync.Mutex
	hasten time.Time // no wait goes beyond this, once it is set
}

// noting is the connection below TLS. It notes whether that one ended, which crypto/tls does not
// tell apart from an end that the peer announced.
type noting struct {
	net.Conn
	ended atomic.Bool
}

func (n *noting) Read(p []byte) (int, error) {
	k, err := n.Conn.Read(p)
	if errors.Is(err, io.EOF) {
		n.ended.Store(true)
	}
	return k, err
}

// keepAlive notices a receiving host that is gone while the connection is idle within a minute.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 9}

// dialLine connects, and agrees on TLS where conf is not nil, both within the timeout.
func dialLine(ctx context.Context, a Address, conf *tls.Config, timeout time.Duration) (*line, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	begin := time.Now()
	dialer := net.Dialer{KeepAliveConfig: keepAlive}
	conn, err := dialer.DialContext(ctx, "tcp", a.dial())
	if err != nil {
		return nil, err
	}
	l := &line{Conn: conn, tcp: conn.(*net.TCPConn), trip: time.Since(begin)}
	if conf == nil {
		return l, nil
	}
	l.raw = &noting{Conn: conn}
	secure := tls.Client(l.raw, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, &handshakeError{err}
	}
	l.Conn = secure
	return l, nil
}

// handshakeError marks an error of the TLS handshake, for explain.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// limit is when a wait of that patience ends that begins now.
func (l *line) limit(patience time.Duration) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := time.Now().Add(patience)
	if !l.hasten.IsZero() && l.hasten.Before(t) {
		t = l.hasten
	}
	return t
}

// hurry ends every wait at the given time, those under way too.
func (l *line) hurry(by time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hasten = by
	l.tcp.SetDeadline(by)
}

// patient bounds the following writes.
func (l *line) patient(patience time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hasten.IsZero() {
		l.tcp.SetWriteDeadline(time.Now().Add(patience))
	}
}

// piece is how many bytes are written at a time: a write that the receiver takes some of within
// the patience is not stuck, but TLS cannot go on after one that it took only a part of.
const piece = 128 << 10

// writeAll writes p; each piece may take as long as the patience.
func (l *line) writeAll(p []byte, patience time.Duration) error {
	for len(p) > 0 {
		n := min(len(p), piece)
		l.patient(patience)
		if _, err := l.Write(p[:n]); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return &stalled{patience, "took no more data"}
			}
			return err
		}
		p = p[n:]
	}
	return nil
}

// closeWrite says that nothing more will be written, with TLS's close_notify where there is TLS.
func (l *line) closeWrite(patience time.Duration) error {
	l.patient(patience)
	if secure, ok := l.Conn.(*tls.Conn); ok {
		if err := secure.CloseWrite(); err != nil {
			return err
		}
	}
	return l.tcp.CloseWrite()
}

// abort closes the connection without any order: what the receiver has not read may be lost.
func (l *line) abort() {
	l.tcp.SetLinger(0)
	l.tcp.Close()
}

// stalled says that the receiver did nothing for as long as it was waited for.
type stalled struct {
	patience time.Duration
	what     string
}

func (e *stalled) Error() string {
	return fmt.Sprintf("the receiver %s for %v", e.what, e.patience)
}
