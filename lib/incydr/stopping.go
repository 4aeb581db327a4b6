package incydr

import (
	"context"
	"errors"
	"fmt"
)

// ErrStopped is in the error of a call that would have had to send a request after the stop
// of SendUntil. Whether an earlier attempt of the call took effect is then not known.
var ErrStopped = errors.New("stopped before the request was sent")

type stopKey struct{}

// SendUntil returns a context for calls that may finish what they have begun: until stop ends
// they go on as ever; from then on answers are still waited for, and no request is sent any
// more, be it a first attempt or another one.
func SendUntil(ctx, stop context.Context) context.Context {
	return context.WithValue(ctx, stopKey{}, stop)
}

// sending returns the context under which a request may wait to be sent. It ends with
// ErrStopped as its cause.
func sending(ctx context.Context) (context.Context, context.CancelFunc) {
	stop, ok := ctx.Value(stopKey{}).(context.Context)
	if !ok {
		return ctx, func() {}
	}
	wait, cancel := context.WithCancelCause(ctx)
	if stop.Err() != nil {
		cancel(ErrStopped)
		return wait, func() {}
	}
	forget := context.AfterFunc(stop, func() { cancel(ErrStopped) })
	return wait, func() { forget(); cancel(nil) }
}

// stopped reports whether nothing may be sent any more.
func stopped(ctx context.Context) bool {
	stop, ok := ctx.Value(stopKey{}).(context.Context)
	return ok && stop.Err() != nil
}

// stopCause is ErrStopped where that is why the wait was given up, else err.
func stopCause(wait context.Context, err error) error {
	if errors.Is(context.Cause(wait), ErrStopped) {
		return ErrStopped
	}
	return err
}

// stopError ends a call that would have to be tried again after the stop.
func (t *tries) stopError() error {
	if t.why == nil || errors.Is(t.why, ErrStopped) {
		return fmt.Errorf("%s %s: %w", t.method, t.path, ErrStopped)
	}
	return fmt.Errorf("%s %s: %w again: %w", t.method, t.path, ErrStopped, t.why)
}
