package sandbox

import (
	"slices"
	"sync/atomic"
)

// The states a session can be in, oldest API first.
var stateNames = []string{"OPEN", "IN_PROGRESS", "CLOSED", "CLOSED_TP", "CLOSED_FP", "OPEN_NEW_DATA", "CLOSED_TP_BENIGN"}

const (
	open = iota
	inProgress
	closed
	closedTP
	closedFP
	openNewData
	closedTPBenign
)

// What content inspection came to.
const (
	unprocessed = iota
	pending
	found
	notFound
)

type state struct {
	at   int64
	code int
	user string // "" where nobody is named
}

type score struct {
	at       int64
	score    int
	severity int
}

type alert struct {
	rule   int
	lesson bool
}

type indicator struct {
	kind  int
	count int
}

type note struct {
	at   int64
	text string
	user string
}

// A session as the tenant keeps it: what filters and orders need, and the histories. The words
// and the odd fields are drawn again whenever its bytes are made.
type session struct {
	number   uint64
	id       string
	actor    int
	takeOver bool

	begin, end, observed, updated int64 // ms since the epoch

	events     [5]int // by severity
	inspection int
	states     []state
	scores     []score
	alerts     []alert
	indicators []indicator
	notes      []note
	traits     traits

	visible bool
	future  []change // what is to happen to it, in order of time

	bytes atomic.Pointer[[]byte] // as served; nil until asked for, and after a change
}

// A change is one thing that happens to a session.
type change struct {
	at    int64
	user  string
	state int // -1: stays
	note  string
	score int // 0: stays
	alert int // a rule's number; -1: none
	end   int64
}

// nothing is a change of nothing, to be filled in.
func nothing(at int64) change { return change{at: at, state: -1, alert: -1} }

// apply does the change. lastUpdated always moves on, and no history gets two entries of one
// time, so that "changed" and "newest" stay well defined: what is in a history is no newer than
// the session's last update.
func (s *session) apply(c change) {
	at := max(c.at, s.updated+1)
	s.updated = at
	if c.state >= 0 {
		s.states = append(s.states, state{at, c.state, c.user})
	}
	if c.note != "" {
		s.notes = append(s.notes, note{at, c.note, c.user})
	}
	if c.score > 0 {
		severity := severityOf(c.score)
		s.scores = append(s.scores, score{at, c.score, severity})
		s.events[severity]++
	}
	if c.alert >= 0 {
		s.alerts = append(s.alerts, alert{rule: c.alert})
	}
	s.end = max(s.end, c.end)
	s.bytes.Store(nil)
}

// severityOf is the coarse measure of a score.
func severityOf(score int) int {
	switch {
	case score <= 0:
		return 0
	case score <= 3:
		return 1
	case score <= 6:
		return 2
	case score <= 8:
		return 3
	}
	return 4
}

// newestState is the code of the newest state, -1 where there is none.
func (s *session) newestState() int {
	if len(s.states) == 0 {
		return -1
	}
	return slices.MaxFunc(s.states, func(a, b state) int { return compare(a.at, b.at) }).code
}

// newestScore is the newest score and its severity; severity -1 where there is none.
func (s *session) newestScore() (value, severity int) {
	if len(s.scores) == 0 {
		return 0, -1
	}
	newest := slices.MaxFunc(s.scores, func(a, b score) int { return compare(a.at, b.at) })
	return newest.score, newest.severity
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func endsBefore(a, b *session) int {
	if c := compare(a.end, b.end); c != 0 {
		return c
	}
	return compareID(a, b)
}

func scoresBelow(a, b *session) int {
	x, _ := a.newestScore()
	y, _ := b.newestScore()
	if x != y {
		return x - y
	}
	return compareID(a, b)
}

func compareID(a, b *session) int {
	switch {
	case a.id < b.id:
		return -1
	case a.id > b.id:
		return 1
	}
	return 0
}
