package jsonl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

// streams opens the readers one after the other.
func streams(readers ...io.Reader) func(int) (io.Reader, error) {
	return func(i int) (io.Reader, error) {
		if i >= len(readers) {
			return nil, io.EOF
		}
		return readers[i], nil
	}
}

// gather reads all chunks and lists their lines with stream and number.
func gather(t *testing.T, c *Chunks) (lines []string, err error) {
	t.Helper()
	number := 0
	for place := 0; ; place++ {
		k, ok := c.Next()
		if !ok {
			return lines, err
		}
		if k.Place != place {
			t.Fatalf("the chunk has place %d, not %d", k.Place, place)
		}
		if k.First {
			number = 0
		}
		passed, bad := k.Each(func(line []byte, n int) error {
			lines = append(lines, fmt.Sprintf("%d:%d:%s", k.Stream, number+n, line))
			return nil
		})
		number += passed
		if bad != nil {
			err = bad
		}
		if k.Err != nil {
			err = k.Err
		}
		k.Done()
	}
}

func TestChunksGiveAllLines(t *testing.T) {
	for _, c := range []struct {
		streams []string
		want    string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"a"}, "0:1:a"},
		{[]string{"a\nb\n"}, "0:1:a 0:2:b"},
		{[]string{"\ufeffa\r\n\n \t\r\nb"}, "0:1:a 0:4:b"},
		{[]string{"a\nb", "", "\ufeffc\n"}, "0:1:a 0:2:b 2:1:c"},
		{[]string{"\n\n"}, ""},
		{[]string{"a\x00b\n"}, "0:1:a\x00b"},
	} {
		for _, wrap := range []func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader,
		} {
			var readers []io.Reader
			for _, s := range c.streams {
				readers = append(readers, wrap(strings.NewReader(s)))
			}
			lines, err := gather(t, NewChunks(0, streams(readers...)))
			if got := strings.Join(lines, " "); got != c.want || err != nil {
				t.Errorf("%q gives %q, %v; want %q", c.streams, got, err, c.want)
			}
		}
	}
}

// Lines of all lengths around those of buffers, through several goroutines, all come once.
func TestChunksForSeveral(t *testing.T) {
	var text bytes.Buffer
	var want []string
	for i := range 400 {
		n := i * 7
		switch i % 50 {
		case 7:
			n = bufferSize - 3 + i%7
		case 9:
			n = 3*bufferSize + i
		}
		line := fmt.Sprintf("%d %s", i, strings.Repeat("x", n))
		want = append(want, line)
		text.WriteString(line + "\n")
	}
	c := NewChunks(0, streams(bytes.NewReader(text.Bytes())))
	var mu sync.Mutex
	got := map[int][]string{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				k, ok := c.Next()
				if !ok {
					return
				}
				var lines []string
				k.Each(func(line []byte, _ int) error {
					lines = append(lines, string(line))
					return nil
				})
				k.Done()
				mu.Lock()
				got[k.Place] = lines
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	var all []string
	for i := range len(got) {
		all = append(all, got[i]...)
	}
	if len(all) != len(want) {
		t.Fatalf("%d lines, not %d", len(all), len(want))
	}
	for i := range want {
		if all[i] != want[i] {
			t.Fatalf("line %d is %.20q…, not %.20q…", i, all[i], want[i])
		}
	}
}

// A line is given out though the next one has not come.
func TestChunksDoNotWait(t *testing.T) {
	r, w := io.Pipe()
	c := NewChunks(0, streams(r))
	for i := range 3 {
		fmt.Fprintf(w, "line %d\nhalf ", i)
		k, ok := c.Next() // hangs where a line is held back
		if !ok || !strings.HasSuffix(strings.TrimSuffix(string(k.Lines), "\n"), fmt.Sprintf("line %d", i)) {
			t.Fatalf("got %q, %v", k.Lines, ok)
		}
		k.Done()
	}
	w.Close()
	if lines, err := gatherFrom(c); err != nil || lines != "half " {
		t.Fatalf("the end is %q, %v", lines, err)
	}
}

func gatherFrom(c *Chunks) (string, error) {
	k, _ := c.Next()
	return string(k.Lines), k.Err
}

func TestChunksEndWithTheStreamsError(t *testing.T) {
	broken := errors.New("the disk is gone")
	lines, err := gather(t, NewChunks(0, streams(io.MultiReader(strings.NewReader("a\nb\nhalf"), iotest.ErrReader(broken)), strings.NewReader("c"))))
	if got := strings.Join(lines, " "); got != "0:1:a 0:2:b" || !errors.Is(err, broken) {
		t.Errorf("got %q, %v", got, err)
	}
	lines, err = gather(t, NewChunks(0, func(i int) (io.Reader, error) {
		if i == 1 {
			return nil, broken
		}
		return strings.NewReader("a"), nil
	}))
	if got := strings.Join(lines, " "); got != "0:1:a" || !errors.Is(err, broken) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestChunksRefuseTooLongLines(t *testing.T) {
	for _, size := range []int{101, bufferSize, 4 * bufferSize} {
		lines, err := gather(t, NewChunks(100, streams(strings.NewReader("short\n"+strings.Repeat("x", size)+"\nafter\n"))))
		var long *LineTooLong
		if !errors.As(err, &long) || long.Max != 100 || len(lines) == 0 || lines[0] != "0:1:short" {
			t.Errorf("%d bytes: %v, %v", size, lines, err)
		}
	}
	line := strings.Repeat("x", 9*bufferSize)
	if lines, err := gather(t, NewChunks(len(line), streams(strings.NewReader(line+"\n"+line)))); err != nil || len(lines) != 2 {
		t.Errorf("a line as long as allowed: %d lines, %v", len(lines), err)
	}
}

// A stopped reader neither hangs nor leaves its takers hanging.
func TestChunksStop(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	c := NewChunks(0, streams(r))
	done := make(chan bool)
	go func() {
		_, ok := c.Next()
		done <- ok
	}()
	c.Stop()
	if <-done {
		t.Error("a chunk after Stop")
	}
}

// endless gives lines for ever.
type endless struct{ given int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
		if i%100 == 99 {
			p[i] = '\n'
		}
	}
	e.given += len(p)
	return len(p), nil
}

// The reader is not further ahead of its takers than the buffers that it may have.
func TestChunksAreBounded(t *testing.T) {
	e := &endless{}
	c := NewChunks(0, streams(e))
	defer c.Stop()
	k, _ := c.Next()
	var held []Chunk
	for range 8 {
		k, _ := c.Next()
		held = append(held, k)
	}
	for range 1000 {
		runtime.Gosched()
	}
	c.mu.Lock()
	given := c.out
	c.mu.Unlock()
	if given > buffersMost {
		t.Errorf("%d buffers are in use; no more than %d may be", given, buffersMost)
	}
	k.Done()
	for _, k := range held {
		k.Done()
	}
}
