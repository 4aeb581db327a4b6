package update

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sess/lib/incydr"
)

// A fakeTenant remembers what it was asked, and refuses ids that begin with "x".
type fakeTenant struct {
	mu       sync.Mutex
	states   map[string][]string // histories
	notes    map[string][]string
	order    map[string][]string // what happened to a session, in order
	requests int                 // change-state requests
	sizes    []int
	flying   map[string]bool // sessions with a request under way
	most     int             // requests at a time
	now      int
	overlap  string
	fault    func(n int) error // before the n-th request
	message  func(ids []string) string
	block    chan struct{} // not nil: requests wait for it
	arrived  chan struct{} // gets one for each request
}

func newFakeTenant() *fakeTenant {
	return &fakeTenant{states: map[string][]string{}, notes: map[string][]string{}, order: map[string][]string{}, flying: map[string]bool{}}
}

func (f *fakeTenant) enter(ctx context.Context, ids ...string) error {
	f.mu.Lock()
	for _, id := range ids {
		if f.flying[id] {
			f.overlap = id
		}
		f.flying[id] = true
	}
	f.now++
	f.most = max(f.most, f.now)
	n := f.requests + len(f.notes)
	f.mu.Unlock()
	if f.arrived != nil {
		f.arrived <- struct{}{}
	}
	if f.block != nil {
		select {
		case <-f.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if f.fault != nil {
		return f.fault(n)
	}
	return nil
}

func (f *fakeTenant) leave(ids ...string) {
	for _, id := range ids {
		delete(f.flying, id)
	}
	f.now--
	f.mu.Unlock()
}

func (f *fakeTenant) changeState(ctx context.Context, ids []string, state string) error {
	err := f.enter(ctx, ids...)
	f.mu.Lock()
	defer f.leave(ids...)
	f.requests++
	f.sizes = append(f.sizes, len(ids))
	if err != nil {
		return err
	}
	if len(ids) > incydr.MaxIDs {
		return fmt.Errorf("%d ids in one request", len(ids))
	}
	refused := false
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			return fmt.Errorf("the id %s is twice in one request", id)
		}
		refused = refused || strings.HasPrefix(id, "x")
	}
	for i, id := range ids {
		// A refused batch is done in part.
		if !strings.HasPrefix(id, "x") && (!refused || i%2 == 0) {
			f.states[id] = append(f.states[id], state)
			f.order[id] = append(f.order[id], state)
		}
	}
	if refused {
		e := &incydr.StatusError{Method: "POST", Path: "/v1/sessions/change-state", Status: 404}
		if f.message != nil {
			e.Message = f.message(ids)
		}
		return e
	}
	return nil
}

func (f *fakeTenant) addNote(ctx context.Context, id, note string) error {
	err := f.enter(ctx, id)
	f.mu.Lock()
	defer f.leave(id)
	if err != nil {
		return err
	}
	if strings.HasPrefix(id, "x") {
		return &incydr.StatusError{Status: 404}
	}
	if note == "refuse me" {
		return &incydr.StatusError{Status: 400, Message: "too many notes"}
	}
	f.notes[id] = append(f.notes[id], note)
	f.order[id] = append(f.order[id], "note "+note)
	return nil
}

func (f *fakeTenant) calls() Calls {
	return Calls{ChangeState: f.changeState, AddNote: f.addNote}
}

// outcomes run rows, and check that each row has one outcome, in input order.
func outcomes(t *testing.T, f *fakeTenant, rows []Row, o Options) (got []Outcome, s Summary, err error) {
	t.Helper()
	for i := range rows {
		rows[i].Line = i + 1
	}
	// However slow the machine, the input never rests.
	o.Idle, o.Age = time.Hour, time.Hour
	got, s, err = run(context.Background(), f, source(rows), o)
	if err == nil {
		if len(got) != len(rows) {
			t.Fatalf("%d outcomes of %d rows", len(got), len(rows))
		}
		if s.Done+s.Failed != len(rows) || s.NotBegun != 0 || !s.Ended {
			t.Errorf("summary %+v", s)
		}
	}
	for i, out := range got {
		if i > 0 && out.Line <= got[i-1].Line {
			t.Fatalf("line %d after line %d", out.Line, got[i-1].Line)
		}
	}
	if f.overlap != "" {
		t.Errorf("two requests at a time for session %s", f.overlap)
	}
	if limit := max(o.Concurrency, 4); f.most > limit {
		t.Errorf("%d requests at a time", f.most)
	}
	return got, s, err
}

