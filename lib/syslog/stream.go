package syslog

import (
	"crypto/tls"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"
)

// A stream is a TCP or TLS connection that carries framed messages. Syslog over a stream has no
// acknowledgements, so what was written is known to be delivered only when the stream was closed
// in order: we close our half, the receiver reads to the end and closes its own.
type stream struct {
	*line
	framing Framing
	frames  []byte        // for octet counting
	first   time.Time     // when something was written first
	took    time.Duration // how long the receiver took to end its half after ours
	traced  bool          // the kernel says what became of the connection after its end

	over     chan struct{} // closed when the receiver's half ended, with overErr and notified set
	overErr  error
	notified bool // it ended with close_notify
	token    chan struct{}

	mu   sync.Mutex
	said []byte // the first bytes from the receiver, which has nothing to say in this protocol
}

// saidMost is how much is kept of what the receiver says.
const saidMost = 80

func newStream(l *line, f Framing) *stream {
	s := &stream{line: l, framing: f, over: make(chan struct{}), token: make(chan struct{}, 1)}
	go s.listen()
	return s
}

// listen reads until the receiver's half ends: nothing is expected but the end.
func (s *stream) listen() {
	buf := make([]byte, 512)
	for {
		n, err := s.Read(buf)
		if n > 0 {
			s.mu.Lock()
			s.said = append(s.said, buf[:min(n, saidMost-len(s.said))]...)
			s.mu.Unlock()
		}
		if err != nil {
			s.heardEnd(err)
			return
		}
	}
}

// heardEnd notes how the receiver's half ended. A receiver that is stopped in order may announce its
// end and only then close a socket with unread data in it; so what TLS says counts together with
// what TCP says after it.
func (s *stream) heardEnd(err error) {
	if errors.Is(err, io.EOF) && s.raw != nil && !s.raw.ended.Load() {
		s.notified = true
		if _, reset := io.Copy(io.Discard, s.tcp); reset != nil {
			err = reset
		}
	}
	s.overErr = err
	close(s.over)
	token(s.token)
}

// answer is what the receiver said, nil for nothing.
func (s *stream) answer() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said
}

func (s *stream) settled() int             { return 0 }
func (s *stream) changed() <-chan struct{} { return s.token }
func (s *stream) abandon()                 { s.abort() }

// down: a receiver that ends its half before we ended ours is not in order.
func (s *stream) down() error {
	select {
	case <-s.over:
		if errors.Is(s.overErr, io.EOF) {
			return errClosedEarly
		}
		return s.overErr
	default:
		return nil
	}
}

var errClosedEarly = errors.New("the receiver closed the connection")

func (s *stream) write(b batch, patience time.Duration) error {
	if s.first.IsZero() {
		s.first = time.Now()
	}
	data := b.data
	if s.framing == Octet {
		s.frames = s.frames[:0]
		b.each(func(m []byte) { s.frames = appendOctets(s.frames, m[:len(m)-1]) })
		data = s.frames
		if cap(s.frames) > 1<<20 {
			s.frames = nil // one long message must not be paid for until the end
		}
	}
	err := s.writeAll(data, patience)
	if err == nil {
		return nil
	}
	// A receiver that closes has perhaps said why.
	select {
	case <-s.over:
		if isAlert(s.overErr) {
			return s.overErr
		}
	case <-time.After(10 * tick):
	}
	return err
}

// tick is how often the state of a connection is looked at while waiting for its end.
const tick = 5 * time.Millisecond

// finish closes the stream in order.
func (s *stream) finish(h how) error {
	if s.first.IsZero() { // nothing was written, so nothing is to be known
		s.closeWrite(h.patience)
		return s.tcp.Close()
	}
	if err := s.end(h); err != nil {
		s.abort()
		return err
	}
	return s.tcp.Close()
}

