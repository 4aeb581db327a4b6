package search

import (
	"context"
	"fmt"
	"math"
	"time"

	"sess/lib/incydr"
)

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

// expected is how many sessions a page holds where the total is true.
func expected(total int64, number, size int) int64 {
	return min(max(total-int64(number)*int64(size), 0), int64(size))
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