func run(ctx context.Context, f *fakeTenant, next func() (Row, error), o Options) (got []Outcome, s Summary, err error) {
	s, err = Run(ctx, next, f.calls(), o, Sink{
		Emit:  func(o *Outcome) error { got = append(got, *o); return nil },
		Flush: func() error { return nil },
	})
	return got, s, err
}

func source(rows []Row) func() (Row, error) {
	return func() (Row, error) {
		if len(rows) == 0 {
			return Row{}, io.EOF
		}
		row := rows[0]
		rows = rows[1:]
		return row, nil
	}
}

func ids(n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{SessionID: fmt.Sprintf("s%05d", i), State: "CLOSED"}
	}
	return rows
}

func TestAHundredAtATime(t *testing.T) {
	f := newFakeTenant()
	outcomes(t, f, ids(10_000), Options{})
	if f.requests != 100 {
		t.Errorf("%d requests for 10,000 rows", f.requests)
	}
	if len(f.states) != 10_000 {
		t.Errorf("%d sessions changed", len(f.states))
	}
}

func TestStatesTakeTurns(t *testing.T) {
	f := newFakeTenant()
	rows := ids(7000)
	for i := range rows {
		rows[i].State = incydr.States[i%7]
	}
	outcomes(t, f, rows, Options{})
	if f.requests != 70 {
		t.Errorf("%d requests for 7 states of 1,000 rows", f.requests)
	}
	for i, row := range rows {
		if got := f.states[row.SessionID]; len(got) != 1 || got[0] != row.State {
			t.Fatalf("row %d: %v", i, got)
		}
	}
}

// More states than the window has room for full batches must not stand still.
func TestManyStates(t *testing.T) {
	f := newFakeTenant()
	rows := ids(3000)
	for i := range rows {
		rows[i].State = fmt.Sprint("STATE_", i%500)
	}
	outcomes(t, f, rows, Options{Window: 200})
	if len(f.states) != 3000 {
		t.Errorf("%d sessions changed", len(f.states))
	}
}

func TestRefusedIDsAreFound(t *testing.T) {
	for _, c := range []struct {
		name      string
		rows, bad int
		at        func(i int) int
		most      int
	}{
		{"spread", 1000, 5, func(i int) int { return i*200 + 57 }, 90},
		{"at the ends of batches", 1000, 5, func(i int) int { return i*200 + 99*(i%2) }, 90},
		{"together", 1000, 5, func(i int) int { return 440 + i }, 60},
		{"one in each batch", 1000, 10, func(i int) int { return i*100 + 31*i%100 }, 150},
		{"last", 100, 1, func(int) int { return 99 }, 12},
		{"first", 100, 1, func(int) int { return 0 }, 16},
		{"every second", 1000, 500, func(i int) int { return 2 * i }, 1200},
		{"all", 1000, 1000, func(i int) int { return i }, 1200},
		{"a single one", 1, 1, func(int) int { return 0 }, 1},
	} {
		f := newFakeTenant()
		rows := ids(c.rows)
		for i := range c.bad {
			rows[c.at(i)].SessionID = fmt.Sprintf("x%05d", i)
		}
		got, s, err := outcomes(t, f, rows, Options{})
		if err != nil || s.Failed != c.bad {
			t.Errorf("%s: %+v, %v", c.name, s, err)
		}
		for _, o := range got {
			if bad := strings.HasPrefix(o.SessionID, "x"); bad != (o.Err != nil) {
				t.Fatalf("%s: session %s: %v", c.name, o.SessionID, o.Err)
			} else if bad && (o.Status() != 404 || o.Message() != "no such session") {
				t.Fatalf("%s: status %d, %q", c.name, o.Status(), o.Message())
			} else if !bad && len(f.states[o.SessionID]) == 0 {
				t.Fatalf("%s: session %s has its outcome and not its state", c.name, o.SessionID)
			}
		}
		t.Logf("%s: %d requests", c.name, f.requests)
		if f.requests > c.most {
			t.Errorf("%s: %d requests, more than %d", c.name, f.requests, c.most)
		}
	}
}

