package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
)

// ErrReaderGone says that the reader of our output went away. It ends a tool quietly.
var ErrReaderGone = errors.New("the reader of the output is gone")

// Output is the buffered standard output. Its first error sticks, as bufio's does.
type Output struct {
	mu sync.Mutex
	w  *bufio.Writer
}

func newOutput(w io.Writer) *Output {
	return &Output{w: bufio.NewWriterSize(w, 64<<10)}
}

// Write adds p to what goes out.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.w.Write(p)
	return n, outputError(err)
}

// WriteLine adds a line and its end.
func (o *Output) WriteLine(line []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.w.Write(line)
	return outputError(o.w.WriteByte('\n'))
}

// Flush returns once everything written has left the process.
func (o *Output) Flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return outputError(o.w.Flush())
}

func outputError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe), errors.Is(err, errNoReader):
		return ErrReaderGone
	}
	return fmt.Errorf("cannot write to standard output: %w", reason(err))
}

// reason is the system's own word for an error, without the call and the file it met.
func reason(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// input is a standard input whose Read ends when the context does, though the read below it
// may still wait. One goroutine reads ahead into one of two buffers.
type input struct {
	ctx    context.Context
	src    io.Reader
	start  sync.Once
	chunks chan chunk
	free   chan []byte
	cur    chunk
	left   []byte
}

type chunk struct {
	buf []byte
	n   int
	err error
}

const inputBuffer = 256 << 10

func newInput(ctx context.Context, src io.Reader) *input {
	return &input{ctx: ctx, src: src}
}

func (in *input) read() {
	in.chunks = make(chan chunk)
	in.free = make(chan []byte, 2)
	in.free <- make([]byte, inputBuffer)
	in.free <- make([]byte, inputBuffer)
	go func() {
		for buf := range in.free {
			n, err := in.src.Read(buf)
			select {
			case in.chunks <- chunk{buf, n, err}:
			case <-in.ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
}

// Read implements io.Reader.
func (in *input) Read(p []byte) (int, error) {
	in.start.Do(in.read)
	for len(in.left) == 0 {
		if in.cur.err != nil {
			if errors.Is(in.cur.err, io.EOF) {
				return 0, io.EOF
			}
			err := fmt.Errorf("cannot read standard input: %w", reason(in.cur.err))
			if errors.Is(err, syscall.EISDIR) {
				err = &coded{err: err, code: ExitUsage}
			}
			return 0, err
		}
		if in.cur.buf != nil {
			in.free <- in.cur.buf
			in.cur.buf = nil
		}
		select {
		case in.cur = <-in.chunks:
			in.left = in.cur.buf[:in.cur.n]
		case <-in.ctx.Done():
			return 0, in.ctx.Err()
		}
	}
	n := copy(p, in.left)
	in.left = in.left[n:]
	return n, nil
}
