package search

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sess/lib/checkpoint"
	"sess/lib/incydr"
	"sess/lib/sandbox"
)

// until is where the test data ends.
var until = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

const aWeek = 7 * 24 * time.Hour

// A site is a tenant that is served, and what feeds have printed of it.
type site struct {
	*testing.T
	tenant *sandbox.Tenant
	walker *Walker
	dir    checkpoint.Dir
	lines  map[string]int // how often each session was printed, by its id
	order  []string
	bytes  map[string]string
	actor  string
}

func newSite(t *testing.T, o sandbox.Options) *site {
	t.Helper()
	if o.Until.IsZero() {
		o.Until = until
	}
	if o.Now.IsZero() {
		o.Now = until
	}
	tenant := sandbox.New(o)
	server := httptest.NewServer(tenant)
	t.Cleanup(server.Close)
	settings, err := incydr.LoadSettings("", append(tenant.Environ(server.URL), "HOME="+t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	return &site{
		T: t, tenant: tenant, walker: NewWalker(incydr.New(settings, incydr.Options{}), 0, nil),
		dir: checkpoint.DirOf(t.TempDir(), settings.ClientID), lines: map[string]int{}, bytes: map[string]string{},
	}
}

// feed is a new process's feed on the checkpoint.
func (s *site) feed(change ...func(*Feed)) *Feed {
	s.Helper()
	f := &Feed{Walker: s.walker, Dir: s.dir, Name: "siem", Lookback: aWeek, Print: s.print}
	for _, c := range change {
		c(f)
	}
	if err := f.Open(); err != nil {
		s.Fatal(err)
	}
	return f
}

func (s *site) print(sessions []Session) error {
	for _, session := range sessions {
		s.lines[session.ID]++
		s.order = append(s.order, session.ID)
		s.bytes[session.ID] = string(session.Raw)
	}
	return nil
}

// poll polls as a process of its own.
func (s *site) poll(change ...func(*Feed)) Report {
	s.Helper()
	r, err := s.feed(change...).Poll(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// ids are of what the tenant shows for a query string.
func (s *site) ids(query string) map[string]bool {
	s.Helper()
	items, err := s.tenant.Items(query)
	if err != nil {
		s.Fatal(err)
	}
	ids := map[string]bool{}
	for _, item := range items {
		ids[Parse(item).ID] = true
	}
	return ids
}

// mustHave checks that each of the ids, and nothing else, was printed once.
func (s *site) mustHave(ids map[string]bool) {
	s.Helper()
	lost, twice, foreign := 0, 0, 0
	for id := range ids {
		switch n := s.lines[id]; {
		case n == 0:
			lost++
		case n > 1:
			twice++
		}
	}
	for id := range s.lines {
		if !ids[id] {
			foreign++
		}
	}
	if lost+twice+foreign > 0 {
		s.Errorf("of %d sessions %d were not printed and %d more than once; %d others were printed", len(ids), lost, twice, foreign)
	}
}

// requests is how many searches were asked for since the last call.
func (s *site) requests() int {
	n := s.tenant.Stats().Requests["GET /v1/sessions"]
	s.tenant.ResetStats()
	return n
}

func anyAlerts(f *Feed)   { f.Search.AnyAlerts = true }
func withUpdates(f *Feed) { f.Updates = true }
func deferred(f *Feed)    { f.Deferred = true }

// thorough asks for the numbers that are promised; go test alone runs the same with fewer.
var thorough = os.Getenv("SESS_TORTURE") != ""

// Whatever the lag and the steps, all polls together print each session once.
func TestRecall(t *testing.T) {
	steps := map[string]func(*rand.Rand) time.Duration{
		"12h":    func(*rand.Rand) time.Duration { return 12 * time.Hour },
		"random": func(r *rand.Rand) time.Duration { return time.Hour + time.Duration(r.Int64N(int64(29*time.Hour))) },
	}
	for _, lag := range []time.Duration{0, 6 * time.Hour, 48 * time.Hour} {
		for name, step := range steps {
			seeds := 1
			if name == "random" {
				if thorough {
					seeds = 20
				}
			}
			for seed := range seeds {
				for _, faults := range []float64{0, 0.05} {
					if faults > 0 && seed > 0 && !thorough {
						continue
					}
					t.Run(fmt.Sprintf("lag %v/%s/%d/faults %v", lag, name, seed, faults), func(t *testing.T) {
						t.Parallel()
						s := newSite(t, sandbox.Options{Sessions: 2000, Days: 10, Seed: uint64(seed + 1), Lag: lag, Faults: faults, Now: until.Add(-10 * 24 * time.Hour)})
						random := rand.New(rand.NewPCG(uint64(seed), 5))
						for s.tenant.Now().Before(until.Add(lag)) {
							s.tenant.Advance(step(random))
							s.poll(anyAlerts)
						}
						ids := s.ids("alerts=any")
						if len(ids) != 2000 {
							t.Fatalf("the tenant shows %d sessions", len(ids))
						}
						s.mustHave(ids)
					})
				}
			}
		}
	}
}

// What a query means decides how it is searched for; all of them find all.
func TestRecallOfOtherQueries(t *testing.T) {
	for name, change := range map[string]func(*Feed){
		"with alerts": func(*Feed) {},
		"no alerts":   func(f *Feed) { f.Search.Query.Alerts = incydr.WithoutAlerts },
		"an actor's":  func(f *Feed) { f.Search.Query.ActorID = "actor" },
		"severity":    func(f *Feed) { f.Search.Query.Severities = []int{3, 4} },
		"updates":     withUpdates,
		"no lookback": func(f *Feed) { f.Lookback = 36 * time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const lag = 24 * time.Hour
			s := newSite(t, sandbox.Options{Sessions: 1500, Days: 10, Lag: lag, Now: until.Add(-10 * 24 * time.Hour)})
			var seen = map[string]bool{} // by the tenant's own word, at the time of a poll
			var query incydr.Query
			for s.tenant.Now().Before(until.Add(lag)) {
				s.tenant.Advance(9 * time.Hour)
				if len(s.ids("")) == 0 {
					continue
				}
				f := s.feed(func(f *Feed) {
					change(f)
					if f.Search.Query.ActorID != "" {
						f.Search.Query.ActorID = anActor(s)
					}
				})
				query = f.Search.Query
				if _, err := f.Poll(t.Context()); err != nil {
					t.Fatal(err)
				}
				for id := range s.ids(query.Values().Encode()) {
					seen[id] = true
				}
			}
			if len(seen) < 20 {
				t.Fatalf("the test says little: %d sessions", len(seen))
			}
			if name == "updates" {
				for id := range seen {
					if s.lines[id] == 0 {
						t.Errorf("%s was never printed", id)
					}
				}
				return
			}
			s.mustHave(seen)
		})
	}
}

// Sessions come, change and show up late while a poll is under way.
func TestRecallWhileAllChanges(t *testing.T) {
	for name, change := range map[string]func(*Feed){"with alerts": func(*Feed) {}, "both": anyAlerts, "no alerts": func(f *Feed) { f.Search.Query.Alerts = incydr.WithoutAlerts }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, sandbox.Options{Sessions: 1500, Days: 6, Churn: 10 * time.Millisecond, Latency: time.Millisecond})
			seen := map[string]bool{} // of what can leave the filter, what was there both before and after a poll
			query := func(f *Feed) string {
				if f.Search.AnyAlerts {
					return "alerts=any"
				}
				return f.Search.Query.Values().Encode()
			}
			polls, uncertain, enough := 0, 0, 30
			for range 40 {
				f := s.feed(change)
				before := s.ids(query(f))
				if len(before) > 4000 { // the machine is so slow that the list outgrows it
					enough = 3
					break
				}
				_, err := f.Poll(t.Context())
				var doubt *Uncertain
				if errors.As(err, &doubt) {
					uncertain++
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				polls++
				after := s.ids(query(f))
				for id := range before {
					if after[id] && s.lines[id] == 0 {
						t.Errorf("%s was there when the poll began, and is not printed when it has finished", id)
					}
					seen[id] = seen[id] || after[id]
				}
			}
			if len(seen) < 100 || polls < enough {
				t.Errorf("the test says little: %d sessions, %d polls, %d uncertain", len(seen), polls, uncertain)
			}
			for id, n := range s.lines {
				if n > 1 {
					t.Errorf("%s was printed %d times", id, n)
				}
			}
		})
	}
}

// anActor is somebody who has sessions from the beginning.
func anActor(s *site) string {
	if s.actor != "" {
		return s.actor
	}
	items, err := s.tenant.Items("sort_direction=ASC")
	if err != nil || len(items) == 0 {
		s.Fatal("no sessions yet")
	}
	_, rest, _ := strings.Cut(string(items[0]), `"actorId":"`)
	s.actor, _, _ = strings.Cut(rest, `"`)
	return s.actor
}

func TestPollsCostWhatIsNew(t *testing.T) {
	for _, lag := range []time.Duration{0, 6 * time.Hour, 24 * time.Hour} {
		t.Run(lag.String(), func(t *testing.T) {
			t.Parallel()
			// The whole ten days are in the lookback.
			s := newSite(t, sandbox.Options{Sessions: 3500, Days: 10, Lag: lag, Now: until.Add(-24 * time.Hour)})
			wide := func(f *Feed) { f.Lookback = 11 * 24 * time.Hour }
			first := s.poll(wide)
			s.requests()
			if r := s.poll(wide); r.Printed != 0 {
				t.Errorf("printed %d again", r.Printed)
			}
			if n := s.requests(); n > 2 {
				t.Errorf("a poll without anything new took %d requests", n)
			}
			t.Logf("%d recorded", first.Printed)
			most := 0
			for polls := 0; s.tenant.Now().Before(until.Add(-2*time.Hour)) && (thorough || polls < 12); polls++ {
				before := len(s.ids("alerts=true"))
				for len(s.ids("alerts=true")) < before+10 {
					s.tenant.Advance(10 * time.Minute)
				}
				r := s.poll(wide)
				n := s.requests()
				if r.Full {
					continue
				}
				most = max(most, n)
				if n > max(12, r.Printed) {
					t.Errorf("%d new ones took %d requests", r.Printed, n)
				}
			}
			t.Logf("at most %d requests", most)
			s.mustHave(s.ids("alerts=true"))
		})
	}
}

// New ones all at one time in the past, which no order shows first.
func TestPollFindsWhatIsNewAnywhere(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 4000, Days: 7})
	s.poll(anyAlerts)
	random := rand.New(rand.NewPCG(1, 1))
	sum := 0
	for range 30 {
		s.requests()
		s.tenant.Add(10, until.Add(-time.Duration(random.Int64N(int64(6*24*time.Hour)))))
		r := s.poll(anyAlerts)
		n := s.requests() / 2 // both kinds are asked for
		if r.Printed != 10 || n > 16 {
			t.Errorf("printed %d with %d requests", r.Printed, n)
		}
		sum += n
	}
	t.Logf("%d requests on average", sum/30)
	s.mustHave(s.ids(""))
}

