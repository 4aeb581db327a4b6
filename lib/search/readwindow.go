package search

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sess/lib/incydr"
)

const (
	// goal is how many sessions a window is meant to hold: few enough that reading it again
	// after a change is cheap, many enough that its last page, half empty, is no waste.
	goal = 400
	// most is how many it may hold before it is divided.
	most = 2 * goal
	// mostAtOnce is how many sessions are read that begin in the same millisecond.
	mostAtOnce = 20_000
	// ahead is how many windows are read at once. They are still handed on in their order.
	ahead = 3
)

// ReadWindow reads the sessions that match the query and begin in the window, all of them and
// each once, oldest windows first: it divides the window into spans of a few hundred sessions,
// reads each with the Walker's requests in flight, accepts a span when what it read is
// what the server counts and nothing moved meanwhile, and otherwise divides it further. At worst a span
// fits one page, which one request reads as of one moment.
//
// emit gets a span's sessions, when the span is accepted, from one goroutine at a time; its error
// ends the reading. It must not keep them longer than it needs: they are what takes the memory. Where a span never
// became consistent, its sessions are handed on nevertheless, and the error at the end is an *Uncertain.
func (w *Walker) ReadWindow(ctx context.Context, q incydr.Query, win Window, emit func([]Session) error) error {
	var d doubts
	if err := w.readWindow(ctx, q, win, nil, emit, &d); err != nil {
		return err
	}
	return d.err()
}

// readWindow is ReadWindow, guided by the begin times that are known where there are any.
func (w *Walker) readWindow(ctx context.Context, q incydr.Query, win Window, guide *known, emit func([]Session) error, d *doubts) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	q.OrderBy, q.Direction = "end_time", "asc" // what is new comes last, and shifts nothing before it
	r := &reading{Walker: w, query: q, guide: guide}
	queue := []*span{{Window: win}}
	for len(queue) > 0 && len(d.list) < tooMany {
		for _, s := range queue[:min(len(queue), ahead)] {
			if s.done == nil {
				s.done = make(chan struct{})
				go func() {
					defer close(s.done)
					s.err = r.read(ctx, s)
				}()
			}
		}
		s := queue[0]
		select {
		case <-s.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if s.err != nil {
			return s.err
		}
		queue[0] = nil // or the sessions of all spans would stay in memory
		queue = queue[1:]
		if len(s.parts) > 0 {
			divided := make([]*span, len(s.parts), len(s.parts)+len(queue))
			for i, part := range s.parts {
				divided[i] = &span{Window: part}
			}
			queue = append(divided, queue...)
			continue
		}
		if s.doubt {
			d.add(s.Window, s.total, len(s.sessions))
		}
		if len(s.sessions) > 0 {
			if err := emit(s.sessions); err != nil {
				return err
			}
		}
	}
	return nil
}

// A reading is one run of ReadWindow.
type reading struct {
	*Walker
	query incydr.Query
	guide *known
}

// A span is a window that is being read: in the end it has its sessions, or the parts it is to
// be divided into.
type span struct {
	Window
	done     chan struct{}
	err      error
	sessions []Session
	parts    []Window
	doubt    bool // the sessions may not be all
	total    int64
}

func (r *reading) read(ctx context.Context, s *span) error {
	size := r.Client.PageSize()
	q := narrow(r.query, s.Window)
	a, sure, err := r.askSure(ctx, q, size)
	if err != nil {
		return err
	}
	s.total = a.Total
	switch {
	case sure && a.Whole():
		s.sessions = distinct(a.Sessions)
		return nil
	case !sure:
		s.sessions, s.doubt = distinct(a.Sessions), true
		return nil
	case s.single():
		return r.instant(ctx, q, s)
	case a.Total > most:
		s.parts = r.divide(s.Window, a)
		return nil
	}
	sessions, calm, err := r.pages(ctx, q, a, size)
	if err != nil {
		return err
	}
	if calm {
		s.sessions = sessions
		return nil
	}
	r.Log.Info("a window moved while it was read", "begins", s.Window.String(), "sessions", a.Total)
	begins := make([]int64, len(sessions))
	for i := range sessions {
		begins[i] = sessions[i].Begin
	}
	slices.Sort(begins)
	s.parts = s.cut(quantiles(begins, max(2, len(begins)*5/4/size+1)))
	return nil
}

