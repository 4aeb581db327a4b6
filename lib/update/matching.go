package update

import (
	"context"
	"fmt"
	"time"

	"sess/lib/incydr"
)

// MatchingCalls are the requests by which sessions are changed without being named.
type MatchingCalls struct {
	Search       func(ctx context.Context, q incydr.Query, page, size int) (*incydr.Page, error)
	ChangeStates func(ctx context.Context, q incydr.Query, state, token string) (next string, err error)
}

// Matching is every session that one of the queries matches, on the server.
type Matching struct {
	Calls   MatchingCalls
	Queries []incydr.Query // they must not overlap
	Grace   time.Duration  // how long a request may go on after the context has ended; 0: 1.2 s
}

// Count asks how many sessions there are.
func (m *Matching) Count(ctx context.Context) (n int64, err error) {
	for _, q := range m.Queries {
		page, err := m.Calls.Search(ctx, q, 0, 1)
		if err != nil {
			return 0, fmt.Errorf("count the sessions: %w", err)
		}
		n += page.TotalCount
	}
	return n, nil
}

// sweep is how many sessions one call changes at most.
const sweep = 500

// endless is an answer that leads on and on.
type endless struct{ calls int }

func (e *endless) Error() string {
	return fmt.Sprintf("the server still asked to go on after %d calls, more than the sessions that match can account for", e.calls)
}

// Change gives all of them the state. It follows the server's continuation to its end; matched
// is their number, by which it knows an end that never comes. After each call, progress gets the
// number of sessions that may be done by then. Where the context ends, the answer under way is
// waited for, and no other call is made.
func (m *Matching) Change(ctx context.Context, matched int64, state string, progress func(done int64)) error {
	grace := m.Grace
	if grace <= 0 {
		grace = 1200 * time.Millisecond
	}
	requests, cancel := context.WithCancel(incydr.SendUntil(context.WithoutCancel(ctx), ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	calls, most := 0, 10+int(matched/10)
	for _, q := range m.Queries {
		for token := ""; ; {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if calls++; calls > most {
				return &endless{calls - 1}
			}
			next, err := m.Calls.ChangeStates(requests, q, state, token)
			if err != nil && ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				return err
			}
			progress(min(int64(calls)*sweep, matched))
			if next == "" {
				break
			}
			token = next
		}
	}
	return nil
}

// A MatchingOutcome is what became of all of them together.
type MatchingOutcome struct {
	Matched int64
	State   string
	DryRun  bool
	Err     error
}

// Append adds the outcome to dst as a line of JSON, without the line's end.
func (m *MatchingOutcome) Append(dst []byte) []byte {
	dst = fmt.Appendf(dst, `{"matched":%d,"state":`, m.Matched)
	dst = appendText(dst, m.State)
	o := Outcome{Err: m.Err, DryRun: m.DryRun}
	return o.appendResult(dst)
}
