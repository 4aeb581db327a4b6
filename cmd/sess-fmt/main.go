// Sess-fmt shows JSON lines as a table, as CSV, and in other forms.
//
// It reads the files that it is given, or standard input ("-"), and prints the records in the
// format that -f names:
//
//	table        what a person wants to see first, fitted to the terminal (the default)
//	csv          every field, RFC 4180, lists and objects as JSON
//	columns      aligned plain text, for awk and eyes
//	rich         one card a record
//	json-pretty  indented
//	json-lines   checked, compact
//	summary      counts and bars by day, severity, state, actor, rule
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
	maxLine := app.Flag("max-line", "The longest line taken, in bytes (67108864).").PlaceHolder("BYTES").Default("67108864").Int()
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
		pager := pagerFor(app, o, *noPager)
		if pager == nil {
			return render.Run(ctx, app.Stdout, in, o)
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
	command := render.PagerCommand(app.Getenv("PAGER"), isSet, app.Environ(), out, os.Stderr)
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
			all[i] = render.Input{Name: "standard input", Open: func() (io.Reader, error) { return app.Stdin, nil }}
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
