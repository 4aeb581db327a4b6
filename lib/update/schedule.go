package update

import (
	"container/heap"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"sess/lib/incydr"
)

func (e *engine) full() bool {
	n := len(e.window) - e.head
	return n >= e.o.Window || e.bytes >= windowBytes && n > 0
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

// start begins as many requests as may be in flight, the oldest rows first. A batch that is not
// full waits while more rows may come at once.
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

// tasks are a heap of those that can be started, the oldest row first.
type tasks []*task

func (t tasks) Len() int { return len(t) }

func (t tasks) Less(i, j int) bool { return t[i].seq < t[j].seq }

func (t tasks) Swap(i, j int) { t[i], t[j] = t[j], t[i] }

func (t *tasks) Push(x any) { *t = append(*t, x.(*task)) }

func (t *tasks) Pop() any {
	old := *t
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	return last
}
