package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	takeMost     = 256 << 10               // bytes sent at a time
	ackWithin    = time.Second             // how long a record waits for its stream to be closed, with Delivered
	idleClose    = 5 * time.Second         // how long a stream lies idle before it is closed, without
	quietPause   = 50 * time.Millisecond   // how long a receiver is quiet before its stream is closed
	mostPause    = time.Second             // the same, for one that was slow to end the last one
	readWithin   = 10 * time.Nanosecond    // a byte; the same, for a stream that carried much
	ackMoment    = 20 * time.Millisecond   // how long a reset may take that follows a receiver's end, with Delivered
	longMoment   = 5 * time.Millisecond    // the same at the end of a run without
	shortMoment  = time.Millisecond        // the same in the middle of one, which is to be fast
	smallCycle   = 64 << 10                // bytes: a stream is never closed for less, while there is more to send
	tooMuch      = 32 << 10                // bytes: more than a receiver of TLS reads before it finds that ours is none
	youth        = 2 * time.Second         // how long a receiver may take to find that it is the wrong one
	firstBackoff = 50 * time.Millisecond   // before the second attempt to reconnect; the first is at once
	mostBackoff  = 5 * time.Second         //
	lastMoments  = 1200 * time.Millisecond // for what is left to do after the context has ended
	countMoment  = 250 * time.Millisecond  // for input that is there to be counted, after a delivery has failed
)

// A Sender sends records to one receiver.
type Sender struct {
	Options
	tls   *tls.Config
	spool *spool

	mu    sync.Mutex
	tally Tally

	link    link // nil while there is none
	unhurry func() bool
	asked   atomic.Bool // the receiver wanted to see a client certificate
	proven  bool        // a record was delivered, so the receiver is what it should be
	notify  bool        // the receiver ends TLS with close_notify
	early   int         // streams that were lost soon, before any record was delivered
	lasts   bool        // the receiver took another connection after it had ended one

	inflight int       // records written on this link and not settled
	written  int       // bytes, likewise
	since    time.Time // the first of them was written, or for RELP, the last acknowledgement
	latest   time.Time // the last of them was written

	cycle, mostCycle int           // how many bytes a stream carries before it is closed in order
	patience         time.Duration // how long the receiver may do nothing
	failing          time.Time     // since when nothing got through; zero while all is well
	backoff          time.Duration
	took             time.Duration // how long the receiver took to end the last stream after us
}

