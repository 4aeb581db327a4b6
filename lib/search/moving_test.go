package search

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"sess/lib/checkpoint"
	"sess/lib/incydr"
)

// A moving tenant is a site with a board in the sandbox's place, so that what it shows may change
// between any two requests.
type moving struct {
	*site
	*board
}

const minute, hour = 60_000, 3_600_000

func newMoving(t *testing.T, pageSize int) moving {
	b := &board{now: until.UnixMilli()}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	settings, err := incydr.LoadSettings("", append(b.environ(server.URL), "HOME="+t.TempDir(), "INCYDR_PAGE_SIZE="+strconv.Itoa(pageSize)))
	if err != nil {
		t.Fatal(err)
	}
	return moving{&site{
		T: t, walker: NewWalker(incydr.New(settings, incydr.Options{}), 0, nil),
		dir: checkpoint.DirOf(t.TempDir(), settings.ClientID), lines: map[string]int{}, bytes: map[string]string{},
	}, b}
}

func (m moving) add(begin, end int64) *row {
	r := &row{id: fmt.Sprintf("s%05d", len(m.rows)), begin: begin, end: end, updated: m.now, alerts: true}
	m.rows = append(m.rows, r)
	return r
}

// addMany adds sessions that are a second long, and the given time apart.
func (m moving) addMany(n int, first, apart int64) {
	for i := range int64(n) {
		m.add(first+i*apart, first+i*apart+1000)
	}
}

// cost polls, and returns with how many requests.
func (m moving) cost(change ...func(*Feed)) int {
	m.Helper()
	before := m.asked
	m.poll(change...)
	return m.asked - before
}

func (m moving) mustHaveAll() {
	m.Helper()
	ids := map[string]bool{}
	for _, r := range m.rows {
		ids[r.id] = true
	}
	m.mustHave(ids)
}

func lookback(d time.Duration) func(*Feed) { return func(f *Feed) { f.Lookback = d } }

// A session whose end is missing, or before its begin, stands where no end would have it.
func TestSessionsWithoutATrueEnd(t *testing.T) {
	for name, end := range map[string]int64{"none": 0, "before its begin": until.UnixMilli() - 24*hour} {
		t.Run(name, func(t *testing.T) {
			m := newMoving(t, 50)
			short := lookback(12 * time.Hour)
			m.addMany(260, m.now-11*hour, 1000)
			m.poll(short)
			for range 3 {
				m.add(m.now-minute, end)
				m.add(m.now-minute, m.now) // is seen at once
				if n := m.cost(short); n > 16 {
					t.Errorf("%d requests", n)
				}
				m.mustHaveAll()
				if n := m.cost(short); n != 1 {
					t.Errorf("nothing new: %d requests", n)
				}
				m.now += 10 * minute
			}
		})
	}
}

// Reading on costs no more than dividing where it finds no more.
func TestReadingOnIsWorthIt(t *testing.T) {
	for _, above := range []int{1, 5, 9, 10, 49} {
		m := newMoving(t, 50)
		m.addMany(3500, m.now-7*24*hour, 7*24*hour/3500)
		m.poll()
		m.addMany(above, m.now-minute, 1)
		m.addMany(1, m.now-4*24*hour, 0)
		if n := m.cost(); n > 12 {
			t.Errorf("%d new ones that ended last, and one 4 days ago: %d requests", above, n)
		}
		m.mustHaveAll()
	}
	// Where all pages were read, nothing is left to divide; not with a floor of 0 either.
	m := newMoving(t, 50)
	m.addMany(60, m.now-hour, 1000)
	m.poll(lookback(100 * 365 * 24 * time.Hour))
	m.addMany(1, m.now-minute, 0)
	m.addMany(1, m.now-hour-minute, 0)
	if n := m.cost(lookback(100 * 365 * 24 * time.Hour)); n > 3 {
		t.Errorf("a list of two pages: %d requests", n)
	}
	m.mustHaveAll()
}

// One that goes on moves to the front between two pages, and is on neither.
func TestMovesBetweenPages(t *testing.T) {
	m := newMoving(t, 50)
	short := lookback(time.Hour)
	start := m.now
	m.addMany(2000, m.now-58*minute, 1000)
	m.poll(short)
	goesOn := m.add(start-hour+58_000, m.now+10_000)
	for i := range int64(60) {
		m.add(m.now+20_000, m.now+30_000+i)
	}
	m.now = start + 59_000 // a second later it would be below the lookback
	m.add(m.now-500, m.now-200)
	first := m.asked + 1
	m.change = func(*board) {
		if m.asked == first+1 {
			goesOn.end = m.now
		}
	}
	m.poll(short)
	m.mustHaveAll()
}

// One that gets an alert between two requests for a span is counted twice there, and so the rest
// of the count is too small by one: by the one that is missing in it.
func TestMovesBetweenQueries(t *testing.T) {
	m := newMoving(t, 50)
	short := lookback(time.Hour)
	start := m.now
	m.addMany(1500, m.now-58*minute, 2000)
	for i, s := range m.rows {
		s.alerts = i%2 == 0
	}
	m.poll(short, anyAlerts)
	m.now = start + 59_000
	m.add(start-hour+58_500, start-hour+59_000).alerts = false
	m.add(m.now-200, m.now-100)
	m.now += 5000
	moved := false
	m.after = func(b *board, q url.Values) {
		if moved || q.Get("before") == "" || q.Get("has_alerts") != "false" {
			return
		}
		for _, s := range b.matching(q) {
			s.alerts, moved = true, true
			return
		}
	}
	m.poll(short, anyAlerts)
	m.mustHaveAll()
	if !moved {
		t.Error("the test says nothing: none moved")
	}
}