var errKilled = errors.New("killed")

// killed makes a feed die at the n-th batch, before or after it has recorded it.
func (s *site) killed(n int, after bool) func(*Feed) {
	return func(f *Feed) {
		f.Print = func(sessions []Session) error {
			if n--; n == 0 && !after {
				s.print(sessions)
				return errKilled
			}
			if n < 0 {
				return errKilled
			}
			return s.print(sessions)
		}
	}
}

func TestFirstRun(t *testing.T) {
	for name, change := range map[string]func(*Feed){"with alerts": func(*Feed) {}, "updates": withUpdates} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, sandbox.Options{Sessions: 20000, Days: 90})
			total := len(s.ids("alerts=true"))
			pages := float64(total) / 50
			s.poll(change)
			s.mustHave(s.ids("alerts=true"))
			if n := s.requests(); float64(n) > 1.25*pages {
				t.Errorf("%d requests for %.0f pages", n, pages)
			} else {
				t.Logf("%d requests for %.0f pages", n, pages)
			}
			begins := map[string]int64{}
			for id := range s.lines {
				begins[id] = Parse([]byte(s.bytes[id])).Begin
			}
			for i := 500; i < len(s.order); i += 100 {
				if begins[s.order[i]] < begins[s.order[i-500]] {
					t.Fatalf("the sessions do not come oldest first")
				}
			}
		})
	}
}

