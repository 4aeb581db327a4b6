package search

import "slices"

// compare finds what is new by the counts, beginning with the answer for everything.
func (p *poll) compare(first Answer) error {
	if p.much(first.Total-p.count(p.win), first.Total) {
		return p.bulk(p.win)
	}
	open, total, err := p.newest(first)
	if err != nil {
		return err
	}
	return p.resolve(open, total)
}

// newest takes in the answer for everything, and the pages that follow it as long as they bring
// something new: pages that bring nothing are passed over while there are fewer of them in a row
// than sessions missing, or than two. It returns what they leave open, as take does.
func (p *poll) newest(a Answer) (open Window, total int64, err error) {
	before, barren := p.done, int64(0)
	open, total, err = p.take(p.win, a)
	for err == nil && !p.exact && p.done > before && total > p.count(open) && barren < max(2, total-p.count(open)) {
		p.inferred = true
		done := p.done
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
		if barren++; p.done > done {
			barren = 0
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
// Where the error is an *Uncertain there is an answer nevertheless.
func (p *poll) ask(win Window) (Answer, error) {
	var doubt error
	parts := make([]Answer, len(p.queries))
	for i, q := range p.queries {
		a, sure, err := p.Walker.askSure(p.ctx, narrow(q, win), p.Walker.Client.PageSize())
		if err != nil {
			return Answer{}, asked(err)
		}
		if !sure {
			doubt = asked(&Uncertain{Window: win, Counted: a.Total, Given: int64(len(a.Sessions))})
		}
		parts[i] = a
	}
	return together(parts, parts), doubt
}

// following asks for the next page after those that the answer for everything has. still tells
// whether they fit together: the count is the same, and nothing comes again. What moves meanwhile
// in a list that only gains, moves to its front, and pushes what was read into the next page.
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
		if a.Total != part.Total || int64(len(a.Sessions)) != expected(a.Total, number, size) || overlap(part.Sessions, a.Sessions) {
			return all, false, nil
		}
		pages[i] = a
	}
	return together(pages, all.parts, pages), true, nil
}

// overlap reports whether a session of a page is among those before it.
func overlap(before, page []Session) bool {
	ids := make(map[string]bool, len(before))
	for _, s := range before {
		ids[s.ID] = true
	}
	return slices.ContainsFunc(page, func(s Session) bool { return ids[keep(s).ID] })
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

// nowhere is the window in which nothing begins.
var nowhere = Window{From: 1, To: 1}

// take hands on a window's answer, and returns the part of the window of which it is not known to
// hold all, with the count of that part. What is recorded in a window of which it holds all, and is
// not in the answer, is no longer to be counted.
//
// Ends prove something only as long as what is recorded is where its end would have it: a session
// whose end is missing, or before its begin, stands anywhere.
func (p *poll) take(win Window, a Answer) (open Window, total int64, err error) {
	if err := p.hand(a.Sessions, nil); err != nil {
		return win, 0, err
	}
	seen := Window{max(a.since, win.From), win.To}
	if a.since == never || seen.empty() || a.since != 0 && p.exact {
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
	switch {
	case n == p.count(seen):
	case a.since != 0:
		return win, a.Total, nil
	default:
		err = p.checkpoint.Forgo(p.checkpoint.Absent(seen.From, seen.To, there))
	}
	if seen == win {
		return nowhere, 0, err
	}
	return Window{win.From, seen.From}, a.Total - n, err
}

// resolve finds what the server counts in a window beyond what is recorded.
func (p *poll) resolve(win Window, total int64) error {
	have := p.count(win)
	missing := total - have
	if missing == 0 || win.empty() {
		return nil
	}
	p.inferred = true
	size := int64(p.Walker.Client.PageSize())
	switch {
	case total <= size || have < 2 || win.single():
		return p.leaf(win, total)
	case p.much(missing, total):
		return p.read(win, nil)
	}
	// So many of the window's newest sessions go into the part that is asked for.
	right := have / 2
	if total <= 2*size {
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
		err = p.resolve(open, left)
	}
	if err != nil {
		return err
	}
	total -= a.Total
	if p.exact {
		if a, err = p.ask(lower); err != nil {
			return err
		}
		if lower, total, err = p.take(lower, a); err != nil {
			return err
		}
	}
	return p.resolve(lower, total)
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

func abs(n int64) int64 { return max(n, -n) }
