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
// that begin after the earliest of these ends. Where little is missing before, that span is divided
// at begin times on record, and only parts whose count differs from the record are looked into, in
// the same way; in the end the count for everything is asked for once more. Where much is missing
// it is read, oldest windows first. Where sessions can leave the filter, counts prove nothing, and
// all is read each time.
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

	inferred bool // something follows from several answers, between which the list may have changed
	exact    bool // nothing is to be inferred: a window is done by an answer of its own
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
	err := p.find()
	var doubt *Uncertain
	if errors.As(err, &doubt) && !p.full {
		// Counts prove nothing with such a server; what it gives is handed on all the same.
		p.full = true
		return p.everything()
	}
	return err
}

// find does what a poll is to do, with a server that does not contradict itself.
func (p *poll) find() error {
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
	var doubt *Uncertain
	if err != nil && !errors.As(err, &doubt) {
		return err
	}
	p.began = first.Date
	if p.checkpoint == nil {
		if err := p.create(first.Date); err != nil {
			return err
		}
		if floor := p.checkpoint.State().Floor; floor < p.win.From {
			p.win.From = floor
			first, err = p.ask(p.win)
		}
	}
	if err != nil {
		return err
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
	if err := p.compare(first); err != nil || !p.inferred {
		return err
	}
	// What came meanwhile may have been in one count and not in another, and made up for what was
	// missing there. Where the counts agree once more nothing is; else no count is worked out from
	// others.
	p.exact = true
	if first, err = p.ask(p.win); err != nil {
		return err
	}
	return p.compare(first)
}

func (p *poll) count(win Window) int64 { return int64(p.checkpoint.Count(win.From, win.To)) }

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
