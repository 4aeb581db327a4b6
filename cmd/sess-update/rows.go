package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"sess/lib/cli"
	"sess/lib/cli/metering"
	"sess/lib/cli/tenant"
	"sess/lib/incydr"
	"sess/lib/update"
)

// changeIDs changes the sessions named as arguments. The line of each is its place among them.
func (o *options) changeIDs(ctx context.Context, rules update.Rules) error {
	if rules.State == "" && rules.Note == "" {
		return cli.WithHint(cli.Usagef("nothing to do: neither --state nor --note is given"), "sess-update --state CLOSED --note 'why' ID")
	}
	rows := make([]update.Row, len(o.ids))
	for i, id := range o.ids {
		rows[i] = update.Row{Line: i + 1, SessionID: id}
		rules.Apply(&rows[i])
		if err := rows[i].Err; err != nil {
			return cli.Prefix(fmt.Sprintf("session %q", id), err)
		}
	}
	w := &work{options: o, whole: true, total: len(rows)}
	w.next = func() (update.Row, error) {
		if len(rows) == 0 {
			return update.Row{}, io.EOF
		}
		row := rows[0]
		rows = rows[1:]
		return row, nil
	}
	if err := w.connect(false); err != nil {
		return err
	}
	s, err := w.do(ctx)
	if err != nil || s.Failed == 0 {
		return w.verdict(s, err)
	}
	if len(o.ids) > 1 {
		err = w.verdict(s, nil)
	} else if id := o.ids[0]; w.last.Status() == http.StatusNotFound {
		err = &tenant.Unknown{ID: id, Err: &incydr.StatusError{Status: http.StatusNotFound}}
	} else {
		err = cli.Partlyf("session %s: %s", id, w.last.Message())
	}
	for _, id := range o.ids {
		if hint := tenant.FileHint(id); hint != "" {
			return cli.WithHint(err, hint)
		}
	}
	return err
}

// changeRows changes the sessions that standard input names. A file is read twice: all of it
// is checked before the first request.
func (o *options) changeRows(ctx context.Context, rules update.Rules) error {
	read := func(src io.Reader) func() (update.Row, error) {
		return update.NewReader(src, update.Format(*o.format), *o.maxLine, rules).Next
	}
	w := &work{options: o, next: read(o.app.Stdin)}
	if err := w.connect(!o.repeatNotes); err != nil {
		return err
	}
	o.app.Expect("rows")
	file, begin, isFile := regular(o.app.RawStdin())
	w.whole = isFile
	if isFile && !o.dryRun {
		checked, err := update.Check(read(&stoppable{ctx, file}))
		if err != nil {
			return err
		}
		if err := o.refuse(checked); err != nil {
			return err
		}
		if _, err := file.Seek(begin, io.SeekStart); err != nil {
			return fmt.Errorf("cannot read standard input from its beginning: %w", err)
		}
		w.total = checked.Rows
	}
	s, err := w.do(ctx)
	if isFile && o.dryRun && err == nil {
		if s.Failed > 0 {
			return cli.Usagef("%d of %d rows cannot be sent", s.Failed, s.Failed+s.Done)
		}
		return o.refuse(update.Checked{Rows: s.Done})
	}
	return w.verdict(s, err)
}

// refuse names the rows of a file that cannot be sent.
func (o *options) refuse(c update.Checked) error {
	for _, row := range c.Some {
		o.app.Say("%s", row.Problem())
	}
	switch {
	case c.Rows == 0:
		return cli.Usagef("there are no rows on standard input")
	case c.Bad > 0:
		return cli.WithHint(cli.Usagef("%d of %d rows cannot be sent, so nothing was", c.Bad, c.Rows), "put them right, or leave them out; --dry-run prints a line for each row")
	}
	return nil
}

