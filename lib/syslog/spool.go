package syslog

import (
	"bytes"
	"context"
	"sync"
)

// A spool is the resend buffer: the records that are not yet known to be delivered, oldest first,
// as the messages they became. One goroutine puts, another takes, settles and rewinds.
//
// Messages lie in chunks that never move, each with a line feed behind it: a batch for a stream
// framed by line feeds is a slice of the chunk, and so is what is printed for a record that is its
// own message. Both are then without a copy.
type spool struct {
	ready chan struct{} // holds one token when there may be something new to take
	room  chan struct{} // holds one token when something was settled
	keep  bool          // the records are wanted back when they are delivered

	mu     sync.Mutex
	chunks []*chunk
	spare  []*chunk // empty, for reuse
	limit  int      // bytes
	held   int      // bytes of the records not yet settled
	ended  bool     // nothing more will be put
	full   bool     // a Put waits for room

	// Counts of records since the beginning: settled ≤ taken ≤ shown ≤ put.
	settled, taken, shown, put uint64

	next int // the chunk to take from
}

// A chunk is a run of messages.
type chunk struct {
	data  []byte   // the messages, a line feed behind each
	ends  []uint32 // where each message's line feed is in data
	lines []byte   // the records that differ from their messages, a line feed behind each
	upto  []uint32 // where each record's part of lines ends; equal to the one before: it is the message
	took  int      // messages taken
	done  int      // messages settled
}

// recordCost is what a record costs beside its bytes.
const recordCost = 16

// chunkSize is a chunk's size for a spool of that many bytes.
func chunkSize(limit int) int { return min(max(limit/8, 4<<10), 256<<10) }

// showAfter is how many bytes may lie unshown while the input goes on.
const showAfter = 64 << 10

// newSpool returns a spool that holds about limit bytes.
func newSpool(limit int, keep bool) *spool {
	return &spool{ready: make(chan struct{}, 1), room: make(chan struct{}, 1), keep: keep, limit: limit}
}

// Put adds a message and the record it was made of, and waits for room first.
func (s *spool) Put(ctx context.Context, message, record []byte) error {
	if !s.keep || bytes.Equal(message, record) {
		record = nil
	}
	need := len(message) + 1 + recordCost
	if record != nil {
		need += len(record) + 1
	}
	for !s.add(message, record, need) {
		s.Show()
		token(s.ready) // the sender may have taken all and wait
		select {
		case <-s.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (s *spool) add(message, record []byte, need int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full = s.held > 0 && s.held+need > s.limit; s.full {
		return false
	}
	c := s.last(len(message) + 1)
	c.data = append(append(c.data, message...), '\n')
	c.ends = append(c.ends, uint32(len(c.data)-1))
	if record != nil {
		c.lines = append(append(c.lines, record...), '\n')
	}
	if s.keep {
		c.upto = append(c.upto, uint32(len(c.lines)))
	}
	s.held += need
	s.put++
	if len(c.data) > showAfter && s.unshown(c) > showAfter {
		s.show()
	}
	return true
}

// unshown is how many bytes at the end of the last chunk are not shown yet.
func (s *spool) unshown(c *chunk) int {
	n := int(s.put - s.shown)
	if n >= len(c.ends) {
		return len(c.data)
	}
	return len(c.data) - int(c.ends[len(c.ends)-1-n])
}

// last returns the chunk that has room for n bytes at its end.
func (s *spool) last(n int) *chunk {
	if len(s.chunks) > 0 {
		if c := s.chunks[len(s.chunks)-1]; cap(c.data)-len(c.data) >= n {
			return c
		}
	}
	size := chunkSize(s.limit)
	var c *chunk
	switch {
	case n > size:
		c = &chunk{data: make([]byte, 0, n)}
	case len(s.spare) > 0:
		c = s.spare[len(s.spare)-1]
		s.spare = s.spare[:len(s.spare)-1]
	default:
		c = &chunk{data: make([]byte, 0, size)}
	}
	s.chunks = append(s.chunks, c)
	return c
}

// Show lets what was put be taken. The input calls it before it may wait.
func (s *spool) Show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.show()
}

func (s *spool) show() {
	if s.shown != s.put {
		s.shown = s.put
		token(s.ready)
	}
}

// End says that nothing more will be put.
func (s *spool) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.shown = s.put
	token(s.ready)
}

// token puts a token into a channel that may hold one already.
func token(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// A batch is a run of messages, a line feed behind each. It is valid until they are settled.
type batch struct {
	data []byte
	ends []uint32 // where each message's line feed is, less base
	base uint32
}

// count is the number of messages.
func (b batch) count() int { return len(b.ends) }

// each calls visit with each message, its line feed included.
func (b batch) each(visit func(message []byte)) {
	from := uint32(0)
	for _, e := range b.ends {
		visit(b.data[from : e-b.base+1])
		from = e - b.base + 1
	}
}

// Take returns the next messages to send, about most bytes, at least one message where there is
// any; an empty batch otherwise.
func (s *spool) Take(most int) batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.next < len(s.chunks)-1 && s.chunks[s.next].took == len(s.chunks[s.next].ends) {
		s.next++
	}
	if s.taken == s.shown {
		return batch{}
	}
	c := s.chunks[s.next]
	first := c.took
	last := min(len(c.ends), first+int(s.shown-s.taken))
	from := c.start(first)
	n := first + 1
	for n < last && int(c.ends[n])-from < most {
		n++
	}
	c.took = n
	s.taken += uint64(n - first)
	return batch{data: c.data[from : c.ends[n-1]+1], ends: c.ends[first:n], base: uint32(from)}
}

// start is where message n begins in data.
func (c *chunk) start(n int) int {
	if n == 0 {
		return 0
	}
	return int(c.ends[n-1]) + 1
}

// Rewind makes all that is not settled be taken again, and returns how many messages that are.
func (s *spool) Rewind() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.chunks {
		c.took = c.done
	}
	again := s.taken - s.settled
	s.taken, s.next = s.settled, 0
	return int(again)
}

