package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Feed runs a program, and feed writes what it reads. It returns the program's status, as Run
// does, and whether all is well with every byte: feed wrote to its end, the program read all that
// was written, and all that it printed was taken. Where the program ends before that, feed may
// still run when Feed returns; its next write fails.
func Feed(ctx context.Context, s Stage, in Surroundings, feed func(w io.Writer) error) (status int, whole bool, err error) {
	from, to, err := os.Pipe()
	if err != nil {
		return 1, false, fmt.Errorf("cannot start %s: %w", s.Program, err)
	}
	defer from.Close()
	fed := make(chan error, 1)
	go func() {
		// The outcome first: a program may end the moment its input does.
		fed <- feed(to)
		to.Close()
	}()
	in.Stdin = from
	if mayGo(in.Stdout) {
		in.Stdout = watched{in.Stdout}
	}
	status, err = Pipeline{s}.Run(ctx, in)
	if errors.Is(err, errUnread) {
		return 0, false, nil
	}
	if status != 0 || err != nil {
		return status, false, err
	}
	select {
	case err := <-fed:
		if err != nil {
			return 0, false, err
		}
	default:
		return 0, false, nil
	}
	// We have kept the pipe open: what the program left in it is still there.
	n, _ := from.Read(make([]byte, 1))
	return 0, n == 0, nil
}

// mayGo tells whether what reads w may go away unnoticed: a program that meets that ends quietly,
// and well. So what it prints goes through our hands then.
func mayGo(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0
}

// watched is a writer that is not handed over to the program as it is.
type watched struct{ w io.Writer }

func (w watched) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if errors.Is(err, gone) {
		err = errUnread
	}
	return n, err
}

var errUnread = errors.New("nobody reads the output")
