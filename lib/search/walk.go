package search

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"sess/lib/incydr"
	"sess/lib/jsonl"
)

// Walk hands on every session that matches, once, in the API's order, in batches of a page or
// less. Every session that matches from the beginning to the end of the walk is among them,
// whatever happens to the list meanwhile; those that the pages missed come last. emit is not
// called from two goroutines at once; its error ends the walk. Where the server's answers contradict
// each other so that something may be missing, the error is an *Uncertain.
func (w *Walker) Walk(ctx context.Context, s Search, emit func([]Session) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k := &walk{Walker: w, search: s, emit: emit, known: newKnown()}
	var streams []*stream
	for i, q := range s.queries() {
		streams = append(streams, &stream{walk: k, query: q, mark: inFirst << i})
	}
	if err := k.pages(ctx, streams); err != nil {
		return err
	}
	moved := false
	for _, st := range streams {
		moved = st.moved() || moved
	}
	if !moved || k.left() == 0 {
		return nil
	}
	var doubts doubts
	for _, st := range streams {
		k.known.choose(st.mark)
		err := k.complete(ctx, st, &doubts)
		var ignored *FilterIgnored
		if errors.As(err, &ignored) {
			ignored.Counted, ignored.Given = st.total, st.rows
		}
		if err != nil {
			return err
		}
	}
	return doubts.err()
}

// A walk is one run of Walk.
type walk struct {
	*Walker
	search Search
	known  *known

	mu    sync.Mutex // guards what follows, and emit
	emit  func([]Session) error
	given int   // sessions handed on
	total int64 // how many there are by the last answers, for the progress
}

// left is how many more sessions are wanted; negative: all.
func (k *walk) left() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.search.Limit <= 0 {
		return -1
	}
	return max(k.search.Limit-k.given, 0)
}

// hand passes the sessions on that nobody has got yet.
func (k *walk) hand(sessions []Session, mark entry) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	fresh := sessions[:0:0]
	for _, s := range sessions {
		if isNew, _ := k.known.add(s, mark); isNew {
			fresh = append(fresh, s)
		}
	}
	return k.pass(fresh)
}

// pass emits. The caller holds the lock.
func (k *walk) pass(fresh []Session) error {
	if k.search.Limit > 0 {
		fresh = fresh[:min(len(fresh), k.search.Limit-k.given)]
	}
	if len(fresh) == 0 {
		return nil
	}
	k.given += len(fresh)
	if k.Progress != nil {
		k.Progress(int64(k.given), max(k.total, int64(k.given)))
	}
	return k.emit(fresh)
}

// A stream is the pages of one of the walk's queries, and what they say about the list.
type stream struct {
	walk  *walk
	query incydr.Query
	mark  entry

	*pager
	page []Session // what of the current page is not yet passed on

	rows       int64 // distinct sessions
	start      int64 // the server's clock at the first answer, ms
	firstTotal int64
	lastEnd    int64 // end time of the last session of the page before
	signs      []string
}

// sign notes that the list moved.
func (st *stream) sign(what string) {
	for _, s := range st.signs {
		if s == what {
			return
		}
	}
	st.signs = append(st.signs, what)
	st.walk.Log.Info("the list moved while it was read", "sign", what, "page", st.index)
}

// moved reports whether the pages may have missed something.
func (st *stream) moved() bool {
	if len(st.signs) == 0 && st.rows != st.total && (st.walk.search.Limit <= 0 || st.total < int64(st.walk.search.Limit)) {
		st.sign("the sessions are not as many as the server counts")
	}
	return len(st.signs) > 0
}

// pages reads the streams page by page and passes their sessions on, merged in their order
// where there are two.
func (k *walk) pages(ctx context.Context, streams []*stream) error {
	size := k.pageSize()
	for _, st := range streams {
		st.pager = k.pager(ctx, st.query, size, k.left)
		defer st.stop()
	}
	if len(streams) == 1 {
		for {
			more, err := streams[0].read()
			if err != nil || !more || k.left() == 0 {
				return err
			}
			if err := k.handBatch(streams[0].page); err != nil {
				return err
			}
		}
	}
	return k.merge(streams[0], streams[1])
}

