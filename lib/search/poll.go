package search

import (
	"context"
	"errors"

	"sess/lib/checkpoint"
	"sess/lib/incydr"
)

// everythingAnew is how often all above the floor is read, though the counts say that nothing
// is new: one session that has gone would hide another that has come.
const everythingAnew = 24 * 60 * 60 * 1000 // ms of the server's clock

// A poll is one search for what the checkpoint has not seen.
//
// One request for everything above the floor gives the count and the sessions that ended last.
// Where those of them that are new make up for what the count and the record differ by, that was
// all; else the next pages are read as long as they bring something new. None is missing of those
// that begin after the earliest of these ends. Where little is missing before, that span is
// divided at begin times on record, newest parts first, and only parts whose count differs from
// the record are looked into, in the same way. Where much is missing it is read, oldest windows
// first. Where sessions can leave the filter, counts prove nothing, and all is read each time.
//
// The floor moves when a poll is finished, to the lookback before its begin: what begins below
// the floor and is not there yet would show up later than the lookback allows.
type poll struct {
	*Feed
	ctx     context.Context
	queries []incydr.Query
	win     Window // floor to --end
	began   int64  // the server's clock at the first answer
	full    bool

	done, expected int64 // sessions printed, and to be printed as far as the counts tell

	inferred bool // a count was not asked for but worked out
	young    bool // something new may have come after the first answer
	exact    bool // all counts are to be asked for
}

// Poll searches once. What it finds is printed and recorded batch by batch, so that it may be
// stopped, killed or fail at any time. The error is an *AskError where the server is to blame.
func (f *Feed) Poll(ctx context.Context) (Report, error) {
	before := f.printed
	p := &poll{Feed: f, ctx: ctx, queries: f.Search.queries()}
	for i := range p.queries {
		p.queries[i].OnOrAfter, p.queries[i].Before, p.queries[i].OrderBy, p.queries[i].Direction = 0, 0, "", ""
	}
	err := p.run()
	finished := err == nil
	if errors.Is(err, errLimit) || errors.Is(err, errNothing) {
		err = nil
	}
	r := Report{Printed: f.printed - before, Date: p.began, Full: p.full, Finished: finished}
	if f.checkpoint != nil {
		if finished {
			err = p.finish()
		}
		r.Floor, r.Newest = f.checkpoint.State().Floor, f.checkpoint.Newest(p.began)
	}
	if err == nil {
		f.Walker.Log.Info("polled", append([]any{"checkpoint", f.Name}, r.describe()...)...)
		if f.Polled != nil {
			f.Polled(r)
		}
	}
	return r, err
}

// errNothing ends a poll whose --end lies below the floor.
var errNothing = errors.New("there is nothing to search")

func (p *poll) run() error {
	if p.checkpoint != nil {
		if err := p.checkpoint.Refresh(); err != nil {
			return err
		}
	}
	p.win = Window{To: p.Search.Query.Before}
	if p.checkpoint != nil {
		p.win.From = p.checkpoint.State().Floor
	} else if p.vendor == nil {
		p.win.From = p.Search.Query.OnOrAfter
	} else {
		// At most the vendor's, and later where the server's clock says so.
		p.win.From = max(p.vendor.Newest-p.Lookback.Milliseconds(), 0)
	}
	if p.win.To != 0 && p.win.To <= p.win.From {
		return errNothing
	}
	first, err := p.ask(p.win)
	if err != nil {
		return err
	}
	p.began = first.Date
	if p.checkpoint == nil {
		if err := p.create(first.Date); err != nil {
			return err
		}
		if floor := p.checkpoint.State().Floor; floor < p.win.From {
			p.win.From = floor
			if first, err = p.ask(p.win); err != nil {
				return err
			}
		}
	}
	p.expected = first.Total - p.count(p.win)
	state := p.checkpoint.State()
	sinceFull := p.began - state.Full
	// Before the first poll is finished there is nothing for a session to hide behind.
	due := state.Full != 0 && (sinceFull >= everythingAnew || sinceFull <= -everythingAnew)
	p.full = p.Updates || !p.Search.onlyGains() || due || state.Began != 0
	switch {
	case first.Whole():
		p.full = true
		_, _, err := p.take(p.win, first)
		return err
	case p.full:
		return p.everything()
	}
	if err := p.compare(first); err != nil || !p.inferred || !p.young {
		return err
	}
	// What came meanwhile may have been in one count and not in another. Where it makes no
	// difference now, it made none; else all is counted, and nothing inferred.
	if first, err = p.ask(p.win); err != nil || first.Total == p.count(p.win) {
		return err
	}
	p.exact = true
	return p.compare(first)
}

