package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"sess/lib/checkpoint"
	"sess/lib/cli"
	"sess/lib/jsonl"
	"sess/lib/pipeline"
)

// commitAfter hands what comes in to a command, and records it once the command has read it all
// and ended well.
func (t *tool) commitAfter(ctx context.Context) error {
	dir, err := t.from.Checkpoints()
	if err != nil {
		return err
	}
	if err := checkpoint.CheckName(t.name); err != nil {
		return err
	}
	command := pipeline.Stage{Program: t.command[0], Args: t.command[1:]}
	if t.Checking() {
		status, err := pipeline.Pipeline{command}.Run(ctx, pipeline.Surroundings{Stdout: io.Discard, Stderr: t.Stderr, Environ: t.Environ(), Beside: pipeline.Beside()})
		if err == nil && status != 0 {
			err = cli.Exit(status)
		}
		return err
	}
	in := pipeline.Surroundings{
		Stdout:  t.RawStdout(),
		Stderr:  t.Stderr,
		Environ: t.Environ(),
		Beside:  pipeline.Beside(),
	}
	var missing *pipeline.Missing
	if _, err := in.Find(t.command[0]); errors.As(err, &missing) {
		return cli.WithHint(cli.Usagef("%w", missing), missing.Hint())
	}
	cli.WaitForChildren()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	in.Signals = signals

	c := &committer{tool: t, dir: dir}
	var wrong error // with the input; what came before it is as good as any
	status, whole, err := pipeline.Feed(ctx, command, in, func(w io.Writer) (err error) {
		wrong = c.feed(w)
		// Only now can a search wait for the commit: what is started together with the next one, as in
		// a loop, has an input that does not end before.
		_, err = dir.JoinTail(t.name)
		return err
	})
	switch {
	case status != 0 && err != nil:
		t.Say("%v", err)
		return cli.Exit(status)
	case err != nil:
		return err
	case status != 0:
		return cli.Exit(status)
	case !whole && t.StdoutIsTerminal():
		t.Say("nothing is recorded in the checkpoint %s: %s ended before it had read everything", t.name, t.command[0])
		return nil
	case !whole:
		t.Log.Info("nothing is recorded: the output was not read to its end", "checkpoint", t.name)
		return nil
	}
	if err := c.record(); err != nil {
		return err
	}
	return wrong
}

// feed passes the lines on and keeps what is to be recorded of each.
func (c *committer) feed(w io.Writer) error {
	lines := jsonl.NewReader(c.Stdin, *c.maxLine)
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			_, err := w.Write(c.lines)
			return err
		}
		if err == nil {
			err = c.add(line, lines.Number())
		}
		if err != nil || len(c.lines) >= mostHeld || !lines.Buffered() {
			if _, err := w.Write(c.lines); err != nil {
				return err
			}
			c.lines = c.lines[:0]
		}
		if err != nil {
			return err
		}
	}
}

// mostHeld is how many bytes are gathered before they are passed on.
const mostHeld = 64 << 10

// record commits all sessions, a few thousand at a time.
func (c *committer) record() error {
	sessions := c.sessions
	for batch := range slices.Chunk(sessions, 4096) {
		c.sessions, c.lines = batch, c.lines[:0]
		if err := c.flush(); err != nil {
			return err
		}
	}
	c.Log.Info("committed", "checkpoint", c.name, "sessions", len(sessions))
	return nil
}
