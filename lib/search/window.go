package search

import (
	"context"
	"fmt"
	"math"
	"time"

	"sess/lib/incydr"
)

// A Window is a half-open span of begin times in ms since the epoch: From <= begin < To.
type Window struct {
	From int64 // 0: no lower bound
	To   int64 // 0: no upper bound
}

// Holds reports whether a session that begins then is in the window.
func (win Window) Holds(begin int64) bool {
	return begin >= win.From && (win.To == 0 || begin < win.To)
}

func (win Window) String() string {
	switch {
	case win.From == 0 && win.To == 0:
		return "at any time"
	case win.From == 0:
		return "before " + at(win.To)
	case win.To == 0:
		return "from " + at(win.From) + " on"
	}
	return fmt.Sprintf("from %s to %s", at(win.From), at(win.To))
}

func at(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.999Z07:00") }

// single reports whether the window cannot be divided.
func (win Window) single() bool { return win.To != 0 && win.To-win.From <= 1 }

// empty reports whether nothing can begin in the window.
func (win Window) empty() bool { return win.To != 0 && win.From >= win.To }

// WindowOf is the window that the query's own bounds make.
func WindowOf(q incydr.Query) Window { return Window{From: q.OnOrAfter, To: q.Before} }

// narrow returns the query for the sessions of the window that match it.
func narrow(q incydr.Query, win Window) incydr.Query {
	q.OnOrAfter = max(q.OnOrAfter, win.From)
	if win.To != 0 && (q.Before == 0 || win.To < q.Before) {
		q.Before = win.To
	}
	return q
}

// An Answer is the first page of a window's sessions and how many there are.
type Answer struct {
	Sessions []Session
	Total    int64
	Date     int64 // the server's clock, ms

	// Of a poll:
	parts []Answer // all pages so far of each of its queries, of the sessions just id, begin and end
	since int64    // of those that begin then or later none is missing in these
}

// Whole reports whether the answer holds all of the window's sessions, as of one moment.
func (a Answer) Whole() bool { return int64(len(a.Sessions)) == a.Total }

// never is the since of an answer that may lack any session.
const never = math.MaxInt64

// allSince is the time from which on none is missing, where the answer is of those that ended last:
// what begins after the earliest of these ends has ended later, and is among them.
func (a Answer) allSince() int64 {
	if a.Whole() {
		return 0
	}
	earliest := int64(never)
	for _, s := range a.Sessions {
		earliest = min(earliest, s.End+1) // of those that end at once a page may hold some only
		if s.End < s.Begin {
			return never // an end that is none says nothing
		}
	}
	return earliest
}

// Ask asks, with one request, how many sessions of the window match the query, and for the
// first page of them in the query's own order.
func (w *Walker) Ask(ctx context.Context, q incydr.Query, win Window) (Answer, error) {
	return w.askPage(ctx, narrow(q, win), 0, w.Client.PageSize())
}

func (w *Walker) askPage(ctx context.Context, q incydr.Query, number, size int) (Answer, error) {
	page, err := w.ask(ctx, q, number, size)
	if err != nil {
		return Answer{}, err
	}
	sessions := parseAll(page.Items)
	for _, s := range sessions {
		if win := WindowOf(q); s.Begin != 0 && !win.Holds(s.Begin) {
			return Answer{}, &FilterIgnored{Window: win, Session: s.ID, Begin: s.Begin}
		}
	}
	return Answer{Sessions: sessions, Total: page.TotalCount, Date: serverTime(page)}, nil
}

// FilterIgnored is a server that gives sessions which do not begin when they were to begin, so
// that nothing can be made sure with it.
type FilterIgnored struct {
	Window         Window
	Session        string
	Begin          int64
	Counted, Given int64 // what the server counted and gave before, where that is known
}

func (e *FilterIgnored) Error() string {
	s := ""
	if e.Counted != e.Given {
		s = fmt.Sprintf("the server's totalCount is %d, but it gave %d sessions; looking for the others failed: ", e.Counted, e.Given)
	}
	return s + fmt.Sprintf("asked for sessions that begin %s, it gave %.60q, which begins %s", e.Window, e.Session, at(e.Begin))
}

// expected is how many sessions a page holds where the total is true.
func expected(total int64, number, size int) int64 {
	return min(max(total-int64(number)*int64(size), 0), int64(size))
}

// askSure is askPage for the first page, repeated a few times where the answer contradicts
// itself: where the page holds fewer or more sessions than its own count promises.
func (w *Walker) askSure(ctx context.Context, q incydr.Query, size int) (a Answer, sure bool, err error) {
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		if a, err = w.askPage(ctx, q, 0, size); err != nil {
			return a, false, err
		}
		if int64(len(a.Sessions)) == expected(a.Total, 0, size) {
			return a, true, nil
		}
		if wait > 500*time.Millisecond {
			return a, false, nil
		}
		if err := sleep(ctx, wait); err != nil {
			return a, false, err
		}
	}
}

// cut divides the window at the times; those outside and at its edge are left out.
func (win Window) cut(times []int64) []Window {
	var parts []Window
	from := win.From
	for _, t := range times {
		if t > from && (win.To == 0 || t < win.To) {
			parts = append(parts, Window{from, t})
			from = t
		}
	}
	return append(parts, Window{from, win.To})
}

// quantiles are the times that divide the window into n parts with about as many of the begin
// times, sorted, in each. A time at which so many sessions begin that it fills a part gets a
// part of its own.
func quantiles(begins []int64, n int) []int64 {
	var times []int64
	before, twice := int64(-1), false
	for i := 1; i < n; i++ {
		t := begins[i*len(begins)/n]
		switch {
		case t != before:
			if len(times) == 0 || times[len(times)-1] < t {
				times = append(times, t)
			}
			before, twice = t, false
		case !twice:
			times = append(times, t+1)
			twice = true
		}
	}
	if len(times) == 0 || len(times) == 1 && times[0] == begins[0] {
		first := begins[0]
		return []int64{first, first + 1}
	}
	return times
}

// doubts are the windows about which the server contradicted itself.
type doubts struct{ list []*Uncertain }

// tooMany ends a search of which nothing can be made sure.
const tooMany = 4

func (d *doubts) add(win Window, counted int64, given int) {
	d.list = append(d.list, &Uncertain{Window: win, Counted: counted, Given: int64(given)})
}

func (d *doubts) err() error {
	if len(d.list) == 0 {
		return nil
	}
	first := *d.list[0]
	first.More = len(d.list) - 1
	return &first
}