// compare finds what is new by the counts, beginning with the answer for everything.
func (p *poll) compare(first Answer) error {
	if p.much(first.Total-p.count(p.win), first.Total) {
		return p.bulk(p.win)
	}
	open, total, err := p.newest(first)
	if err != nil {
		return err
	}
	return p.resolve(open, total, 1)
}

// newest takes in the answer for everything and the pages that follow it, as long as there is
// something new for every three of them. It returns what they leave open, as take does.
func (p *poll) newest(a Answer) (open Window, total int64, err error) {
	before := p.done
	open, total, err = p.take(p.win, a)
	for pages := int64(1); err == nil && total != p.count(open) && 3*(p.done-before) >= pages; pages++ {
		next, still, err := p.following(a)
		if err != nil {
			return open, total, err
		}
		if !still {
			// The list has moved, so that the pages may not fit together.
			if a, err = p.ask(p.win); err != nil {
				return open, total, err
			}
			return p.take(p.win, a)
		}
		a = next
		if open, total, err = p.take(p.win, a); err != nil {
			return open, total, err
		}
	}
	return open, total, err
}

// much reports whether so much is missing that a window is better read than divided.
func (p *poll) much(missing, total int64) bool {
	size := int64(p.Walker.Client.PageSize())
	pages := (total + size - 1) / size
	return missing >= 2*pages
}

// ask asks for a window's count and the sessions of it that ended last, of all queries together.
func (p *poll) ask(win Window) (Answer, error) {
	parts := make([]Answer, len(p.queries))
	for i, q := range p.queries {
		a, sure, err := p.Walker.askSure(p.ctx, narrow(q, win), p.Walker.Client.PageSize())
		if err != nil {
			return Answer{}, asked(err)
		}
		if !sure {
			return Answer{}, asked(&Uncertain{Window: win, Counted: a.Total, Given: int64(len(a.Sessions))})
		}
		parts[i] = a
	}
	return together(parts, parts), nil
}

// following asks for the next page after those that the answer for everything has. still tells
// whether the count is the same. What moves meanwhile in a list that only gains, moves to its
// front: that pushes what was read into the next page, and nothing past it.
func (p *poll) following(all Answer) (next Answer, still bool, err error) {
	size := p.Walker.Client.PageSize()
	pages := make([]Answer, len(p.queries))
	for i, part := range all.parts {
		pages[i] = Answer{Total: part.Total, Date: part.Date}
		if part.Whole() {
			continue
		}
		number := len(part.Sessions) / size
		a, err := p.Walker.askPage(p.ctx, narrow(p.queries[i], p.win), number, size)
		if err != nil {
			return all, false, asked(err)
		}
		if a.Total != part.Total || int64(len(a.Sessions)) != expected(a.Total, number, size) {
			return all, false, nil
		}
		pages[i] = a
	}
	return together(pages, all.parts, pages), true, nil
}

// together makes one answer of the pages that are to be handed on, one for each query. What it
// holds all of is told by all the pages that there are of each query.
func together(pages []Answer, of ...[]Answer) Answer {
	var all Answer
	for i, page := range pages {
		part := Answer{Total: page.Total, Date: page.Date}
		for _, a := range of {
			for _, s := range a[i].Sessions {
				part.Sessions = append(part.Sessions, Session{ID: keep(s).ID, Begin: s.Begin, End: s.End})
			}
		}
		all.parts = append(all.parts, part)
		all.Sessions = append(all.Sessions, page.Sessions...)
		all.Total += page.Total
		all.since = max(all.since, part.allSince())
		if all.Date == 0 || page.Date < all.Date {
			all.Date = page.Date
		}
	}
	return all
}

func (p *poll) count(win Window) int64 { return int64(p.checkpoint.Count(win.From, win.To)) }

