package update

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sess/lib/incydr"
)

// A sweeper has sessions with and without alerts, and changes a few of them a call.
type sweeper struct {
	left    map[incydr.AlertFilter]int
	perCall int
	calls   []string
	next    func(token string) (string, error) // in place of the answer
}

func (s *sweeper) matching(queries ...incydr.Query) *Matching {
	return &Matching{Queries: queries, Calls: MatchingCalls{
		Search: func(_ context.Context, q incydr.Query, page, size int) (*incydr.Page, error) {
			if page != 0 || size != 1 {
				return nil, fmt.Errorf("page %d of size %d", page, size)
			}
			return &incydr.Page{TotalCount: int64(s.left[q.Alerts])}, nil
		},
		ChangeStates: func(ctx context.Context, q incydr.Query, state, token string) (string, error) {
			s.calls = append(s.calls, fmt.Sprintf("%d %s %q", q.Alerts, state, token))
			if s.next != nil {
				return s.next(token)
			}
			s.left[q.Alerts] -= min(s.left[q.Alerts], s.perCall)
			if s.left[q.Alerts] == 0 {
				return "", nil
			}
			return fmt.Sprint("from ", s.left[q.Alerts]), nil
		},
	}}
}

func TestMatchingGoesOnToTheEnd(t *testing.T) {
	s := &sweeper{left: map[incydr.AlertFilter]int{incydr.WithAlerts: 12, incydr.WithoutAlerts: 5}, perCall: 5}
	m := s.matching(incydr.Query{}, incydr.Query{Alerts: incydr.WithoutAlerts})
	n, err := m.Count(context.Background())
	if err != nil || n != 17 {
		t.Fatal(n, err)
	}
	var steps []int64
	if err := m.Change(context.Background(), n, "CLOSED", func(done int64) { steps = append(steps, done) }); err != nil {
		t.Fatal(err)
	}
	want := `0 CLOSED "", 0 CLOSED "from 7", 0 CLOSED "from 2", 1 CLOSED ""`
	if got := strings.Join(s.calls, ", "); got != want {
		t.Errorf("calls %s, not %s", got, want)
	}
	if len(steps) != 4 || steps[3] != 17 {
		t.Errorf("progress %v", steps)
	}
}

func TestMatchingWithoutEnd(t *testing.T) {
	s := &sweeper{next: func(string) (string, error) { return "again", nil }}
	err := s.matching(incydr.Query{}).Change(context.Background(), 100, "CLOSED", func(int64) {})
	if err == nil || !strings.Contains(err.Error(), "still asked to go on after 20 calls") {
		t.Error(err)
	}
}

func TestMatchingFails(t *testing.T) {
	refused := &incydr.StatusError{Status: 400, Message: "newState must be one of …"}
	s := &sweeper{next: func(string) (string, error) { return "", refused }}
	err := s.matching(incydr.Query{}).Change(context.Background(), 100, "SNOOZED", func(int64) {})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	o := MatchingOutcome{Matched: 100, State: "SNOOZED", Err: err}
	if line := string(o.Append(nil)); line != `{"matched":100,"state":"SNOOZED","ok":false,"error":"newState must be one of …","status":400}` {
		t.Error(line)
	}
}

// A signal lets the call in flight end, and begins no other.
func TestMatchingStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sweeper{next: func(string) (string, error) { cancel(); return "more", nil }}
	err := s.matching(incydr.Query{}).Change(ctx, 100, "CLOSED", func(int64) {})
	if !errors.Is(err, context.Canceled) || len(s.calls) != 1 {
		t.Errorf("%v after %d calls", err, len(s.calls))
	}
}

// A call that is not answered soon after the signal is given up.
func TestMatchingStoppedWithoutAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sweeper{}
	m := s.matching(incydr.Query{})
	m.Grace = time.Millisecond
	m.Calls.ChangeStates = func(ctx context.Context, _ incydr.Query, _, _ string) (string, error) {
		cancel()
		<-ctx.Done()
		return "", ctx.Err()
	}
	if err := m.Change(ctx, 100, "CLOSED", func(int64) {}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
