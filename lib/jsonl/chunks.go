package jsonl

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	bufferSize  = 256 << 10 // bytes; longer lines get a buffer of their own
	bufferSpare = 64 << 10  // the least room that is worth a read
	buffersMost = 12        // in use at one time, before the reader waits
)

// A Chunk is a run of whole lines of one stream.
type Chunk struct {
	Place  int    // among all chunks, from 0
	Stream int    // which stream it is of, from 0
	First  bool   // it begins its stream
	Last   bool   // it ends its stream
	Lines  []byte // each ends with a newline, but perhaps the stream's last one
	Err    error  // what ended the stream after these lines, nil at its proper end
	of     *buffer
	from   *Chunks
}

// Chunks cuts streams into chunks of whole lines, for several goroutines to work on. A chunk is
// what was read since the last one was taken: no line waits for another to arrive, and a reader
// that is ahead makes chunks large. Memory is bounded, but for one long line.
type Chunks struct {
	max int

	mu      sync.Mutex
	changed sync.Cond
	buf     *buffer // being filled
	begin   int     // of what buf has not yet given out
	whole   int     // the end of buf's last whole line
	stream  int
	first   bool    // the stream has given out nothing yet
	queue   []Chunk // to be given out before what is in buf
	place   int     // of the next chunk
	out     int     // buffers in use
	free    []*buffer
	over    bool // no more streams
	stopped bool
}

// A buffer is shared by the reader, who fills it, and by those who have chunks of it.
type buffer struct {
	b    []byte
	full int // bytes read
	uses int
}

var errStopped = errors.New("stopped")

// NewChunks begins to read streams, one after the other: open gives the i-th one, io.EOF after
// the last, and any other error in place of one that cannot be read. Any error but io.EOF ends
// the reading; so does, as a *LineTooLong without the line's number, a line of more than maxLine
// bytes that fills a buffer. (Shorter ones over maxLine are for the taker to see.) A maxLine of 0
// or less stands for DefaultMaxLine.
func NewChunks(maxLine int, open func(i int) (io.Reader, error)) *Chunks {
	if maxLine <= 0 {
		maxLine = DefaultMaxLine
	}
	c := &Chunks{max: maxLine}
	c.changed.L = &c.mu
	go c.run(open)
	return c
}

// Next waits for a chunk; it returns false after the last one, and once stopped.
func (c *Chunks) Next() (Chunk, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.ready() {
		c.changed.Wait()
	}
	var k Chunk
	switch {
	case c.stopped:
		return Chunk{}, false
	case len(c.queue) > 0:
		k = c.queue[0]
		c.queue = c.queue[1:]
	case c.whole > c.begin:
		k = c.cut(c.whole)
	default:
		return Chunk{}, false
	}
	k.Place = c.place
	c.place++
	return k, true
}

// Wait waits until Next would return at once, but no longer than d, and tells whether it would.
func (c *Chunks) Wait(d time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := time.Now().Add(d)
	timer := time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed.Broadcast()
	})
	defer timer.Stop()
	for !c.ready() && time.Now().Before(until) {
		c.changed.Wait()
	}
	return c.ready()
}

func (c *Chunks) ready() bool {
	return c.stopped || len(c.queue) > 0 || c.whole > c.begin || c.over
}

// Stop makes Next return false from now on and lets the reader end.
func (c *Chunks) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	c.changed.Broadcast()
}

// Done gives the chunk's memory back.
func (k Chunk) Done() {
	if k.of == nil {
		return
	}
	k.from.mu.Lock()
	defer k.from.mu.Unlock()
	k.from.release(k.of)
}

// Keep gives the chunk's memory back and returns a copy of it, for a taker that holds on to many
// at a time.
func (k Chunk) Keep() Chunk {
	k.Lines = bytes.Clone(k.Lines)
	k.Done()
	k.of = nil
	return k
}

func (c *Chunks) release(b *buffer) {
	if b.uses--; b.uses > 0 {
		return
	}
	c.out--
	if len(b.b) == bufferSize {
		c.free = append(c.free, b)
	}
	c.changed.Broadcast()
}

