// Package search walks the sessions that match a query while the list is alive: sessions
// arrive, end later and leave the filter between one page and the next, which shifts every later page.
//
// Two ways lead to a result without a gap. Walk prints pages in the API's own order as they
// arrive, watches for signs that the list moved, and, where it sees one, looks for what it
// missed. ReadWindow reads the sessions that begin within a span of time, window by window,
// oldest first, and accepts a window only when it is complete. Both rest on the same facts: a
// session's id and begin time never change, so that a window of begin times that fits
// one page cannot shift under its reader, and where a filter only ever gains members, a count
// that equals what is known for a window proves that nothing is missing there.
//
// The package knows nothing of checkpoints and of output; it hands sessions on as the bytes
// they came as.
package search

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"sess/lib/incydr"
	"sess/lib/jsonl"
)

// A Session is one session as the server gave it, and what a walk looks at in it.
type Session struct {
	ID            string
	Begin         int64 // all times are in ms since the epoch, 0 where the session does not say
	End           int64
	FirstObserved int64
	LastUpdated   int64
	Raw           []byte // compact, on one line
}

// parsed are the fields of a session that a walk looks at.
var parsed = []string{"sessionId", "beginTime", "endTime", "firstObserved", "lastUpdated"}

// Parse looks into a session.
func Parse(raw []byte) Session {
	var values [5][]byte
	jsonl.Pick(raw, parsed, values[:])
	s := Session{Raw: raw, ID: jsonl.Text(values[0])}
	for i, into := range []*int64{&s.Begin, &s.End, &s.FirstObserved, &s.LastUpdated} {
		*into, _ = jsonl.Int(values[i+1])
	}
	return s
}

func parseAll(items [][]byte) []Session {
	sessions := make([]Session, len(items))
	for i, raw := range items {
		sessions[i] = Parse(raw)
	}
	return sessions
}

// A Search says what a Walk is for.
type Search struct {
	Query     incydr.Query
	AnyAlerts bool // sessions with and without alerts; Query.Alerts says nothing then
	Limit     int  // at most so many sessions; 0: all
}

// A Walker reads result sets of one tenant. NewWalker makes it; Progress is set before its first use.
type Walker struct {
	Client      *incydr.Client
	Concurrency int // requests in flight
	Log         *slog.Logger
	Progress    func(done, total int64) // nil, or told how many sessions are read of how many

	slots chan struct{}
}

// NewWalker returns a Walker with so many requests in flight; 0 stands for
// incydr.DefaultConcurrency, and without a log nothing is logged.
func NewWalker(client *incydr.Client, concurrency int, log *slog.Logger) *Walker {
	if concurrency <= 0 {
		concurrency = incydr.DefaultConcurrency
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Walker{Client: client, Concurrency: concurrency, Log: log, slots: make(chan struct{}, concurrency)}
}

// Count returns how many sessions match, with one request, or two where sessions with and
// without alerts are wanted.
func (w *Walker) Count(ctx context.Context, s Search) (int64, error) {
	var sum int64
	for _, q := range s.queries() {
		page, err := w.ask(ctx, q, 0, 1)
		if err != nil {
			return 0, err
		}
		sum += page.TotalCount
	}
	if s.Limit > 0 {
		sum = min(sum, int64(s.Limit))
	}
	return sum, nil
}

// queries are the requests' queries. The one for sessions without alerts comes first: a session
// only ever moves from there to those with alerts, and so cannot be missed between the two.
func (s Search) queries() []incydr.Query {
	if !s.AnyAlerts {
		return []incydr.Query{s.Query}
	}
	without, with := s.Query, s.Query
	without.Alerts, with.Alerts = incydr.WithoutAlerts, incydr.WithAlerts
	return []incydr.Query{without, with}
}

// ask makes one request, when there is a place for it.
func (w *Walker) ask(ctx context.Context, q incydr.Query, page, size int) (*incydr.Page, error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return w.Client.Search(ctx, q, page, size)
}

// Uncertain is a search that could not make sure that nothing is missing. Everything it found was
// handed on.
type Uncertain struct {
	Window         Window // the begin times in question
	Counted, Given int64  // what the server says, and what it gives
	More           int    // further windows of which the same is true
}

func (e *Uncertain) Error() string {
	which := "match"
	if e.Window != (Window{}) {
		which = "begin " + e.Window.String()
	}
	s := fmt.Sprintf("the result may be incomplete: the server's totalCount says that %d sessions %s, but it gives %d", e.Counted, which, e.Given)
	if e.More > 0 {
		s += fmt.Sprintf("; so it is with %d further spans of time", e.More)
	}
	return s
}

// ExitCode is that of a job done in part.
func (e *Uncertain) ExitCode() int { return 3 }

// Hint says what can be done.
func (e *Uncertain) Hint() string {
	return "everything that was found has been printed; search again later, or ask for shorter spans of time with --start and --end"
}

// sleep waits, unless the context ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
