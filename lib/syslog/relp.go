package syslog

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// window is how many records may wait for their acknowledgement. librelp's own client has 128;
// its server takes any number.
const window = 8192

// A relp is a RELP session: every record is a command that the receiver answers once it has taken
// it. The two Go libraries there are wait for each record, or each batch, before the next one.
type relp struct {
	*line
	r       *bufio.Reader
	out     []byte
	next    int // the number of the next command
	over    chan struct{}
	token   chan struct{}
	goodbye int // the number of our close, 0 before it

	mu       sync.Mutex
	err      error
	oldest   int    // the number of the oldest command without an answer
	waiting  int    // commands without an answer, or with an answer out of turn
	answered []bool // of those, which have one, from the oldest
	acks     int    // answers not yet reported by settled
}

// openRELP starts a session on a new connection.
func openRELP(l *line, timeout time.Duration) (*relp, error) {
	s := &relp{line: l, r: bufio.NewReaderSize(l, 16<<10), next: 1, over: make(chan struct{}), token: make(chan struct{}, 1)}
	offer := "relp_version=0\nrelp_software=sess-syslog\ncommands=syslog\n"
	l.patient(timeout)
	l.tcp.SetReadDeadline(time.Now().Add(timeout))
	if _, err := l.Write(appendFrame(nil, s.number(), "open", []byte(offer))); err != nil {
		return nil, &openError{err}
	}
	first, _ := s.r.Peek(3)
	if s.raw == nil && isTLS(first) {
		return nil, errSpeaksTLS
	}
	f, err := readFrame(s.r)
	if err != nil {
		return nil, &openError{err}
	}
	code, words, more, err := f.answer()
	switch {
	case err != nil || f.transaction != 1:
		return nil, &openError{errNotRELP}
	case code != 200:
		return nil, &openError{refusal(code, words)}
	case !strings.Contains(","+offers(more)["commands"]+",", ",syslog,"):
		return nil, &openError{errors.New("the receiver does not offer the command syslog")}
	}
	l.tcp.SetReadDeadline(time.Time{})
	s.oldest = s.next
	go s.listen()
	return s, nil
}

// errSpeaksTLS says that a plain connection was answered by TLS.
var errSpeaksTLS = errors.New("the receiver answered in TLS")

// openError marks an error of the opening of a session, for explainRELP.
type openError struct{ err error }

func (e *openError) Error() string { return e.err.Error() }
func (e *openError) Unwrap() error { return e.err }

// explainRELP explains what went wrong between the connection and the first record.
func explainRELP(a Address, timeout time.Duration, err error) *connectError {
	e := &connectError{hint: fmt.Sprintf("%s sends by plain syslog", Address{TCP, a.Host, a.Port})}
	if a.Protocol.TLS() {
		e.hint = fmt.Sprintf("%s sends by plain syslog over TLS", Address{TLSTCP, a.Host, a.Port})
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		e.what = fmt.Sprintf("%s does not speak RELP on this port: no answer within %v", a, timeout)
	case errors.Is(err, errNotRELP):
		e.what = fmt.Sprintf("%s does not speak RELP on this port: its answer is something else", a)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		e.what = fmt.Sprintf("%s closed the connection instead of opening a RELP session", a)
	default:
		e.what = fmt.Sprintf("cannot open a RELP session with %s: %s", a, lastOf(err))
	}
	return e
}

// number takes the next transaction number.
func (s *relp) number() int {
	n := s.next
	s.next = after(n, 1)
	return n
}

// after is the transaction number k after n.
func after(n, k int) int { return (n-1+k)%maxTransaction + 1 }

// write sends each message as a command and waits where the window is full.
func (s *relp) write(b batch, patience time.Duration) error {
	var err error
	b.each(func(m []byte) {
		if err != nil {
			return
		}
		if !s.claim() {
			if err = s.flush(patience); err == nil {
				err = s.await(patience, s.half)
			}
			if err != nil {
				return
			}
			s.claim()
		}
		s.out = appendFrame(s.out, s.number(), "syslog", m)
		if len(s.out) >= piece {
			err = s.flush(patience)
		}
	})
	if err == nil {
		err = s.flush(patience)
	}
	return err
}