func TestKilledFirstRunGoesOn(t *testing.T) {
	for name, change := range map[string]func(*Feed){"with alerts": func(*Feed) {}, "updates": withUpdates, "deferred": deferred} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := sandbox.Options{Sessions: 14000, Days: 90}
			if thorough {
				o.Sessions = 20000
			}
			s := newSite(t, o)
			total := len(s.ids("alerts=true"))
			pages := float64(total) / 50
			tail := s.commits(name == "deferred")
			half := (total/50)/2 + 7
			_, err := s.feed(change, s.killed(half, false), tail).Poll(t.Context())
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			s.requests()
			s.poll(change, tail)
			if n := s.requests(); float64(n) > 0.6*pages {
				t.Errorf("the second run took %d requests of %.0f", n, pages)
			} else {
				t.Logf("the second run took %d requests of %.0f", n, pages)
			}
			twice := 0
			for id := range s.ids("alerts=true") {
				if s.lines[id] == 0 {
					t.Fatalf("%s is lost", id)
				}
				twice += s.lines[id] - 1
			}
			if twice > Batch {
				t.Errorf("%d were printed twice", twice)
			}
		})
	}
}

// commits lets a second process, where it is on, commit what the feed prints.
func (s *site) commits(on bool) func(*Feed) {
	return func(f *Feed) {
		if !on {
			return
		}
		print := f.Print
		f.Print = func(sessions []Session) error {
			if err := print(sessions); err != nil {
				return err
			}
			return s.commit(f.Name, sessions)
		}
	}
}

