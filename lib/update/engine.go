package update

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
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
			stopped = nil
			e.fail(ctx.Err())
			time.AfterFunc(e.o.Grace, cancel)
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

func (e *engine) full() bool {
	n := len(e.window) - e.head
	return n >= e.o.Window || e.bytes >= windowBytes && n > 0
}

// fail ends the run: no new request is begun.
func (e *engine) fail(err error) {
	if e.failure == nil {
		e.failure = err
		e.stop()
	}
}

// take puts a row where it has to wait.
func (e *engine) take(got input) {
	if got.err != nil {
		e.ended = true
		if !errors.Is(got.err, io.EOF) {
			e.fail(got.err)
			return
		}
		e.summary.Ended = true
		return
	}
	e.lastRow = time.Now()
	j := &job{Outcome: Outcome{Row: got.row, DryRun: e.o.DryRun}, seq: e.seq}
	e.seq++
	e.window = append(e.window, j)
	e.bytes += j.size()
	if j.Row.Err != nil || e.o.DryRun {
		e.settle(j, j.Row.Err)
		return
	}
	if j.Note != "" {
		e.notes.number(j)
	}
	s := e.sessions[j.SessionID]
	if s == nil {
		s = &session{id: j.SessionID}
		e.sessions[s.id] = s
	}
	s.jobs = append(s.jobs, j)
	if len(s.jobs) == 1 {
		e.advance(s)
	}
}

// advance makes a session's first row ready to be sent.
func (e *engine) advance(s *session) {
	if len(s.jobs) == 0 {
		delete(e.sessions, s.id)
		return
	}
	j := s.jobs[0]
	if j.State == "" {
		s.riding = 1
		e.pushNote(s)
		return
	}
	b := e.open[j.State]
	if b == nil {
		b = &batch{state: j.State, seq: j.seq, opened: time.Now()}
		e.open[j.State] = b
		e.opened = append(e.opened, b)
	}
	b.seq = min(b.seq, j.seq)
	b.unknown = append(b.unknown, s)
	if len(b.unknown) == incydr.MaxIDs {
		e.closeBatch(b)
	}
}

// closeBatch makes a batch ready to be sent.
func (e *engine) closeBatch(b *batch) {
	delete(e.open, b.state)
	i := slices.Index(e.opened, b)
	e.opened = slices.Delete(e.opened, i, i+1)
	e.push(&task{seq: b.seq, batch: b})
}

func (e *engine) push(t *task) { heap.Push(&e.ready, t) }

// start begins as many requests as may be in flight, the oldest rows first. A batch that is not full
// waits while more rows may come at once.
func (e *engine) start(ctx context.Context) {
	for e.inFlight < e.o.Concurrency && e.failure == nil {
		if len(e.ready) == 0 {
			if len(e.opened) == 0 || !e.due() {
				return
			}
			e.closeBatch(e.opened[0])
		}
		e.send(ctx, heap.Pop(&e.ready).(*task))
	}
}

// due reports whether batches go out though they are not full.
func (e *engine) due() bool {
	if e.ended || e.full() {
		return true
	}
	now := time.Now()
	return now.Sub(e.lastRow) >= e.o.Idle || now.Sub(e.opened[0].opened) >= e.o.Age
}

// send makes one request.
func (e *engine) send(ctx context.Context, t *task) {
	e.inFlight++
	t.answers = e.answers
	if t.batch == nil {
		j := t.session.jobs[0]
		look := e.looks(j)
		go func() {
			found, err := e.addNote(ctx, look, j.SessionID, j.Note)
			e.results <- result{task: t, err: err, looked: look, found: found}
		}()
		return
	}
	b := t.batch
	if !b.split {
		for _, s := range b.unknown {
			s.ride()
		}
	}
	group := b.next(e.odds)
	ids := make([]string, len(group))
	for i, s := range group {
		ids[i] = s.id
	}
	go func() { e.results <- result{task: t, err: e.calls.ChangeState(ctx, ids, b.state)} }()
}

// ride puts the rows that ask for the same state one after the other on one request.
func (s *session) ride() {
	state := s.jobs[0].State
	for s.riding = 0; s.riding < len(s.jobs) && s.jobs[s.riding].State == state; s.riding++ {
		s.jobs[s.riding].phase = asked
	}
}

// finish takes in what came of a request.
func (e *engine) finish(r result, cut bool) {
	e.inFlight--
	t, err := r.task, r.err
	refused := refusal(err)
	var stopped *incydr.Stopped
	switch {
	case err == nil, refused != nil:
		e.answers++
	case err == errUnsent, errors.As(err, &stopped) && stopped.Attempts == 0:
		e.unsent(t)
		return
	case cut && e.failure != nil, stopped != nil:
		err = errCut
	case exitCode(err) == 4, e.answers == t.answers:
		// The server was not heard of while this request was tried again and again, so
		// the next ones would fare no better.
		e.fail(err)
	}
	if t.batch == nil {
		if r.looked {
			e.looked(r.found, err)
		}
		e.noteDone(t.session, err)
		return
	}
	b := t.batch
	group := b.group
	switch {
	case err == nil:
		b.accepted()
		e.odds.known += len(group)
		for _, s := range group {
			e.stateDone(s, nil)
		}
	case refused != nil:
		if bad := b.refused(refused.Message); bad != nil {
			e.odds.known++
			e.odds.refused++
			e.stateDone(bad, refused)
		}
	default:
		b.accepted() // they are through, for better or worse
		for _, s := range group {
			e.stateDone(s, err)
		}
	}
	if !b.done() {
		t.seq = b.first()
		e.push(t)
	}
}

