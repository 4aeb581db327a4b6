package incydr

import (
	"context"
	"errors"
	"fmt"
)

// Stopped is a call that would have had to send a request after the stop of SendUntil.
type Stopped struct {
	Method, Path string
	Attempts     int   // that were made before the stop; 0: nothing was ever sent
	Err          error // why the last of them failed; nil where there was none
}

func (e *Stopped) Error() string {
	if e.Attempts == 0 {
		return fmt.Sprintf("%s %s: stopped before it was sent", e.Method, e.Path)
	}
	return fmt.Sprintf("%s %s: stopped before it was sent again: %v", e.Method, e.Path, e.Err)
}

func (e *Stopped) Unwrap() error { return e.Err }

type stopKey struct{}

// SendUntil returns a context for calls that may finish what they have begun: until stop ends
// they go on as ever; from then on answers are still waited for, and no request is sent any
// more, be it a first attempt or another one. A call that needs one fails with *Stopped.
func SendUntil(ctx, stop context.Context) context.Context {
	return context.WithValue(ctx, stopKey{}, stop)
}

// errStopped ends the wait of a request for its turn.
var errStopped = errors.New("stopped")

// sending returns the context under which a request may wait to be sent. Where the stop ends
// it, that is its cause.
func sending(ctx context.Context) (context.Context, context.CancelFunc) {
	stop, ok := ctx.Value(stopKey{}).(context.Context)
	if !ok {
		return ctx, func() {}
	}
	wait, cancel := context.WithCancelCause(ctx)
	if stop.Err() != nil {
		cancel(errStopped)
		return wait, func() {}
	}
	forget := context.AfterFunc(stop, func() { cancel(errStopped) })
	return wait, func() { forget(); cancel(nil) }
}

// stopCause is errStopped where that is why the wait was given up, else err.
func stopCause(wait context.Context, err error) error {
	if errors.Is(context.Cause(wait), errStopped) {
		return errStopped
	}
	return err
}

// stop ends a call that would have to send a request after the stop. It returns false where
// that is not so.
func (t *tries) stop(ctx context.Context, more bool, err error) bool {
	if t.stopped != nil { // the answer that led to it was read meanwhile
		return true
	}
	stop, ok := ctx.Value(stopKey{}).(context.Context)
	if !ok || stop.Err() == nil || !more && !errors.Is(err, errStopped) {
		return false
	}
	t.stopped = &Stopped{Method: t.method, Path: t.path, Attempts: t.attempts, Err: t.why}
	return true
}