func (s *stream) end(h how) error {
	if err := s.quieten(h); err != nil {
		return err
	}
	if err := s.down(); err != nil {
		return err
	}
	traced := traceable(s.tcp)
	begin := time.Now()
	ours, err := s.endOurs(h.patience)
	if err != nil {
		return err
	}
	s.traced = ours && traced
	if err := s.await(h.patience); err != nil {
		return err
	}
	s.took = time.Since(begin)
	switch {
	case !errors.Is(s.overErr, io.EOF):
		return s.overErr
	case h.notify && !s.notified:
		return errors.New("the receiver ended the connection without TLS's close_notify")
	}
	// A receiver that closed without having read everything resets the connection. Its kernel
	// has acknowledged every byte when that can no longer happen, unless it had ended its half
	// before it closed: then the reset follows the end.
	if err := s.drain(h.patience); err != nil {
		return err
	}
	if !ours || traced {
		time.Sleep(h.moment)
	}
	if !ours && gone(s.tcp) {
		return syscall.ECONNRESET
	}
	return s.takenBack()
}

// takenBack returns an error when the receiver has reset the connection after it had ended it.
func (s *stream) takenBack() error {
	if s.traced && !endedInOrder(s.tcp) {
		return syscall.ECONNRESET
	}
	return nil
}

// notifyWait is how long a receiver has to end its half when TLS told it that ours has ended. One
// that does not heed close_notify needs the end of the TCP connection as well.
const notifyWait = time.Second

// endOurs ends our half; ours reports whether that ended the TCP connection's too, which would
// otherwise end after the receiver's.
func (s *stream) endOurs(patience time.Duration) (ours bool, err error) {
	s.patient(patience)
	if secure, ok := s.Conn.(*tls.Conn); ok {
		if err := secure.CloseWrite(); err != nil {
			return false, err
		}
		timer := time.NewTimer(min(patience, notifyWait))
		defer timer.Stop()
		select {
		case <-s.over:
			return false, nil
		case <-timer.C:
		}
	}
	return true, s.tcp.CloseWrite()
}

// quieten waits until the receiver has had time to read what was written and to find fault with
// it. A receiver that dies now ends its half before ours, which shows. One that dies in the
// instant between our end and its own would look as if it had read everything, and this makes that
// instant short: it begins when the receiver has nothing left to read.
func (s *stream) quieten(h how) error {
	if h.pause == 0 {
		return nil
	}
	if err := s.drain(h.patience); err != nil {
		return err
	}
	begin := time.Now()
	timer := time.NewTicker(tick)
	defer timer.Stop()
	for {
		quiet, known := silence(s.tcp)
		if !known || quiet > time.Since(begin) {
			quiet = time.Since(begin)
		}
		if quiet >= h.pause || time.Since(begin) > 20*h.pause || time.Now().After(s.limit(h.patience)) {
			return nil
		}
		select {
		case <-s.over:
			return s.down()
		case <-timer.C:
		}
	}
}

// drain waits until the receiving kernel has acknowledged everything.
func (s *stream) drain(patience time.Duration) error {
	left, _ := unacknowledged(s.tcp)
	if left == 0 {
		return nil
	}
	limit := s.limit(patience)
	timer := time.NewTicker(tick)
	defer timer.Stop()
	for {
		n, ok := unacknowledged(s.tcp)
		switch {
		case !ok || n == 0:
			return nil
		case gone(s.tcp): // after the receiver's end of its half, listen does not hear of a reset
			return syscall.ECONNRESET
		case n < left:
			left, limit = n, s.limit(patience)
		case time.Now().After(limit) || time.Now().After(s.limit(patience)):
			return &stalled{patience, "acknowledged nothing"}
		}
		select {
		case <-s.over:
			if !errors.Is(s.overErr, io.EOF) {
				return s.overErr
			}
			<-timer.C
		case <-timer.C:
		}
	}
}

// await waits for the end of the receiver's half.
func (s *stream) await(patience time.Duration) error {
	left, _ := unacknowledged(s.tcp)
	limit := s.limit(patience)
	timer := time.NewTicker(tick)
	defer timer.Stop()
	for {
		select {
		case <-s.over:
			return nil
		case <-timer.C:
		}
		if n, ok := unacknowledged(s.tcp); ok && n < left {
			left, limit = n, s.limit(patience)
		}
		if now := time.Now(); now.After(limit) || now.After(s.limit(patience)) {
			return &stalled{patience, "did not close the connection after its end"}
		}
	}
}