func (k *walk) handBatch(batch []Session) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.pass(batch)
}

// pageSize is the settings' page size, or less where a limit makes the last page a waste.
func (k *walk) pageSize() int {
	size := k.Client.PageSize()
	if n := k.search.Limit; n > 0 {
		pages := (n + size - 1) / size
		size = (n + pages - 1) / pages
	}
	return size
}

// read fetches the stream's next page, looks for signs, and leaves in page the sessions that are new.
func (st *stream) read() (more bool, err error) {
	page, err := st.next()
	if err != nil || page == nil {
		st.page = nil
		return false, err
	}
	k := st.walk
	if st.index == 1 {
		st.start = serverTime(page)
		st.firstTotal = page.TotalCount
		k.mu.Lock()
		k.total += page.TotalCount
		k.mu.Unlock()
	}
	if page.TotalCount != st.firstTotal {
		st.sign("the count changed")
	}
	sessions := parseAll(page.Items)
	if len(sessions) > 0 && k.byEnd() {
		first, last := sessions[0].End, sessions[len(sessions)-1].End
		if st.index > 1 && st.lastEnd != 0 && first != 0 && k.before(first, st.lastEnd) {
			st.sign("the order broke between two pages")
		}
		st.lastEnd = last
	}
	fresh := sessions[:0]
	for _, s := range sessions {
		if s.LastUpdated >= st.start || s.FirstObserved >= st.start {
			st.sign("a session changed")
		}
		isNew, joined := k.known.add(s, st.mark)
		if joined {
			st.rows++
		}
		if !isNew {
			st.sign("a session came twice")
			continue
		}
		fresh = append(fresh, s)
	}
	st.page = fresh
	if len(fresh) == 0 {
		st.over = false // a server that gives the same page for ever
	}
	return true, nil
}

func (k *walk) byEnd() bool {
	return k.search.Query.OrderBy == "" || strings.EqualFold(k.search.Query.OrderBy, "end_time")
}

// before reports whether a session with the key a stands before one with the key b.
func (k *walk) before(a, b int64) bool {
	if strings.EqualFold(k.search.Query.Direction, "asc") {
		return a < b
	}
	return a > b
}

// merge passes on the sessions of two streams in one order.
func (k *walk) merge(a, b *stream) error {
	key := func(s Session) int64 { return s.End }
	if !k.byEnd() {
		key = score
	}
	var batch []Session
	flush := func() error {
		err := k.handBatch(batch)
		batch = batch[:0]
		return err
	}
	streams := []*stream{a, b}
	done := []bool{false, false}
	for {
		for i, st := range streams {
			for len(st.page) == 0 && !done[i] {
				if err := flush(); err != nil {
					return err
				}
				if k.left() == 0 {
					return nil
				}
				more, err := st.read()
				if err != nil {
					return err
				}
				done[i] = !more
			}
		}
		from := a
		switch {
		case len(a.page) == 0 && len(b.page) == 0:
			return flush()
		case len(a.page) == 0 || len(b.page) > 0 && k.before(key(b.page[0]), key(a.page[0])):
			from = b
		}
		batch = append(batch, from.page[0])
		from.page = from.page[1:]
	}
}

// score is the session's newest score.
func score(s Session) int64 {
	var scores []struct {
		Score           int64 `json:"score"`
		SourceTimestamp int64 `json:"sourceTimestamp"`
	}
	if json.Unmarshal(jsonl.Lookup(s.Raw, "scores"), &scores) != nil || len(scores) == 0 {
		return 0
	}
	newest := scores[0]
	for _, s := range scores[1:] {
		if cmp.Compare(s.SourceTimestamp, newest.SourceTimestamp) >= 0 {
			newest = s
		}
	}
	return newest.Score
}

// serverTime is the server's clock when it gave the page, or this machine's where it does not
// say, in ms.
func serverTime(page *incydr.Page) int64 {
	if page.Date.IsZero() {
		return time.Now().UnixMilli()
	}
	return page.Date.UnixMilli()
}