func TestRandomRefusals(t *testing.T) {
	worst := 0
	for seed := range uint64(200) {
		f := newFakeTenant()
		rows := ids(1000)
		r := rand.New(rand.NewPCG(seed, 1))
		for _, at := range r.Perm(1000)[:5] {
			rows[at].SessionID = "x" + rows[at].SessionID
		}
		_, s, err := outcomes(t, f, rows, Options{})
		if err != nil || s.Failed != 5 {
			t.Fatalf("seed %d: %+v, %v", seed, s, err)
		}
		worst = max(worst, f.requests)
	}
	t.Logf("at most %d requests", worst)
	if worst > 90 {
		t.Errorf("%d requests", worst)
	}
}

// A server that names the ids it refuses saves the search for them.
func TestNamedIDs(t *testing.T) {
	f := newFakeTenant()
	f.message = func(ids []string) string {
		bad := []string{}
		for _, id := range ids {
			if strings.HasPrefix(id, "x") {
				bad = append(bad, id)
			}
		}
		return "No sessions [" + strings.Join(bad, ", ") + "]."
	}
	rows := ids(1000)
	for i := range 5 {
		rows[i*200+57].SessionID = fmt.Sprintf("x-000000%d", i)
	}
	got, s, _ := outcomes(t, f, rows, Options{})
	if s.Failed != 5 || f.requests != 10+5+5 {
		t.Errorf("%+v in %d requests", s, f.requests)
	}
	if m := got[57].Message(); m != "No sessions [x-0000000]." {
		t.Errorf("message %q", m)
	}
}

