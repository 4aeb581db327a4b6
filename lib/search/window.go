package search

import (
	"fmt"
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