// Settle forgets the n oldest messages, all taken, and hands the records they were made of to
// print, a line feed behind each, in as few calls as it can.
func (s *spool) Settle(n int, print func(records []byte) error) error {
	for n > 0 {
		s.mu.Lock()
		c := s.chunks[0]
		view := *c // the input may append to it meanwhile
		s.mu.Unlock()
		m := min(n, view.took-view.done)
		if s.keep {
			if err := view.print(view.done, view.done+m, print); err != nil {
				return err
			}
		}
		n -= m
		s.forget(c, m)
	}
	token(s.room)
	return nil
}

// print hands the records of the messages from one number up to another to out.
func (c *chunk) print(from, upto int, out func(records []byte) error) error {
	for n := from; n < upto; {
		own := c.line(n+1) == c.line(n) // the record is its own message
		m := n + 1
		for m < upto && (c.line(m+1) == c.line(m)) == own {
			m++
		}
		run := c.lines[c.line(n):c.line(m)]
		if own {
			run = c.data[c.start(n):c.start(m)]
		}
		if err := out(run); err != nil {
			return err
		}
		n = m
	}
	return nil
}

// line is where record n begins in lines.
func (c *chunk) line(n int) uint32 {
	if n == 0 {
		return 0
	}
	return c.upto[n-1]
}

func (s *spool) forget(c *chunk, m int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, upto := c.done, c.done+m
	s.held -= c.start(upto) - c.start(from) + m*recordCost
	if s.keep {
		s.held -= int(c.line(upto) - c.line(from))
	}
	c.done = upto
	s.settled += uint64(m)
	if c.done < len(c.ends) {
		return
	}
	if len(s.chunks) > 1 {
		s.chunks = s.chunks[1:]
		s.next = max(s.next-1, 0)
		if s.reset(c) {
			s.spare = append(s.spare, c)
		}
	} else if !s.reset(c) {
		s.chunks, s.next = nil, 0
	}
}

// reset empties the chunk for reuse; false where it grew too large for that.
func (s *spool) reset(c *chunk) bool {
	size := chunkSize(s.limit)
	if cap(c.data) != size || cap(c.lines) > 4*size {
		return false
	}
	*c = chunk{data: c.data[:0], ends: c.ends[:0], lines: c.lines[:0], upto: c.upto[:0]}
	return true
}

// Counts returns how many records were put, and how many of them are settled.
func (s *spool) Counts() (put, settled uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put, s.settled
}

// Waiting reports whether there is something to take, and whether all that will ever be put has
// been taken.
func (s *spool) Waiting() (some, allTaken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown > s.taken, s.ended && s.taken == s.put
}

// Full reports whether the input waits for room.
func (s *spool) Full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full
}

// Held is how many bytes are held.
func (s *spool) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}