// unsent takes back a request that was stopped before it was sent. Its rows are left as they are.
func (e *engine) unsent(t *task) {
	if t.batch == nil || t.batch.split {
		return
	}
	for _, s := range t.batch.unknown {
		for _, j := range s.jobs[:s.riding] {
			j.phase = waiting
		}
	}
}

// refusal is the server's no to what a request asked for, as opposed to who asked it, or when.
func refusal(err error) *incydr.StatusError {
	refused, ok := err.(*incydr.StatusError)
	if !ok || refused.Status < 400 || refused.Status >= 500 {
		return nil
	}
	switch refused.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return nil
	}
	return refused
}

func exitCode(err error) int {
	var knows interface{ ExitCode() int }
	if errors.As(err, &knows) {
		return knows.ExitCode()
	}
	return 1
}

// first is the place of the oldest row that is still open in the batch.
func (b *batch) first() int {
	seq := -1
	for _, list := range [][]*session{b.named, b.suspect, b.unknown} {
		for _, s := range list {
			if n := s.jobs[0].seq; seq < 0 || n < seq {
				seq = n
			}
		}
	}
	return seq
}

// stateDone ends the state change of a session. Its notes follow.
func (e *engine) stateDone(s *session, err error) {
	for _, j := range s.jobs[:s.riding] {
		if err != nil {
			e.settle(j, err)
		} else {
			j.phase = changed
		}
	}
	if err != nil {
		s.jobs = s.jobs[s.riding:]
		s.riding = 0
	}
	e.nextNote(s)
}

// settle gives a row its outcome, and prints what can be printed in input order.
func (e *engine) settle(j *job, err error) {
	j.Err = err
	j.finished = true
	if j.Note != "" && j.Row.Err == nil && !e.o.DryRun {
		e.noteFinished(j)
	}
	for e.head < len(e.window) && e.window[e.head].finished {
		e.print(e.window[e.head])
		e.window[e.head] = nil
		e.head++
	}
	if e.head == len(e.window) || e.head >= 1024 && e.head*2 >= len(e.window) {
		n := copy(e.window, e.window[e.head:])
		clear(e.window[n:])
		e.window, e.head = e.window[:n], 0
	}
}

func (e *engine) print(j *job) {
	e.bytes -= j.size()
	if j.Err == nil {
		e.summary.Done++
	} else {
		e.summary.Failed++
	}
	if err := e.sink.Emit(&j.Outcome); err != nil {
		e.fail(err)
	}
	e.dirty = true
}

func (e *engine) flush() {
	if !e.dirty {
		return
	}
	e.dirty = false
	if err := e.sink.Flush(); err != nil {
		e.fail(err)
	}
}

// end prints what is left where the run ended early: a row for which nothing was sent has no outcome, it is counted.
func (e *engine) end() (Summary, error) {
	if e.failure == nil {
		e.flush()
		return e.summary, e.failure
	}
	for _, j := range e.window[e.head:] {
		switch {
		case j.finished:
		case j.phase == asked:
			j.Err = errUndecided
		case j.phase == changed:
			j.Err = &NoteError{State: j.State, Err: errUnsent}
		default:
			e.summary.NotBegun++
			continue
		}
		e.print(j)
	}
	for len(e.input) > 0 {
		if got := <-e.input; got.err == nil {
			e.summary.NotBegun++
		} else if errors.Is(got.err, io.EOF) {
			e.summary.Ended = true
		}
	}
	e.flush()
	return e.summary, e.failure
}

var (
	errUnsent    = errors.New("the run was stopped before it was sent")
	errCut       = errors.New("the run was stopped before the server answered; whether it is done is not known")
	errUndecided = errors.New("the run was stopped while the server refused the batch that this row was in; whether it is done is not known")
)

// NoteError is a row whose state is changed and whose note is not added.
type NoteError struct {
	State string
	Err   error
}

func (e *NoteError) Error() string {
	return fmt.Sprintf(noteFailed+"%v", e.State, e.Err)
}

const noteFailed = "the state is %s now, but its note failed: "

func (e *NoteError) Unwrap() error { return e.Err }

// tasks are a heap of those that can be started, the oldest row first.
type tasks []*task

func (t tasks) Len() int           { return len(t) }
func (t tasks) Less(i, j int) bool { return t[i].seq < t[j].seq }
func (t tasks) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *tasks) Push(x any)        { *t = append(*t, x.(*task)) }
func (t *tasks) Pop() any {
	old := *t
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	return last
}
