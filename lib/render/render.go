// Package render shows records, JSON objects one a line, to people and to other programs: as a
// table, as CSV, as cards, as JSON, and as a summary. It knows what the fields of a session and
// of a file event mean; it knows nothing of where records come from, nor of terminals beyond
// their width and whether they may have colour.
package render

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"sess/lib/jsonl"
)

// Formats are the names of the formats.
var Formats = []string{"table", "csv", "columns", "rich", "json-pretty", "json-lines", "summary"}

// An Input is a stream of records. Open is called when it is its turn.
type Input struct {
	Name string // what errors call it
	Open func() (io.Reader, error)
}

// Options say how records are shown.
type Options struct {
	Format   string
	Columns  string // paths with commas between them; "": the format's own; "?": list them
	NoHeader bool
	Time     Time // "": UTC where people read, as it came in CSV
	Guard    bool // make CSV safe for spreadsheets
	MaxLine  int  // bytes; 0: jsonl.DefaultMaxLine

	Terminal bool // a person sees the output
	Width    int  // of the terminal, in columns; 0 for none
	Colour   bool
	Now      time.Time                        // ages are reckoned from here
	Say      func(format string, args ...any) // a line for people, beside the output
}

const (
	firstLook = 150 * time.Millisecond // how long a table waits for more records to measure
	fieldLook = 500 * time.Millisecond // how long CSV waits for fields that it has no name for
)

// Run shows the records of the inputs, one input after the other, until they end or ctx does.
// Unknown columns and lines that are not JSON objects are errors of exit code 2; what comes
// before such a line is shown.
func Run(ctx context.Context, out Output, inputs []Input, o Options) error {
	var paths []jsonl.Path
	if o.Columns != "" && o.Columns != "?" {
		var err error
		if paths, err = jsonl.ParsePaths(o.Columns); err != nil {
			return err
		}
	}
	chunks := jsonl.NewChunks(o.MaxLine, func(i int) (io.Reader, error) {
		if i >= len(inputs) {
			return nil, io.EOF
		}
		return inputs[i].Open()
	})
	defer chunks.Stop()
	defer context.AfterFunc(ctx, chunks.Stop)()
	s := &show{Options: o, paths: paths, chunks: chunks, out: out,
		names: func(i int) string { return inputs[i].Name }}
	err := s.run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// show is one run.
type show struct {
	Options
	paths  []jsonl.Path
	chunks *jsonl.Chunks
	out    Output
	names  func(stream int) string
}

func (s *show) run() error {
	switch {
	case s.Columns == "?":
		return s.listColumns()
	case s.Format == "json-lines":
		return s.pump(nil, func() formatter { return jsonLines{shown: s.Terminal} })
	case s.Format == "json-pretty":
		return s.pump(nil, func() formatter { return jsonPretty{colour: s.Colour, shown: s.Terminal} })
	case s.Format == "csv":
		return s.csv()
	case s.Format == "rich":
		return s.rich()
	case s.Format == "columns":
		return s.plain()
	case s.Format == "summary":
		return s.summary()
	default:
		return s.table()
	}
}

// pump shows all records, beginning with those of the sample.
func (s *show) pump(first *sample, make_ func() formatter) error {
	p := &pump{chunks: s.chunks, names: s.names, out: s.out}
	if first != nil {
		p.early = first.chunks
	}
	return p.run(make_)
}

// sample looks at the first records. Where columns are asked for that only records can tell of,
// it waits for a thousand of them.
func (s *show) sample(patience time.Duration) *sample {
	for _, kind := range []*schema{sessions, fileEvents} {
		if knownToSchema(s.paths, kind) {
			return takeSample(s.chunks, patience)
		}
	}
	return takeSample(s.chunks, 0)
}

// columns are the columns asked for, or else the given ones.
func (s *show) columns(first *sample, otherwise func(*sample) []column) ([]column, error) {
	if s.paths != nil {
		return chosen(s.paths, first)
	}
	return otherwise(first), nil
}

func (s *show) csv() error {
	patience := fieldLook
	if s.paths != nil {
		patience = time.Millisecond
	}
	first := s.sample(patience)
	cols, err := s.columns(first, csvColumns)
	if err != nil {
		return err
	}
	if !s.NoHeader && (s.paths != nil || len(first.records) > 0) {
		if _, err := s.out.Write(csvHeader(cols, s.Guard)); err != nil {
			return err
		}
	}
	watch := s.watch(first.kind)
	plan := newPlan(cols, watch.paths...)
	err = s.pump(first, func() formatter {
		return &csvRows{scanner: plan.Scanner(), columns: cols, time: s.Time, guard: s.Guard, missed: watch.missed()}
	})
	s.tellMissed(watch)
	return err
}

// watch notices fields that come too late to have a column, where all were to have one.
func (s *show) watch(kind *schema) *watch {
	if s.paths != nil {
		return &watch{}
	}
	return &watch{paths: kind.watched()}
}

func (s *show) tellMissed(w *watch) {
	if lost := w.String(); lost != "" {
		s.Say("these fields first came after the columns were settled, and are left out: %s", lost)
		s.Say("hint: name the columns that you need by --columns")
	}
}

func newPlan(cols []column, watched ...jsonl.Path) *jsonl.Plan {
	paths := make([]jsonl.Path, len(cols))
	for i, c := range cols {
		paths[i] = c.path
	}
	return jsonl.NewPlan(paths, watched)
}

func (s *show) cells() cells { return cells{time: s.Time, now: s.Now, lines: none} }

func (s *show) table() error {
	first := s.sample(firstLook)
	cols, err := s.columns(first, tableColumns)
	if err != nil {
		return err
	}
	g := &grid{columns: cols, most: s.Width, colour: s.Colour, cells: s.cells(), gap: gridGap}
	if s.Width > 0 {
		g.cells.lines = prose
	}
	return s.grid(g, first, true)
}

func (s *show) plain() error {
	first := s.sample(firstLook)
	cols, err := s.columns(first, listColumns)
	if err != nil {
		return err
	}
	g := &grid{columns: cols, most: s.Width, colour: s.Colour, cells: s.cells(), gap: gridGap, empty: "-", plain: true}
	g.cells.words = true
	if err := s.grid(g, first, false); err != nil {
		return err
	}
	if n := len(g.dropped); n > 0 {
		slices.Reverse(g.dropped)
		s.Say("the terminal has no room for %s: %s", plural("column", int64(n)), strings.Join(g.dropped, ", "))
		s.Say("hint: choose by --columns, or see all with -f table or -f rich")
	}
	return nil
}

func (s *show) grid(g *grid, first *sample, rule bool) error {
	w := &watch{}
	if first.kind == anything {
		w = s.watch(anything)
		g.watched = w.paths
	}
	if len(g.columns) > 0 {
		g.layOut(first, !s.NoHeader)
		if !s.NoHeader && (len(first.records) > 0 || s.paths != nil) {
			if _, err := s.out.Write(g.head(nil, rule)); err != nil {
				return err
			}
		}
	}
	err := s.pump(first, func() formatter {
		row := g.row()
		row.missed = w.missed()
		return row
	})
	s.tellMissed(w)
	return err
}

func (s *show) rich() error {
	first := s.sample(time.Millisecond)
	var cols []column
	if s.paths != nil {
		var err error
		if cols, err = chosen(s.paths, first); err != nil {
			return err
		}
	}
	plan := newPlan(cols)
	return s.pump(first, func() formatter {
		f := &cards{kind: first.kind, columns: cols, scanner: plan.Scanner(), cells: s.cells(), most: s.Width, colour: s.Colour}
		f.cells.lines = text
		return f
	})
}