func (s *relp) flush(patience time.Duration) error {
	err := s.writeAll(s.out, patience)
	if s.out = s.out[:0]; cap(s.out) > 1<<20 {
		s.out = nil // one long message must not be paid for until the end
	}
	if err != nil {
		if d := s.down(); d != nil {
			return d // why, where the write only knows that
		}
	}
	return err
}

// claim takes a place in the window; false where there is none.
func (s *relp) claim() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting >= window {
		return false
	}
	s.waiting++
	s.answered = append(s.answered, false)
	return true
}

// half reports whether half of the window is free: records that are sent one by one, as the
// acknowledgements come, cost more than they gain.
func (s *relp) half() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting <= window/2
}

// await waits until ok is true; the receiver may answer nothing for as long as the patience.
func (s *relp) await(patience time.Duration, ok func() bool) error {
	limit := s.limit(patience)
	timer := time.NewTicker(4 * tick)
	defer timer.Stop()
	for !ok() {
		select {
		case <-s.token:
			limit = s.limit(patience)
			if err := s.down(); err != nil {
				return err
			}
		case <-timer.C:
			if now := time.Now(); now.After(limit) || now.After(s.limit(patience)) {
				return &stalled{patience, "acknowledged nothing"}
			}
		}
	}
	token(s.token) // the sender has not seen what was answered meanwhile
	return nil
}

// listen reads the answers.
func (s *relp) listen() {
	defer close(s.over)
	for {
		f, err := readFrame(s.r)
		if err == nil {
			err = s.take(f)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errClosedEarly
			}
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
			token(s.token)
			return
		}
		if s.r.Buffered() == 0 {
			token(s.token)
		}
	}
}

// farewell is how long a receiver has to answer our close, which decides about nothing any more.
const farewell = 200 * time.Millisecond

// errLeft says that the receiver has answered our close.
var errLeft = errors.New("the session is closed")

// take notes an answer. Receivers may answer in any order, but a record counts as delivered only
// with all those before it.
func (s *relp) take(f frame) error {
	if f.command == "serverclose" {
		return errors.New("the receiver closed the session")
	}
	code, words, _, err := f.answer()
	if err != nil {
		if s.isGoodbye(f) {
			return errLeft
		}
		return err
	}
	if s.isGoodbye(f) {
		return errLeft
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := (f.transaction - s.oldest + maxTransaction) % maxTransaction
	if f.transaction < 1 || i >= s.waiting || s.answered[i] {
		return fmt.Errorf("the receiver acknowledged record %d, which it was not waited for", f.transaction)
	}
	if code != 200 {
		return refusal(code, words)
	}
	s.answered[i] = true
	n := 0
	for n < s.waiting && s.answered[n] {
		n++
	}
	s.answered = append(s.answered[:0], s.answered[n:]...)
	s.waiting -= n
	s.acks += n
	s.oldest = after(s.oldest, n)
	return nil
}

// isGoodbye reports whether the frame answers our close, which librelp does without a code.
func (s *relp) isGoodbye(f frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.goodbye != 0 && f.command == "rsp" && f.transaction == s.goodbye
}

func (s *relp) settled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.acks
	s.acks = 0
	return n
}

func (s *relp) changed() <-chan struct{} { return s.token }
func (s *relp) abandon()                 { s.abort() }

func (s *relp) down() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// finish waits for the last acknowledgements and takes leave. What follows them no longer
// decides about anything.
func (s *relp) finish(h how) error {
	all := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.waiting == 0
	}
	if err := s.await(h.patience, all); err != nil {
		s.abort()
		return err
	}
	defer s.tcp.Close()
	s.mu.Lock()
	s.goodbye = s.number()
	s.mu.Unlock()
	s.patient(h.patience)
	if _, err := s.Write(appendFrame(nil, s.goodbye, "close", []byte("\n"))); err != nil {
		return nil
	}
	select {
	case <-s.over:
	case <-time.After(min(h.patience, farewell)):
	}
	if _, ok := s.Conn.(*tls.Conn); ok {
		s.closeWrite(farewell)
	}
	return nil
}