// cut takes the chunk that ends at end out of buf.
func (c *Chunks) cut(end int) Chunk {
	k := Chunk{Stream: c.stream, First: c.first, Lines: c.buf.b[c.begin:end:end], of: c.buf, from: c}
	c.buf.uses++
	c.begin, c.first = end, false
	return k
}

func (c *Chunks) run(open func(i int) (io.Reader, error)) {
	for i := 0; ; i++ {
		r, err := open(i)
		if errors.Is(err, io.EOF) || errors.Is(err, errStopped) {
			break
		}
		c.mu.Lock()
		c.stream, c.first = i, true
		c.mu.Unlock()
		if err == nil {
			err = c.read(r)
			if closer, ok := r.(io.Closer); ok {
				closer.Close()
			}
		}
		c.endStream(err)
		if err != nil {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.changed.Broadcast()
}

// read reads a stream to its end.
func (c *Chunks) read(r io.Reader) error {
	for {
		b, err := c.room()
		if err != nil {
			return err
		}
		n, err := r.Read(b.b[b.full:])
		newline := bytes.LastIndexByte(b.b[b.full:b.full+n], '\n')
		c.mu.Lock()
		if newline >= 0 {
			c.whole = b.full + newline + 1
			c.changed.Broadcast()
		}
		b.full += n
		stopped, line := c.stopped, b.full-c.whole
		c.mu.Unlock()
		switch {
		case stopped:
			return errStopped
		case line > c.max:
			return &LineTooLong{Max: c.max}
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// room returns the buffer to read into: the present one where it has room, otherwise a new one
// that begins with the line that the present one ends in.
func (c *Chunks) room() (*buffer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.buf
	if old != nil && len(old.b)-old.full >= bufferSpare {
		return old, nil
	}
	var line []byte
	if old != nil {
		if c.whole > c.begin {
			c.queue = append(c.queue, c.cut(c.whole))
		}
		line = old.b[c.whole:old.full]
	}
	for c.out >= buffersMost && !c.stopped {
		c.changed.Wait()
	}
	if c.stopped {
		return nil, errStopped
	}
	b := c.newBuffer(len(line))
	b.full = copy(b.b, line)
	c.buf, c.begin, c.whole = b, 0, 0
	if old != nil {
		c.release(old)
	}
	return b, nil
}

// newBuffer makes a buffer with room after the bytes of a line. A long line's buffer grows in
// few and large steps: memory that is never written to costs nothing.
func (c *Chunks) newBuffer(line int) *buffer {
	c.out++
	if line <= bufferSize/2 {
		if last := len(c.free) - 1; last >= 0 {
			b := c.free[last]
			c.free = c.free[:last]
			b.uses = 1
			return b
		}
		return &buffer{b: make([]byte, bufferSize), uses: 1}
	}
	size := 8 * bufferSize
	for size < line+bufferSpare {
		size = max(2*size, DefaultMaxLine+2*bufferSpare)
	}
	size = max(min(size, c.max+2*bufferSpare), line+bufferSpare)
	return &buffer{b: make([]byte, size), uses: 1}
}

// endStream gives out what the stream has left, and the error that ended it.
func (c *Chunks) endStream(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end := Chunk{Stream: c.stream, First: c.first}
	if c.buf != nil {
		last := c.buf.full
		if err != nil {
			last = c.whole // half a line is no line
		}
		end = c.cut(last)
		c.release(c.buf)
		c.buf, c.begin, c.whole = nil, 0, 0
	}
	end.Last, end.Err = true, err
	c.queue = append(c.queue, end)
	c.changed.Broadcast()
}

// Each calls visit for each line of the chunk that is not blank, without its end, and with its
// number within the chunk, from 1. It ends at the first error, which it returns, and returns how
// many lines it has passed.
func (k Chunk) Each(visit func(line []byte, number int) error) (lines int, err error) {
	rest := k.Lines
	if k.First {
		rest = bytes.TrimPrefix(rest, []byte("\ufeff"))
	}
	for len(rest) > 0 {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		lines++
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if len(line) == 0 || line[0] <= ' ' && len(bytes.TrimLeft(line, " \t")) == 0 {
			continue
		}
		if len(line) > k.from.max {
			return lines, &LineTooLong{Max: k.from.max}
		}
		if err := visit(line, lines); err != nil {
			return lines, err
		}
	}
	return lines, nil
}
