package main

import (
	"context"
	"errors"
	"io"
	"time"

	"sess/lib/checkpoint"
	"sess/lib/cli"
	"sess/lib/jsonl"
)

const (
	mostLines = 500                    // of a batch
	mostBytes = 4 << 20                // of a batch
	longest   = 200 * time.Millisecond // that a line waits for the batch to fill up
)

// commit records what comes in and passes it on. A batch ends when it is full, when it is old,
// and when no further line is at hand: a line never waits for the next one.
func (t *tool) commit(ctx context.Context) error {
	if len(t.command) > 0 {
		return t.commitAfter(ctx)
	}
	dir, err := t.from.Checkpoints()
	if err != nil {
		return err
	}
	if err := checkpoint.CheckName(t.name); err != nil {
		return err
	}
	if t.Checking() {
		return nil
	}
	tail, err := dir.JoinTail(t.name)
	if err != nil {
		return err
	}
	defer tail.Leave()
	c := &committer{tool: t, dir: dir}
	t.Expect("sessions")
	lines := jsonl.NewReader(t.Stdin, *t.maxLine)
	for {
		if c.full() || !lines.Buffered() {
			if err := c.flush(); err != nil {
				return err
			}
		}
		line, err := lines.Next()
		if err == nil {
			err = c.add(line, lines.Number())
		}
		if err != nil {
			// What came before has been delivered, whatever comes now.
			if failed := c.flush(); failed != nil {
				return failed
			}
			if errors.Is(err, io.EOF) {
				t.Log.Info("committed", "checkpoint", t.name, "sessions", c.total)
				return nil
			}
			return err
		}
	}
}

// A committer gathers lines to a batch.
type committer struct {
	*tool
	dir        checkpoint.Dir
	checkpoint *checkpoint.Checkpoint
	sessions   []checkpoint.Session
	lines      []byte
	since      time.Time // of the oldest line of the batch
	total      int
}

func (c *committer) add(line []byte, number int) error {
	s, err := checkpoint.SessionOf(line)
	if err != nil {
		return cli.WithHint(cli.Usagef("line %d of the standard input is no session: %w", number, err), "the stages before must pass sessions on as they get them")
	}
	if len(c.sessions) == 0 {
		c.since = time.Now()
	}
	c.sessions = append(c.sessions, s)
	c.lines = append(append(c.lines, line...), '\n')
	return nil
}

func (c *committer) full() bool {
	return len(c.sessions) >= mostLines || len(c.lines) >= mostBytes || len(c.sessions) > 0 && time.Since(c.since) >= longest
}

// flush records the batch and passes it on.
func (c *committer) flush() error {
	if len(c.sessions) == 0 {
		return nil
	}
	if c.checkpoint == nil {
		var err error
		if c.checkpoint, err = c.dir.Load(c.name); err != nil {
			var missing *checkpoint.Missing
			if errors.As(err, &missing) && missing.Near == "" {
				err = cli.WithHint(err, "sess-search --checkpoint "+c.name+" --defer, at the beginning of the pipeline, makes it")
			}
			return err
		}
	}
	if err := c.checkpoint.Commit(c.sessions); err != nil {
		return err
	}
	c.total += len(c.sessions)
	if _, err := c.Stdout.Write(c.lines); err != nil {
		return err
	}
	if err := c.Stdout.Flush(); err != nil {
		return err
	}
	c.sessions, c.lines = c.sessions[:0], c.lines[:0]
	return nil
}