func (s *site) commit(name string, sessions []Session) error {
	c, err := s.dir.Load(name)
	if err != nil {
		return err
	}
	var kept []checkpoint.Session
	for _, session := range sessions {
		kept = append(kept, keep(session))
	}
	return c.Commit(kept)
}

// Stopped at any batch, before or after the record, any number of times: nothing is lost, and
// each stop repeats a batch at most.
func TestStoppedAnywhere(t *testing.T) {
	for name, change := range map[string]func(*Feed){
		"with alerts": func(*Feed) {}, "both": anyAlerts, "updates": withUpdates,
		"open": func(f *Feed) { f.Search.Query.States = []string{"OPEN"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(7, 8))
			const lag = 12 * time.Hour
			s := newSite(t, sandbox.Options{Sessions: 3000, Days: 10, Lag: lag, Now: until.Add(-5 * 24 * time.Hour)})
			stops := 0
			seen := map[string]bool{}
			var query string
			for s.tenant.Now().Before(until.Add(lag)) {
				s.tenant.Advance(time.Duration(random.Int64N(int64(8 * time.Hour))))
				f := s.feed(change, s.killed(1+random.IntN(12), random.IntN(2) == 0))
				if query = f.Search.Query.Values().Encode(); f.Search.AnyAlerts {
					query = "alerts=any"
				}
				_, err := f.Poll(t.Context())
				switch {
				case errors.Is(err, errKilled):
					stops++
				case err != nil:
					t.Fatal(err)
				default:
					for id := range s.ids(query) {
						seen[id] = true
					}
				}
			}
			s.poll(change)
			for id := range s.ids(query) {
				seen[id] = true
			}
			if stops < 3 {
				t.Fatalf("the test says little: %d stops", stops)
			}
			twice := 0
			for id := range seen {
				if s.lines[id] == 0 {
					t.Fatalf("%s is lost", id)
				}
				twice += s.lines[id] - 1
			}
			if name != "updates" && twice > stops*Batch {
				t.Errorf("%d stops, %d printed twice", stops, twice)
			}
		})
	}
}

func TestUpdates(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 400, Days: 5})
	s.poll(withUpdates)
	ids := s.ids("alerts=true")
	s.mustHave(ids)
	var some []string
	for id := range ids {
		if some = append(some, id); len(some) == 7 {
			break
		}
	}
	s.tenant.Advance(time.Hour)
	if err := s.walker.Client.ChangeState(t.Context(), some, "CLOSED"); err != nil {
		t.Fatal(err)
	}
	if r := s.poll(); r.Printed != 0 {
		t.Errorf("without --updates %d are printed again", r.Printed)
	}
	if r := s.poll(withUpdates); r.Printed != 7 {
		t.Errorf("%d are printed again, 7 were changed", r.Printed)
	}
	for _, id := range some {
		if s.lines[id] != 2 {
			t.Errorf("%s was printed %d times", id, s.lines[id])
		}
	}
	if r := s.poll(withUpdates); r.Printed != 0 {
		t.Errorf("%d are printed a third time", r.Printed)
	}
}

// What was printed and not committed comes again in the next process, and not before.
func TestDeferred(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 300, Days: 20})
	f := s.feed(deferred)
	ctx := t.Context()
	r, err := f.Poll(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ids := s.ids("alerts=true")
	s.mustHave(ids)
	if r.Floor != 0 {
		t.Errorf("the floor is at %d, and nothing is committed", r.Floor)
	}
	if r, err = f.Poll(ctx); err != nil || r.Printed != 0 {
		t.Errorf("the same process printed %d again: %v", r.Printed, err)
	}
	var half []Session
	for _, id := range s.order[:len(s.order)/2] {
		half = append(half, Parse([]byte(s.bytes[id])))
	}
	if err := s.commit("siem", half); err != nil {
		t.Fatal(err)
	}
	r = s.poll(deferred)
	if r.Printed != len(ids)-len(half) {
		t.Errorf("a new process printed %d of %d that are not committed", r.Printed, len(ids)-len(half))
	}
	for _, session := range half {
		if s.lines[session.ID] != 1 {
			t.Fatalf("%s was committed, and printed again", session.ID)
		}
	}
	var rest []Session
	for _, id := range s.order[len(ids):] {
		rest = append(rest, Parse([]byte(s.bytes[id])))
	}
	if err := s.commit("siem", rest); err != nil {
		t.Fatal(err)
	}
	if r = s.poll(deferred); r.Printed != 0 || r.Floor == 0 {
		t.Errorf("all is committed: printed %d, floor %d", r.Printed, r.Floor)
	}
}

