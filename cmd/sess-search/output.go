package main

import (
	"bytes"
	"io"
	"os"
	"slices"

	"sess/lib/cli"
	"sess/lib/jsonl"
	"sess/lib/search"
)

// An outlet is where a search with a checkpoint prints. What it has printed is recorded as
// delivered, and so it goes out line by line, each in one piece: the system gives a pipe either
// all of a line of up to 4096 bytes or nothing, whenever the process is killed.
type outlet struct {
	out    *cli.Output
	file   *os.File // where it is a regular file
	tag    []byte
	mended bool
}

func newOutlet(app *cli.App, tag []byte) *outlet {
	o := &outlet{out: app.Stdout, tag: tag}
	if file, ok := app.RawStdout().(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			o.file = file
		}
	}
	return o
}

// print writes the sessions out. A regular file is written to the disk too, so that a machine
// that loses power does not keep the record of what it has lost.
func (o *outlet) print(sessions []search.Session) error {
	lines := make([][]byte, len(sessions))
	for i, s := range sessions {
		lines[i] = jsonl.Prepend(s.Raw, o.tag)
	}
	if o.file != nil && !o.mended {
		if err := mend(o.file, lines); err != nil {
			return err
		}
		o.mended = true
	}
	for _, line := range lines {
		if err := o.out.WriteLine(line); err != nil {
			return err
		}
		if err := o.out.Flush(); err != nil {
			return err
		}
	}
	if o.file != nil {
		return o.file.Sync()
	}
	return nil
}

// mend looks whether the file that is appended to ends in half a line, as a search leaves it
// that is killed while it prints, or whose disk is full. Half an object is taken off: its session
// is not recorded, and comes again. So is a whole one that is among the lines to come and lacks
// its end. Anything else gets a line of its own.
func mend(file *os.File, lines [][]byte) error {
	tail, end := halfLine(file)
	if len(tail) == 0 {
		return nil
	}
	if half := tail[0] == '{' && jsonl.Valid(tail) != nil; half || slices.ContainsFunc(lines, func(line []byte) bool { return bytes.Equal(line, tail) }) {
		if err := file.Truncate(end - int64(len(tail))); err != nil {
			return err
		}
		_, err := file.Seek(0, io.SeekEnd)
		return err
	}
	_, err := file.Write([]byte{'\n'})
	return err
}

// halfLine returns what stands behind the last newline of a file that is written to at its end,
// and where that end is; nothing where it cannot be read.
func halfLine(file *os.File) (tail []byte, end int64) {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 || !atEnd(file, info.Size()) {
		return nil, 0
	}
	r, err := reopen(file)
	if err != nil {
		return nil, 0
	}
	defer r.Close()
	if again, err := r.Stat(); err != nil || !os.SameFile(info, again) {
		return nil, 0
	}
	end = info.Size()
	const step, most = 64 << 10, 64 << 20
	for at := end; at > 0 && len(tail) < most; {
		piece := make([]byte, min(step, at))
		at -= int64(len(piece))
		if _, err := r.ReadAt(piece, at); err != nil {
			return nil, 0
		}
		if i := bytes.LastIndexByte(piece, '\n'); i >= 0 {
			return append(piece[i+1:], tail...), end
		}
		tail = append(piece, tail...)
	}
	return tail, end
}
