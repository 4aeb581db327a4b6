package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// grace is how long a tool has to end by itself after a signal. Two seconds are promised;
// the rest is for the process to go.
const grace = 1800 * time.Millisecond

// Stopped is the cause of a context that a signal ended.
type Stopped struct{ Signal os.Signal }

func (s *Stopped) Error() string {
	if s.Signal == syscall.SIGTERM { // which would be "terminated"
		return "stopped by a request to terminate"
	}
	return fmt.Sprintf("stopped by %v", s.Signal)
}

// ExitCode is 128 and the signal's number.
func (s *Stopped) ExitCode() int {
	if n, ok := s.Signal.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return ExitFailed
}

// once is how long after a signal another one is taken for the same: timeout(1) signals its child
// and then the group that it is in, a terminal the whole pipeline that a parent then signals too.
const once = 500 * time.Millisecond

// notify returns a context that the first SIGINT or SIGTERM ends. The second one, or the end
// of the grace, ends the process at once. A closed pipe is an error of the write that met it,
// not a signal; it is caught and not ignored, so that child processes start with the default.
func notify(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case <-done:
			return
		case s := <-ch:
			stopped := &Stopped{Signal: s}
			cancel(stopped)
			if waits.Load() {
				return
			}
			end := time.After(grace)
			for first := time.Now(); ; {
				select {
				case <-ch:
					if time.Since(first) < once {
						continue
					}
				case <-end:
				}
				os.Exit(stopped.ExitCode())
			}
		}
	}()
	return ctx, sync.OnceFunc(func() { close(done); signal.Stop(ch); cancel(nil) })
}

// waits marks a run that may take longer than the grace to end: it waits for children of its
// own, which have got the signal too.
var waits atomic.Bool

// WaitForChildren lifts the bound on the time between a signal and the end, and leaves it to the
// tool what a second signal does: its children have the same bound, get the same signals, and it
// must not go before them.
func WaitForChildren() { waits.Store(true) }

// interrupted is the exit code of the signal that ended ctx, 0 where none did.
func interrupted(ctx context.Context) int {
	if s, ok := context.Cause(ctx).(*Stopped); ok {
		return s.ExitCode()
	}
	return 0
}
