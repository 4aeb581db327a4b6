package update

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"sess/lib/incydr"
	"sess/lib/sandbox"
)

// torture is how often a test of bad luck is run, and with how many rows: once with a few, or
// twenty times with many for each unit of SESS_TORTURE.
func torture(t *testing.T, few, many int) (rounds, rows int) {
	t.Helper()
	text := os.Getenv("SESS_TORTURE")
	if text == "" {
		return 1, few
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("SESS_TORTURE is %q, not a number of rounds", text)
	}
	return 20 * n, many
}

// A trial is a tenant of its own and a client of it.
type trial struct {
	tenant *sandbox.Tenant
	calls  Calls
	ids    []string
	notes  map[string]int // how many notes there were before
}

func newTrial(t *testing.T, o sandbox.Options) *trial {
	t.Helper()
	tenant := sandbox.New(o)
	server := httptest.NewServer(tenant)
	t.Cleanup(server.Close)
	settings, err := incydr.LoadSettings("", tenant.Environ(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	client := incydr.New(settings, incydr.Options{Concurrency: 4})
	tr := &trial{tenant: tenant, notes: map[string]int{}, calls: Calls{
		ChangeState: client.ChangeState,
		AddNote:     client.AddNote,
		HasNote: func(ctx context.Context, id, note string) (bool, error) {
			return client.HasNote(ctx, id, note, 24*time.Hour)
		},
	}}
	for id, s := range tr.sessions(t) {
		tr.ids = append(tr.ids, id)
		tr.notes[id] = len(s.Notes)
	}
	return tr
}

type served struct {
	SessionID string
	States    []struct {
		State           string
		StateV2         string
		SourceTimestamp int64
	}
	Notes []struct{ Content string }
}

// state is the newest.
func (s served) state() string {
	newest, state := int64(-1), ""
	for _, have := range s.States {
		if have.SourceTimestamp >= newest {
			newest, state = have.SourceTimestamp, have.State
		}
	}
	return state
}

func (tr *trial) sessions(t *testing.T) map[string]served {
	t.Helper()
	items, err := tr.tenant.Items("")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]served{}
	for _, item := range items {
		var s served
		if err := json.Unmarshal(item, &s); err != nil {
			t.Fatal(err)
		}
		all[s.SessionID] = s
	}
	return all
}

// check holds what the tenant has against what was asked for: each session its note exactly
// once, and its state.
func (tr *trial) check(t *testing.T, rows []Row) {
	t.Helper()
	all := tr.sessions(t)
	for _, row := range rows {
		s := all[row.SessionID]
		n := 0
		for _, have := range s.Notes {
			if have.Content == row.Note {
				n++
			}
		}
		if n != 1 || len(s.Notes) != tr.notes[row.SessionID]+1 {
			t.Errorf("session %s has its note %d times", row.SessionID, n)
		}
		if got := s.state(); got != row.State {
			t.Errorf("session %s is %s, not %s", row.SessionID, got, row.State)
		}
	}
}

func (tr *trial) rows(n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{Line: i + 1, SessionID: tr.ids[i], State: []string{"CLOSED", "CLOSED_FP", "IN_PROGRESS"}[i%3], Note: fmt.Sprint("looked at, number ", i)}
	}
	return rows
}

// A server of which every tenth answer fails, or is lost after the deed: each note is there
// once, each state is right.
func TestFaultsWithNotes(t *testing.T) {
	rounds, n := torture(t, 80, 500)
	for round := range rounds {
		tr := newTrial(t, sandbox.Options{Sessions: 600, Seed: uint64(round), Faults: 0.1})
		rows := tr.rows(n)
		s, err := Run(context.Background(), source(rows), tr.calls, Options{}, Sink{Emit: func(*Outcome) error { return nil }, Flush: func() error { return nil }})
		if err != nil || s.Failed > 0 {
			t.Fatalf("round %d: %+v, %v", round, s, err)
		}
		tr.check(t, rows)
	}
}

// A run that is interrupted again and again, and fed the same rows each time, ends as one that
// was not.
func TestTortureFedAgain(t *testing.T) {
	rounds, n := torture(t, 60, 400)
	for round := range rounds {
		r := rand.New(rand.NewPCG(uint64(round), 3))
		tr := newTrial(t, sandbox.Options{Sessions: 500, Seed: uint64(round), Faults: 0.05})
		rows := tr.rows(n)
		interrupted := 0
		for {
			ctx, cancel := context.WithCancel(context.Background())
			left := 1 + r.IntN(n)
			count := func() {
				if left--; left == 0 && interrupted < 10 {
					cancel()
				}
			}
			calls := tr.calls
			calls.AddNote = func(ctx context.Context, id, note string) error {
				err := tr.calls.AddNote(ctx, id, note)
				time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
				return err
			}
			printed := 0
			s, err := Run(ctx, source(rows), calls, Options{}, Sink{
				Emit:  func(*Outcome) error { printed++; count(); return nil },
				Flush: func() error { return nil },
			})
			if printed != s.Done+s.Failed {
				t.Fatalf("%d outcomes, %+v", printed, s)
			}
			stopped := ctx.Err() != nil
			cancel()
			if errors.Is(err, context.Canceled) && stopped {
				interrupted++
				continue
			}
			if err != nil || s.Done != len(rows) {
				t.Fatalf("round %d: %+v, %v", round, s, err)
			}
			break
		}
		t.Logf("round %d: interrupted %d times", round, interrupted)
		tr.check(t, rows)
	}
}
