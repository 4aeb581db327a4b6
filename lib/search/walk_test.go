package search

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sess/lib/freeport"
	"sess/lib/incydr"
	"sess/lib/jsonl"
	"sess/lib/sandbox"
)

// rounds is how often the tests that look for rare events run: few by default, more with
// SESS_TORTURE.
func rounds(few int) int {
	n, _ := strconv.Atoi(os.Getenv("SESS_TORTURE"))
	return few * max(n, 1)
}

// walkerOf returns a Walker on a tenant that the handler serves.
func walkerOf(t *testing.T, handler http.Handler, environ func(base string) []string) *Walker {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	settings, err := incydr.LoadSettings("", append(environ(server.URL), "HOME="+t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	return NewWalker(incydr.New(settings, incydr.Options{}), 0, nil)
}

// lines are the sessions of a walk, as they are printed.
func lines(t *testing.T, w *Walker, s Search) []string {
	t.Helper()
	var out []string
	err := w.Walk(t.Context(), s, func(sessions []Session) error {
		for _, s := range sessions {
			out = append(out, string(s.Raw))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func itemsOf(t *testing.T, tenant *sandbox.Tenant, query string) []string {
	t.Helper()
	items, err := tenant.Items(query)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = string(item)
	}
	return out
}

// still is a tenant on which nothing happens.
func still(sessions int) sandbox.Options {
	return sandbox.Options{Sessions: sessions, Until: until, Now: until.Add(30 * 24 * time.Hour)}
}

// On a list that stands still the walk is the tenant's own list, byte for byte and in its order,
// for one request a page.
func TestWalkIsTheTenantsList(t *testing.T) {
	tenant := sandbox.New(still(2000))
	w := walkerOf(t, tenant, tenant.Environ)
	actor := strings.Split(strings.Split(itemsOf(t, tenant, "")[0], `"actorId":"`)[1], `"`)[0]
	half := until.Add(-45 * 24 * time.Hour).UnixMilli()
	for query, s := range map[string]Search{
		"alerts=true":                    {},
		"alerts=false":                   {Query: incydr.Query{Alerts: incydr.WithoutAlerts}},
		"alerts=any":                     {AnyAlerts: true},
		"alerts=true&sort_direction=ASC": {Query: incydr.Query{Direction: "asc"}},
		"alerts=true&order_by=score":     {Query: incydr.Query{OrderBy: "score"}},
		"alerts=any&order_by=score&sort_direction=ASC":                                             {AnyAlerts: true, Query: incydr.Query{OrderBy: "score", Direction: "asc"}},
		"alerts=any&sort_direction=ASC":                                                            {AnyAlerts: true, Query: incydr.Query{Direction: "asc"}},
		"alerts=true&state=OPEN":                                                                   {Query: incydr.Query{States: []string{"OPEN"}}},
		"alerts=true&state=OPEN&state=CLOSED_FP":                                                   {Query: incydr.Query{States: []string{"OPEN", "CLOSED_FP"}}},
		"alerts=true&severity=3&severity=4":                                                        {Query: incydr.Query{Severities: []int{3, 4}}},
		"alerts=true&type=ACCOUNT_TAKE_OVER":                                                       {Query: incydr.Query{Type: "ACCOUNT_TAKE_OVER"}},
		"alerts=true&content_inspection_status=FOUND":                                              {Query: incydr.Query{ContentInspectionStatuses: []string{"FOUND"}}},
		"alerts=any&actor_id=" + actor:                                                             {AnyAlerts: true, Query: incydr.Query{ActorID: actor}},
		fmt.Sprintf("alerts=true&on_or_after=%d", half):                                            {Query: incydr.Query{OnOrAfter: half}},
		fmt.Sprintf("alerts=any&before=%d", half):                                                  {AnyAlerts: true, Query: incydr.Query{Before: half}},
		fmt.Sprintf("alerts=true&on_or_after=%d&before=%d&severity=3", half, half+10*24*3600*1000): {Query: incydr.Query{OnOrAfter: half, Before: half + 10*24*3600*1000, Severities: []int{3}}},
	} {
		want := itemsOf(t, tenant, query)
		tenant.ResetStats()
		got := lines(t, w, s)
		asked := tenant.Stats().Requests["GET /v1/sessions"]
		if s.AnyAlerts {
			// The API has no order among both; those of equal keys may stand either way.
			slices.Sort(want)
			key := func(line string) int64 { return Parse([]byte(line)).End }
			if s.Query.OrderBy == "score" {
				key = func(line string) int64 { return score(Session{Raw: []byte(line)}) }
			}
			for i := 1; i < len(got); i++ {
				if a, b := key(got[i-1]), key(got[i]); s.Query.Direction == "asc" && a > b || s.Query.Direction == "" && a < b {
					t.Errorf("%s: %d before %d", query, a, b)
				}
			}
			slices.Sort(got)
		}
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s: %d sessions that are not the tenant's %d", query, len(got), len(want))
		}
		pages := (len(want) + 49) / 50
		if most := map[bool]int{false: max(pages, 1), true: pages + 2}[s.AnyAlerts]; asked > most {
			t.Errorf("%s: %d requests for %d sessions", query, asked, len(want))
		}
		if n, err := w.Count(t.Context(), s); err != nil || n != int64(len(want)) {
			t.Errorf("%s: count %d, %v", query, n, err)
		}
	}
}

func TestLimitAsksForNoPageTooMuch(t *testing.T) {
	tenant := sandbox.New(still(1000))
	w := walkerOf(t, tenant, tenant.Environ)
	for limit, requests := range map[int]int{1: 1, 49: 1, 50: 1, 51: 2, 120: 3, 400: 8, 5000: 19} {
		want := itemsOf(t, tenant, "alerts=true")
		want = want[:min(limit, len(want))]
		tenant.ResetStats()
		got := lines(t, w, Search{Limit: limit})
		if asked := tenant.Stats().Requests["GET /v1/sessions"]; !slices.Equal(got, want) || asked > requests {
			t.Errorf("limit %d: %d sessions with %d requests", limit, len(got), asked)
		}
		any := itemsOf(t, tenant, "alerts=any")
		got = lines(t, w, Search{AnyAlerts: true, Limit: limit})
		if len(got) != min(limit, len(any)) || !subset(got, any) {
			t.Errorf("limit %d of any: %d sessions", limit, len(got))
		}
	}
}

func subset(some, all []string) bool {
	for _, s := range some {
		if !slices.Contains(all, s) {
			return false
		}
	}
	return true
}

// A reader that does not read stops the requests.
func TestASlowReaderSlowsTheRequests(t *testing.T) {
	tenant := sandbox.New(still(5000))
	w := walkerOf(t, tenant, tenant.Environ)
	ctx, cancel := context.WithCancel(t.Context())
	stuck, done := make(chan struct{}), make(chan error)
	pages := 0
	go func() {
		done <- w.Walk(ctx, Search{}, func([]Session) error {
			if pages++; pages < 2 {
				return nil // the first page alone sends for no others
			}
			close(stuck)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-stuck
	time.Sleep(500 * time.Millisecond) // for what must not happen
	if asked := tenant.Stats().Requests["GET /v1/sessions"]; asked > 2+2*8 {
		t.Errorf("%d requests for a reader that does not read", asked)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestTheReadersErrorEndsTheWalk(t *testing.T) {
	tenant := sandbox.New(still(500))
	gone := errors.New("gone")
	err := walkerOf(t, tenant, tenant.Environ).Walk(t.Context(), Search{}, func([]Session) error { return gone })
	if !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
}

// A bad day of the server is not seen in the result.
func TestTortureFaults(t *testing.T) {
	for _, share := range []float64{0.05, 0.2} {
		for seed := range rounds(2) {
			t.Run(fmt.Sprint(share, seed), func(t *testing.T) {
				t.Parallel()
				o := still(1500)
				o.Faults, o.Seed = share, uint64(seed+1)
				tenant := sandbox.New(o)
				got := lines(t, walkerOf(t, tenant, tenant.Environ), Search{})
				if want := itemsOf(t, tenant, "alerts=true"); !slices.Equal(got, want) {
					t.Errorf("%d sessions that are not the tenant's %d", len(got), len(want))
				}
			})
		}
	}
}

func TestTortureRateAndTokens(t *testing.T) {
	for name, change := range map[string]func(*sandbox.Options){
		"rate": func(o *sandbox.Options) { o.Rate = 300; o.Sessions = 7000 },
		"token life": func(o *sandbox.Options) {
			o.TokenLife = time.Second
			o.Latency = 50 * time.Millisecond
			o.Sessions = 10000
		},
		"all of them": func(o *sandbox.Options) { o.Rate = 300; o.TokenLife = time.Second; o.Faults = 0.1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := still(4000)
			change(&o)
			tenant := sandbox.New(o)
			got := lines(t, walkerOf(t, tenant, tenant.Environ), Search{})
			if want := itemsOf(t, tenant, "alerts=true"); !slices.Equal(got, want) {
				t.Errorf("%d sessions that are not the tenant's %d", len(got), len(want))
			}
			stats := tenant.Stats()
			if o.Rate > 0 && (stats.Statuses["429"] == 0 && o.Faults == 0 || stats.TooEarly > 0) {
				t.Errorf("%d refused, %d sent in a pause", stats.Statuses["429"], stats.TooEarly)
			}
			if o.TokenLife > 0 && stats.Requests["POST /v1/oauth"] < 2 {
				t.Errorf("%d tokens", stats.Requests["POST /v1/oauth"])
			}
		})
	}
}

// While the tenant lives, every session that matches from the beginning to the end of the walk
// is printed once, and none twice.
func TestTortureChurn(t *testing.T) {
	for query, s := range map[string]Search{
		"alerts=true":                           {},
		"alerts=any":                            {AnyAlerts: true},
		"alerts=false":                          {Query: incydr.Query{Alerts: incydr.WithoutAlerts}},
		"alerts=true&state=OPEN":                {Query: incydr.Query{States: []string{"OPEN"}}},
		"alerts=true&severity=3&order_by=score": {Query: incydr.Query{Severities: []int{3}, OrderBy: "score"}},
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			for round := range rounds(3) {
				tenant := sandbox.New(sandbox.Options{Sessions: 3000, Seed: uint64(round + 1), Until: until, Now: until, Churn: 3 * time.Millisecond, Latency: 5 * time.Millisecond})
				w := walkerOf(t, tenant, tenant.Environ)
				start := tenant.Now().UnixMilli()
				before := idsOf(itemsOf(t, tenant, query))
				got := lines(t, w, s)
				after := map[string]bool{}
				for _, line := range itemsOf(t, tenant, query) {
					// One that left and came back was not there from the beginning to the end.
					if !(strings.Contains(query, "state=") && changed(line, "states", start) || strings.Contains(query, "severity=") && changed(line, "scores", start)) {
						after[Parse([]byte(line)).ID] = true
					}
				}
				checkWalk(t, got, before, after)
			}
		})
	}
}

// changed reports whether one of a session's histories has an entry from then on.
func changed(line, history string, since int64) (yes bool) {
	jsonl.Elements(jsonl.Lookup([]byte(line), history), func(entry []byte) {
		at, _ := jsonl.Int(jsonl.Lookup(entry, "sourceTimestamp"))
		yes = yes || at >= since
	})
	return yes
}

func idsOf(lines []string) map[string]bool {
	ids := map[string]bool{}
	for _, line := range lines {
		ids[Parse([]byte(line)).ID] = true
	}
	return ids
}

func checkWalk(t *testing.T, got []string, before, after map[string]bool) {
	t.Helper()
	printed := map[string]int{}
	for _, line := range got {
		printed[Parse([]byte(line)).ID]++
	}
	lost, twice, stayed := 0, 0, 0
	for id := range before {
		if after[id] {
			stayed++
			if printed[id] == 0 {
				lost++
			}
		}
	}
	for _, n := range printed {
		if n > 1 {
			twice++
		}
	}
	if lost+twice > 0 {
		t.Errorf("of %d sessions that stayed %d were lost; %d came twice", stayed, lost, twice)
	}
}

// The tenant is killed in mid-walk and comes back some seconds later, with no memory of the
// tokens it gave.
func TestTortureRestart(t *testing.T) {
	for range rounds(1) {
		o := still(2000)
		o.Latency = 20 * time.Millisecond
		tenant := sandbox.New(o)
		port, err := freeport.Get()
		if err != nil {
			t.Fatal(err)
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: tenant}
		go server.Serve(l)
		settings, err := incydr.LoadSettings("", append(tenant.Environ("http://"+address), "HOME="+t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		w := NewWalker(incydr.New(settings, incydr.Options{}), 0, nil)
		var got []string
		err = w.Walk(t.Context(), Search{}, func(sessions []Session) error {
			for _, s := range sessions {
				got = append(got, string(s.Raw))
			}
			if len(got) == 300 {
				server.Close()
				go func() {
					time.Sleep(time.Duration(1000+rand.IntN(3000)) * time.Millisecond)
					again, err := net.Listen("tcp", address)
					if err != nil {
						t.Error(err)
						return
					}
					server = &http.Server{Handler: sandbox.New(o)}
					go server.Serve(again)
				}()
			}
			return nil
		})
		if want := itemsOf(t, tenant, "alerts=true"); err != nil || !slices.Equal(got, want) {
			t.Errorf("%d sessions that are not the tenant's %d; %v", len(got), len(want), err)
		}
	}
}

// The list changes at every single request, in all the ways there are, among them those in which
// one change hides another: one leaves and one comes, so that the count stays.
func TestWalkOnAListThatNeverStandsStill(t *testing.T) {
	queries := []struct {
		search Search
		values url.Values
	}{
		{Search{}, url.Values{"has_alerts": {"true"}}},
		{Search{Query: incydr.Query{States: []string{"OPEN"}}}, url.Values{"has_alerts": {"true"}, "state": {"OPEN"}}},
		{Search{Query: incydr.Query{Alerts: incydr.WithoutAlerts}}, url.Values{"has_alerts": {"false"}}},
		{Search{AnyAlerts: true}, nil},
	}
	for n, query := range queries {
		for seed := range rounds(15) {
			r := rand.New(rand.NewPCG(uint64(seed), uint64(n)))
			b := newBoard(200+r.IntN(500), r)
			quiet := r.IntN(3) // requests at which nothing happens, between those at which something does
			b.change = func(b *board) {
				if r.IntN(quiet+1) > 0 {
					return
				}
				pick := func() *row { return b.rows[r.IntN(len(b.rows))] }
				add := func() {
					begin := boardStart + r.Int64N(b.now-boardStart)
					b.rows = append(b.rows, &row{id: fmt.Sprint("n", len(b.rows), "-", b.asked), begin: begin, end: begin + r.Int64N(b.now-begin), updated: b.now, alerts: true, state: "OPEN"})
				}
				close := func(x *row) { x.state = "CLOSED"; b.touch(x) }
				grow := func(x *row) { x.end = b.now; b.touch(x) }
				switch r.IntN(6) {
				case 0:
					add()
				case 1:
					grow(pick())
				case 2:
					close(pick())
				case 3: // the count stays
					close(pick())
					add()
				case 4: // it gains alerts
					x := pick()
					x.alerts = true
					b.touch(x)
				case 5: // it comes back
					x := pick()
					x.state = "OPEN"
					b.touch(x)
					grow(pick())
				}
			}
			matches := func() map[string]bool {
				if query.values != nil {
					return b.ids(query.values)
				}
				ids := b.ids(url.Values{"has_alerts": {"true"}})
				for id := range b.ids(url.Values{"has_alerts": {"false"}}) {
					ids[id] = true
				}
				return ids
			}
			w := walkerOf(t, b, b.environ)
			before := matches()
			stayed := map[string]bool{} // those that match at every moment
			for id := range before {
				stayed[id] = true
			}
			inner := b.change
			b.change = func(b *board) {
				inner(b)
				if query.search.AnyAlerts {
					return // nothing leaves
				}
				now := map[string]bool{}
				for _, x := range b.matching(query.values) {
					now[x.id] = true
				}
				for id := range stayed {
					if !now[id] {
						delete(stayed, id)
					}
				}
			}
			checkWalk(t, lines(t, w, query.search), stayed, stayed)
			if t.Failed() {
				t.Fatalf("query %d, seed %d", n, seed)
			}
		}
	}
}

// One thing happens at one request, in each of the ways in which one change hides another; it is
// seen, whichever request it is.
func TestOneChangeIsSeen(t *testing.T) {
	const n = 260
	at := func(b *board, place int) *row {
		return b.matching(url.Values{"has_alerts": {"true"}, "state": {"OPEN"}})[place]
	}
	leave := func(b *board, place int) {
		x := at(b, place)
		x.state = "CLOSED"
		b.touch(x)
	}
	arrive := func(b *board, place int) {
		end := at(b, place).end
		b.rows = append(b.rows, &row{id: "new", begin: end - 10, end: end, updated: b.now, alerts: true, state: "OPEN"})
	}
	changes := map[string]func(*board){
		"one leaves from what was read":                 func(b *board) { leave(b, 3) },
		"one leaves from the middle":                    func(b *board) { leave(b, 120) },
		"one arrives on top":                            func(b *board) { arrive(b, 0) },
		"one leaves from what was read, one comes last": func(b *board) { leave(b, 3); arrive(b, n-10) },
		"one leaves from the end, one comes first":      func(b *board) { leave(b, n-10); arrive(b, 0) },
		"one moves to the top": func(b *board) {
			x := at(b, 150)
			x.end = b.now
			b.touch(x)
		},
	}
	for name, change := range changes {
		for when := 2; when <= 7; when++ {
			for way, read := range map[string]func(*Walker, func([]Session) error) error{
				"walk": func(w *Walker, emit func([]Session) error) error {
					return w.Walk(t.Context(), Search{Query: incydr.Query{States: []string{"OPEN"}}}, emit)
				},
				"window": func(w *Walker, emit func([]Session) error) error {
					return w.ReadWindow(t.Context(), incydr.Query{States: []string{"OPEN"}}, Window{}, emit)
				},
			} {
				b := newBoard(0, nil)
				for i := range int64(n) {
					b.rows = append(b.rows, &row{id: fmt.Sprint("s", i), begin: boardStart + i*1000, end: boardStart + i*2000 + 5, updated: boardStart + i*2000 + 5, alerts: true, state: "OPEN"})
				}
				q := url.Values{"has_alerts": {"true"}, "state": {"OPEN"}}
				before := b.ids(q)
				b.change = func(b *board) {
					if b.asked == when {
						change(b)
					}
				}
				w := walkerOf(t, b, b.environ)
				w.slots = make(chan struct{}, 1) // one request after the other, in their order
				var got []string
				err := read(w, func(sessions []Session) error {
					for _, s := range sessions {
						got = append(got, string(s.Raw))
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				checkWalk(t, got, before, b.ids(q))
				if t.Failed() {
					t.Fatalf("%s: %s at request %d", way, name, when)
				}
			}
		}
	}
}

// A session that gains alerts at one request, whichever it is, is neither lost between those with
// and those without nor printed twice.
func TestAGainOfAlertsIsSeen(t *testing.T) {
	for when := 1; when <= 16; when++ {
		for _, place := range []int64{2, 60, 117} {
			b := newBoard(0, nil)
			for i := range int64(240) {
				b.rows = append(b.rows, &row{id: fmt.Sprint("s", i), begin: boardStart + i*1000, end: boardStart + i*2000 + 5, updated: boardStart + i*2000 + 5, alerts: i%2 == 0})
			}
			b.change = func(b *board) {
				if b.asked == 2 { // so that it is looked for what the pages missed
					b.rows = append(b.rows, &row{id: "new", begin: b.now, end: b.now, updated: b.now, alerts: true})
				}
				if b.asked == when {
					x := b.matching(url.Values{"has_alerts": {"false"}})[place]
					x.alerts = true
					b.touch(x)
				}
			}
			w := walkerOf(t, b, b.environ)
			w.slots = make(chan struct{}, 1)
			all := map[string]bool{}
			for _, x := range b.rows { // before anything happens
				all[x.id] = true
			}
			checkWalk(t, lines(t, w, Search{AnyAlerts: true}), all, all)
			if t.Failed() {
				t.Fatalf("place %d at request %d", place, when)
			}
		}
	}
}

// The same for a window that is read exactly.
func TestReadWindowOnAListThatNeverStandsStill(t *testing.T) {
	for seed := range rounds(10) {
		r := rand.New(rand.NewPCG(uint64(seed), 9))
		b := newBoard(3000, r)
		b.change = func(b *board) {
			if r.IntN(4) > 0 {
				return
			}
			x := b.rows[r.IntN(len(b.rows))]
			x.end = b.now
			b.touch(x)
		}
		w := walkerOf(t, b, b.environ)
		q := url.Values{"has_alerts": {"true"}}
		before := b.ids(q)
		var got []string
		newest := int64(0)
		err := w.ReadWindow(t.Context(), incydr.Query{}, Window{}, func(sessions []Session) error {
			oldest := sessions[0].Begin
			for _, s := range sessions {
				oldest, newest = min(oldest, s.Begin), max(newest, s.Begin)
				got = append(got, string(s.Raw))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		checkWalk(t, got, before, before)
	}
}

// The oldest spans come first, none overlaps the one before, and the requests are hardly more
// than the pages.
func TestReadWindowOnAListThatStandsStill(t *testing.T) {
	tenant := sandbox.New(still(20000))
	w := walkerOf(t, tenant, tenant.Environ)
	var got []string
	var newest int64
	err := w.ReadWindow(t.Context(), incydr.Query{}, Window{}, func(sessions []Session) error {
		for _, s := range sessions {
			if s.Begin < newest {
				t.Errorf("a session that begins at %d after one at %d", s.Begin, newest)
			}
			got = append(got, string(s.Raw))
		}
		for _, s := range sessions {
			newest = max(newest, s.Begin+1)
		}
		if len(sessions) > most {
			t.Errorf("%d sessions at once", len(sessions))
		}
		return nil
	})
	want := itemsOf(t, tenant, "alerts=true")
	slices.Sort(want)
	slices.Sort(got)
	asked := tenant.Stats().Requests["GET /v1/sessions"]
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d sessions that are not the tenant's %d; %v", len(got), len(want), err)
	}
	if float64(asked) > 1.2*float64(len(want))/50 {
		t.Errorf("%d requests for %d pages", asked, len(want)/50)
	}
	t.Logf("%d requests for %d pages", asked, len(want)/50)
}

// More sessions than a page holds begin in one millisecond.
func TestABurst(t *testing.T) {
	for _, n := range []int{60, 1000} {
		r := rand.New(rand.NewPCG(1, 1))
		b := newBoard(300, r)
		for i := range n {
			b.rows = append(b.rows, &row{id: fmt.Sprint("burst", i), begin: boardStart + 5, end: boardStart + 10 + r.Int64N(1e8), alerts: true})
		}
		b.change = func(b *board) {
			if b.asked%3 == 0 && b.asked < 60 {
				x := b.rows[r.IntN(len(b.rows))]
				x.end = b.now
				b.touch(x)
			}
		}
		w := walkerOf(t, b, b.environ)
		before := b.ids(url.Values{"has_alerts": {"true"}})
		checkWalk(t, lines(t, w, Search{}), before, before)
		var got []string
		if err := w.ReadWindow(t.Context(), incydr.Query{}, Window{}, func(sessions []Session) error {
			for _, s := range sessions {
				got = append(got, string(s.Raw))
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		checkWalk(t, got, before, before)
	}
}

// A server whose answers contradict each other is found out, in a bounded number of requests.
func TestServersThatLie(t *testing.T) {
	page := func(total int) func([]string, int, url.Values) string {
		return func(items []string, _ int, _ url.Values) string { return answerOf(items, total) }
	}
	for name, test := range map[string]struct {
		answer func([]string, int, url.Values) string
		ignore bool
		want   string
	}{
		"too many":     {page(1000), false, "totalCount says that 1000 sessions"},
		"far too many": {page(1_000_000_000), false, "totalCount says that 1000000000 sessions"},
		"too few":      {page(7), false, "totalCount says that 7 sessions match, but it gives"},
		"none":         {page(0), false, "totalCount says that 0 sessions match, but it gives"},
		"ten more":     {func(items []string, n int, _ url.Values) string { return answerOf(items, n+10) }, false, "totalCount says"},
		"one page only": {func(items []string, n int, q url.Values) string {
			if q.Get("page_number") != "0" {
				items = nil
			}
			return answerOf(items, n)
		}, true, "the server's totalCount is"},
		"the same page": {func(_ []string, n int, _ url.Values) string {
			r := rand.New(rand.NewPCG(2, 2))
			var items []string
			for _, x := range newBoard(50, r).rows {
				items = append(items, x.String())
			}
			return answerOf(items, 500)
		}, false, "the server's totalCount is 500, but it gave 50 sessions; looking for the others failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBoard(400, rand.New(rand.NewPCG(3, 3)))
			b.answer, b.ignore = test.answer, test.ignore
			w := walkerOf(t, b, b.environ)
			seen := map[string]int{}
			err := w.Walk(t.Context(), Search{}, func(sessions []Session) error {
				for _, s := range sessions {
					seen[s.ID]++
				}
				return nil
			})
			var knows interface{ ExitCode() int }
			code := 1
			if errors.As(err, &knows) {
				code = knows.ExitCode()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || code != 1 && code != 3 {
				t.Errorf("exit %d: %v", code, err)
			}
			if strings.HasPrefix(test.want, "totalCount says") && len(seen) < len(b.ids(url.Values{"has_alerts": {"true"}})) {
				t.Errorf("only %d sessions were printed", len(seen))
			}
			if n := b.requests(); n > 150 {
				t.Errorf("%d requests", n)
			}
			for id, n := range seen {
				if n > 1 {
					t.Errorf("%s came %d times", id, n)
				}
			}
		})
	}
}

// Sessions that lack what a walk looks at are printed all the same.
func TestSessionsWithoutTimes(t *testing.T) {
	b := newBoard(0, nil)
	b.answer = func([]string, int, url.Values) string {
		return answerOf([]string{`{"sessionId":"a"}`, `{"x":1}`, `{"sessionId":null,"beginTime":null}`}, 3)
	}
	if got := lines(t, walkerOf(t, b, b.environ), Search{}); len(got) != 3 {
		t.Errorf("%q", got)
	}
}

func TestWindows(t *testing.T) {
	for _, test := range []struct {
		win    Window
		begins []int64
		n      int
		want   string
	}{
		{Window{0, 0}, []int64{1, 2, 3, 4}, 2, "[{0 3} {3 0}]"},
		{Window{0, 0}, []int64{5, 5, 5}, 2, "[{0 5} {5 6} {6 0}]"},
		{Window{5, 0}, []int64{5, 5, 5}, 3, "[{5 6} {6 0}]"},
		{Window{5, 7}, []int64{5, 6}, 2, "[{5 6} {6 7}]"},
		{Window{1, 9}, []int64{1, 1, 1, 8}, 2, "[{1 2} {2 9}]"},
		{Window{1, 9}, []int64{1, 8, 8, 8}, 4, "[{1 8} {8 9}]"},
		{Window{1, 19}, []int64{1, 8, 8, 8, 8, 9}, 6, "[{1 8} {8 9} {9 19}]"},
	} {
		slices.Sort(test.begins)
		var got []string
		for _, p := range partsOf(test.win, test.begins, test.n) {
			got = append(got, fmt.Sprintf("{%d %d}", p.From, p.To))
		}
		if fmt.Sprint(got) != test.want {
			t.Errorf("%v of %v in %d: %s", test.win, test.begins, test.n, got)
		}
	}
}

// Whatever the begin times, dividing comes to an end and loses nothing.
func FuzzWindows(f *testing.F) {
	f.Add(int64(0), int64(0), []byte{1, 2, 3, 3, 3}, 3)
	f.Add(int64(3), int64(9), []byte{3, 3, 3, 8}, 8)
	f.Fuzz(func(t *testing.T, from, to int64, times []byte, n int) {
		from, to = from&255, to&255
		if to != 0 && to <= from || len(times) == 0 {
			return
		}
		win := Window{from, to}
		var begins []int64
		for _, b := range times {
			if win.Holds(int64(b)) {
				begins = append(begins, int64(b))
			}
		}
		if len(begins) == 0 || win.single() {
			return
		}
		slices.Sort(begins)
		parts := partsOf(win, begins, 2+n&63)
		if len(parts) < 2 {
			t.Fatalf("%v stays whole with %v", win, begins)
		}
		at := win.From
		for i, p := range parts {
			if p.From != at || p.To <= p.From && !(i == len(parts)-1 && p.To == win.To && win.To == 0) {
				t.Fatalf("%v of %v in %v", p, win, parts)
			}
			at = p.To
		}
		if at != win.To {
			t.Fatalf("%v ends at %d", parts, at)
		}
	})
}

func partsOf(win Window, begins []int64, n int) []Window { return win.cut(quantiles(begins, n)) }
