package tenant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"sess/lib/cli"
	"sess/lib/incydr"
)

// Each fetches something for each id, several at once, and hands the results to write in the
// order of the ids. What is written is flushed when the next result is not there yet, so that
// results appear while further ids are still to come.
//
// An id that the server does not know is reported on stderr and the others go on; at the end
// that is exit 3, or exit 5 where it was the only one. Any other error ends it, as does an id that cannot
// be read; what comes before is written first.
func Each[T any](ctx context.Context, app *cli.App, ids *IDs, concurrency int, fetch func(context.Context, string) (T, error), write func(id string, result T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type job struct {
		id     string
		result T
		err    error
		done   chan struct{}
	}
	queue := make(chan *job, 2*concurrency) // in order; it bounds what is held
	slots := make(chan struct{}, concurrency)
	var inputErr error
	go func() {
		defer close(queue)
		for {
			id, err := ids.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					inputErr = err
				}
				return
			}
			j := &job{id: id, done: make(chan struct{})}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			go func() {
				defer func() { <-slots; close(j.done) }()
				j.result, j.err = fetch(ctx, j.id)
			}()
			select {
			case queue <- j:
			case <-ctx.Done():
				return
			}
		}
	}()
	failures := failures{typed: ids.lines == nil}
	for {
		j, open, err := next(ctx, queue, app.Stdout)
		if err != nil {
			return err
		}
		if !open {
			break
		}
		if err := await(ctx, j.done, app.Stdout); err != nil {
			return err
		}
		failures.count++
		if j.err != nil {
			if err := failures.add(app, j.id, j.err); err != nil {
				return err
			}
			continue
		}
		if err := write(j.id, j.result); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if inputErr != nil {
		failures.say(app)
		return inputErr
	}
	return failures.err(app)
}

// next takes from the queue; where that means waiting, what was written is flushed first.
func next[T any](ctx context.Context, queue <-chan T, out *cli.Output) (job T, open bool, err error) {
	select {
	case job, open = <-queue:
		return job, open, nil
	default:
	}
	if err := out.Flush(); err != nil {
		return job, false, err
	}
	select {
	case job, open = <-queue:
		return job, open, nil
	case <-ctx.Done():
		return job, false, ctx.Err()
	}
}

func await(ctx context.Context, done <-chan struct{}, out *cli.Output) error {
	_, _, err := next(ctx, done, out)
	return err
}

// failures are the ids that the server would not serve.
type failures struct {
	typed   bool // the ids are arguments
	count   int  // ids so far
	failed  int
	pending error // the first id's, not said yet: it may be the only one
}

// add reports a failure, or returns it where it concerns more than its id.
func (f *failures) add(app *cli.App, id string, err error) error {
	var says *incydr.StatusError
	if !errors.As(err, &says) || says.Status < 400 || says.Status >= 500 || says.ExitCode() == 4 {
		f.say(app)
		return err
	}
	f.failed++
	failure := &Unknown{ID: id, Err: says}
	if f.typed {
		failure.Advice = FileHint(id)
	}
	if f.count == 1 {
		f.pending = failure
		return nil
	}
	f.say(app)
	app.SayError(failure)
	return nil
}

func (f *failures) say(app *cli.App) {
	if f.pending != nil {
		app.SayError(f.pending)
		f.pending = nil
	}
}

func (f *failures) err(app *cli.App) error {
	if f.count == 1 && f.pending != nil {
		return f.pending
	}
	f.say(app)
	if f.failed > 0 {
		return cli.Partlyf("%d of %d sessions could not be read", f.failed, f.count)
	}
	return nil
}

// Unknown is a session that the server does not know, or does not want to know of.
type Unknown struct {
	ID     string
	Err    *incydr.StatusError
	Advice string
}

func (e *Unknown) Error() string {
	id := shown(e.ID)
	switch {
	case e.Err.Status != http.StatusNotFound:
		return fmt.Sprintf("session %s: %v", id, e.Err)
	case e.Err.Message != "":
		return fmt.Sprintf("no such session: %s: %s", id, e.Err.Message)
	}
	return "no such session: " + id
}

// Hint says what to do instead, "" where there is nothing to say.
func (e *Unknown) Hint() string { return e.Advice }

func (e *Unknown) Unwrap() error { return e.Err }

// ExitCode is that of a session that is not there, where that is what the server said.
func (e *Unknown) ExitCode() int {
	if e.Err.Status == http.StatusNotFound {
		return 5
	}
	return 1
}
