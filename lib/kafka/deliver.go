package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sess/lib/jsonl"
)

// lastWords is how long what is on its way may take to arrive once the run is being stopped.
// A stopped tool has two seconds for all it does.
const lastWords = 1200 * time.Millisecond

// Stats count what a Producer has done.
type Stats struct {
	Delivered   int64 // records that the brokers have acknowledged
	Undelivered int64 // records that were read and are not known to be delivered (yet)
	Skipped     int64 // records passed over because they are too large
	Bytes       int64 // of the records delivered, before compression
}

type counts struct{ delivered, undelivered, skipped, bytes atomic.Int64 }

// Stats returns the counts up to now.
func (p *Producer) Stats() Stats {
	c := &p.counts
	return Stats{c.delivered.Load(), c.undelivered.Load(), c.skipped.Load(), c.bytes.Load()}
}

// Deliver produces the lines of in until its end. The lines that the brokers have acknowledged
// are given to handOn, in input order; it may keep them until it returns. A nil handOn is for
// nobody who waits for them.
//
// Deliver ends with nil when all is delivered. Otherwise what was read before the fault is still
// delivered where that is possible, and the error says how many records are not known to be. Where
// ctx ends the run, that is the error and Stats has the number. A read of in may outlast Deliver.
func (p *Producer) Deliver(ctx context.Context, in *jsonl.Reader, handOn func(lines [][]byte) error) error {
	d := &delivery{
		p:       p,
		in:      in,
		handOn:  handOn,
		changed: make(chan struct{}, 1),
		room:    make(chan struct{}, 1),
		arrived: make(chan struct{}, 1),
		stopped: make(chan struct{}),
		busy:    time.Now(),
	}
	return d.run(ctx)
}

// A delivery is one run of Deliver. Three goroutines work on its queue: feed puts records in at
// the end and gives them to the client, the client's own marks them, and take removes them from
// the front when they have arrived.
type delivery struct {
	p      *Producer
	in     *jsonl.Reader
	handOn func([][]byte) error

	mu       sync.Mutex
	queue    []*entry  // in input order, from the first that is not known to be delivered
	bytes    int       // of the lines in it
	sent     int       // entries that the client has not said anything about yet
	tooLarge int       // entries that came back because the broker would not take their batch
	again    []*entry  // those of them that are to be sent again, in their order
	single   bool      // what is with the client is one record over the limit, by itself
	busy     time.Time // when last something arrived, or the first record went out
	ended    bool      // all input is read
	closing  bool      // the client is being closed: what it says now is its own doing
	fault    error     // the first thing that cannot be mended
	deaf     bool      // handOn failed: nobody will know what arrives from now on

	changed chan struct{} // for run: look again
	room    chan struct{} // for feed: there may be room
	arrived chan struct{} // for take: the front may have arrived
	stopped chan struct{} // for feed and take: it is over
}

func (d *delivery) run(ctx context.Context) error {
	go d.feed(ctx)
	taken := make(chan struct{})
	go func() { defer close(taken); d.take() }()
	err := d.watch(ctx)
	close(d.stopped)
	<-taken
	if err == nil {
		err = d.outcome()
	}
	return err
}

// outcome is the error of a run that nobody stopped.
func (d *delivery) outcome() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.p.Stats()
	switch {
	case d.fault != nil && s.Undelivered > 0 && !d.deaf:
		f, _ := explain(d.fault)
		return &Fault{Code: f.Code, Help: f.Help, Err: fmt.Errorf("%s not known to be delivered: %w", records(s.Undelivered), f.Err)}
	case d.fault != nil:
		return d.fault
	case s.Skipped > 0:
		return &Fault{Code: 3, Err: fmt.Errorf("%s skipped: too large for topic %s", records(s.Skipped), d.p.o.Topic)}
	}
	return nil
}

