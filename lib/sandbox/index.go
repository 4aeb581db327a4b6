package sandbox

import (
	"container/heap"
	"slices"
	"sync"
	"time"
)

// ordered is a list of the visible sessions that is kept in an order, lowest first. Whoever
// changes what the order is by removes the session before and inserts it after.
type ordered struct {
	before func(a, b *session) int
	list   []*session
}

func (o *ordered) insert(s *session) {
	i, _ := slices.BinarySearchFunc(o.list, s, o.before)
	o.list = slices.Insert(o.list, i, s)
}

func (o *ordered) remove(s *session) {
	if i, ok := slices.BinarySearchFunc(o.list, s, o.before); ok {
		o.list = slices.Delete(o.list, i, i+1)
	}
}

// rebuild takes the place of many inserts.
func (o *ordered) rebuild(all []*session) {
	o.list = o.list[:0]
	for _, s := range all {
		if s.visible {
			o.list = append(o.list, s)
		}
	}
	slices.SortFunc(o.list, o.before)
}

// An agenda holds the sessions to which something will happen, the next one first.
type agenda []*session

func (s *session) due() int64 {
	if !s.visible {
		return s.observed
	}
	return s.future[0].at
}

func (a agenda) Len() int      { return len(a) }
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(*session)) }
func (a agenda) Less(i, j int) bool {
	if x, y := a[i].due(), a[j].due(); x != y {
		return x < y
	}
	return a[i].number < a[j].number
}
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

const never = int64(1) << 62

// settle lets everything happen that is due by now. Every request begins with it.
func (t *Tenant) settle() {
	now := t.clock.now().UnixMilli()
	if now < t.next.Load() && !t.churnDue() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.catchUp(now)
	t.churn(now)
}

// catchUp makes sessions visible and changes them, up to the moment now. The caller holds the lock.
func (t *Tenant) catchUp(now int64) {
	var due []*session
	for len(t.due) > 0 && t.due[0].due() <= now {
		due = append(due, heap.Pop(&t.due).(*session))
	}
	many := len(due) > 256
	for _, s := range due {
		if s.visible && !many {
			t.lift(s)
		}
		s.visible = true
		for len(s.future) > 0 && s.future[0].at <= now {
			s.apply(s.future[0])
			s.future = s.future[1:]
		}
		if !many {
			t.place(s)
		}
		if len(s.future) > 0 {
			heap.Push(&t.due, s)
		}
	}
	if many {
		t.byEnd.rebuild(t.all)
		t.byScore.rebuild(t.all)
	}
	if len(due) > 0 {
		t.found.forget()
	}
	t.next.Store(never)
	if len(t.due) > 0 {
		t.next.Store(t.due[0].due())
	}
}

// lift takes a visible session out of the orders, before something changes it.
func (t *Tenant) lift(s *session) {
	t.byEnd.remove(s)
	t.byScore.remove(s)
}

// place puts it back in.
func (t *Tenant) place(s *session) {
	t.byEnd.insert(s)
	t.byScore.insert(s)
	t.found.forget()
}

// change does something to a visible session at once. The caller holds the lock.
func (t *Tenant) change(s *session, c change) {
	moves := c.end > 0 || c.score > 0
	if moves {
		t.lift(s)
	}
	s.apply(c)
	if moves {
		t.place(s)
	}
	t.found.forget()
}

// add takes a new session in. The caller holds the lock, and settles afterwards.
func (t *Tenant) add(s *session) {
	t.all = append(t.all, s)
	t.byID[s.id] = s
	heap.Push(&t.due, s)
	t.next.Store(min(t.next.Load(), s.due()))
}

// lookup finds a visible session. The caller holds a lock.
func (t *Tenant) lookup(id string) *session {
	if s := t.byID[id]; s != nil && s.visible {
		return s
	}
	return nil
}

// results are the answers to the searches since the last change.
type results struct {
	mu    sync.Mutex
	lists map[string][]*session
}

func (r *results) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists = nil
}

func (r *results) get(key string) ([]*session, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list, ok := r.lists[key]
	return list, ok
}

func (r *results) put(key string, list []*session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lists == nil || len(r.lists) >= 64 {
		r.lists = make(map[string][]*session)
	}
	r.lists[key] = list
}

// search returns the visible sessions that match, lowest first. The caller holds a lock; the
// list is not to be changed.
func (t *Tenant) search(q *query) []*session {
	key := q.key()
	if list, ok := t.found.get(key); ok {
		return list
	}
	from := t.byEnd.list
	if q.byScore {
		from = t.byScore.list
	}
	list := []*session{}
	for _, s := range from {
		if q.matches(t, s) {
			list = append(list, s)
		}
	}
	t.found.put(key, list)
	return list
}

// Add makes n new sessions that show up now, and returns their ids. They begin at the given
// time, or a little before now where it is zero.
func (t *Tenant) Add(n int, begin time.Time) []string {
	now := t.clock.now().UnixMilli()
	t.mu.Lock()
	ids := make([]string, 0, n)
	for range n {
		s := t.newcomer(now)
		if !begin.IsZero() {
			s.shift(begin.UnixMilli())
			s.end = min(s.end, max(now, s.begin))
		}
		t.add(s)
		ids = append(ids, s.id)
	}
	t.catchUp(now)
	t.mu.Unlock()
	return ids
}
