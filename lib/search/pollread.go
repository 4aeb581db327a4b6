package search

import (
	"errors"

	"sess/lib/checkpoint"
)

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

// bulk reads everything, most of which is new. What is recorded ends, where a run was killed or
// none was made for a while, at some begin time; it is compared with one request, and not read.
func (p *poll) bulk(win Window) error {
	if at, _ := p.checkpoint.Split(win.From, win.To, Batch); at > win.From {
		lower := Window{win.From, at}
		a, err := p.ask(lower)
		if err != nil {
			return err
		}
		if err := p.resolve(lower, a.Total); err != nil {
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
	var doubt *Uncertain
	if err != nil && !errors.As(err, &doubt) {
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