// take hands on a window's answer, and returns the part of the window of which it does not hold
// all, with the count of that part. What is recorded in the other part and is not in the answer is
// no longer to be counted.
func (p *poll) take(win Window, a Answer) (open Window, total int64, err error) {
	if err := p.hand(a.Sessions, nil); err != nil {
		return win, 0, err
	}
	seen := Window{max(a.since, win.From), win.To}
	if a.since == never || seen.empty() {
		return win, a.Total, nil
	}
	there := map[string]bool{}
	for _, part := range a.parts {
		for _, s := range part.Sessions {
			if a.since == 0 || seen.Holds(s.Begin) {
				there[s.ID] = true
			}
		}
	}
	n := int64(len(there))
	if n != p.count(seen) {
		err = p.checkpoint.Forgo(p.checkpoint.Absent(seen.From, seen.To, there))
	}
	return Window{win.From, seen.From}, a.Total - n, err
}

// resolve finds what the server counts in a window beyond what is recorded. newest is how many
// pages of the newest sessions to look at first, 0 where any part of the window is as likely
// to hold something new as any other.
func (p *poll) resolve(win Window, total int64, newest int) error {
	have := p.count(win)
	missing := total - have
	if missing == 0 || win.empty() {
		return nil
	}
	size := int64(p.Walker.Client.PageSize())
	switch {
	case total <= size || have < 2 || win.single():
		return p.leaf(win, total)
	case p.much(missing, total):
		return p.read(win, nil)
	}
	// So many of the window's newest sessions go into the part that is asked for.
	right := have / 2
	switch {
	case newest > 0 && int64(newest)*size*3/2 < have:
		right = int64(newest)*size - min(abs(missing), size/2)
	case total <= 2*size:
		right = size - min(abs(missing), size/2)
	}
	mid, _ := p.checkpoint.Split(win.From, win.To, int(max(min(right, have-1), 1)))
	if mid <= win.From {
		// All of them begin at once.
		mid = win.From + 1
	}
	upper, lower := Window{mid, win.To}, Window{win.From, mid}
	a, err := p.ask(upper)
	if err != nil {
		return err
	}
	open, left, err := p.take(upper, a)
	if err == nil {
		err = p.resolve(open, left, 0)
	}
	if err != nil {
		return err
	}
	total -= a.Total
	if p.inferred = true; p.exact {
		if a, err = p.ask(lower); err != nil {
			return err
		}
		if lower, total, err = p.take(lower, a); err != nil {
			return err
		}
	}
	return p.resolve(lower, total, 3*newest)
}

// leaf reads a window that cannot be divided, or need not be.
func (p *poll) leaf(win Window, total int64) error {
	if total > int64(p.Walker.Client.PageSize()) {
		return p.read(win, nil)
	}
	a, err := p.ask(win)
	if err != nil {
		return err
	}
	if a.Whole() {
		_, _, err = p.take(win, a)
		return err
	}
	return p.read(win, nil)
}

// bulk reads everything, most of which is new. What is recorded ends, where a run was killed or
// none was made for a while, at some begin time; it is compared with one request, and not read.
func (p *poll) bulk(win Window) error {
	if at, _ := p.checkpoint.Split(win.From, win.To, Batch); at > win.From {
		lower := Window{win.From, at}
		a, err := p.ask(lower)
		if err != nil {
			return err
		}
		if err := p.resolve(lower, a.Total, 0); err != nil {
			return err
		}
		win.From = at
	}
	return p.read(win, nil)
}

// slice is how many sessions with and without alerts are read before those with alerts that
// begin in the same span.
const slice = 4000

// read reads a window, oldest spans first, and hands all of it on. progress is told the begin
// time below which all has been handed on, before each further step, and gives the state that is
// to be recorded with it.
func (p *poll) read(win Window, progress func(done int64) *checkpoint.State) error {
	windows := []Window{win}
	if len(p.queries) > 1 {
		var err error
		if windows, err = p.slices(win); err != nil {
			return err
		}
	}
	for _, win := range windows {
		for i, q := range p.queries {
			err := p.Walker.ReadWindow(p.ctx, q, win, func(sessions []Session) error {
				var state *checkpoint.State
				if progress != nil && i == 0 {
					if done := oldest(sessions); done > 0 {
						if len(p.queries) > 1 {
							done = win.From
						}
						state = progress(done)
					}
				}
				return stopped{p.hand(sessions, state)}.orNil()
			})
			var own stopped
			switch {
			case errors.As(err, &own):
				return own.error
			case err != nil:
				return asked(err)
			}
		}
	}
	return nil
}

