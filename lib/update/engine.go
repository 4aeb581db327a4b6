package update

import (
	"context"
	"time"

	"sess/lib/incydr"
)

// Calls are the requests that rows turn into.
type Calls struct {
	ChangeState func(ctx context.Context, ids []string, state string) error
	AddNote     func(ctx context.Context, id, note string) error
	// HasNote tells whether the session has the very note already, so that it is not added again.
	// Where it is nil, nobody looks.
	HasNote func(ctx context.Context, id, note string) (bool, error)
}

// Options say how rows are worked on. The zero value is fit for use.
type Options struct {
	Concurrency int           // requests in flight at most; 0: 4
	DryRun      bool          // rows are checked, and nothing is sent
	Idle        time.Duration // a batch that is not full is sent after so long without input; 0: 200 ms
	Age         time.Duration // and after so long in any case; 0: 2 s
	Window      int           // rows that are read and not yet printed, at most; 0: 8192, more with high concurrency
	Grace       time.Duration // how long requests may go on after the context has ended; 0: 1.2 s
}

// A Sink takes the outcomes, in input order.
type Sink struct {
	Emit  func(*Outcome) error
	Flush func() error // called when nothing follows at once
}

// A Summary counts what became of the rows.
type Summary struct {
	Done     int
	Failed   int
	NotBegun int  // rows that were read, and for which no request was made
	Ended    bool // all rows were read
}

const windowBytes = 8 << 20 // what the rows of the window may hold

// Run works on rows until next returns io.EOF. It returns early where the context ends, where
// the server refuses the credentials or can no longer be reached, where the sink fails, and
// where next does: then no new request is begun, the outcomes of those in flight are
// waited for, and the error says why. Rows that fail by themselves are no error.
func Run(ctx context.Context, next func() (Row, error), calls Calls, o Options, sink Sink) (Summary, error) {
	if o.Concurrency <= 0 {
		o.Concurrency = 4
	}
	if o.Idle <= 0 {
		o.Idle = 200 * time.Millisecond
	}
	if o.Age <= 0 {
		o.Age = 2 * time.Second
	}
	if o.Window <= 0 {
		o.Window = max(8192, 3*incydr.MaxIDs*o.Concurrency)
	}
	if o.Grace <= 0 {
		o.Grace = 1200 * time.Millisecond
	}
	e := &engine{
		calls:    calls,
		o:        o,
		sink:     sink,
		input:    make(chan input, 256),
		results:  make(chan result, o.Concurrency),
		sessions: map[string]*session{},
		open:     map[string]*batch{},
	}
	e.quit, e.stop = context.WithCancel(context.Background())
	defer e.stop()
	go e.read(next)
	return e.run(ctx)
}

// A job is a row on its way to its outcome.
type job struct {
	Outcome
	seq      int
	noted    int // its number among the rows with notes
	phase    phase
	finished bool
}

type phase int

const (
	waiting phase = iota
	asked         // its state change was sent
	changed       // its state change is done, its note is not
)

// size is about what the job takes in memory, in bytes.
func (j *job) size() int { return 300 + len(j.SessionID) + len(j.State) + len(j.Note) }

// A session is one that has rows under way. They are worked on one after the other.
type session struct {
	id     string
	jobs   []*job // in input order
	riding int    // how many of them the state change in hand is for
}

// A task is a request that can be made: for a batch, or for the first note of a session.
type task struct {
	seq     int
	batch   *batch
	session *session
	answers int // how many requests had been answered when it was sent
}

type result struct {
	task   *task
	err    error
	looked bool // whether the note was there already,
	found  bool // and that it was
}

type input struct {
	row Row
	err error
}

// An engine is one Run. All of it belongs to the goroutine of run; others only read rows into
// its input and make requests.
type engine struct {
	calls   Calls
	o       Options
	sink    Sink
	input   chan input
	results chan result
	quit    context.Context // ends when no new request is to be begun
	stop    context.CancelFunc

	window   []*job // in input order, from head on
	head     int
	bytes    int
	seq      int
	sessions map[string]*session
	open     map[string]*batch // by state, those that are not full
	opened   []*batch          // the same, the oldest first
	ready    tasks
	inFlight int
	odds     odds
	notes    notes
	answers  int // requests that the server has answered

	lastRow time.Time
	dirty   bool // outcomes were printed since the last flush
	ended   bool
	failure error
	summary Summary
}

func (e *engine) read(next func() (Row, error)) {
	for {
		row, err := next()
		select {
		case e.input <- input{row, err}:
		case <-e.quit.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

func (e *engine) run(ctx context.Context) (Summary, error) {
	// Requests outlive the context for a moment: what was sent is not left without an outcome.
	requests, cancel := context.WithCancel(incydr.SendUntil(context.WithoutCancel(ctx), e.quit))
	defer cancel()
	e.lastRow = time.Now()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	stopped := ctx.Done()
	for {
		// Here and not in the select, which may take an answer first though both are there.
		if stopped != nil && ctx.Err() != nil {
			stopped = nil
			e.fail(ctx.Err())
			time.AfterFunc(e.o.Grace, cancel)
		}
		e.start(requests)
		if e.inFlight == 0 && (e.failure != nil || e.ended && e.head == len(e.window)) {
			return e.end()
		}
		in := e.input
		if e.ended || e.failure != nil || e.full() {
			in = nil
		}
		if len(in) == 0 && len(e.results) == 0 {
			timer.Reset(e.wake(time.Now()))
		}
		select {
		case <-stopped:
		case r := <-e.results:
			e.finish(r, requests.Err() != nil)
			if len(e.results) == 0 {
				e.flush()
			}
		case got := <-in:
			e.take(got)
		case <-timer.C:
			e.flush()
		}
	}
}

// wake is how long the engine may wait for something to happen by itself.
func (e *engine) wake(now time.Time) time.Duration {
	d := time.Minute
	if e.dirty {
		d = 10 * time.Millisecond
	}
	if len(e.opened) > 0 && e.inFlight < e.o.Concurrency {
		d = min(d, e.lastRow.Add(e.o.Idle).Sub(now), e.opened[0].opened.Add(e.o.Age).Sub(now))
	}
	return max(d, time.Millisecond)
}

// fail ends the run: no new request is begun.
func (e *engine) fail(err error) {
	if e.failure == nil {
		e.failure = err
		e.stop()
	}
}
