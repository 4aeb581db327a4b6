package update

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"sess/lib/incydr"
)

// noting runs rows against a tenant whose notes are looked for, and returns how many looks that
// took.
func noting(ctx context.Context, f *fakeTenant, rows []Row) (looks int, s Summary, err error) {
	calls := f.calls()
	var n atomic.Int64
	calls.HasNote = func(_ context.Context, id, note string) (bool, error) {
		n.Add(1)
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Contains(f.notes[id], note), nil
	}
	s, err = Run(ctx, source(rows), calls, Options{}, Sink{Emit: func(*Outcome) error { return nil }, Flush: func() error { return nil }})
	return int(n.Load()), s, err
}

func notedRows(n int) []Row {
	rows := ids(n)
	for i := range rows {
		rows[i].Note = "n"
	}
	return rows
}

func (f *fakeTenant) checkNotes(t *testing.T, rows []Row) {
	t.Helper()
	for _, row := range rows {
		if n := len(f.notes[row.SessionID]); n != 1 {
			t.Fatalf("session %s has its note %d times", row.SessionID, n)
		}
	}
}

// Where nobody was before, the looks end soon.
func TestLooksEnd(t *testing.T) {
	f := newFakeTenant()
	rows := notedRows(2000)
	looks, s, err := noting(context.Background(), f, rows)
	if err != nil || s.Done != 2000 {
		t.Fatalf("%+v, %v", s, err)
	}
	if looks < noteFresh || looks > noteFresh+4 {
		t.Errorf("%d looks", looks)
	}
	f.checkNotes(t, rows)
}

// However far an interrupted run came, whatever it did in another order or failed at, the
// second one doubles nothing.
func TestLooksFindAllThatWasDone(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 5))
		f := newFakeTenant()
		rows := notedRows(1000)
		undone := r.IntN(900)
		for i, row := range rows {
			switch {
			case r.IntN(20) == 0 || i < 200 && seed%2 == 0 && i < undone:
				rows[i].SessionID = "x" + row.SessionID // refused then and now
			case i < undone && r.IntN(20) > 0, i > undone && i < undone+noteSpread && r.IntN(2) == 0:
				f.notes[row.SessionID] = []string{"n"}
			}
		}
		_, _, err := noting(context.Background(), f, rows)
		if err != nil {
			t.Fatal(err)
		}
		f.checkNotes(t, slices.DeleteFunc(rows, func(row Row) bool { return row.SessionID[0] == 'x' }))
	}
}

// Rows that are outcomes of an earlier run are always looked for.
func TestOutcomesAreLookedFor(t *testing.T) {
	f := newFakeTenant()
	rows := notedRows(500)
	for i := range rows {
		rows[i].Again = true
	}
	f.notes[rows[400].SessionID] = []string{"n"}
	if looks, _, err := noting(context.Background(), f, rows); err != nil || looks != 500 {
		t.Errorf("%d looks, %v", looks, err)
	}
	f.checkNotes(t, rows)
}

// No note is sent far ahead of a row that has none yet.
func TestNotesDoNotRunAhead(t *testing.T) {
	f := newFakeTenant()
	stuck := make(chan struct{})
	calls := f.calls()
	var sent atomic.Int64
	calls.AddNote = func(ctx context.Context, id, note string) error {
		if id == "s00010" {
			<-stuck
		}
		if sent.Add(1) == 10+noteSpread-1 {
			// All that may be sent is; let the engine do more, if it will.
			time.AfterFunc(20*time.Millisecond, func() {
				if n := sent.Load(); n != 10+noteSpread-1 {
					t.Errorf("%d notes were sent while row 10 had none", n)
				}
				close(stuck)
			})
		}
		return f.addNote(ctx, id, note)
	}
	rows := notedRows(500)
	s, err := Run(context.Background(), source(rows), calls, Options{}, Sink{Emit: func(*Outcome) error { return nil }, Flush: func() error { return nil }})
	if err != nil || s.Done != 500 {
		t.Errorf("%+v, %v", s, err)
	}
	f.checkNotes(t, rows)
}

// A run that is stopped at any moment, and fed the same rows again until it is through.
func TestFedAgainAndAgain(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 6))
		f := newFakeTenant()
		rows := notedRows(1000)
		for range 20 {
			ctx, cancel := context.WithCancel(context.Background())
			left := int64(1 + r.IntN(400))
			var n atomic.Int64
			f.fault = func(int) error {
				if n.Add(1) == left {
					cancel()
				}
				if ctx.Err() != nil {
					return &incydr.Stopped{}
				}
				return nil
			}
			_, _, err := noting(ctx, f, rows)
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		f.fault = nil
		if _, s, err := noting(context.Background(), f, rows); err != nil || s.Done != 1000 {
			t.Fatal(s, err)
		}
		f.checkNotes(t, rows)
	}
}

func ExampleOutcome_Append() {
	o := Outcome{Row: Row{Line: 8, SessionID: "0000", State: "CLOSED"}, Err: &incydr.StatusError{Status: 404}}
	fmt.Printf("%s\n", o.Append(nil))
	// Output: {"line":8,"session_id":"0000","state":"CLOSED","ok":false,"error":"no such session","status":404}
}
