package search

import (
	"crypto/sha256"
	"slices"
	"sync"
)

// known are the sessions that a walk has handed on: 16 bytes for an id, and its begin time, so
// that a window can be compared with what is known of it.
type known struct {
	mu       sync.Mutex
	sessions map[idHash]entry
	begins   []int64 // of those that belong to the query that is being checked, sorted
	late     []int64 // the same, found since begins was sorted
	member   entry   // what marks them
}

type idHash [16]byte

// An entry is a begin time, and whether the session was seen among those with alerts and among those
// without.
type entry int64

const (
	inFirst  entry = 1 << iota // the mark of the first query
	inSecond                   // the mark of the second one
	markBits = 2
)

func (e entry) begin() int64 { return int64(e) >> markBits }

func newKnown() *known { return &known{sessions: map[idHash]entry{}} }

// hashOf is short and has no collisions that anybody could find. A session without an id is
// itself its id.
func hashOf(s Session) idHash {
	text := []byte(s.ID)
	if s.ID == "" {
		text = s.Raw
	}
	sum := sha256.Sum256(text)
	return idHash(sum[:16])
}

// add makes a session known, as a member of the marked query, and returns whether it
// is new, and whether it is new to the query.
func (k *known) add(s Session, mark entry) (isNew, joined bool) {
	h := hashOf(s)
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.sessions[h]
	if ok && e&mark != 0 {
		return false, false
	}
	k.sessions[h] = entry(s.Begin<<markBits) | e&(inFirst|inSecond) | mark
	if k.member == mark {
		k.late = append(k.late, s.Begin)
		if len(k.late) > 500 {
			k.merge()
		}
	}
	return !ok, true
}

// choose sets the query that count and begin times are asked for from now on.
func (k *known) choose(mark entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.member = mark
	k.begins, k.late = k.begins[:0], nil
	for _, e := range k.sessions {
		if e&mark != 0 {
			k.begins = append(k.begins, e.begin())
		}
	}
	slices.Sort(k.begins)
}

func (k *known) merge() {
	k.begins = append(k.begins, k.late...)
	slices.Sort(k.begins)
	k.late = k.late[:0]
}

// within returns how many sessions of the chosen query begin in the window.
func (k *known) within(win Window) int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	from, to := k.span(win)
	n := int64(to - from)
	for _, b := range k.late {
		if win.Holds(b) {
			n++
		}
	}
	return n
}

// between returns the begin times, sorted, of the chosen query's sessions in the window.
func (k *known) between(win Window) []int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.merge()
	from, to := k.span(win)
	return slices.Clone(k.begins[from:to])
}

func (k *known) span(win Window) (from, to int) {
	from, _ = slices.BinarySearch(k.begins, win.From)
	to = len(k.begins)
	if win.To != 0 {
		to, _ = slices.BinarySearch(k.begins, win.To)
	}
	return from, max(from, to)
}

func (k *known) len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.sessions)
}