// A server whose clock has gone back a year: everything begins ahead of it.
func TestServersClockFarBack(t *testing.T) {
	m := newMoving(t, 50)
	m.addMany(3500, m.now-7*24*hour, 7*24*hour/3500)
	m.now -= 365 * 24 * hour
	if n := m.cost(); n > 500 {
		t.Errorf("%d requests", n)
	}
	m.mustHaveAll()
}

// A server that counts one too many for good: what it gives is handed on, and that there may be
// more is said each time.
func TestCountOneTooHigh(t *testing.T) {
	for name, change := range map[string]func(*Feed){"with alerts": func(*Feed) {}, "both": anyAlerts, "the first poll": func(*Feed) {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMoving(t, 50)
			m.addMany(30, m.now-hour, 1000)
			if name != "the first poll" {
				m.poll(change)
			}
			m.addMany(1, m.now-1000, 0)
			m.answer = func(items []string, total int, _ url.Values) string { return answerOf(items, total+min(total, 1)) }
			_, err := m.feed(change).Poll(t.Context())
			var doubt *Uncertain
			if !errors.As(err, &doubt) {
				t.Errorf("%v", err)
			}
			m.mustHaveAll()
			m.answer = nil
			m.poll(change)
			m.mustHaveAll()
		})
	}
}

// Whatever happens between any two requests: what was to be seen when a poll began is printed when
// it has finished, once where nothing was killed.
func TestRecallWhateverHappensBetweenRequests(t *testing.T) {
	seeds := uint64(3)
	if thorough {
		seeds = 60
	}
	for name, c := range map[string]chances{
		"with alerts": {}, "both": {both: true}, "at once": {atOnce: true}, "odd ends": {odd: true}, "deferred": {deferred: true}, "killed": {killed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range seeds {
				c.simulate(t, seed)
			}
		})
	}
}

// chances are what may happen in a simulation.
type chances struct {
	both, deferred, killed bool
	odd                    bool // there are no ends, and ends before begins
	atOnce                 bool // many begin in the same millisecond, and those that end at once have no order
}

func (c chances) simulate(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 99))
	m := newMoving(t, []int{3, 5, 7, 10, 20, 50}[random.IntN(6)])
	if c.atOnce {
		m.random = rand.New(rand.NewPCG(seed, 3))
	}
	back := int64(10+random.IntN(110)) * minute
	visible := map[string]bool{} // shown within the lookback
	var quiet []*row             // may get an alert

	arrives := func() {
		begin := m.now - random.Int64N(min(back, 3*minute))
		switch random.IntN(5) {
		case 0:
			begin = m.now - back + random.Int64N(3000)
		case 1:
			begin = m.now - random.Int64N(back)
		}
		if even := begin / (5 * minute) * 5 * minute; c.atOnce && even >= m.now-back && random.IntN(2) == 0 {
			begin = even
		}
		s := m.add(begin, begin+random.Int64N(m.now-begin+1))
		switch random.IntN(4) {
		case 0:
			s.end = begin
		case 1:
			s.end = m.now
		}
		if c.odd && random.IntN(8) == 0 {
			s.end = []int64{0, begin - random.Int64N(back)}[random.IntN(2)]
		}
		if s.alerts = random.IntN(4) > 0; !s.alerts {
			quiet = append(quiet, s)
		}
		if s.alerts || c.both {
			visible[s.id] = true
		}
	}
	happens := func() {
		switch n := random.IntN(10); {
		case n < 4:
			arrives()
		case n < 7 && len(m.rows) > 0: // it goes on
			s := m.rows[len(m.rows)-1-random.IntN(min(len(m.rows), 60))]
			s.updated = m.now
			if s.end != 0 {
				s.end = max(s.end, m.now)
			}
		case len(quiet) > 0:
			i := random.IntN(len(quiet))
			s := quiet[i]
			quiet = slices.Delete(quiet, i, i+1)
			if s.alerts, s.updated = true, m.now; s.begin >= m.now-back {
				visible[s.id] = true
			}
		}
	}
	kills := 0
	kill := func(f *Feed) {
		f.Lookback, f.Search.AnyAlerts, f.Deferred = time.Duration(back)*time.Millisecond, c.both, c.deferred
		left, after := -1, random.IntN(2) == 0
		if c.killed && random.IntN(3) == 0 {
			left = random.IntN(3)
		}
		f.Print = func(sessions []Session) error {
			if left--; left == -1 && !after {
				kills++
				return errKilled
			}
			m.print(sessions)
			if c.deferred {
				return m.commit("siem", sessions)
			}
			if left == -1 {
				kills++
				return errKilled
			}
			return nil
		}
	}

	for range random.IntN(300) {
		arrives()
		m.now += random.Int64N(8000)
	}
	often := 3 + random.IntN(40)
	m.change = func(*board) {
		m.now += random.Int64N(400)
		if random.IntN(often) == 0 {
			happens()
		}
	}
	for range 30 {
		for range random.IntN(12) {
			happens()
			m.now += random.Int64N(20_000)
		}
		if random.IntN(30) == 0 {
			m.now += 25 * hour
		}
		due := make([]string, 0, len(visible))
		for id := range visible {
			due = append(due, id)
		}
		_, err := m.feed(kill).Poll(t.Context())
		var doubt *Uncertain
		switch {
		case errors.Is(err, errKilled), errors.As(err, &doubt):
			continue
		case err != nil:
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, id := range due {
			if m.lines[id] == 0 {
				t.Errorf("seed %d: %s was to be seen when a poll began, and is not printed when it has finished", seed, id)
				delete(visible, id)
			}
		}
	}
	twice := 0
	for _, n := range m.lines {
		twice += n - 1
	}
	if twice > kills*Batch {
		t.Errorf("seed %d: %d came again after %d kills", seed, twice, kills)
	}
}