func TestRowsOfOneSessionKeepTheirOrder(t *testing.T) {
	f := newFakeTenant()
	var rows []Row
	for range 100 {
		for _, state := range []string{"OPEN", "IN_PROGRESS", "CLOSED"} {
			rows = append(rows, Row{SessionID: "a", State: state})
		}
	}
	outcomes(t, f, rows, Options{})
	if got := f.states["a"]; len(got) != 300 || got[299] != "CLOSED" {
		t.Errorf("%d changes, the last %q", len(got), got[len(got)-1])
	}

	f = newFakeTenant()
	rows = nil
	for _, state := range []string{"OPEN", "IN_PROGRESS", "CLOSED"} {
		for i := range 100 {
			rows = append(rows, Row{SessionID: fmt.Sprint("s", i), State: state})
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	last := map[string]string{}
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	for _, row := range rows {
		last[row.SessionID] = row.State
	}
	outcomes(t, f, rows, Options{})
	for id, want := range last {
		if got := f.states[id]; got[len(got)-1] != want {
			t.Errorf("session %s: %v, the last was to be %s", id, got, want)
		}
	}
}

// The same session with the same state is one id in one request, and an outcome for each row.
func TestTheSameRowTwice(t *testing.T) {
	f := newFakeTenant()
	var rows []Row
	for i := range 100 {
		id := fmt.Sprint("s", i)
		rows = append(rows, Row{SessionID: id, State: "CLOSED"}, Row{SessionID: id, State: "CLOSED"})
	}
	rows = append(rows, Row{SessionID: "x", State: "CLOSED"}, Row{SessionID: "x", State: "CLOSED"})
	_, s, err := outcomes(t, f, rows[:200], Options{})
	if err != nil || s.Done != 200 || f.requests > 2 {
		t.Errorf("%+v, %v in %d requests", s, err, f.requests)
	}
	_, s, err = outcomes(t, newFakeTenant(), rows, Options{})
	if err != nil || s.Done != 200 || s.Failed != 2 {
		t.Errorf("with an unknown id: %+v, %v", s, err)
	}
}

func TestNotesFollowTheState(t *testing.T) {
	f := newFakeTenant()
	rows := []Row{
		{SessionID: "a", State: "CLOSED", Note: "1"},
		{SessionID: "a", State: "CLOSED", Note: "2"},
		{SessionID: "a", Note: "3"},
		{SessionID: "a", State: "OPEN"},
		{SessionID: "a", Note: "4"},
		{SessionID: "b", Note: "5"},
		{SessionID: "xc", State: "CLOSED", Note: "6"},
		{SessionID: "xd", Note: "7"},
		{SessionID: "e", State: "CLOSED", Note: "refuse me"},
		{SessionID: "f", Note: "refuse me"},
		{SessionID: "g", State: "CLOSED", Note: "8"},
	}
	got, _, err := outcomes(t, f, rows, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if order := strings.Join(slices.Compact(f.order["a"]), ", "); order != "CLOSED, note 1, note 2, note 3, OPEN, note 4" {
		t.Errorf("a: %s", order)
	}
	if order := strings.Join(slices.Compact(f.order["g"]), ", "); order != "CLOSED, note 8" {
		t.Errorf("g: %s", order)
	}
	var b strings.Builder
	for i := range got {
		if got[i].Err != nil {
			fmt.Fprintf(&b, "%s\n", got[i].Append(nil))
		}
	}
	want := `{"line":7,"session_id":"xc","state":"CLOSED","note":"6","ok":false,"error":"no such session","status":404}
{"line":8,"session_id":"xd","note":"7","ok":false,"error":"no such session","status":404}
{"line":9,"session_id":"e","state":"CLOSED","note":"refuse me","ok":false,"error":"the state is CLOSED now, but its note failed: too many notes","status":400}
{"line":10,"session_id":"f","note":"refuse me","ok":false,"error":"too many notes","status":400}
`
	if b.String() != want {
		t.Errorf("outcomes\n%swant\n%s", b.String(), want)
	}
	if len(f.notes["xc"]) != 0 {
		t.Error("a note was added to a session whose state was refused")
	}
}

// A note that is there already is not added again.
func TestNotesAreLookedFor(t *testing.T) {
	f := newFakeTenant()
	f.notes["a"] = []string{"n"}
	calls := f.calls()
	looked := 0
	calls.HasNote = func(_ context.Context, id, note string) (bool, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		looked++
		switch id {
		case "c":
			return false, &incydr.StatusError{Status: 403}
		case "d":
			return false, &incydr.StatusError{Status: 404}
		}
		return slices.Contains(f.notes[id], note), nil
	}
	rows := []Row{{SessionID: "a", Note: "n"}, {SessionID: "b", Note: "n"}, {SessionID: "c", Note: "n"}, {SessionID: "d", Note: "n"}, {SessionID: "b", Note: "n"}}
	s, err := Run(context.Background(), source(rows), calls, Options{}, Sink{Emit: func(*Outcome) error { return nil }, Flush: func() error { return nil }})
	if err != nil || s.Done != 4 || s.Failed != 1 || looked != 5 {
		t.Errorf("%+v, %v, looked %d times", s, err, looked)
	}
	if len(f.notes["a"]) != 1 || len(f.notes["b"]) != 1 || len(f.notes["c"]) != 1 || len(f.notes["d"]) != 0 {
		t.Errorf("notes %v", f.notes)
	}
}

func TestBadRowsEndNothing(t *testing.T) {
	f := newFakeTenant()
	rows := ids(3)
	rows[1].Err = &RowError{Problem: "unknown state", Advice: "did you mean CLOSED?"}
	got, s, err := outcomes(t, f, rows, Options{})
	if err != nil || s.Done != 2 || s.Failed != 1 || len(f.states) != 2 {
		t.Errorf("%+v, %v, %v", s, err, f.states)
	}
	if line := string(got[1].Append(nil)); line != `{"line":2,"session_id":"s00001","state":"CLOSED","ok":false,"error":"unknown state; did you mean CLOSED?"}` {
		t.Error(line)
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	f := newFakeTenant()
	rows := ids(3)
	rows[0].Note = "n"
	rows[1].Err = &RowError{Problem: "bad"}
	got, s, err := outcomes(t, f, rows, Options{DryRun: true})
	if err != nil || s.Done != 2 || s.Failed != 1 || f.requests+len(f.notes) != 0 {
		t.Errorf("%+v, %v, %d requests", s, err, f.requests)
	}
	if line := string(got[0].Append(nil)); line != `{"line":1,"session_id":"s00000","state":"CLOSED","note":"n","ok":true,"dry_run":true}` {
		t.Error(line)
	}
}

// A slow input must not wait for a batch to fill, and an input that never rests not for ever.
func TestASlowInput(t *testing.T) {
	for name, o := range map[string]Options{
		"idle": {Idle: time.Millisecond, Age: time.Hour},
		"old":  {Idle: time.Hour, Age: time.Millisecond},
	} {
		f := newFakeTenant()
		rows := make(chan Row)
		out := make(chan Outcome)
		flushed := make(chan struct{}, 100)
		done := make(chan error)
		go func() {
			_, err := Run(context.Background(), func() (Row, error) {
				row, ok := <-rows
				if !ok {
					return Row{}, io.EOF
				}
				return row, nil
			}, f.calls(), o, Sink{
				Emit:  func(o *Outcome) error { out <- *o; return nil },
				Flush: func() error { flushed <- struct{}{}; return nil },
			})
			done <- err
		}()
		for i := range 3 {
			rows <- Row{SessionID: fmt.Sprint(i), State: "OPEN"}
			if o := <-out; o.SessionID != fmt.Sprint(i) || o.Err != nil {
				t.Errorf("%s: outcome %+v", name, o)
			}
			<-flushed
		}
		close(rows)
		if err := <-done; err != nil {
			t.Error(name, err)
		}
	}
}

// What is read and not yet printed is bounded, however slow one request is.
func TestTheWindowIsBounded(t *testing.T) {
	for name, o := range map[string]struct {
		note  string
		limit int
	}{"rows": {"", 300}, "bytes": {strings.Repeat("n", 100_000), 90}} {
		f := newFakeTenant()
		f.block = make(chan struct{})
		f.arrived = make(chan struct{}, 10_000)
		read := 0
		full := make(chan struct{})
		var once sync.Once
		_, s, err := run(context.Background(), f, func() (Row, error) {
			if read == 1000 {
				return Row{}, io.EOF
			}
			read++
			if read == 200 {
				// Give the engine no way to go on but to read more.
				time.AfterFunc(100*time.Millisecond, func() { once.Do(func() { close(full); close(f.block) }) })
			}
			select {
			case <-full:
			default:
				if read > o.limit+300 { // 256 rows wait in the channel
					return Row{}, fmt.Errorf("%d rows were read", read)
				}
			}
			return Row{SessionID: fmt.Sprint(read), State: "OPEN", Note: o.note}, nil
		}, Options{Window: 300})
		if err != nil || s.Done != 1000 {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestSignal(t *testing.T) {
	f := newFakeTenant()
	f.block = make(chan struct{})
	f.arrived = make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(context.Background())
	rows := ids(1000)
	for i := range rows {
		rows[i].Line = i + 1
	}
	for i := range 100 {
		rows[i].Note = "n"
	}
	go func() {
		for range 4 {
			<-f.arrived
		}
		cancel()
		time.Sleep(10 * time.Millisecond)
		close(f.block)
	}()
	got, s, err := run(ctx, f, source(rows), Options{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if f.requests != 4 || len(f.notes) != 0 {
		t.Errorf("%d requests, notes %v", f.requests, f.notes)
	}
	if len(got) != 400 || s.Done != 300 || s.Failed != 100 || s.NotBegun == 0 {
		t.Errorf("%d outcomes, %+v", len(got), s)
	}
	for i, o := range got {
		if o.Line != i+1 {
			t.Fatalf("outcome %d is of line %d", i, o.Line)
		}
		if (o.Err != nil) != (i < 100) {
			t.Fatalf("line %d: %v", o.Line, o.Err)
		}
	}
	if m := got[0].Message(); m != "the state is CLOSED now, but its note failed: the run was stopped before it was sent" {
		t.Error(m)
	}
}

// The signal is heeded before the answer that comes with it makes place for another request.
func TestSignalWithAnAnswer(t *testing.T) {
	f := newFakeTenant()
	f.block = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	rows := source(ids(1000))
	next := func() (Row, error) {
		row, err := rows()
		if err != nil {
			close(f.block) // more batches than one wait now
		}
		return row, err
	}
	_, err := Run(ctx, next, f.calls(), Options{Concurrency: 1}, Sink{
		Emit:  func(*Outcome) error { cancel(); return nil },
		Flush: func() error { return nil },
	})
	if !errors.Is(err, context.Canceled) || f.requests != 1 {
		t.Errorf("%d requests, %v", f.requests, err)
	}
}

// Requests that are not answered soon after the signal are given up, and said to be unknown.
func TestSignalWithoutAnswers(t *testing.T) {
	f := newFakeTenant()
	f.block = make(chan struct{})
	f.arrived = make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-f.arrived; cancel() }()
	got, s, err := run(ctx, f, source(ids(10)), Options{Grace: time.Millisecond})
	if !errors.Is(err, context.Canceled) || len(got) != 10 || s.Failed != 10 || s.NotBegun != 0 {
		t.Fatalf("%d outcomes, %+v, %v", len(got), s, err)
	}
	if got[0].Err != errCut {
		t.Error(got[0].Err)
	}
}

// A signal that arrives while a refused batch is being taken apart leaves no row without a word.
func TestSignalDuringASearch(t *testing.T) {
	f := newFakeTenant()
	ctx, cancel := context.WithCancel(context.Background())
	f.fault = func(n int) error {
		if n == 2 {
			cancel()
			time.Sleep(10 * time.Millisecond)
		}
		return nil
	}
	rows := ids(100)
	rows[99].SessionID = "x"
	got, s, _ := run(ctx, f, source(rows), Options{Concurrency: 1})
	if len(got) != 100 || s.Done != 75 || s.Failed != 25 {
		t.Fatalf("%d outcomes, %+v", len(got), s)
	}
	if got[99].Err != errUndecided {
		t.Error(got[99].Err)
	}
}

func TestCredentialsRefused(t *testing.T) {
	f := newFakeTenant()
	f.fault = func(n int) error {
		if n >= 3 {
			return &incydr.StatusError{Status: http.StatusForbidden, Message: "no"}
		}
		return nil
	}
	got, s, err := outcomes(t, f, ids(10_000), Options{Concurrency: 1})
	if exitCode(err) != 4 || s.Done != 300 || s.Failed != 100 || len(got) != 400 || f.requests != 4 {
		t.Errorf("%+v, %v, %d requests", s, err, f.requests)
	}
	if got[399].Status() != 403 {
		t.Error(got[399].Err)
	}
}

// Whoever is refused once is refused, whatever else was still answered.
func TestCredentialsRefusedOnce(t *testing.T) {
	f := newFakeTenant()
	var asked atomic.Int32
	f.fault = func(int) error {
		if asked.Add(1) == 5 {
			time.Sleep(5 * time.Millisecond)
			return &incydr.StatusError{Status: http.StatusUnauthorized}
		}
		time.Sleep(100 * time.Microsecond)
		return nil
	}
	_, s, err := outcomes(t, f, ids(10_000), Options{})
	if exitCode(err) != 4 || s.Done == 0 || s.Failed != incydr.MaxIDs {
		t.Errorf("%+v, %v", s, err)
	}
}

var errNetwork = errors.New("connection refused")

// A server that is gone ends the run; one that fails a single request while it serves others does not.
func TestServerGone(t *testing.T) {
	f := newFakeTenant()
	f.fault = func(n int) error {
		if n >= 3 {
			return errNetwork
		}
		return nil
	}
	_, s, err := outcomes(t, f, ids(10_000), Options{Concurrency: 1})
	if !errors.Is(err, errNetwork) || s.Done != 300 || s.Failed != 100 || f.requests != 4 {
		t.Errorf("%+v, %v, %d requests", s, err, f.requests)
	}
}

func TestOneRequestFails(t *testing.T) {
	f := newFakeTenant()
	var first atomic.Bool
	others := make(chan struct{})
	f.fault = func(n int) error {
		if !first.Swap(true) {
			<-others
			return errNetwork
		}
		if n == 20 {
			close(others)
		}
		return nil
	}
	_, s, err := outcomes(t, f, ids(10_000), Options{Window: 20_000})
	if err != nil || s.Done != 9900 || s.Failed != 100 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestInputFails(t *testing.T) {
	f := newFakeTenant()
	rows := source(ids(150))
	broken := errors.New("disk on fire")
	_, s, err := run(context.Background(), f, func() (Row, error) {
		row, err := rows()
		if err == io.EOF {
			err = broken
		}
		return row, err
	}, Options{})
	if !errors.Is(err, broken) || s.Done+s.NotBegun != 150 || s.Ended {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestReaderGone(t *testing.T) {
	f := newFakeTenant()
	gone := errors.New("the reader is gone")
	n := 0
	_, err := Run(context.Background(), source(ids(100_000)), f.calls(), Options{}, Sink{
		Emit: func(*Outcome) error {
			if n++; n > 10 {
				return gone
			}
			return nil
		},
		Flush: func() error { return nil },
	})
	if !errors.Is(err, gone) || f.requests > 500 { // 1,000 for all of them
		t.Errorf("%v after %d requests", err, f.requests)
	}
}

// Rows of all kinds at once, many times: whatever happens between, the end is right.
func TestEverythingAtOnce(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 7))
		f := newFakeTenant()
		var rows []Row
		last := map[string]string{}
		notes := map[string]int{}
		for i := range 2000 {
			row := Row{SessionID: fmt.Sprint("s", r.IntN(300))}
			if r.IntN(50) == 0 {
				row.SessionID = fmt.Sprint("x", r.IntN(10))
			}
			if r.IntN(4) > 0 {
				row.State = incydr.States[r.IntN(3)]
			}
			if row.State == "" || r.IntN(4) == 0 {
				row.Note = fmt.Sprint("note ", i)
			}
			if r.IntN(100) == 0 {
				row.Err = &RowError{Problem: "bad"}
			} else if row.SessionID[0] == 's' {
				if row.State != "" {
					last[row.SessionID] = row.State
				}
				if row.Note != "" {
					notes[row.SessionID]++
				}
			}
			rows = append(rows, row)
		}
		_, _, err := outcomes(t, f, rows, Options{Window: 50 + r.IntN(2000), Concurrency: 1 + r.IntN(4)})
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range last {
			if got := f.states[id]; got[len(got)-1] != want {
				t.Fatalf("seed %d: session %s ends as %v, not %s", seed, id, got, want)
			}
		}
		for id, want := range notes {
			if len(f.notes[id]) != want || !slices.IsSortedFunc(f.notes[id], func(a, b string) int { return len(a)*10000 - len(b)*10000 + strings.Compare(a, b) }) {
				t.Fatalf("seed %d: session %s has notes %v, %d were asked for", seed, id, f.notes[id], want)
			}
		}
	}
}

// Rows in flight take a bounded amount of memory; what is done is let go.
func BenchmarkRows(b *testing.B) {
	f := func(context.Context, []string, string) error { return nil }
	var line bytes.Buffer
	n := 0
	b.ReportAllocs()
	s, err := Run(context.Background(), func() (Row, error) {
		if n == b.N {
			return Row{}, io.EOF
		}
		n++
		return Row{Line: n, SessionID: fmt.Sprint("session-", n), State: "CLOSED"}, nil
	}, Calls{ChangeState: f}, Options{}, Sink{
		Emit: func(o *Outcome) error {
			line.Reset()
			line.Write(o.Append(line.AvailableBuffer()))
			return nil
		},
		Flush: func() error { return nil },
	})
	if err != nil || s.Done != b.N {
		b.Fatal(s, err)
	}
}

// A request that the signal kept from being sent leaves its rows not begun.
func TestSignalBeforeSending(t *testing.T) {
	f := newFakeTenant()
	ctx, cancel := context.WithCancel(context.Background())
	f.fault = func(n int) error {
		if n == 0 {
			return nil
		}
		cancel()
		time.Sleep(5 * time.Millisecond)
		return &incydr.Stopped{}
	}
	got, s, err := run(ctx, f, source(ids(300)), Options{Concurrency: 1})
	if !errors.Is(err, context.Canceled) || len(got) != 100 || s.Done != 100 || s.Failed != 0 || s.NotBegun < 100 {
		t.Errorf("%d outcomes, %+v, %v", len(got), s, err)
	}
}