// pages reads the pages after the first, and reports whether all of them together are what was
// there at one moment: the same count on each, as many distinct sessions as that, and, where
// sessions can leave the filter, none that changed since the first page.
func (r *reading) pages(ctx context.Context, q incydr.Query, first Answer, size int) (sessions []Session, calm bool, err error) {
	pages := make([]Answer, (int(first.Total)+size-1)/size)
	pages[0] = first
	g, gctx := errgroup.WithContext(ctx)
	for i := 1; i < len(pages); i++ {
		g.Go(func() (err error) {
			pages[i], err = r.askPage(gctx, q, i, size)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, false, err
	}
	calm = true
	for i, page := range pages {
		calm = calm && page.Total == first.Total && int64(len(page.Sessions)) == expected(page.Total, i, size)
		sessions = append(sessions, page.Sessions...)
	}
	if !q.OnlyGains() {
		for _, s := range sessions {
			calm = calm && s.LastUpdated < first.Date && s.FirstObserved < first.Date
		}
	}
	sessions = distinct(sessions)
	return sessions, calm && int64(len(sessions)) == first.Total, nil
}

// divide cuts a window that holds too many sessions: by the begin times that are known, or into
// spans of the same length from where its sessions seem to begin.
func (r *reading) divide(win Window, a Answer) []Window {
	n := int(min((a.Total+goal-1)/goal, 64))
	if r.guide != nil {
		if begins := r.guide.between(win); len(begins) >= n {
			return win.cut(quantiles(begins, n))
		}
	}
	// The sessions that ended first began at about the window's earliest begin time.
	from := a.Sessions[0].Begin
	for _, s := range a.Sessions {
		from = min(from, s.Begin)
	}
	to := win.To
	if to == 0 || to > a.Date+1000 && from < a.Date {
		to = a.Date + 1000
	}
	from = max(from, win.From)
	if to <= from { // they begin ahead of the server's clock
		to = from + 1
		for _, s := range a.Sessions {
			to = max(to, s.Begin+1)
		}
	}
	var times []int64
	for i := range int64(n) {
		times = append(times, from+(to-from)/int64(n)*i)
	}
	times = append(times, to)
	if from-win.From < (to-from)/int64(n) && win.From != 0 {
		times = times[1:] // the little before the first begin time needs no request of its own
	}
	parts := win.cut(times)
	if len(parts) < 2 {
		half := win.From + (to-win.From)/2
		parts = win.cut([]int64{max(half, win.From+1)})
	}
	return parts
}

// instant reads a span of one millisecond that holds more sessions than a page.
func (r *reading) instant(ctx context.Context, q incydr.Query, s *span) error {
	var all []Session
	got, total, err := r.readAlways(ctx, q, func(sessions []Session) error {
		all = append(all, sessions...)
		return nil
	})
	s.sessions, s.total, s.doubt = distinct(all), total, int64(got) != total
	return err
}

// readAlways reads all pages of a query again and again, until as many distinct sessions came as
// the server counts on each of them, or too often. Each session may be handed on several times.
func (w *Walker) readAlways(ctx context.Context, q incydr.Query, emit func([]Session) error) (got int, total int64, err error) {
	size := w.Client.PageSize()
	seen := map[idHash]bool{}
	var lock sync.Mutex
	for round := range 5 {
		if round > 0 {
			if err := sleep(ctx, 100*time.Millisecond<<round); err != nil {
				return 0, 0, err
			}
		}
		first, err := w.askPage(ctx, q, 0, size)
		if err != nil {
			return 0, 0, err
		}
		calm := true
		take := func(page Answer) error {
			lock.Lock()
			defer lock.Unlock()
			for _, s := range page.Sessions {
				seen[hashOf(s)] = true
			}
			calm = calm && page.Total == first.Total
			return emit(page.Sessions)
		}
		if err := take(first); err != nil {
			return 0, 0, err
		}
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(w.Concurrency)
		for i := 1; int64(i)*int64(size) < min(first.Total, mostAtOnce); i++ {
			g.Go(func() error {
				page, err := w.askPage(gctx, q, i, size)
				if err != nil {
					return err
				}
				return take(page)
			})
		}
		if err := g.Wait(); err != nil {
			return 0, 0, err
		}
		got, total = len(seen), first.Total
		if calm && int64(got) == total {
			break
		}
	}
	return got, total, nil
}

// distinct leaves out sessions that came before.
func distinct(sessions []Session) []Session {
	seen := make(map[idHash]bool, len(sessions))
	out := sessions[:0]
	for _, s := range sessions {
		if h := hashOf(s); !seen[h] {
			seen[h] = true
			out = append(out, s)
		}
	}
	return out
}
