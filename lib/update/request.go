package update

import (
	"context"
	"errors"
	"net/http"

	"sess/lib/incydr"
)

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
