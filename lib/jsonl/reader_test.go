package jsonl

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReader(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	for _, c := range []struct {
		text string
		max  int
		want string
		err  error
	}{
		{"", 0, "", io.EOF},
		{"a", 0, "1:a", io.EOF},
		{"a\nb\n", 0, "1:a 2:b", io.EOF},
		{"\ufeffa\r\n\n \t\nb\r\n", 0, "1:a 4:b", io.EOF},
		{"a\n" + long + "\nb", 0, "1:a 2:" + long + " 3:b", io.EOF},
		{"abc\nabcd\na", 3, "1:abc", &LineTooLong{Line: 2, Max: 3}},
		{"abc\n" + long, 300, "1:abc", &LineTooLong{Line: 2, Max: 300}},
	} {
		for _, wrap := range []func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader,
		} {
			r := NewReader(wrap(strings.NewReader(c.text)), c.max)
			var got []string
			var err error
			for {
				var line []byte
				if line, err = r.Next(); err != nil {
					break
				}
				got = append(got, fmt.Sprintf("%d:%s", r.Number(), line))
			}
			var long *LineTooLong
			if errors.As(c.err, &long) {
				if err == nil || err.Error() != c.err.Error() {
					t.Errorf("%.20q ends with %v, not %v", c.text, err, c.err)
				}
			} else if !errors.Is(err, c.err) {
				t.Errorf("%.20q ends with %v, not %v", c.text, err, c.err)
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("%.20q gives %.40q, not %.40q", c.text, s, c.want)
			}
		}
	}
}

// A line cut off by an error is no line, and the error comes after the lines before it.
func TestReaderFails(t *testing.T) {
	broken := errors.New("the network is gone")
	r := NewReader(io.MultiReader(strings.NewReader("a\nhalf"), iotest.ErrReader(broken)), 0)
	if line, err := r.Next(); string(line) != "a" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	if line, err := r.Next(); line != nil || !errors.Is(err, broken) {
		t.Errorf("%q, %v", line, err)
	}
}

// Buffered is asked after each line. What stands behind the last newline is no whole line.
func TestBuffered(t *testing.T) {
	for _, c := range []struct {
		text string
		want []bool
	}{
		{"a\nb\nc", []bool{true, false, false}},
		{"a\n\n", []bool{false}},
		{"a\n\r\n \t\n \r\n", []bool{false}},
		{"a\n\n\r\nb\n\nc", []bool{true, false, false}},
		{"a\n \ufeff\nb\n", []bool{true, true, false}}, // a byte order mark is one only at the beginning
		{"\ufeff\r\n\na\n\r\r\n", []bool{true, false}},
	} {
		r := NewReader(strings.NewReader(c.text), 0)
		for i, want := range c.want {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			if r.Buffered() != want {
				t.Errorf("%q: after record %d Buffered is %v", c.text, i+1, !want)
			}
		}
	}
}

// Before the first line, and where only an error is at hand, Buffered tells what Next does, too.
func TestBufferedOfWhatWasRead(t *testing.T) {
	for _, c := range []struct {
		text string
		max  int
		want bool
	}{
		{"", 0, false},
		{"\ufeff\n", 0, false},
		{"\ufeffa\n", 0, true},
		{"\n      \n", 3, true},
	} {
		r := NewReader(strings.NewReader(c.text), c.max)
		r.fill()
		if r.Buffered() != c.want {
			t.Errorf("%q: Buffered is %v", c.text, !c.want)
		}
	}
}