// slices divides a window so that each part holds a few thousand sessions of all queries.
func (p *poll) slices(win Window) ([]Window, error) {
	a, err := p.ask(win)
	if err != nil {
		return nil, err
	}
	n := int(min(a.Total/slice+1, 1000))
	if n == 1 {
		return []Window{win}, nil
	}
	from := int64(0)
	for _, q := range p.queries {
		q.OrderBy, q.Direction = "end_time", "asc"
		a, err := p.Walker.Ask(p.ctx, q, win)
		if err != nil {
			return nil, asked(err)
		}
		if first := oldest(a.Sessions); first > 0 && (from == 0 || first < from) {
			from = first
		}
	}
	from = max(from, win.From)
	to := win.To
	if to == 0 {
		to = max(a.Date, from+1)
	}
	var times []int64
	for i := 1; i < n; i++ {
		times = append(times, from+(to-from)/int64(n)*int64(i))
	}
	return win.cut(times), nil
}

// stopped is an error of our own that ends a reading; it is not the server's.
type stopped struct{ error }

func (s stopped) Unwrap() error { return s.error }

func (s stopped) orNil() error {
	if s.error == nil {
		return nil
	}
	return s
}

// oldest is the earliest begin of the sessions, 0 where none says.
func oldest(sessions []Session) int64 {
	first := int64(0)
	for _, s := range sessions {
		if s.Begin != 0 && (first == 0 || s.Begin < first) {
			first = s.Begin
		}
	}
	return first
}

// everything reads all above the floor, and goes on with a reading that was not finished: what
// that one had read is as of then, and so the floor will be too.
func (p *poll) everything() error {
	win := p.win
	state := p.checkpoint.State()
	if state.Began != 0 {
		p.began = min(p.began, state.Began)
		win.From = max(win.From, state.Done)
	}
	err := p.read(win, func(done int64) *checkpoint.State {
		if p.Deferred {
			return nil // what this process prints may never be committed
		}
		s := p.checkpoint.State()
		s.Began, s.Done = p.began, max(done, win.From)
		return &s
	})
	var uncertain *Uncertain
	if errors.As(err, &uncertain) && !p.Deferred {
		// The span in doubt is to be read again.
		s := p.checkpoint.State()
		s.Began, s.Done = 0, 0
		if failed := p.checkpoint.SetState(s); failed != nil {
			return failed
		}
	}
	return err
}

// finish moves the floor and tidies the journal up.
func (p *poll) finish() error {
	if err := p.checkpoint.Refresh(); err != nil {
		return err
	}
	s := p.checkpoint.State()
	s.Began, s.Done, s.Polled = 0, 0, p.began
	if p.full || s.Full == 0 {
		s.Full = p.began
	}
	s.Floor = max(s.Floor, p.floor())
	if err := p.checkpoint.SetState(s); err != nil {
		return err
	}
	err := p.checkpoint.Compact()
	var damaged *checkpoint.Damaged
	if err != nil && !errors.As(err, &damaged) {
		// The old file is as good as it was.
		p.Walker.Log.Warn("cannot tidy up the checkpoint", "checkpoint", p.Name, "error", err)
		return nil
	}
	return err
}

// floor is where the floor may be, now that the poll has found everything that there was when
// it began: the newest begin recorded, of those not in the future by the server's clock, less
// the lookback; and neither above what was not searched nor above what is not known to be
// delivered.
func (p *poll) floor() int64 {
	floor := p.checkpoint.Newest(p.began)
	if p.win.To != 0 {
		floor = min(floor, p.win.To)
	}
	floor -= p.Lookback.Milliseconds()
	if n, oldest := p.checkpoint.InFlight(); n > 0 {
		floor = min(floor, oldest)
	}
	return max(floor, 0)
}

func abs(n int64) int64 { return max(n, -n) }
