package update

import (
	"container/heap"
	"context"
	"errors"
	"net/http"

	"sess/lib/incydr"
)

// An API that adds a note as often as it is asked makes it dangerous to feed rows again after a
// run that did not come to its end. Looking whether the note is there makes it safe, at the price
// of one more request a note, and requests are what a job costs. So the look is given up where it
// cannot find anything: an interrupted run did the rows from the first on, and none far ahead of
// one that it left undone; we hold notes back so that this stays true. Enough rows in a row
// without their note then say that nobody has been here before.
const (
	noteSpread = 64             // rows with notes, from the oldest that has no outcome on, whose notes may be sent
	noteFresh  = 2 * noteSpread // looks that found nothing, in a row, after which nobody looks any more
)

// notes are the order in which notes are sent.
type notes struct {
	count    int          // rows with notes so far; each knows its number
	head     int          // the oldest of them without an outcome
	finished map[int]bool // those after it with one
	held     tasks        // notes that wait for head to come nearer
	misses   int          // looks that found nothing since the last one that did
}

// number counts a row in that has a note.
func (n *notes) number(j *job) {
	j.noted = n.count
	n.count++
}

// pushNote makes the note of a session's first row ready, or holds it back.
func (e *engine) pushNote(s *session) {
	j := s.jobs[0]
	t := &task{seq: j.seq, session: s}
	if j.noted >= e.notes.head+noteSpread {
		heap.Push(&e.notes.held, t)
		return
	}
	e.push(t)
}

// noteFinished counts out a row that has a note, and lets go what it held back.
func (e *engine) noteFinished(j *job) {
	n := &e.notes
	if n.finished == nil {
		n.finished = map[int]bool{}
	}
	for n.finished[j.noted] = true; n.finished[n.head]; n.head++ {
		delete(n.finished, n.head)
	}
	for len(n.held) > 0 && n.held[0].session.jobs[0].noted < n.head+noteSpread {
		e.push(heap.Pop(&n.held).(*task))
	}
}

// looks tells whether the session is read before the note is sent.
func (e *engine) looks(j *job) bool {
	return e.calls.HasNote != nil && (j.Again || e.notes.misses < noteFresh)
}

// looked takes in what a look found. A row that failed says nothing: it will have failed
// before.
func (e *engine) looked(found bool, err error) {
	switch {
	case err != nil:
	case found:
		e.notes.misses = 0
	default:
		e.notes.misses++
	}
}

// addNote adds a note, with look unless it is there already.
func (e *engine) addNote(ctx context.Context, look bool, id, note string) (found bool, err error) {
	if look {
		found, err = e.calls.HasNote(ctx, id, note)
		var refused *incydr.StatusError
		switch {
		case err == nil && found:
			return true, nil
		case err == nil, errors.As(err, &refused) && refused.Status == http.StatusForbidden:
			// Somebody who may write but not read cannot look.
		case errors.As(err, new(*incydr.Stopped)):
			return false, errUnsent
		default:
			return false, err
		}
	}
	return false, e.calls.AddNote(ctx, id, note)
}

// nextNote makes the next note of the rows that ride together ready, or their session's next row.
func (e *engine) nextNote(s *session) {
	for s.riding > 0 {
		j := s.jobs[0]
		if j.Note != "" {
			e.pushNote(s)
			return
		}
		e.settle(j, nil)
		s.jobs = s.jobs[1:]
		s.riding--
	}
	e.advance(s)
}

// noteDone ends the row whose note was asked for.
func (e *engine) noteDone(s *session, err error) {
	j := s.jobs[0]
	if err != nil && j.phase == changed {
		err = &NoteError{State: j.State, Err: err}
	}
	s.jobs = s.jobs[1:]
	s.riding--
	e.settle(j, err)
	e.nextNote(s)
}
