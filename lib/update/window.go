package update

import (
	"errors"
	"fmt"
	"io"
)

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

// end prints what is left where the run ended early. A row for which nothing was sent has no
// outcome; it is counted.
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