// regular returns standard input where it is a file that can be read again, and where in it
// we are.
func regular(stdin io.Reader) (f *os.File, begin int64, ok bool) {
	if f, ok = stdin.(*os.File); !ok {
		return nil, 0, false
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, 0, false
	}
	begin, err = f.Seek(0, io.SeekCurrent)
	return f, begin, err == nil
}

// stoppable is a file whose reader can be stopped between two reads.
type stoppable struct {
	ctx  context.Context
	file *os.File
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.file.Read(p)
}

// work is rows on their way to the tenant and outcomes on their way out.
type work struct {
	*options
	next  func() (update.Row, error)
	calls update.Calls
	whole bool           // all rows are at hand
	total int            // 0: not known
	last  update.Outcome // of the last row that failed
}

// noteMemory is how long a note that is there already is taken for the one to add.
const noteMemory = 24 * time.Hour

// connect prepares the requests; none is made yet.
func (w *work) connect(look bool) error {
	if w.dryRun {
		return nil
	}
	client, err := w.tenant.Client()
	if err != nil {
		return err
	}
	w.figures.Collect(metering.Requests(client))
	w.calls = update.Calls{ChangeState: client.ChangeState, AddNote: client.AddNote}
	if look {
		w.calls.HasNote = func(ctx context.Context, id, note string) (bool, error) {
			return client.HasNote(ctx, id, note, noteMemory)
		}
	}
	return nil
}

// do runs the rows, with a line for each on stdout and the progress on a terminal.
func (w *work) do(ctx context.Context) (update.Summary, error) {
	progress := &cli.Progress{} // rows that come one by one: what they come from shows how far it is
	if w.whole {
		progress = w.app.Progress("rows")
	}
	defer progress.Done()
	progress.Total(int64(w.total))
	shared := w.app.StdoutIsTerminal()
	var line []byte
	printed, failed := 0, 0
	sink := update.Sink{
		Emit: func(out *update.Outcome) error {
			printed++
			if !w.dryRun {
				w.changed.count(1, out.Err)
			}
			if out.Err != nil {
				failed++
				w.last = *out
			}
			line = out.Append(line[:0])
			return w.app.Stdout.WriteLine(line)
		},
		Flush: func() error {
			if shared {
				progress.Hide()
			}
			err := w.app.Stdout.Flush()
			progress.Note(fmt.Sprintf("%d failed", failed))
			progress.Set(int64(printed))
			return err
		},
	}
	o := update.Options{Concurrency: w.tenant.Concurrency(), DryRun: w.dryRun}
	if w.total > 0 {
		o.Idle, o.Age = time.Hour, time.Hour // more rows come at once: why send a batch that is not full?
	}
	return update.Run(ctx, w.next, w.calls, o, sink)
}

// verdict turns what became of the rows into the end of the program.
func (w *work) verdict(s update.Summary, err error) error {
	rows := s.Done + s.Failed
	if errors.Is(err, cli.ErrReaderGone) {
		return err
	}
	if err != nil {
		left, more := s.NotBegun, ""
		if rows+left <= 1 && (s.Ended || rows+left == 0) {
			return err
		}
		switch {
		case w.total > 0:
			left = w.total - rows
		case !s.Ended:
			more = " and all that was not yet read"
		}
		w.app.Say("%d rows done, %d failed, %d not begun%s", s.Done, s.Failed, left, more)
		if left > 0 || more != "" {
			w.app.Say("the same rows can be fed again: what is done stays as it is")
		}
		var knows interface{ ExitCode() int }
		if rows > 0 && !w.dryRun && errors.As(err, &knows) && knows.ExitCode() == cli.ExitUsage {
			return cli.Partlyf("the rest of the input cannot be read: %w", err)
		}
		return err
	}
	if s.Failed > 0 {
		return cli.WithHint(cli.Partlyf("%d of %d rows failed", s.Failed, rows), "to try them again, feed their outcomes: jq -c 'select(.ok|not)' OUTCOMES | sess-update")
	}
	return nil
}