// The last stage commits the print of a session when a later print of it is on its way.
func TestUpdateOnItsWay(t *testing.T) {
	m := newMoving(t, 50)
	m.addMany(100, m.now-hour, 1000)
	feed := m.feed(withUpdates, deferred)
	poll := func() {
		if _, err := feed.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		m.now += minute
	}
	poll()
	s := m.rows[3]
	first := Parse([]byte(m.bytes[s.id]))
	s.updated = m.now
	poll()
	if err := m.commit("siem", []Session{first}); err != nil {
		t.Fatal(err)
	}
	poll()
	if m.lines[s.id] != 2 {
		t.Errorf("updated once, and printed %d times", m.lines[s.id])
	}
	// A new process has the record alone.
	m.poll(withUpdates, deferred)
	if m.lines[s.id] != 3 {
		t.Errorf("its update was never committed, and is not printed again")
	}
}

func TestLimit(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 500, Days: 20})
	ids := s.ids("alerts=true")
	limit := func(f *Feed) { f.Search.Limit = 70 }
	for n := len(ids); n > 0; n -= 70 {
		if r := s.poll(limit); r.Printed != min(n, 70) {
			t.Fatalf("printed %d of %d that are left", r.Printed, n)
		}
	}
	s.mustHave(ids)
	if r := s.poll(limit); r.Printed != 0 || !r.Finished {
		t.Errorf("then %+v", r)
	}
}

func TestStartAndEnd(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 1000, Days: 20})
	start, end := until.Add(-10*24*time.Hour).UnixMilli(), until.Add(-5*24*time.Hour).UnixMilli()
	var said []string
	bounds := func(f *Feed) {
		f.Search.Query.OnOrAfter, f.Search.Query.Before = start, end
		f.Say = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	}
	s.poll(bounds)
	s.mustHave(s.ids(fmt.Sprintf("alerts=true&on_or_after=%d&before=%d", start, end)))
	if len(said) != 0 {
		t.Errorf("%q", said)
	}
	f := s.feed(bounds, func(f *Feed) { f.Search.Query.OnOrAfter, f.Search.Query.Before = 5, 0 })
	for range 2 {
		if _, err := f.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.mustHave(s.ids(fmt.Sprintf("alerts=true&on_or_after=%d", start)))
	if len(said) != 1 || !strings.Contains(said[0], "--start is not used") {
		t.Errorf("%q", said)
	}
	if r := s.poll(func(f *Feed) { f.Search.Query.Before = 7 }); r.Printed != 0 || r.Finished {
		t.Errorf("an end below the floor: %+v", r)
	}
}

// The server's clock goes back a year, or ahead, for a while.
func TestClocks(t *testing.T) {
	for name, jump := range map[string]time.Duration{"back": -365 * 24 * time.Hour, "ahead": 365 * 24 * time.Hour, "a little back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, sandbox.Options{Sessions: 2000, Days: 20, Lag: 24 * time.Hour, Now: until.Add(-4 * 24 * time.Hour)})
			s.poll()
			s.tenant.Advance(6 * time.Hour)
			s.tenant.Advance(jump)
			s.poll()
			s.poll()
			s.tenant.Advance(-jump)
			s.tenant.Add(5, time.Time{})
			for s.tenant.Now().Before(until.Add(24 * time.Hour)) {
				s.tenant.Advance(6 * time.Hour)
				s.poll()
			}
			s.mustHave(s.ids("alerts=true"))
		})
	}
}

// A session that begins in the future, by some laptop's clock, is printed, and does not take
// the floor with it.
func TestSessionFromTheFuture(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 500, Days: 10, Lag: 24 * time.Hour, Now: until.Add(-3 * 24 * time.Hour)})
	s.tenant.Add(1, until.Add(300*24*time.Hour))
	for s.tenant.Now().Before(until.Add(24 * time.Hour)) {
		s.poll(func(f *Feed) { f.Lookback = 36 * time.Hour }, anyAlerts)
		s.tenant.Advance(6 * time.Hour)
	}
	s.poll(anyAlerts)
	s.mustHave(s.ids(""))
}

// Where a limit ends a poll, what is left is found later, however long that takes.
func TestLimitKeepsTheFloor(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 600, Days: 7})
	s.poll(anyAlerts)
	s.tenant.Add(1, s.tenant.Now().Add(-aWeek+6*time.Hour))
	for range 4 {
		s.tenant.Advance(12 * time.Hour)
		s.tenant.Add(1, time.Time{})
		s.poll(anyAlerts, func(f *Feed) { f.Search.Limit = 1 })
	}
	s.poll(anyAlerts)
	s.mustHave(s.ids(""))
}

