package incydr

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How a pace that the server forced upon the process is found again.
const (
	documented = rate.Limit(2)    // requests a second that the vendor promises
	proof      = 8                // accepted requests that prove a pace
	slowest    = rate.Limit(0.1)  // requests a second that are always tried
	proveEvery = 10 * time.Second // without a refusal before a little more is tried
	firstStep  = 0.05             // how much more at first; each further step doubles it
	lastStep   = 1.0
)

// A pace lets the requests of the whole process through: all of them wait while the server
// wants a pause, and no more get through a second than were asked for or than the server
// proved to allow. Until the first refusal nothing is held back.
type pace struct {
	turn    chan struct{} // held by the one request that waits at the gate
	limiter *rate.Limiter

	mu       sync.Mutex
	fixed    rate.Limit // what was asked for
	until    time.Time  // no request before
	cut      time.Time  // when the pace was last cut
	since    time.Time  // what is accepted is counted from here
	accepted int
	proven   time.Time // when the pace was last raised or cut
	step     float64
}

// newPace returns the pace of so many requests a minute; 0 stands for as many as the server allows.
func newPace(perMinute int) *pace {
	p := &pace{turn: make(chan struct{}, 1), fixed: rate.Inf, since: time.Now()}
	if perMinute > 0 {
		p.fixed = rate.Limit(float64(perMinute) / 60)
	}
	p.limiter = rate.NewLimiter(p.fixed, 1)
	return p
}

// wait returns when a request may be sent.
func (p *pace) wait(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := p.sleepUntil(ctx); err != nil {
		return err
	}
	if err := p.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	return p.sleepUntil(ctx) // the server may have asked for a pause meanwhile
}

func (p *pace) sleepUntil(ctx context.Context) error {
	for {
		p.mu.Lock()
		left := time.Until(p.until)
		p.mu.Unlock()
		if left <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// pause keeps every request from being sent for d, and a little longer, so that the clients of
// one server do not all come back at the same instant. It returns how much longer the pause
// has become.
func (p *pace) pause(d time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.extend(d)
}

func (p *pace) extend(d time.Duration) time.Duration {
	now := time.Now()
	if d < 0 || !now.Add(d).After(p.until) {
		return 0
	}
	before := p.until
	if before.Before(now) {
		before = now
		d += time.Duration(rand.Int64N(int64(min(d/20, time.Second) + 1)))
	}
	p.until = now.Add(d)
	return p.until.Sub(before)
}

// accept counts a request that the server let pass.
func (p *pace) accept() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted++
	limit := p.limiter.Limit()
	if limit >= p.fixed {
		return
	}
	if now := time.Now(); now.Sub(p.proven) > proveEvery {
		p.limiter.SetLimit(min(limit*rate.Limit(1+p.step), p.fixed))
		p.step = min(2*p.step, lastStep)
		p.proven = now
	}
}

// refuse slows down to what the server let pass since it last refused: the requests it
// accepted, over the time that took and the pause it asks for now. Where those are too few to
// prove anything, it starts with what the vendor documents. The refusals of requests that were
// already under way when the pace was cut say nothing new.
func (p *pace) refuse(sent time.Time, after time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	longer := p.extend(after)
	if sent.Before(p.cut) {
		return longer
	}
	now := time.Now()
	limit := p.limiter.Limit()
	measured := rate.Limit(float64(p.accepted) / now.Add(after).Sub(p.since).Seconds())
	switch {
	case p.accepted >= proof:
		limit = measured
		p.since, p.accepted = p.until, 0
	case limit == rate.Inf:
		limit = max(measured, documented)
	default:
		limit *= 0.8
	}
	p.limiter.SetLimit(min(max(limit, slowest), p.fixed))
	p.cut = now
	p.proven, p.step = p.until, firstStep
	return longer
}
