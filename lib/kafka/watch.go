package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// silence is how long the brokers may acknowledge nothing before it is worth a line in the log.
const silence = 10 * time.Second

// watch waits until everything has arrived or the run is over for another reason, and mends what
// can be mended. Its error is ctx's; what else went wrong is in d.fault.
func (d *delivery) watch(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var last time.Time // when to give up, once ctx has ended
	warned := false
	for {
		d.mu.Lock()
		if ctx.Err() == nil {
			d.sendAgain()
		}
		sent, refused, quiet := d.sent, d.tooLarge, time.Since(d.busy)
		over := d.ended || d.fault != nil || ctx.Err() != nil
		gone := d.deaf
		d.mu.Unlock()

		switch {
		case gone:
			d.abandon()
			return nil
		case sent == 0 && refused > 0 && ctx.Err() == nil:
			if err := d.shrink(); err != nil {
				return err
			}
			continue
		case sent == 0 && over:
			return ctx.Err()
		case sent > 0 && quiet >= d.p.o.RetryFor:
			d.giveUp()
			return nil
		case !last.IsZero() && time.Now().After(last):
			d.abandon()
			return ctx.Err()
		case sent > 0 && quiet >= silence && !warned:
			warned = true
			d.p.o.Log.Warn("the brokers acknowledge nothing", "for", quiet.Round(time.Second), "records", sent, "trying on for", d.p.o.RetryFor-quiet.Round(time.Second), "err", d.p.trouble.last())
		case warned && quiet < silence:
			warned = false
			d.p.o.Log.Warn("the brokers acknowledge again")
		}

		done := ctx.Done()
		if ctx.Err() != nil {
			if last.IsZero() {
				last = time.Now().Add(lastWords)
			}
			done = nil
		}
		select {
		case <-d.changed:
		case <-tick.C:
		case <-done:
		}
	}
}

// abandon closes the client without waiting for what is on its way.
func (d *delivery) abandon() {
	d.mu.Lock()
	d.closing = true
	clients := d.p.clients()
	d.mu.Unlock()
	closed := make(chan struct{})
	go func() {
		for _, c := range clients {
			c.Close()
		}
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(300 * time.Millisecond):
	}
}

// giveUp ends a run whose records nobody acknowledges.
func (d *delivery) giveUp() {
	d.abandon()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fault != nil {
		return
	}
	err := d.p.trouble.last()
	if err == nil {
		err = errors.New("they do not answer")
	}
	f, _ := explain(err)
	d.fault = &Fault{Code: f.Code, Help: f.Help, Err: fmt.Errorf("the brokers acknowledged nothing for %v: %w", d.p.o.RetryFor, f.Err)}
}

// shrink goes on with smaller batches, because a broker would not take one. It happens where the
// topic's limit is lower than usual and we may not ask for it. All that was on its way has come
// back by now; what was refused goes out again in its order.
func (d *delivery) shrink() error {
	p := d.p
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tooLarge = 0
	if p.limit <= leastLimit {
		if d.fault == nil {
			d.fault = failed("", "topic %s takes no batch, not even of %d bytes", p.o.Topic, p.limit)
		}
		return nil
	}
	p.client.Close()
	p.limit, p.known = max(p.limit/2, leastLimit), false
	var err error
	if p.client, err = p.connect(); err != nil {
		return err
	}
	p.o.Log.Info("the topic takes smaller batches only", "topic", p.o.Topic, "trying", p.limit)
	d.again = nil
	for _, e := range d.queue {
		if e.state == tooLarge {
			d.again = append(d.again, e)
		}
	}
	return nil
}

// sendAgain sends what a broker has refused, as far as it may go out now. d.mu is held.
func (d *delivery) sendAgain() {
	if len(d.again) == 0 {
		return
	}
	for len(d.again) > 0 && d.tooLarge == 0 && d.admits(d.again[0]) {
		e := d.again[0]
		d.again = d.again[1:]
		d.send(e)
	}
	if len(d.again) == 0 {
		signal(d.room)
	}
}