// New checks the options and reads the files of certificates that they name. Its errors have exit
// status 2.
func New(o Options) (*Sender, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Sender{Options: o, patience: o.Timeout, spool: newSpool(o.ResendBuffer, o.Delivered != nil)}
	s.mostCycle = o.ResendBuffer / 4 * 3 // the input goes on while a stream is closed
	s.cycle = s.mostCycle
	if o.Address.Protocol.TLS() {
		var err error
		if s.tls, err = o.TLS.config(o.Address.Host, func() { s.asked.Store(true) }); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Tally is what has become of the records so far. It may be asked for at any time.
func (s *Sender) Tally() Tally {
	put, settled := s.spool.Counts()
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tally
	t.Read, t.Delivered = int(put)+t.Skipped, int(settled)
	return t
}

func (s *Sender) count(f func(t *Tally)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.tally)
}

// Send reads records, one a line, and sends each until it is known to be delivered. It returns nil
// when all of them are. Its errors say what failed and for how many records; those about the input
// have exit status 2, and what came before a bad line is delivered. It is called once.
//
// When the context ends, Send takes little more than a second to learn what has been delivered. It
// may return while a Read of in still waits.
func (s *Sender) Send(ctx context.Context, in io.Reader) error {
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	fed := make(chan error, 1)
	go func() {
		err := (&feed{Options: &s.Options, spool: s.spool, in: in, count: s.count}).run(reading)
		fed <- err
		s.spool.End()
	}()
	err := s.deliver(ctx)
	var inputErr error
	all := true
	select {
	case inputErr = <-fed:
	case <-time.After(countMoment): // it still waits for input that nobody wants any more
		all = false
	}
	stop(errGaveUp)
	t := s.Tally()
	switch {
	case err == nil:
		return s.amiss(t, inputErr)
	case errors.Is(err, errOutput):
		return err
	case t.Undelivered() > 0:
		return &undelivered{t.Undelivered(), all, err}
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}

// amiss is what there is to complain about after a delivery that went well.
func (s *Sender) amiss(t Tally, inputErr error) error {
	switch {
	case inputErr != nil:
		return inputErr
	case t.Refused > 0:
		return failed("", "%s refused by %s and lost", count(t.Refused, "datagram"), s.Address)
	case t.Skipped > 0:
		return &Fault{Code: 3, Err: fmt.Errorf("%s over %d bytes left out", count(t.Skipped, "record"), s.MaxSize)}
	}
	return nil
}

// errGaveUp ends the reading of input that will not be delivered.
var errGaveUp = errors.New("delivery has ended")

// errOutput marks an error of Delivered.
var errOutput = errors.New("cannot hand on what was delivered")

// undelivered says how many records are not known to be delivered, and why.
type undelivered struct {
	records int
	all     bool // the whole input was read
	err     error
}

func (e *undelivered) Error() string {
	least, are := "", "are"
	if !e.all {
		least = "at least "
	}
	if e.records == 1 {
		are = "is"
	}
	return fmt.Sprintf("%s%s %s not known to be delivered: %v", least, count(e.records, "record"), are, e.err)
}

func (e *undelivered) Unwrap() error { return e.err }

// ExitCode is that of a failure, whatever failed.
func (e *undelivered) ExitCode() int { return 1 }

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// deliver sends what is in the spool until its end.
func (s *Sender) deliver(ctx context.Context) error {
	defer s.drop()
	err := s.connect(ctx)
	for err == nil {
		if err = s.settle(); err != nil {
			return err
		}
		some, all := s.spool.Waiting()
		switch {
		case ctx.Err() != nil:
			return s.stop(ctx)
		case s.link != nil && s.link.down() != nil && s.proven && s.inflight == 0 && !some:
			// A receiver may end a connection that nobody uses. That is no failure, and the time
			// until the next record is not one of failing.
			s.Log.Debug("idle connection closed", "address", s.Address, "why", lastOf(s.link.down()))
			s.drop()
		case s.link != nil && s.link.down() != nil:
			err = s.lost(ctx, s.link.down())
		case s.link != nil && s.due(some, all):
			err = s.finish(ctx)
		case some && s.link == nil:
			err = s.connect(ctx)
		case some:
			err = s.send(ctx)
		case all && s.link == nil:
			return nil
		case s.stuck():
			err = s.lost(ctx, &stalled{s.patience, "acknowledged nothing"})
		default:
			s.wait(ctx)
		}
	}
	return err
}

// streams reports whether records are known to be delivered only by an orderly end.
func (s *Sender) streams() bool {
	return s.Address.Protocol == TCP || s.Address.Protocol == TLSTCP
}

// due reports whether the link is to be finished now: at the end of the input, and a stream
// whenever it carried as much, or was as long without an end, as we want to have to send again.
func (s *Sender) due(some, all bool) bool {
	if all {
		return true
	}
	if !s.streams() || s.inflight == 0 {
		return false
	}
	return s.written >= s.carries() || !some && s.spool.Full() || time.Until(s.dueAt(some)) <= 0
}

// carries is how many bytes a stream carries before its end. The first one proves that the
// receiver is what it should be, and is short, so that little was sent to one that is not.
func (s *Sender) carries() int {
	if !s.proven {
		return smallCycle
	}
	return s.cycle
}

// dueAt is when time alone makes a stream due.
func (s *Sender) dueAt(some bool) time.Time {
	if s.Delivered != nil {
		return s.since.Add(ackWithin)
	}
	if some {
		return time.Now().Add(idleClose)
	}
	return s.latest.Add(idleClose)
}

// stuck reports whether a receiver that acknowledges has done nothing for too long.
func (s *Sender) stuck() bool {
	return s.Address.Protocol.relp() && s.inflight > 0 && time.Since(s.since) > s.patience
}

// wait returns when there may be something to do.
func (s *Sender) wait(ctx context.Context) {
	var changed <-chan struct{}
	until := time.Hour
	if s.link != nil {
		changed = s.link.changed()
		if s.inflight > 0 {
			if s.streams() {
				until = time.Until(s.dueAt(false))
			} else {
				until = time.Until(s.since.Add(s.patience))
			}
		}
	}
	timer := time.NewTimer(max(until, 0) + time.Millisecond)
	defer timer.Stop()
	select {
	case <-s.spool.ready:
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// send writes the next batch.
func (s *Sender) send(ctx context.Context) error {
	most := takeMost
	if s.streams() {
		most = min(most, max(s.carries()-s.written, 1))
	}
	b := s.spool.Take(most)
	s.latest = time.Now()
	if s.inflight == 0 {
		s.since = s.latest
	}
	s.inflight += b.count()
	s.written += len(b.data)
	if err := s.link.write(b, s.patience); err != nil {
		return s.lost(ctx, err)
	}
	return nil
}

// settle forgets what the link knows to be delivered by itself.
func (s *Sender) settle() error {
	if s.link == nil {
		return nil
	}
	return s.delivered(s.link.settled())
}

// delivered forgets the n oldest records and passes them on.
func (s *Sender) delivered(n int) error {
	if n == 0 {
		return nil
	}
	s.inflight -= n
	s.proven, s.failing, s.backoff, s.patience, s.since = true, time.Time{}, 0, s.Timeout, time.Now()
	var print func(records []byte) error
	if s.Delivered != nil {
		print = func(records []byte) error {
			if err := s.Delivered(records); err != nil {
				return fmt.Errorf("%w: %w", errOutput, err)
			}
			return nil
		}
	}
	return s.spool.Settle(n, print)
}

// finish ends the link so that everything written is known to be delivered.
func (s *Sender) finish(ctx context.Context) error {
	h := how{patience: s.patience, moment: shortMoment, notify: s.notify}
	_, all := s.spool.Waiting()
	switch {
	case s.Delivered != nil:
		h.moment = ackMoment
	case all:
		h.moment = longMoment
	}
	stream, _ := s.link.(*stream)
	switch {
	case stream == nil, s.notify, s.inflight == 0:
	case s.Delivered != nil:
		h.pause = min(max(quietPause, 4*s.took, time.Duration(s.written)*readWithin), mostPause)
	case !s.proven && s.tls == nil:
		// A receiver of TLS needs a moment to find that ours is none. One that was sent a lot
		// leaves most of it unread, which shows by itself unless it is odd in how it closes.
		h.pause, h.moment = quietPause, longMoment
		if s.written > tooMuch {
			h.pause = min(longMoment+2*stream.trip, quietPause)
		}
	}
	if err := s.link.finish(h); err != nil {
		return s.lost(ctx, err)
	}
	if s.inflight == 0 {
		s.drop()
		return nil
	}
	if stream == nil {
		if err := s.settle(); err != nil {
			return err
		}
		s.drop()
		return nil
	}
	if said := stream.answer(); len(said) > 0 && !s.proven {
		if err := s.misunderstood(said); err != nil {
			return err
		}
	}
	s.notify = s.notify || stream.notified
	s.took = max(stream.took, s.took*3/4) // a receiver that was busy may be busy again
	s.cycle = min(2*s.cycle, s.mostCycle)
	s.drop()
	if s.Delivered == nil || s.notify || ctx.Err() != nil || all && !s.lasts {
		return s.delivered(s.inflight)
	}
	return s.confirm(ctx, stream)
}

// confirm opens the next stream before what the last one carried counts as delivered. A receiver
// that is killed after it has read everything and before it has dealt with it ends its half like
// one that is done; but then it does not take the next connection. What takes only one in its life
// (nc -l) is not held to that: nothing more is asked of it than to be there for the last record.
//
// A receiver whose reset comes late, because it first ended its half, has until then to send it.
func (s *Sender) confirm(ctx context.Context, last *stream) error {
	l, err := s.open(ctx)
	if err == nil {
		time.Sleep(ackMoment / 2)
		if err = errors.Join(l.down(), last.takenBack()); err != nil {
			l.abandon()
		}
	}
	if err != nil {
		return s.lost(ctx, fmt.Errorf("the receiver was gone after it had closed the connection: %s", lastOf(err)))
	}
	s.lasts = true
	if err := s.delivered(s.inflight); err != nil {
		l.abandon()
		return err
	}
	s.use(ctx, l)
	return nil
}

// misunderstood is the error for a receiver that answers where none does, nil where that may be.
func (s *Sender) misunderstood(said []byte) error {
	if isTLS(said) {
		return needsTLS(s.Address)
	}
	s.Log.Warn("the receiver answers, which syslog receivers do not: is it the right port?", "address", s.Address, "answer", printable(string(said)))
	return nil
}

// drop forgets the link, which is finished or of no use.
func (s *Sender) drop() {
	if s.link == nil {
		return
	}
	s.unhurry()
	s.link.abandon()
	s.link = nil
}

// connect opens a link. The first attempt of a run fails at once; later ones go on.
func (s *Sender) connect(ctx context.Context) error {
	l, err := s.open(ctx)
	if err == nil {
		s.use(ctx, l)
		if s.early > 0 && !s.proven {
			s.hear(ctx)
		}
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e := s.explain(err)
	if s.Tally().Connections > 0 && !e.lasting {
		return s.again(ctx, e)
	}
	if errors.Is(err, errSpeaksTLS) || s.closedOpening(err) && speaksTLS(ctx, s.Address, min(s.Timeout/2, youth)) {
		return needsTLS(s.Address)
	}
	return e
}

// hear gives a receiver that ended the last stream at its beginning the time to say why. Its alert
// would be lost with the reset that answers records it has not read.
func (s *Sender) hear(ctx context.Context) {
	timer := time.NewTimer(min(s.Timeout/4, youth))
	defer timer.Stop()
	select {
	case <-s.link.changed():
	case <-timer.C:
	case <-ctx.Done():
	}
}

// use makes l the link that records are sent on.
func (s *Sender) use(ctx context.Context, l link) {
	s.count(func(t *Tally) { t.Connections++ })
	s.link = l
	s.unhurry = context.AfterFunc(ctx, func() { l.hurry(time.Now().Add(lastMoments)) })
	s.inflight, s.written = 0, 0
	s.Log.Debug("connected", "address", s.Address)
}

// explain says what is wrong with a receiver that cannot be reached.
func (s *Sender) explain(err error) *connectError {
	var opening *openError
	e := explain(s.Address, s.Timeout, err)
	if errors.As(err, &opening) && !isAlert(err) {
		e = explainRELP(s.Address, s.Timeout, err)
	}
	if s.asked.Load() && !e.lasting {
		e.hint = s.certificateHint()
	}
	return e
}

// certificateHint is for a receiver that wanted to see a client certificate and then failed.
func (s *Sender) certificateHint() string {
	if s.TLS.CertFile == "" {
		return "the receiver asks for a client certificate: --cert and --key give it"
	}
	return "the receiver asks for a client certificate: does it accept " + s.TLS.CertFile + "?"
}

// closedOpening reports whether the receiver ended a RELP session without TLS instead of opening it.
func (s *Sender) closedOpening(err error) bool {
	var opening *openError
	return s.tls == nil && errors.As(err, &opening) && !errors.Is(err, os.ErrDeadlineExceeded)
}

func (s *Sender) open(ctx context.Context) (link, error) {
	if s.Address.Protocol == UDP {
		return dialUDP(ctx, s.Address, s.Timeout)
	}
	begin := time.Now()
	l, err := dialLine(ctx, s.Address, s.tls, s.Timeout)
	if err != nil {
		return nil, err
	}
	if !s.Address.Protocol.relp() {
		return newStream(l, s.Framing), nil
	}
	stop := context.AfterFunc(ctx, func() { l.hurry(time.Now()) })
	defer stop()
	r, err := openRELP(l, max(s.Timeout-time.Since(begin), tick))
	if err != nil {
		l.abort()
		return nil, err
	}
	return r, nil
}

// lost deals with a link that ended without order: what it carried is sent again, on another one.
func (s *Sender) lost(ctx context.Context, cause error) error {
	if err := s.settle(); err != nil {
		return err
	}
	carried, said, datagram := s.written, []byte(nil), 0
	switch l := s.link.(type) {
	case *stream:
		said = l.answer()
	case *datagrams:
		datagram = l.lost()
	}
	s.drop()
	again := s.spool.Rewind()
	s.inflight = 0
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !s.proven {
		if err := s.unfit(ctx, cause, said); err != nil {
			return err
		}
	}
	s.count(func(t *Tally) {
		t.Resent += again
		t.Refused += datagram
	})
	s.cycle = max(min(s.cycle, carried)/2, smallCycle)
	if carried >= smallCycle {
		s.backoff = firstBackoff // it is there, and no better for being left alone
	}
	if slow := (*stalled)(nil); errors.As(cause, &slow) {
		s.patience = min(2*s.patience, max(s.RetryFor, s.Timeout))
	}
	s.Log.Warn("connection lost", "address", s.Address, "why", lastOf(cause), "sent again", again)
	return s.again(ctx, cause)
}

// unfit returns why a receiver that never took a record cannot be the right one, nil where it may.
func (s *Sender) unfit(ctx context.Context, cause error, said []byte) error {
	switch {
	case s.Address.Protocol == UDP && refused(cause):
		return failed(fmt.Sprintf("is the receiver running, and does it listen on UDP port %d?", s.Address.Port), "%s refuses datagrams: nobody listens on the port", s.Address)
	case s.Address.Protocol == UDP:
		return nil
	case s.tls != nil && isAlert(cause):
		return s.explain(cause)
	case s.tls == nil && isTLS(said),
		s.tls == nil && time.Since(s.since) < youth && speaksTLS(ctx, s.Address, min(s.Timeout/2, youth)):
		return needsTLS(s.Address)
	case s.streams() && s.asked.Load() && (s.written == 0 || time.Since(s.since) < youth):
		// Some say why with an alert, others close the connection. Once may be an accident; but one
		// that then ends a connection on which it has got nothing yet does not want us.
		if s.early++; s.early > 1 && s.written == 0 {
			return failed(s.certificateHint(), "%s closed the connection after the TLS handshake, without taking a record", s.Address)
		}
	case len(said) > 0:
		return failed("", "%s does not speak syslog on this port: it answered %s", s.Address, printable(string(said)))
	}
	return nil
}

// again waits before the next attempt, and gives up where nothing got through for too long.
func (s *Sender) again(ctx context.Context, cause error) error {
	if s.failing.IsZero() {
		s.failing = time.Now()
	} else if time.Since(s.failing) > s.RetryFor {
		// The cause is told, not wrapped: a broken pipe to a receiver is no broken pipe of ours.
		var told *connectError
		if !errors.As(cause, &told) {
			told = &connectError{what: fmt.Sprintf("the connection to %s was lost: %s", s.Address, lastOf(cause))}
		}
		return failed(told.hint, "%s (tried for %v)", told.what, s.RetryFor)
	}
	if s.backoff > 0 {
		timer := time.NewTimer(s.backoff/2 + rand.N(s.backoff))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	s.backoff = min(max(2*s.backoff, firstBackoff), mostBackoff)
	return nil
}

// stop uses the last moments, once the context has ended, to learn what was delivered.
func (s *Sender) stop(ctx context.Context) error {
	if s.link != nil && s.link.down() == nil && s.inflight > 0 {
		s.link.hurry(time.Now().Add(lastMoments))
		s.patience = lastMoments
		if err := s.finish(ctx); err != nil && errors.Is(err, errOutput) {
			return err
		}
	}
	return context.Cause(ctx)
}