// One session leaves the filter and another enters it: the count is as it was.
func TestOneLeavesAnotherEnters(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 2000, Days: 6})
	open := func(f *Feed) { f.Search.Query.States = []string{"OPEN"} }
	s.poll(open)
	items, err := s.tenant.Items("alerts=true&sort_direction=ASC")
	if err != nil {
		t.Fatal(err)
	}
	var entered, left string
	for _, item := range items {
		id := Parse(item).ID
		if s.lines[id] == 0 && entered == "" {
			entered = id
		} else if s.lines[id] == 1 && left == "" {
			left = id
		}
	}
	change := func(id, state string) {
		if err := s.walker.Client.ChangeState(t.Context(), []string{id}, state); err != nil {
			t.Fatal(err)
		}
	}
	change(left, "CLOSED")
	change(entered, "OPEN")
	s.poll(open)
	if s.lines[entered] != 1 || s.lines[left] != 1 {
		t.Errorf("the one that entered was printed %d times, the one that left %d times", s.lines[entered], s.lines[left])
	}
}

// A reading that was interrupted, and is finished a day later, is as of when it began: what
// showed up meanwhile where it had been is found by the next one.
func TestResumedReadingIsOfItsBegin(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 6000, Days: 10, Now: until.Add(-4 * 24 * time.Hour)})
	short := func(f *Feed) { f.Lookback = 36 * time.Hour }
	s.poll(short, withUpdates)
	s.tenant.Advance(60 * time.Hour)
	late := s.tenant.Now().Add(-34 * time.Hour)
	f := s.feed(short, withUpdates, func(f *Feed) {
		f.Print = func(sessions []Session) error {
			if sessions[0].Begin > late.Add(30*time.Hour).UnixMilli() {
				return errKilled
			}
			return s.print(sessions)
		}
	})
	if _, err := f.Poll(t.Context()); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if f.checkpoint.State().Done <= late.UnixMilli() {
		t.Fatal("the test says little: the reading did not come as far as that")
	}
	s.tenant.Advance(time.Hour)
	s.tenant.Add(1, late)
	s.tenant.Advance(30 * time.Hour)
	s.tenant.Add(1, time.Time{})
	s.poll(short, withUpdates)
	s.poll(short, withUpdates)
	for id := range s.ids("alerts=true") {
		if s.lines[id] == 0 {
			t.Fatalf("%s is lost", id)
		}
	}
}

// What a deferred search had read when it was killed, and nobody committed, is read again by one
// that is not deferred.
func TestDeferredReadingLeavesNoMark(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 2000, Days: 6})
	f := s.feed(deferred, withUpdates, s.killed(25, true))
	for range 2 { // the second time most is on its way already
		if _, err := f.Poll(t.Context()); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
	s.lines = map[string]int{}
	s.poll(withUpdates)
	s.mustHave(s.ids("alerts=true"))
}

// The floor stays below what is not committed, though newer sessions are.
func TestFloorStaysBelowWhatIsOnItsWay(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 300, Days: 30})
	if _, err := s.feed(deferred).Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	var newest []Session
	for _, id := range s.order[len(s.order)/2:] {
		newest = append(newest, Parse([]byte(s.bytes[id])))
	}
	if err := s.commit("siem", newest); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if r := s.poll(deferred); r.Printed != len(s.lines)-len(newest) {
			t.Fatalf("%d of %d that are not committed are printed", r.Printed, len(s.lines)-len(newest))
		}
	}
}

// A feed that nobody ran for a month goes on where it was.
func TestAMonthLater(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 6000, Days: 60, Lag: 48 * time.Hour, Now: until.Add(-40 * 24 * time.Hour)})
	s.poll()
	s.tenant.Advance(30 * 24 * time.Hour)
	s.requests()
	r := s.poll()
	if n := s.requests(); n > r.Printed/50*5/4+15 {
		t.Errorf("%d new ones took %d requests", r.Printed, n)
	}
	s.tenant.Advance(14 * 24 * time.Hour)
	s.poll()
	s.mustHave(s.ids("alerts=true"))
}

