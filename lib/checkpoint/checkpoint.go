// Package checkpoint remembers which sessions have been delivered: a journal of JSON lines for
// each name, appended and fsynced a batch at a time, and the locks that keep two runs from
// meeting in it. A process killed at any instant leaves a journal from which nothing that was
// delivered is missing but what it was just about to record.
//
// The package knows a session by its id, its begin and its last update, and a query as a text
// to compare. It refuses to know how sessions are found, printed or delivered, and it never
// looks at this machine's clock for anything but what it tells people.
package checkpoint

import (
	"errors"
	"io/fs"
	"math"
	"os"
)

// A Session is what a checkpoint keeps of one.
type Session struct {
	ID      string
	Begin   int64 // ms since the epoch; 0 where the session does not say
	Updated int64 // when it last changed, ms since the epoch; 0 where unknown
}

// A State is how far a checkpoint's search has come. All times are ms since the epoch, as the
// server's clock tells them, and 0 where there is none.
type State struct {
	Floor  int64 // sessions that begin before this are not looked for any more
	Began  int64 // when the poll began that was not finished
	Done   int64 // that poll has read and recorded all that begins before this
	Full   int64 // when the last poll began that read everything anew
	Polled int64 // when the last finished poll began
}

// A Checkpoint is an open journal, as of its last look at the file. It is not safe for
// concurrent use, though several processes may have the same one open.
type Checkpoint struct {
	journal
	sessions  map[string]entry
	begins    begins // of the sessions that count
	state     State
	query     string
	inFlight  map[string]bool
	dropped   int // sessions that were recorded once and have left the file
	forgotten int // lines of the file that stand for nothing any more
}

// An entry is what is known of a session that was seen.
type entry struct {
	begin, updated int64
	absent         bool // the server does not show it, or we do not know where it begins
}

// Load opens the checkpoint of that name. Half a line at the end is what a killed process
// leaves, and is cut off. The error is a *Missing where there is none, and a *Damaged where it
// cannot be trusted.
func (d Dir) Load(name string) (*Checkpoint, error) {
	c, unlock, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := c.cut(); err != nil {
		return nil, err
	}
	return c, nil
}

// Look opens the checkpoint for reading and changes nothing, not even half a line.
func (d Dir) Look(name string) (*Checkpoint, error) {
	c, unlock, err := d.open(name)
	if err != nil {
		return nil, err
	}
	unlock()
	return c, nil
}

