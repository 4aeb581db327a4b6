package checkpoint

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// A journal is the file under a checkpoint: where it is, and how much of it has been read. All
// that touches the file happens under its append lock.
type journal struct {
	dir        Dir
	name       string
	generation string // of the file that was read; another one has been compacted since
	size       int64  // bytes read, all of them whole lines
	crc        uint32 // of all of them
	lines      int
	torn       int64 // bytes after them that a killed process left, or a lost line
}

func (j *journal) path() string { return j.dir.journal(j.name) }

// reload reads the file from its beginning. What is on its way stays in mind.
func (c *Checkpoint) reload() error {
	sent := make([]Session, 0, len(c.inFlight))
	for id := range c.inFlight {
		s, _ := c.Lookup(id)
		sent = append(sent, s)
	}
	c.sessions, c.inFlight = map[string]entry{}, map[string]bool{}
	c.begins, c.state, c.forgotten = begins{}, State{}, 0
	c.journal = journal{dir: c.dir, name: c.name}
	f, err := os.Open(c.path())
	if err != nil {
		return c.cannot("open", err)
	}
	defer f.Close()
	if err := c.read(f); err != nil {
		return err
	}
	for _, s := range sent {
		if e, recorded := c.sessions[s.ID]; !recorded || e.updated != 0 && e.updated < s.Updated {
			c.Send([]Session{s})
		}
	}
	return nil
}

// unchanged reports that the file is, by its length and generation, what was read of it.
func (c *Checkpoint) unchanged() bool {
	info, err := os.Stat(c.path())
	if err != nil || info.Size() != c.size {
		return false
	}
	mark, ok := c.dir.readMark(c.name)
	return ok && mark.Generation == c.generation
}

// catchUp reads what others have appended, or all of it where the file is a new one.
func (c *Checkpoint) catchUp() error {
	f, err := os.Open(c.path())
	if err != nil {
		return c.cannot("open", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return c.cannot("open", err)
	}
	mark, ok := c.dir.readMark(c.name)
	if !ok || mark.Generation != c.generation || info.Size() < c.size {
		f.Close()
		return c.reload()
	}
	if info.Size() == c.size {
		c.torn = 0
		return nil
	}
	if _, err := f.Seek(c.size, io.SeekStart); err != nil {
		return c.cannot("read", err)
	}
	return c.read(f)
}

// read takes in whole lines from where the last read ended.
func (c *Checkpoint) read(f io.Reader) error {
	mark, marked := c.dir.readMark(c.name)
	r := bufio.NewReaderSize(f, 256<<10)
	c.torn = 0
	for {
		line, err := readLine(r)
		if err == io.EOF {
			return c.ending(line, mark, marked)
		}
		if err != nil {
			return c.cannot("read", err)
		}
		if problem := c.take(line[:len(line)-1]); problem != nil {
			if c.lines > 0 && marked && mark.Generation == c.generation && c.size >= mark.Bytes {
				// Never recorded as whole: a machine that lost power leaves such a thing.
				c.torn = int64(len(line))
				rest, err := io.Copy(io.Discard, r)
				c.torn += rest
				if err != nil {
					return c.cannot("read", err)
				}
				return nil
			}
			return c.damaged(problem)
		}
		c.size += int64(len(line))
	}
}

// readLine returns a line with its end, or io.EOF with what stands after the last one. The
// bytes are valid until the next call.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != bufio.ErrBufferFull {
		return line, err
	}
	line = bytes.Clone(line)
	rest, err := r.ReadBytes('\n')
	return append(line, rest...), err
}

// ending judges the end of the file: half a line is what a process leaves that was killed
// while it wrote. More than the last line gone, or one with something added, is not.
func (c *Checkpoint) ending(tail []byte, mark mark, marked bool) error {
	if c.lines == 0 {
		return c.damaged(errors.New("the header is missing"))
	}
	if n := len(tail); n > 0 {
		if _, _, err := unseal(tail[:n-1], c.crc); err == nil {
			return c.damaged(errors.New("its end is damaged"))
		}
	}
	if marked && mark.Generation == c.generation && c.lines < mark.Lines-1 {
		return c.damaged(fmt.Errorf("the file ends here, and %d lines were recorded", mark.Lines))
	}
	c.torn = int64(len(tail))
	return nil
}

// take takes one line in.
func (c *Checkpoint) take(line []byte) error {
	if c.lines == 0 {
		return c.takeHeader(line)
	}
	body, crc, err := unseal(line, c.crc)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(body, []byte(`{"id":`)) {
		id, e, err := parseEntry(body)
		if err != nil {
			return err
		}
		c.recorded(id, e)
	} else {
		s, err := parseState(body)
		if err != nil {
			return err
		}
		c.setState(s)
	}
	c.crc = crc
	c.lines++
	return nil
}