func records(n int64) string {
	if n == 1 {
		return "1 record is"
	}
	return fmt.Sprintf("%d records are", n)
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// feed reads lines and sends them, as far as the window allows.
func (d *delivery) feed(ctx context.Context) {
	err := d.read(ctx)
	d.mu.Lock()
	d.ended = true
	if err != nil && d.fault == nil {
		d.fault = err
	}
	d.mu.Unlock()
	signal(d.changed)
}

func (d *delivery) read(ctx context.Context) error {
	f := newFinder(&d.p.o)
	for {
		line, err := d.in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		e := entries.Get().(*entry)
		e.line = append(e.line[:0], line...)
		e.number, e.state = d.in.Number(), waiting
		if err := e.fill(f); err != nil {
			return err
		}
		if !d.enter(ctx, e) {
			return nil
		}
	}
}

// entries are used again: at a hundred megabytes a second the collector would have nothing else
// to do.
var entries = sync.Pool{New: func() any { return new(entry) }}

// enter puts an entry into the queue and sends it, once there is room. It returns false where the
// run is over.
func (d *delivery) enter(ctx context.Context, e *entry) bool {
	for {
		d.mu.Lock()
		if d.fault != nil {
			d.mu.Unlock()
			return false
		}
		fits := len(d.queue) == 0 || d.bytes+len(e.line) <= window && len(d.queue) < windowRecords
		if fits && d.tooLarge == 0 && len(d.again) == 0 && d.admits(e) {
			break
		}
		d.mu.Unlock()
		select {
		case <-d.room:
		case <-d.stopped:
			return false
		case <-ctx.Done():
			return false
		}
	}
	d.queue = append(d.queue, e)
	d.bytes += len(e.line)
	d.p.counts.undelivered.Add(1)
	d.send(e)
	d.mu.Unlock()
	return true
}

// admits tells whether an entry can be given to the client now. A record over the limit is sent
// by itself, so that the order holds and the broker's answer is about it alone. d.mu is held.
func (d *delivery) admits(e *entry) bool {
	large := e.size() > d.p.limit && d.p.takesSingles()
	return !d.single && (!large || d.sent == 0)
}

// send gives an entry to the client. d.mu is held; the answer comes later, on another goroutine.
func (d *delivery) send(e *entry) {
	client := d.p.client
	if e.size() > d.p.limit {
		if !d.p.takesSingles() {
			d.oversize(e, fmt.Sprintf("and topic %s takes %d", d.p.o.Topic, d.p.limit))
			return
		}
		var err error
		if client, err = d.p.forSingles(); err != nil {
			d.fault = err
			return
		}
		d.single = true
	}
	if d.sent == 0 {
		d.busy = time.Now()
	}
	d.sent++
	e.state = waiting
	client.Produce(context.Background(), &e.record, func(_ *kgo.Record, err error) { d.answered(e, err) })
}

// oversize deals with an entry that the topic does not take. d.mu is held.
func (d *delivery) oversize(e *entry, why string) {
	what := fmt.Sprintf("line %d: the record has %d bytes %s", e.number, e.size(), why)
	e.state = skipped
	defer signal(d.arrived)
	d.p.counts.undelivered.Add(-1)
	if d.p.o.SkipLarge {
		d.p.counts.skipped.Add(1)
		d.p.o.Log.Warn("record skipped: "+what, "key", string(e.record.Key))
		return
	}
	if d.fault == nil {
		d.fault = failed("--oversize skip passes over such records; --max-size sets another limit", "%s", what)
		signal(d.changed)
	}
}

// answered is what the client calls, one record after the other, when it knows what became of one.
func (d *delivery) answered(e *entry, err error) {
	d.mu.Lock()
	d.sent--
	switch {
	case err == nil:
		e.state = delivered
		d.busy = time.Now()
		d.p.counts.delivered.Add(1)
		d.p.counts.undelivered.Add(-1)
		d.p.counts.bytes.Add(int64(len(e.line)))
		d.p.trouble.clear()
	case d.closing:
	case errors.Is(err, kerr.MessageTooLarge) && d.single:
		d.oversize(e, fmt.Sprintf("and topic %s does not take it", d.p.o.Topic))
	case errors.Is(err, kerr.MessageTooLarge):
		e.state = tooLarge
		d.tooLarge++
	case d.fault == nil:
		d.fault = d.p.about(err)
	}
	d.single = false
	front := e.state == delivered && len(d.queue) > 0 && d.queue[0] == e
	idle := d.sent == 0
	look := idle || d.fault != nil
	d.mu.Unlock()
	if idle {
		signal(d.room)
	}
	if front {
		signal(d.arrived)
	}
	if look {
		signal(d.changed)
	}
}

// take hands on what has arrived, from the front of the queue.
func (d *delivery) take() {
	var lines [][]byte
	for over := false; ; {
		d.mu.Lock()
		n := 0
		for n < len(d.queue) && (d.queue[n].state == delivered || d.queue[n].state == skipped) {
			n++
		}
		batch := d.queue[:n:n]
		d.mu.Unlock()
		if n > 0 {
			if !d.pass(batch, &lines) {
				return
			}
			continue
		}
		if over {
			d.rest(&lines)
			return
		}
		select {
		case <-d.arrived:
		case <-d.stopped:
			over = true
		}
	}
}

// pass hands the front of the queue on and removes it. The entries in it are nobody else's any
// more; the queue may grow behind them meanwhile.
func (d *delivery) pass(batch []*entry, lines *[][]byte) bool {
	*lines = (*lines)[:0]
	size := 0
	for _, e := range batch {
		size += len(e.line)
		if e.state == delivered {
			*lines = append(*lines, e.line)
		}
	}
	if d.handOn != nil && len(*lines) > 0 {
		if err := d.handOn(*lines); err != nil {
			d.mu.Lock()
			d.deaf = true
			if d.fault == nil {
				d.fault = err
			}
			d.mu.Unlock()
			signal(d.changed)
			return false
		}
	}
	d.mu.Lock()
	d.queue = d.queue[len(batch):]
	d.bytes -= size
	d.mu.Unlock()
	for _, e := range batch {
		if cap(e.line) <= 64<<10 {
			entries.Put(e)
		}
	}
	signal(d.room)
	return true
}

// rest hands on what has arrived behind something that has not: it is delivered all the same, and
// nothing will change any more.
func (d *delivery) rest(lines *[][]byte) {
	*lines = (*lines)[:0]
	d.mu.Lock()
	for _, e := range d.queue {
		if e.state == delivered {
			*lines = append(*lines, e.line)
		}
	}
	d.mu.Unlock()
	if d.handOn == nil || len(*lines) == 0 {
		return
	}
	if err := d.handOn(*lines); err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.fault == nil {
			d.fault = err
		}
	}
}
