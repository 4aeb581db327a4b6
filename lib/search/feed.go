package search

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"sess/lib/checkpoint"
	"sess/lib/incydr"
)

// Batch is how many sessions are printed, and then recorded, at a time: what a killed process
// may print twice.
const Batch = 50

// A Feed hands on what its checkpoint has not seen. Its fields are set before Open.
type Feed struct {
	Walker   *Walker
	Search   Search // its OnOrAfter is where a new checkpoint begins; its other bounds are this run's
	Dir      checkpoint.Dir
	Name     string
	Lookback time.Duration // how late after its begin a session may show up
	Updates  bool          // hand a session on again when it was updated
	Deferred bool          // another process commits what is handed on

	// Print writes the sessions out whole; when it returns nil they have left the process.
	Print func([]Session) error
	// Polled, where it is set, is told what each poll came to that went well.
	Polled func(Report)
	// Say tells a person something that happens once.
	Say func(format string, args ...any)

	// Progress, where it is not nil, is told how many sessions a poll has printed, and how many it
	// expects to.
	Progress func(done, total int64)

	checkpoint *checkpoint.Checkpoint // nil until there is one
	vendor     *checkpoint.Vendor     // to be taken over
	printed    int                    // in all polls
}

// A Report says what a poll came to.
type Report struct {
	Printed  int   // sessions handed on
	Date     int64 // when the poll began, by the server's clock; ms
	Floor    int64 // sessions that begin before it are not looked for any more; ms
	Newest   int64 // the newest begin that is recorded; ms
	Full     bool  // everything above the floor was read anew
	Finished bool  // false where the limit ended it
}

// Open opens the checkpoint, or finds that there is none yet. It asks the server nothing.
func (f *Feed) Open() error {
	if f.Say == nil {
		f.Say = func(string, ...any) {}
	}
	c, err := f.Dir.Load(f.Name)
	var missing *checkpoint.Missing
	if errors.As(err, &missing) {
		f.vendor, err = f.Dir.Vendor(f.Name)
		return err
	}
	if err != nil {
		return err
	}
	if err := c.Match(f.Search.Text()); err != nil {
		return err
	}
	if f.Search.Query.OnOrAfter != 0 {
		f.Say("--start is not used: the checkpoint %q goes on from where it is", f.Name)
	}
	f.checkpoint = c
	return nil
}

// create makes the checkpoint, once the server has answered for the first time.
func (f *Feed) create(date int64) error {
	state := checkpoint.State{Floor: f.Search.Query.OnOrAfter}
	var seen []checkpoint.Session
	if v := f.vendor; v != nil {
		state.Floor = max(min(v.Newest, date)-f.Lookback.Milliseconds(), 0)
		seen = v.Sessions()
	}
	c, err := f.Dir.Create(f.Name, f.Search.Text(), state, seen...)
	if err != nil {
		return err
	}
	f.checkpoint = c
	v := f.vendor
	if v == nil {
		return nil
	}
	f.vendor = nil
	f.Say("took over the vendor's checkpoint %s: %d sessions count as seen, and sessions that begin before %s are not looked for; its files stay as they are",
		v.Path, len(seen), at(state.Floor))
	if v.Problem != nil {
		f.Say("its list of sessions, %s_sessions, is of no use (%v): some sessions may come again", v.Path, v.Problem)
	}
	if f.Search.Query.OnOrAfter != 0 {
		f.Say("--start is not used: the checkpoint goes on from where the vendor's was")
	}
	return nil
}

// Text is the query as a checkpoint keeps it: what decides which sessions are meant, but not
// from when to when, in which order and how many at a time.
func (s Search) Text() string {
	q := s.Query
	alerts := "with"
	switch {
	case s.AnyAlerts:
		alerts = "any"
	case q.Alerts == incydr.WithoutAlerts:
		alerts = "without"
	}
	text, _ := json.Marshal(struct {
		Alerts         string   `json:"alerts"`
		Actor          string   `json:"actor_id,omitempty"`
		Type           string   `json:"type,omitempty"`
		RiskIndicators []string `json:"risk_indicators,omitempty"`
		States         []string `json:"state,omitempty"`
		Severities     []int    `json:"severity,omitempty"`
		Rules          []string `json:"rule_id,omitempty"`
		Watchlists     []string `json:"watchlist_id,omitempty"`
		Inspection     []string `json:"content_inspection_status,omitempty"`
	}{
		alerts, q.ActorID, q.Type, set(q.RiskIndicators), set(q.States), set(q.Severities), set(q.RuleIDs), set(q.WatchlistIDs), set(q.ContentInspectionStatuses),
	})
	return string(text)
}

