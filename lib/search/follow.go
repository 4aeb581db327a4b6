package search

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"sess/lib/incydr"
)

const (
	longestBackOff = 15 * time.Minute
	// refusedFor is how long credentials that were good before may be refused.
	refusedFor = 10 * time.Minute
)

// Follow polls every so often until the context ends or the limit is reached. A server that
// fails makes it wait longer, but ends it only where the first answer says that it will never
// be better: that the query or the credentials are wrong. Credentials that were good are taken for revoked
// when they have been refused for some minutes. What goes wrong on this machine ends it.
func (f *Feed) Follow(ctx context.Context, every time.Duration) error {
	var failures int
	var good bool         // there was a poll that succeeded
	var refused time.Time // since when the credentials are
	for {
		start := time.Now()
		r, err := f.Poll(ctx)
		var fault *AskError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			failures, good, refused = 0, true, time.Time{}
			if f.limitReached() {
				return nil
			}
		case !errors.As(err, &fault):
			return err
		default:
			if !isRefusal(err) {
				refused = time.Time{}
			} else if refused.IsZero() {
				refused = start
			}
			if !good && isFinal(err) || !refused.IsZero() && time.Since(refused) > refusedFor {
				return err
			}
			failures++
		}
		wait := pause(every, failures) - time.Since(start)
		if failures > 0 {
			f.Walker.Log.Warn("the poll failed; trying again", "checkpoint", f.Name, "error", err, "failures", failures, "in", wait.Round(time.Second).String())
		} else {
			f.Walker.Log.Info("waiting", "checkpoint", f.Name, "printed", r.Printed, "in", max(wait, 0).Round(time.Millisecond).String())
		}
		if err := sleep(ctx, max(wait, 0)); err != nil {
			return err
		}
	}
}

func (f *Feed) limitReached() bool { return f.Search.Limit > 0 && f.printed >= f.Search.Limit }

// pause is the time from the begin of one poll to that of the next: the interval, a tenth more
// or less, so that many feeds do not ask at once; twice as long after each failure.
func pause(every time.Duration, failures int) time.Duration {
	d := every
	for range min(failures, 20) {
		if d >= longestBackOff {
			break
		}
		d = min(2*d, longestBackOff)
	}
	d = max(d, every)
	return d + time.Duration((rand.Float64()-0.5)*0.2*float64(d))
}

func isRefusal(err error) bool {
	var status *incydr.StatusError
	return errors.As(err, &status) && (status.Status == http.StatusUnauthorized || status.Status == http.StatusForbidden)
}

// isFinal reports whether the server said that the request itself is wrong.
func isFinal(err error) bool {
	var status *incydr.StatusError
	return errors.As(err, &status) && status.Status >= 400 && status.Status < 500 &&
		status.Status != http.StatusRequestTimeout && status.Status != http.StatusTooManyRequests
}

const (
	tailStarts  = 300 * time.Millisecond // how long after the end of the output a committing stage may start
	tailStandby = 30 * time.Second       // how long it may be without committing anything
)

// AwaitTail waits, at the end of a deferred search whose output is closed, until what it has
// printed is committed or nobody is left to commit it. So the next search, which begins when
// this one has ended, does not print again what is still on its way. It gives up on a stage that
// has not committed anything for a while, and returns how many sessions are still on their way.
func (f *Feed) AwaitTail(ctx context.Context) (left int, err error) {
	if f.checkpoint == nil {
		return 0, nil
	}
	started, progress := time.Now(), time.Now()
	last := -1
	for {
		// Whoever is gone by now has committed before.
		alive := f.Dir.HasTail(f.Name)
		if err := f.checkpoint.Refresh(); err != nil {
			return 0, err
		}
		left, _ = f.checkpoint.InFlight()
		if left != last {
			last, progress = left, time.Now()
		}
		switch {
		case left == 0,
			!alive && time.Since(started) > tailStarts,
			time.Since(progress) > tailStandby:
			return left, nil
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return left, err
		}
	}
}