// A session that goes hides another that comes, for a day at most.
func TestOneGoesAnotherComes(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 600, Days: 5})
	s.poll(anyAlerts)
	// As if the server had forgotten one.
	c, err := s.dir.Load("siem")
	if err != nil {
		t.Fatal(err)
	}
	gone := checkpoint.Session{ID: "gone", Begin: until.Add(-48 * time.Hour).UnixMilli()}
	if err := c.Commit([]checkpoint.Session{gone}); err != nil {
		t.Fatal(err)
	}
	late := s.tenant.Add(1, until.Add(-72*time.Hour))
	s.tenant.Advance(time.Hour)
	s.poll(anyAlerts)
	if s.lines[late[0]] != 0 {
		t.Skip("found at once: it stood on the first page") // by the data's seed; not so today
	}
	s.tenant.Advance(24 * time.Hour)
	s.poll(anyAlerts)
	if s.lines[late[0]] != 1 {
		t.Errorf("the late one was printed %d times", s.lines[late[0]])
	}
	s.requests()
	s.poll(anyAlerts)
	s.requests()
	s.poll(anyAlerts)
	if n := s.requests(); n > 4 {
		t.Errorf("the one that has gone costs %d requests at every poll", n)
	}
	s.mustHave(s.ids(""))
}

func TestVendorsCheckpointIsTakenOver(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 1000, Days: 30})
	newest := until.Add(-2 * 24 * time.Hour).UnixMilli()
	floor := newest - aWeek.Milliseconds()
	var known []string
	want := map[string]bool{}
	items, err := s.tenant.Items("alerts=true")
	if err != nil {
		t.Fatal(err)
	}
	for i, item := range items {
		session := Parse(item)
		switch {
		case session.End <= newest && i%2 == 0:
			known = append(known, `"`+session.ID+`"`)
		case session.Begin >= floor:
			want[session.ID] = true
		}
	}
	s.vendor(fmt.Sprint(newest), "["+strings.Join(known, ", ")+"]")
	var said []string
	say := func(f *Feed) {
		f.Say = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	}
	s.poll(say)
	s.mustHave(want)
	if len(said) != 1 || !strings.Contains(said[0], "took over the vendor's checkpoint") {
		t.Errorf("%q", said)
	}
	s.requests()
	if r := s.poll(say); r.Printed != 0 || len(said) != 1 {
		t.Errorf("again: %d, %q", r.Printed, said)
	}
	if n := s.requests(); n > 2 {
		t.Errorf("the second poll took %d requests", n)
	}
}

func TestVendorsClockIsAhead(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 1000, Days: 30})
	s.vendor(fmt.Sprint(until.Add(1000*24*time.Hour).UnixMilli()), "[]")
	s.poll()
	s.mustHave(s.ids(fmt.Sprintf("alerts=true&on_or_after=%d", until.Add(-aWeek).UnixMilli()/1000*1000)))
}

// vendor writes the files of the vendor's CLI.
func (s *site) vendor(newest, ids string) {
	s.Helper()
	run, err := s.dir.Hold(s.Context(), "siem", 0) // makes the folder
	if err != nil {
		s.Fatal(err)
	}
	run.End()
	write(s.T, s.dir.VendorPath("siem"), newest)
	write(s.T, s.dir.VendorPath("siem")+"_sessions", ids)
}

func TestQueriesAsText(t *testing.T) {
	a := Search{Query: incydr.Query{States: []string{"OPEN", "CLOSED", "OPEN"}, Severities: []int{4, 3}, OnOrAfter: 5, OrderBy: "score"}, Limit: 3}
	b := Search{Query: incydr.Query{States: []string{"CLOSED", "OPEN"}, Severities: []int{3, 4}, Before: 9}}
	if a.Text() != b.Text() || a.Text() != `{"alerts":"with","state":["CLOSED","OPEN"],"severity":[3,4]}` {
		t.Errorf("%s and %s", a.Text(), b.Text())
	}
	texts := map[string]bool{}
	for _, s := range []Search{
		{}, {AnyAlerts: true}, {Query: incydr.Query{Alerts: incydr.WithoutAlerts}}, {Query: incydr.Query{ActorID: "a"}}, {Query: incydr.Query{Type: "a"}},
		{Query: incydr.Query{RiskIndicators: []string{"a"}}}, {Query: incydr.Query{States: []string{"a"}}}, {Query: incydr.Query{Severities: []int{0}}},
		{Query: incydr.Query{RuleIDs: []string{"a"}}}, {Query: incydr.Query{WatchlistIDs: []string{"a"}}}, {Query: incydr.Query{ContentInspectionStatuses: []string{"a"}}},
	} {
		texts[s.Text()] = true
	}
	if len(texts) != 11 {
		t.Errorf("%d texts of 11 queries", len(texts))
	}
}

