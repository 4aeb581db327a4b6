package search

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
)

// complete finds what the pages of a stream missed.
//
// Where the filter only gains members, a window whose count equals the number of sessions known
// in it holds nothing else, and is done with one request; any other is divided
// until it is small enough to be read. Where sessions can leave the filter, a count says nothing (one
// may have left and another come), and all is read again, window by window.
func (k *walk) complete(ctx context.Context, st *stream, d *doubts) error {
	k.Log.Info("looking for what the pages missed", "query", st.query.Values().Encode(), "known", k.known.len())
	if st.query.OnlyGains() {
		c := &completion{walk: k, stream: st, doubts: d}
		return c.window(ctx, WindowOf(st.query))
	}
	return k.readWindow(ctx, st.query, WindowOf(st.query), k.known, func(sessions []Session) error {
		return k.hand(sessions, st.mark)
	}, d)
}

// A completion looks for the sessions that one stream missed.
type completion struct {
	*walk
	stream *stream
	lock   sync.Mutex
	doubts *doubts
}

// parts is how many parts a window is divided into that misses few of its sessions. More parts
// mean more requests, fewer mean more round trips.
const parts = 8

func (c *completion) window(ctx context.Context, win Window) error {
	if c.enough() {
		return nil
	}
	size := c.Client.PageSize()
	q := narrow(c.stream.query, win)
	a, sure, err := c.askSure(ctx, q, size)
	if err != nil {
		return err
	}
	if err := c.hand(a.Sessions, c.stream.mark); err != nil {
		return err
	}
	have := c.known.within(win)
	switch {
	case sure && (a.Whole() || a.Total == have):
		return nil
	case !sure:
		return c.doubt(win, a.Total, max(len(a.Sessions), int(have)))
	case win.single():
		return c.instant(ctx, win)
	}
	n := parts
	if pages := int(min(a.Total, 1<<30))/max(size*4/5, 1) + 1; pages < parts || (a.Total-have)*2*parts > int64(pages) {
		n = min(max(pages, 2), 64)
	}
	begins := c.known.between(win)
	if len(begins) == 0 {
		return c.doubt(win, a.Total, len(a.Sessions))
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2 * c.Concurrency)
	for _, part := range win.cut(quantiles(begins, n)) {
		g.Go(func() error { return c.window(ctx, part) })
	}
	return g.Wait()
}

// instant reads a window of one millisecond in which more sessions begin than a page holds.
func (c *completion) instant(ctx context.Context, win Window) error {
	got, total, err := c.readAlways(ctx, narrow(c.stream.query, win), func(sessions []Session) error {
		return c.hand(sessions, c.stream.mark)
	})
	if err != nil {
		return err
	}
	if int64(got) != total {
		return c.doubt(win, total, got)
	}
	return nil
}

func (c *completion) doubt(win Window, counted int64, given int) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.doubts.add(win, counted, given)
	return nil
}

// enough reports whether there is nothing more to find, or no sense in looking.
func (c *completion) enough() bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	return len(c.doubts.list) >= tooMany || c.left() == 0
}
