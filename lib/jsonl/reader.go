// Package jsonl reads and looks into records: JSON objects, one a line. A record stays the
// bytes it came as; a field is decoded only when somebody asks for it, so what nobody here
// knows travels along untouched. It knows nothing of sessions, of the network or of files.
package jsonl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// DefaultMaxLine is the longest line, in bytes, that a Reader takes unless told otherwise.
const DefaultMaxLine = 64 << 20

// LineTooLong reports a line over the limit of its Reader.
type LineTooLong struct {
	Line int // the line's number, from 1
	Max  int // the limit in bytes
}

func (e *LineTooLong) Error() string {
	return fmt.Sprintf("line %d is longer than %d bytes", e.Line, e.Max)
}

// ExitCode marks the line as a fault of the input.
func (e *LineTooLong) ExitCode() int { return 2 }

// Hint names the option that raises the limit.
func (e *LineTooLong) Hint() string { return "--max-line sets the longest line taken, in bytes" }

// A Reader gives the lines of a stream one after the other. Blank lines are skipped but
// counted; a byte order mark before the first line and a carriage return at a line's end are
// not part of any line.
type Reader struct {
	r       io.Reader
	buf     []byte
	start   int // of what is not yet given
	end     int // of what was read
	scanned int // of buf[start:end] known to hold no newline
	max     int
	number  int
	err     error
}

// NewReader returns a Reader of r that refuses lines over maxLine bytes;
// 0 or less stands for DefaultMaxLine.
func NewReader(r io.Reader, maxLine int) *Reader {
	if maxLine <= 0 {
		maxLine = DefaultMaxLine
	}
	return &Reader{r: r, buf: make([]byte, 64<<10), max: maxLine}
}

// Next returns the next line without its end; the bytes are valid until the following call.
// It returns io.EOF after the last line, a *LineTooLong for a line over the limit, and
// otherwise what the stream returned.
func (r *Reader) Next() ([]byte, error) {
	for {
		line, err := r.line()
		if err != nil {
			return nil, err
		}
		r.number++
		if line = trim(line, r.number == 1); line != nil {
			return line, nil
		}
	}
}

// trim takes off what is not part of a line. It returns nil where the line is blank.
func trim(line []byte, first bool) []byte {
	if first {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(bytes.TrimLeft(line, " \t")) == 0 {
		return nil
	}
	return line
}

// Number is the number, from 1, of the line that Next returned last.
func (r *Reader) Number() int { return r.number }

// Buffered reports whether a whole line is at hand, so that Next would not wait. Blank lines
// do not count: Next goes on behind them.
func (r *Reader) Buffered() bool {
	have := r.buf[r.start:r.end]
	for first := r.number == 0; ; first = false {
		i := bytes.IndexByte(have, '\n')
		if i < 0 {
			return false
		}
		if i > r.max || trim(have[:i], first) != nil {
			return true
		}
		have = have[i+1:]
	}
}

func (r *Reader) line() ([]byte, error) {
	for {
		have := r.buf[r.start:r.end]
		if i := bytes.IndexByte(have[r.scanned:], '\n'); i >= 0 {
			line := have[:r.scanned+i]
			r.start += r.scanned + i + 1
			r.scanned = 0
			if len(line) > r.max {
				return nil, &LineTooLong{Line: r.number + 1, Max: r.max}
			}
			return line, nil
		}
		r.scanned = len(have)
		if len(have) > r.max {
			return nil, &LineTooLong{Line: r.number + 1, Max: r.max}
		}
		if r.err != nil {
			if len(have) > 0 && errors.Is(r.err, io.EOF) {
				r.start, r.scanned = r.end, 0
				return have, nil
			}
			return nil, r.err
		}
		r.fill()
	}
}

// fill reads once, making room first: by moving what is left to the front, or, when one line
// fills the buffer, by doubling it.
func (r *Reader) fill() {
	if r.start > 0 && r.end == len(r.buf) {
		copy(r.buf, r.buf[r.start:r.end])
		r.end -= r.start
		r.start = 0
	}
	if r.end == len(r.buf) {
		bigger := make([]byte, min(2*len(r.buf), r.max+64<<10))
		copy(bigger, r.buf[:r.end])
		r.buf = bigger
	}
	n, err := r.r.Read(r.buf[r.end:])
	r.end += n
	r.err = err
}