// A server that fails for a while does not end a feed; credentials that are refused do.
func TestFollowRidesOutTheServersFaults(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 200, Days: 5})
	var down atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/sessions" && down.Add(-1) >= 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		s.tenant.ServeHTTP(w, r)
	}))
	defer server.Close()
	environ := append(s.tenant.Environ(server.URL), "HOME="+t.TempDir())
	walker := func(environ ...string) func(*Feed) {
		settings, err := incydr.LoadSettings("", environ)
		if err != nil {
			t.Fatal(err)
		}
		return func(f *Feed) { f.Walker = NewWalker(incydr.New(settings, incydr.Options{RetryFor: -1}), 0, nil) }
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	down.Store(4)
	polls := 0
	f := s.feed(walker(environ...), func(f *Feed) {
		f.Print = func(sessions []Session) error {
			if polls++; polls == 2 {
				down.Store(3)
			}
			if len(s.lines)+len(sessions) >= len(s.ids("alerts=true")) {
				stop()
			}
			return s.print(sessions)
		}
	})
	if err := f.Follow(ctx, time.Millisecond); !errors.Is(err, context.Canceled) {
		t.Fatalf("it ended: %v", err)
	}
	if polls < 3 {
		t.Fatalf("%d batches", polls)
	}
	s.mustHave(s.ids("alerts=true"))

	environ[1] += "-stranger"
	err := s.feed(walker(environ...), func(f *Feed) { f.Name = "other" }).Follow(t.Context(), time.Millisecond)
	var status *incydr.StatusError
	if !errors.As(err, &status) || status.ExitCode() != 4 {
		t.Errorf("refused credentials: %v", err)
	}
}

func TestPauses(t *testing.T) {
	for failures, want := range map[int]time.Duration{0: time.Minute, 1: 2 * time.Minute, 3: 8 * time.Minute, 4: longestBackOff, 100: longestBackOff} {
		for range 100 {
			if d := pause(time.Minute, failures); d < want*9/10 || d > want*11/10 {
				t.Fatalf("after %d failures: %v", failures, d)
			}
		}
	}
	if d := pause(time.Hour, 9); d < 54*time.Minute {
		t.Errorf("less often than asked for: %v", d)
	}
	a, b := pause(time.Hour, 0), pause(time.Hour, 0)
	if a == b {
		t.Error("all feeds ask at once")
	}
}

func TestFollow(t *testing.T) {
	s := newSite(t, sandbox.Options{Sessions: 300, Days: 5, Faults: 0.3})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	polls := 0
	f := s.feed(anyAlerts)
	print := f.Print
	f.Print = func(sessions []Session) error {
		polls++
		if len(s.lines) >= 300 && polls < 10 {
			s.tenant.Add(3, time.Time{})
		}
		if err := print(sessions); err != nil {
			return err
		}
		if polls == 15 {
			stop()
		}
		return nil
	}
	s.tenant.Add(1, time.Time{})
	go func() {
		for ctx.Err() == nil {
			s.tenant.Add(1, time.Time{})
			time.Sleep(5 * time.Millisecond)
		}
	}()
	if err := f.Follow(ctx, 10*time.Millisecond); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	c, err := s.dir.Load("siem")
	if err != nil {
		t.Fatal(err)
	}
	for id, n := range s.lines {
		if _, recorded := c.Lookup(id); n != 1 || !recorded {
			t.Fatalf("%s was printed %d times, recorded: %v", id, n, recorded)
		}
	}
	if slices.Max(s.counts()) > 1 || c.Len() != len(s.lines) {
		t.Errorf("%d printed, %d recorded", len(s.lines), c.Len())
	}
}

func (s *site) counts() (counts []int) {
	for _, n := range s.lines {
		counts = append(counts, n)
	}
	return counts
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Of what an answer holds all tells its earliest end, where the ends are such.
func TestSince(t *testing.T) {
	for name, c := range map[string]struct {
		spans [][2]int64 // begin and end
		total int64
		want  int64
	}{
		"all of them":        {[][2]int64{{5, 9}, {2, 7}}, 2, 0},
		"none":               {nil, 0, 0},
		"some":               {[][2]int64{{5, 9}, {2, 7}}, 3, 8},
		"as long as nothing": {[][2]int64{{9, 9}, {9, 9}}, 3, 10},
		"no end":             {[][2]int64{{5, 9}, {2, 0}}, 3, never},
		"ends before":        {[][2]int64{{5, 9}, {7, 6}}, 3, never},
	} {
		t.Run(name, func(t *testing.T) {
			a := Answer{Total: c.total}
			for _, s := range c.spans {
				a.Sessions = append(a.Sessions, Session{Begin: s[0], End: s[1]})
			}
			if got := a.allSince(); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}
