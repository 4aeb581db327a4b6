package search

import (
	"context"
	"math"

	"sess/lib/incydr"
)

// A pager gives the pages of one query in order, with the following ones on their way. It holds
// at most twice as many pages as requests are in flight, so that a slow reader slows down the
// requests.
type pager struct {
	walker *Walker
	ctx    context.Context
	stop   context.CancelFunc
	query  incydr.Query
	size   int
	want   func() int // how many more sessions anybody wants; negative: all

	index    int // of the page that next returns
	launched int
	ahead    []chan answer // the pages on their way, the next one first
	total    int64         // by the last page
	over     bool          // the last page held more than the total promised
	empty    bool          // the last page held nothing
}

type answer struct {
	page *incydr.Page
	err  error
}

func (w *Walker) pager(ctx context.Context, q incydr.Query, size int, want func() int) *pager {
	ctx, stop := context.WithCancel(ctx)
	return &pager{walker: w, ctx: ctx, stop: stop, query: q, size: size, want: want}
}

// next returns the next page, or nil after the last.
func (p *pager) next() (*incydr.Page, error) {
	p.launch()
	if len(p.ahead) == 0 {
		return nil, nil
	}
	var a answer
	select {
	case a = <-p.ahead[0]:
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	}
	p.ahead = p.ahead[1:]
	if a.err != nil {
		return nil, a.err
	}
	p.total = a.page.TotalCount
	promised := p.total - int64(p.index)*int64(p.size)
	p.over = int64(len(a.page.Items)) > max(promised, 0)
	p.empty = len(a.page.Items) == 0
	p.index++
	return a.page, nil
}

// launch sends for the pages that are worth it: the first one alone, since it says how many
// there are.
func (p *pager) launch() {
	last := 1
	if p.index > 0 {
		last = int(min((p.total+int64(p.size)-1)/int64(p.size), math.MaxInt32))
		switch {
		case p.empty:
			last = 0 // whatever the total says
		case p.over:
			last = max(last, p.index+1) // the total is no longer true: read on
		}
		if n := p.want(); n >= 0 {
			last = min(last, p.index+(n+p.size-1)/p.size)
		}
		last = min(last, p.index+2*p.walker.Concurrency)
	}
	for ; p.launched < last; p.launched++ {
		c := make(chan answer, 1)
		p.ahead = append(p.ahead, c)
		go func(number int) {
			page, err := p.walker.ask(p.ctx, p.query, number, p.size)
			c <- answer{page, err}
		}(p.launched)
	}
}
