// Sess-fmt shows JSON lines as a table, as CSV, as cards, as a summary.
//
// It reads the files that it is given, one after the other, or standard input ("-"), and prints
// the records in the format that -f names:
//
//	table        what a person wants to see first, fitted to the terminal (the default)
//	csv          every field, RFC 4180, lists and objects as JSON
//	columns      a line a record, aligned, without borders: for awk and eyes
//	rich         a card a record, with its histories as small tables
//	json-pretty  indented; numbers and escapes stay as they are
//	json-lines   checked, compact
//	summary      counts and bars by day, severity, state, actor, rule
//
// Sessions and file events are known by their fields; of other records the columns are what the
// first of them have. A record is shown when it comes, also where the next one takes its time.
//
// Columns are paths: names in snake_case or camelCase, dots into objects, an index into a list
// (-1 is the last), a name across a list, * for all below, quotes around odd names. What is not
// known and not in the first thousand records is an error before anything is printed. A "?" lists
// the columns that there are, with an example of each.
//
//	sess-search --severity HIGH | sess-fmt
//	sess-search | sess-fmt -f csv --columns session_id,begin_time,states.-1.state,risk_indicators.name
//	sess-search --state OPEN | sess-fmt -f columns --no-header | awk '{ print $1 }'
//	sess-search --start 30d | sess-fmt -f summary
//	sess-events ID | sess-fmt --columns "@timestamp,event.action,file.*"
//	sess-fmt --columns "?" sessions.jsonl
//
// People get times to the minute in UTC (--time local, --time raw); CSV has them as they came
// unless --time is given, and then in RFC 3339. What a terminal would obey or nobody could see
// in the data, as control characters and marks that turn the direction of writing, is written
// out (\x1b, \u202e) wherever people read; CSV and JSON keep the data as it is.
//
// A line that is not a JSON object ends it with exit code 2 and the line's number, after all that
// comes before it was printed. What is longer than the screen goes through PAGER, or less.
package main

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"sess/lib/cli"
	"sess/lib/render"
)

//go:embed main.go
var source string

func main() { cli.Main(cli.Tool{Name: "sess-fmt", Source: source, Setup: setup}) }

// setup declares the options and returns what runs after they are parsed.
func setup(app *cli.App) cli.Action {
	formatFlag := app.Flag("format", "The format: table, csv, columns, rich, json-pretty, json-lines or summary.").Short('f').Default("table")
	format := cli.EnumVar(formatFlag, "format", render.Formats...)
	columns := app.Flag("columns", `The columns, with commas between them: session_id, states.-1.state, event.*; "?" lists them.`).PlaceHolder("A,B.C,D.*").String()
	noHeader := app.Flag("no-header", "Leave the line of column names out.").Bool()
	moments := cli.EnumVar(app.Flag("time", "How to show times: utc, local or raw (utc; in CSV, raw).").PlaceHolder("utc|local|raw"), "time", "utc", "local", "raw")
	guard := app.Flag("csv-guard", "Put a ' before text that a spreadsheet would take for a formula.").Bool()
	maxLine := cli.CountVar(app.Flag("max-line", "The longest line taken, in bytes (67108864).").PlaceHolder("BYTES"), 1, 1<<30)
	files := app.Arg("file", "What to read; - is standard input.").Strings()
	noPager := app.Flag("no-pager", "Do not page through what is longer than the screen.").Bool()
	return func(ctx context.Context) error {
		o := render.Options{
			Format: *format, Columns: *columns, NoHeader: *noHeader, Time: render.Time(*moments), Guard: *guard, MaxLine: *maxLine,
			Terminal: app.StdoutIsTerminal(), Width: app.Width(), Colour: app.Colour(), Now: time.Now(), Say: app.Say,
		}
		in, err := inputs(app, *files)
		if err != nil {
			return err
		}
		if o.Columns == "?" && len(*files) == 0 && app.StdinIsTerminal() {
			in = nil // nobody types records to learn what columns there are
		}
		if app.Checking() {
			in = nil // then the columns are those of the schema
		}
		pager := pagerFor(app, o, *noPager || app.Checking())
		if pager == nil {
			err := render.Run(ctx, app.Stdout, in, o)
			var unknown *render.UnknownColumn
			if app.Checking() && errors.As(err, &unknown) {
				err = cli.WithHint(err, unknown.Hint()+"; one that is newer than this version takes sess-search | sess-fmt")
			}
			return err
		}
		err = render.Run(ctx, pager, in, o)
		if closed := pager.Close(); err == nil {
			err = closed
		}
		return err
	}
}

// pagerFor is the pager for what a person reads, nil where there is to be none.
func pagerFor(app *cli.App, o render.Options, off bool) *render.Pager {
	if off || !o.Terminal || !app.Rich() || o.Format == "csv" || o.Format == "json-lines" {
		return nil
	}
	out, isFile := app.RawStdout().(*os.File)
	if !isFile {
		return nil
	}
	isSet := slices.ContainsFunc(app.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "PAGER=") })
	command, err := render.PagerCommand(app.Getenv("PAGER"), isSet, app.Environ(), out, os.Stderr)
	if err != nil {
		app.Say("shown without a pager: PAGER is %v", err)
	}
	if command == nil {
		return nil
	}
	return render.NewPager(app.Stdout, app.Height(), command, cli.WaitForChildren)
}

// inputs are the files in their order, or standard input. All files must be there before any of
// them is shown.
func inputs(app *cli.App, files []string) ([]render.Input, error) {
	if len(files) == 0 {
		files = []string{"-"}
	}
	all := make([]render.Input, len(files))
	for i, name := range files {
		// kingpin gives "-" as an empty argument.
		if name == "" && slices.Contains(app.Args(), "-") && !slices.Contains(app.Args(), "") {
			name = "-"
		}
		if name == "-" {
			all[i] = render.Input{Name: "standard input", Open: func() (io.Reader, error) {
				app.Expect("JSON lines")
				return app.Stdin, nil
			}}
			continue
		}
		if info, err := os.Stat(name); err != nil {
			return nil, cannotOpen(name, err)
		} else if info.IsDir() {
			return nil, cli.Usagef("cannot open %s: it is a directory", name)
		}
		all[i] = render.Input{Name: name, Open: func() (io.Reader, error) {
			f, err := os.Open(name)
			if err != nil {
				return nil, cannotOpen(name, err)
			}
			return f, nil
		}}
	}
	return all, nil
}

func cannotOpen(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return cli.Usagef("cannot open %s: %w", name, err)
}