// open reads the whole journal under its append lock, which the caller releases.
func (d Dir) open(name string) (*Checkpoint, func(), error) {
	if err := CheckName(name); err != nil {
		return nil, nil, err
	}
	c := &Checkpoint{journal: journal{dir: d, name: name}}
	if _, err := os.Stat(c.path()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, d.missing(name)
	}
	unlock, err := d.lockAppend(name)
	if errors.Is(err, fs.ErrPermission) || isReadOnly(err) {
		// Whoever may only read the folder can still look.
		unlock, err = func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if err := c.reload(); err != nil {
		unlock()
		return nil, nil, err
	}
	return c, unlock, nil
}

// Create makes a new checkpoint for a query, which has seen nothing but the sessions of old,
// whose begin is not known. It replaces what stood under that name.
func (d Dir) Create(name, query string, state State, old ...Session) (*Checkpoint, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	c := &Checkpoint{journal: journal{dir: d, name: name}, query: query, state: state, sessions: map[string]entry{}, inFlight: map[string]bool{}}
	for _, s := range old {
		c.sessions[s.ID] = entry{begin: s.Begin, updated: s.Updated, absent: true}
	}
	if err := d.make(); err != nil {
		return nil, err
	}
	unlock, err := d.lockAppend(name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return c, c.rewrite()
}

// State is how far the search has come.
func (c *Checkpoint) State() State { return c.state }

// Match returns an *OtherQuery where the checkpoint was made for a query other than this.
func (c *Checkpoint) Match(query string) error {
	if c.query == query {
		return nil
	}
	return &OtherQuery{Name: c.name, Recorded: c.query, Asked: query}
}

// Lookup returns what is known of a session that has been recorded, or is on its way.
func (c *Checkpoint) Lookup(id string) (Session, bool) {
	e, ok := c.sessions[id]
	return Session{ID: id, Begin: e.begin, Updated: e.updated}, ok
}

// Counted reports whether the session is one of those that Count counts.
func (c *Checkpoint) Counted(id string) bool {
	e, ok := c.sessions[id]
	return ok && !e.absent
}

// Count returns how many of the sessions seen begin from lo up to, but not at, hi, both in ms
// since the epoch; a hi of 0 is the end of time. Those that the server no longer shows are
// left out.
func (c *Checkpoint) Count(lo, hi int64) int { return c.begins.count(lo, hi) }

// Split returns a begin time that leaves the newest n of the sessions from lo to hi on or
// above it, and how many there really are (several may begin at once). 0 where there is none.
func (c *Checkpoint) Split(lo, hi int64, n int) (at int64, newer int) {
	return c.begins.split(lo, hi, n)
}

// Newest is the newest begin that is recorded, in ms since the epoch, of those no newer than
// limit; 0 where there is none. A session on its way is not recorded yet.
func (c *Checkpoint) Newest(limit int64) int64 {
	if len(c.inFlight) == 0 {
		return c.begins.newest(limit)
	}
	newest := int64(0)
	for id, e := range c.sessions {
		if !e.absent && !c.inFlight[id] && e.begin <= limit {
			newest = max(newest, e.begin)
		}
	}
	return newest
}

// Len is how many sessions are on record.
func (c *Checkpoint) Len() int { return len(c.sessions) - len(c.inFlight) }

// Recorded is how many have been recorded since the checkpoint was made, those included that
// have left the file.
func (c *Checkpoint) Recorded() int { return c.Len() + c.dropped }

// Absent returns the sessions from lo to hi that count as seen but are not among those given.
func (c *Checkpoint) Absent(lo, hi int64, there map[string]bool) (gone []Session) {
	for id, e := range c.sessions {
		if !e.absent && e.begin >= lo && (hi == 0 || e.begin < hi) && !there[id] && !c.inFlight[id] {
			gone = append(gone, Session{ID: id, Begin: e.begin, Updated: e.updated})
		}
	}
	return gone
}

// Send marks sessions as on their way: they count as seen for as long as this process lives,
// and are recorded by another, or not at all.
func (c *Checkpoint) Send(sent []Session) {
	for _, s := range sent {
		c.remember(s.ID, entry{s.Begin, s.Updated, s.Begin == 0})
		c.inFlight[s.ID] = true
	}
}

// Sent reports whether the session is on its way.
func (c *Checkpoint) Sent(id string) bool { return c.inFlight[id] }

// InFlight is how many sessions are on their way, and the oldest begin of them.
func (c *Checkpoint) InFlight() (n int, oldest int64) {
	for id := range c.inFlight {
		if b := c.sessions[id].begin; n == 0 || b < oldest {
			oldest = b
		}
		n++
	}
	return n, oldest
}

// Reserve makes sure that the disk has room to record the sessions, where the system can
// promise that, so that a full disk is known before they are delivered.
func (c *Checkpoint) Reserve(sessions []Session) error {
	bytes := int64(0)
	for _, s := range sessions {
		bytes += int64(len(s.ID)) + longestSession
	}
	return c.reserve(bytes)
}

// Commit records that the sessions have been delivered. It returns once they are on disk:
// a process killed after Commit never prints them again, one killed before it may.
func (c *Checkpoint) Commit(delivered []Session) error {
	return c.record(delivered, false, nil)
}

// CommitWith is Commit, and sets the state in the same breath.
func (c *Checkpoint) CommitWith(delivered []Session, state State) error {
	return c.record(delivered, false, &state)
}

// Forgo records that the server does not show the sessions any more. They stay known, so that
// they are not printed again should they come back, but do not count.
func (c *Checkpoint) Forgo(gone []Session) error {
	return c.record(gone, true, nil)
}

// SetState records how far the search has come.
func (c *Checkpoint) SetState(state State) error {
	if state == c.state {
		return nil
	}
	return c.record(nil, false, &state)
}

func (c *Checkpoint) record(sessions []Session, absent bool, state *State) error {
	if len(sessions) == 0 && (state == nil || *state == c.state) {
		return nil
	}
	unlock, err := c.dir.lockAppend(c.name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.catchUp(); err != nil {
		return err
	}
	if err := c.cut(); err != nil {
		return err
	}
	batch := c.newBatch()
	for _, s := range sessions {
		e := entry{s.Begin, s.Updated, absent}
		if e.begin == 0 {
			// When it began is not known, only that it was before now.
			e.begin, e.absent = max(c.begins.newest(math.MaxInt64), c.state.Began, c.state.Polled), true
		}
		if known, ok := c.sessions[s.ID]; ok && known == e && !c.inFlight[s.ID] {
			continue
		}
		batch.session(s.ID, e)
	}
	if state != nil && *state != c.state {
		batch.state(*state)
	}
	if err := c.append(batch, len(sessions) > 0 && !absent); err != nil {
		return err
	}
	for id, e := range batch.entries {
		c.recorded(id, e)
	}
	if state != nil {
		c.setState(*state)
	}
	return nil
}

// Refresh takes in what other processes have recorded since.
func (c *Checkpoint) Refresh() error {
	if c.unchanged() {
		return nil
	}
	unlock, err := c.dir.lockAppend(c.name)
	if err != nil {
		return err
	}
	defer unlock()
	return c.catchUp()
}

// Compact writes the journal anew without what stands for nothing any more: sessions that
// begin below the floor, and lines that a later one replaced. It does so where that is an
// eighth of the file, so that it costs, on the whole, no more than the appends do. A process
// killed meanwhile leaves the old file.
func (c *Checkpoint) Compact() error {
	if !c.worthwhile() {
		return nil
	}
	unlock, err := c.dir.lockAppend(c.name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.catchUp(); err != nil {
		return err
	}
	for id, e := range c.sessions {
		if e.begin < c.state.Floor && !c.inFlight[id] {
			delete(c.sessions, id)
			c.dropped++
		}
	}
	c.reindex()
	return c.rewrite()
}

func (c *Checkpoint) worthwhile() bool {
	dead := c.forgotten
	for id, e := range c.sessions {
		if e.begin < c.state.Floor && !c.inFlight[id] {
			dead++
		}
	}
	return dead > 0 && dead*8 >= c.lines
}

// remember takes a session in, in memory only.
func (c *Checkpoint) remember(id string, e entry) {
	old, known := c.sessions[id]
	if known && !old.absent {
		c.begins.remove(old.begin)
	}
	if !e.absent {
		c.begins.add(e.begin)
	}
	c.sessions[id] = e
}

// recorded takes a session in that stands in the file. Where that is of an earlier print, the
// later one is still on its way.
func (c *Checkpoint) recorded(id string, e entry) {
	if c.inFlight[id] && e.updated != 0 && e.updated < c.sessions[id].updated {
		return
	}
	if _, known := c.sessions[id]; known && !c.inFlight[id] {
		c.forgotten++
	}
	delete(c.inFlight, id)
	c.remember(id, e)
}

func (c *Checkpoint) setState(s State) {
	if s != c.state {
		c.state = s
		c.forgotten++
	}
}

func (c *Checkpoint) reindex() {
	c.begins = begins{}
	for _, e := range c.sessions {
		if !e.absent {
			c.begins.add(e.begin)
		}
	}
}