func (c *Checkpoint) takeHeader(line []byte) error {
	body, crc, sealed := unseal(line, 0)
	if sealed != nil {
		body = bytes.TrimSuffix(line, []byte("}"))
	}
	h, err := parseHeader(body)
	if err == nil && h.Version > version {
		return &newer{h.Version}
	}
	if sealed != nil {
		return sealed
	}
	if err != nil {
		return err
	}
	if h.Version != version {
		return fmt.Errorf("it says version %d, which never was", h.Version)
	}
	if h.Client != c.dir.Client {
		return &foreign{h.Client}
	}
	c.generation, c.query = h.Generation, string(h.Query)
	c.state, c.dropped = State(h.stateLine), h.Dropped
	c.crc, c.lines = crc, 1
	return nil
}

// cut takes off the file what a killed process left at its end.
func (c *Checkpoint) cut() error {
	if c.torn == 0 {
		return nil
	}
	if err := os.Truncate(c.path(), c.size); err != nil {
		return c.cannot("cut half a line off the end of", err)
	}
	c.torn = 0
	return nil
}

// A batch is lines that are to be appended in one go.
type batch struct {
	text    []byte
	crc     uint32
	lines   int
	entries map[string]entry
}

func (j *journal) newBatch() *batch { return &batch{crc: j.crc, entries: map[string]entry{}} }

func (b *batch) session(id string, e entry) {
	b.entries[id] = e
	b.line(func(dst []byte) []byte { return appendEntry(dst, id, e) })
}

func (b *batch) state(s State) { b.line(func(dst []byte) []byte { return appendState(dst, s) }) }

func (b *batch) line(write func([]byte) []byte) {
	from := len(b.text)
	b.text = write(b.text)
	b.text, b.crc = seal(b.text, from, b.crc)
	b.lines++
}

// append writes the batch behind what was read and returns once it is on disk. Where that
// fails the file is left as it was, as far as the system lets us.
func (j *journal) append(b *batch, sessions bool) error {
	if b.lines == 0 {
		return nil
	}
	f, err := os.OpenFile(j.path(), os.O_WRONLY, 0)
	if err != nil {
		return j.cannot("record in", err)
	}
	defer f.Close()
	if _, err = f.WriteAt(b.text, j.size); err == nil {
		err = f.Sync()
	}
	if err != nil {
		f.Truncate(j.size)
		return j.cannot("record in", err)
	}
	if err := f.Close(); err != nil {
		return j.cannot("record in", err)
	}
	j.size += int64(len(b.text))
	j.crc = b.crc
	j.lines += b.lines
	j.dir.writeMark(j.name, j.mark(), sessions)
	return nil
}

// reserve makes the disk set room aside for that many bytes more.
func (j *journal) reserve(bytes int64) error {
	f, err := os.OpenFile(j.path(), os.O_WRONLY, 0)
	if err == nil {
		err = reserve(f, j.size, bytes)
		f.Close()
	}
	if err != nil {
		return j.cannot("make room in", err)
	}
	return nil
}

func (j *journal) cannot(do string, err error) error {
	return fmt.Errorf("cannot %s the checkpoint %q: %w", do, j.name, err)
}

func (j *journal) mark() mark { return mark{Generation: j.generation, Bytes: j.size, Lines: j.lines} }

// rewrite replaces the file by one that holds what the checkpoint knows, and nothing else.
func (c *Checkpoint) rewrite() error {
	generation := make([]byte, 8)
	rand.Read(generation)
	c.generation = hex.EncodeToString(generation)
	text, err := appendHeader(nil, header{
		Version: version, Client: c.dir.Client, Query: []byte(c.query), Generation: c.generation, stateLine: stateLine(c.state), Dropped: c.dropped,
	})
	if err != nil {
		return err
	}
	b := &batch{lines: 1}
	b.text, b.crc = seal(text, 0, 0)
	c.dir.removeLeftovers(c.name)
	size, err := replace(c.path(), func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 256<<10)
		out.Write(b.text)
		for _, id := range c.order() {
			b.text = b.text[:0]
			b.line(func(dst []byte) []byte { return appendEntry(dst, id, c.sessions[id]) })
			out.Write(b.text)
		}
		return out.Flush()
	})
	if err != nil {
		return c.cannot("write", err)
	}
	c.size, c.crc, c.lines, c.torn, c.forgotten = size, b.crc, b.lines, 0, 0
	c.dir.writeMark(c.name, c.mark(), false)
	return nil
}

// order are the ids of what is recorded, oldest begin first.
func (c *Checkpoint) order() []string {
	ids := make([]string, 0, len(c.sessions))
	for id := range c.sessions {
		if !c.inFlight[id] {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(c.sessions[a].begin, c.sessions[b].begin), cmp.Compare(a, b))
	})
	return ids
}