// set is a list without order and repetition.
func set[T int | string](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// onlyGains reports whether a session that matches goes on matching, whatever happens to it.
func (s Search) onlyGains() bool {
	queries := s.queries()
	return queries[len(queries)-1].OnlyGains()
}

// errLimit ends a poll that has printed as many as were asked for.
var errLimit = errors.New("the limit is reached")

// hand prints and records those of the sessions that are new, or updated, oldest first and a
// batch at a time. state, where it is not nil, is recorded with the first of them.
func (p *poll) hand(sessions []Session, state *checkpoint.State) error {
	known := make([]checkpoint.Session, 0, len(sessions)) // to be recorded without being printed
	fresh := make([]Session, 0, len(sessions))
	twice := make(map[string]bool, len(sessions))
	for _, s := range sessions {
		kept := keep(s)
		if twice[kept.ID] {
			continue
		}
		twice[kept.ID] = true
		old, seen := p.checkpoint.Lookup(kept.ID)
		switch {
		case !seen, p.Updates && old.Updated != 0 && old.Updated != kept.Updated:
			fresh = append(fresh, s)
		case p.checkpoint.Sent(kept.ID):
		case !p.checkpoint.Counted(kept.ID) && kept.Begin != 0, p.Updates && old.Updated == 0 && kept.Updated != 0:
			known = append(known, kept)
		}
	}
	if len(known) > 0 || state != nil && len(fresh) == 0 {
		if err := p.commit(known, state); err != nil {
			return err
		}
		state = nil
	}
	slices.SortStableFunc(fresh, func(a, b Session) int { return cmp.Compare(a.Begin, b.Begin) })
	for batch := range slices.Chunk(fresh, Batch) {
		if limit := p.Search.Limit; limit > 0 {
			batch = batch[:min(len(batch), limit-p.printed)]
		}
		if err := p.deliver(batch, state); err != nil {
			return err
		}
		state = nil
		if p.printed == p.Search.Limit && p.Search.Limit > 0 {
			return errLimit
		}
	}
	return nil
}

// deliver prints a batch and records it: the room on the disk first, then the print, and when
// that has left the process, the record.
func (p *poll) deliver(batch []Session, state *checkpoint.State) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	kept := make([]checkpoint.Session, len(batch))
	for i, s := range batch {
		kept[i] = keep(s)
	}
	if !p.Deferred {
		if err := p.checkpoint.Reserve(kept); err != nil {
			return err
		}
	}
	if err := p.Print(batch); err != nil {
		return err
	}
	p.printed += len(batch)
	p.done += int64(len(batch))
	if p.Progress != nil {
		p.Progress(p.done, max(p.expected, p.done))
	}
	if p.Deferred {
		p.checkpoint.Send(kept)
		return nil
	}
	return p.commit(kept, state)
}

func (f *Feed) commit(kept []checkpoint.Session, state *checkpoint.State) error {
	if state == nil {
		return f.checkpoint.Commit(kept)
	}
	return f.checkpoint.CommitWith(kept, *state)
}

// keep is what the checkpoint keeps of a session. One without an id, should there ever be such
// a thing, is itself its id.
func keep(s Session) checkpoint.Session {
	if s.ID == "" {
		sum := sha256.Sum256(s.Raw)
		s.ID = "sha256:" + hex.EncodeToString(sum[:])
	}
	return checkpoint.Session{ID: checkpoint.ValidID(s.ID), Begin: s.Begin, Updated: s.LastUpdated}
}

// An AskError is a poll that failed by the server's fault, or on the way to it.
type AskError struct{ Err error }

func (e *AskError) Error() string { return e.Err.Error() }
func (e *AskError) Unwrap() error { return e.Err }

func asked(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return &AskError{err}
}

// describe is a report for the log.
func (r Report) describe() []any {
	return []any{"printed", r.Printed, "server_date", at(r.Date), "floor", at(r.Floor), "newest", at(r.Newest), "full", r.Full, "finished", r.Finished}
}
