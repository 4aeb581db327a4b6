// Sess-update gives sessions a new state, adds a note, or both, and prints what became of each.
//
// Sessions are named as arguments, or by rows on standard input: CSV (a header with session_id or
// sessionId, and state or note or both; other columns are ignored), or JSON lines with the same
// keys. Sessions as sess-search prints them are such lines. --state and --note win over what a
// row says.
//
//	sess-update --state CLOSED_TP --note 'told the manager' 7f5e…
//	sess-update <triaged.csv
//	sess-search --state OPEN --rule-id R | sess-update --state CLOSED_FP --note 'known backup job'
//
// Rows with the same new state go out together, up to 100 to a request. Where the server refuses
// a request, the ids it is about are found and all others are done. Each row gets a line of
// JSON, in input order, as soon as it is known:
//
//	{"line":7,"session_id":"7f5e…","state":"CLOSED","ok":true}
//	{"line":8,"session_id":"0000…","state":"CLOSED","ok":false,"error":"no such session","status":404}
//
// Such a line is a row again, so what failed can be tried again:
//
//	sess-update <triaged.csv >outcomes; jq -c 'select(.ok|not)' outcomes | sess-update
//
// A file is checked from its first to its last row before anything is sent; one bad row, and
// nothing is. On a pipe a bad row fails by itself.
//
// A run that was interrupted can be fed the same rows again, in the same order. States are simply
// set again, and a note that the session got within the last day is not added twice: sess-update
// looks, until it is clear that no earlier run has been there. --repeat-notes adds it all the same.
// Sessions named as arguments always get their note.
//
// With --matching there are no rows: every session that the search options match changes, on the
// server, without being named. The number is printed first and has to be confirmed.
//
//	sess-update --matching --from-state OPEN --severity LOW --end 30d --state CLOSED
package main

import (
	"context"
	_ "embed"
	"strings"

	"sess/lib/cli"
	"sess/lib/cli/metering"
	"sess/lib/cli/tenant"
	"sess/lib/incydr"
	"sess/lib/jsonl"
	"sess/lib/metrics"
	"sess/lib/update"
)

//go:embed main.go
var source string

func main() { cli.Main(cli.Tool{Name: "sess-update", Source: source, Setup: setup}) }

// options are what the command line says.
type options struct {
	app          *cli.App
	tenant       *tenant.Options
	filters      *tenant.Filters
	state        string
	stateGiven   bool
	note         string
	format       *string
	maxLine      *int
	requireState bool
	repeatNotes  bool
	dryRun       bool
	matching     bool
	yes          bool
	ids          []string
	meter        *metering.Options
	figures      *metrics.File
	changed      changed
}

// setup declares the options and returns what runs after they are parsed.
func setup(app *cli.App) cli.Action {
	o := &options{app: app}
	app.Flag("state", "The new state, in place of each row's: "+strings.Join(incydr.States, ", ")+".").PlaceHolder("S").IsSetByUser(&o.stateGiven).HintOptions(incydr.States...).StringVar(&o.state)
	app.Flag("note", "The note to add, in place of each row's; at most 2000 characters.").PlaceHolder("TEXT").StringVar(&o.note)
	o.format = cli.EnumVar(app.Flag("format", "How the rows are written: csv, json-lines, or auto, which tells by the first byte (auto).").Short('f').PlaceHolder("FORMAT").Default(string(update.Auto)), "format", update.Formats...)
	app.Flag("dry-run", "Check every row and send nothing.").BoolVar(&o.dryRun)
	app.Flag("require-state", "A row needs a state; a note alone is not enough.").BoolVar(&o.requireState)
	app.Flag("repeat-notes", "Add a note even where the session got the same one within the last day.").BoolVar(&o.repeatNotes)
	o.maxLine = cli.CountVar(app.Flag("max-line", "The longest row taken, in bytes (67108864).").PlaceHolder("BYTES"), 1, 1<<30)
	*o.maxLine = jsonl.DefaultMaxLine
	app.Flag("matching", "Change every session that the options below match, on the server.").BoolVar(&o.matching)
	app.Flag("yes", "Do not ask before changing what --matching matches.").BoolVar(&o.yes)
	o.filters = tenant.DeclareFilters(app, "from-state")
	o.filters.DeclareAnyAlerts(app)
	o.tenant = tenant.Declare(app)
	o.tenant.DeclareConcurrency(4)
	o.tenant.DeclareRate()
	o.meter = metering.Declare(app)
	app.Arg("id", "The sessions; none, or -: rows from standard input.").StringsVar(&o.ids)
	return o.run
}

func (o *options) run(ctx context.Context) error {
	var err error
	if o.figures, err = o.meter.Open(); err != nil {
		return err
	}
	o.figures.Collect(o.changed.figures)
	if strings.TrimSpace(o.note) == "" {
		o.note = "" // nothing but white space is no note
	}
	rules := update.Rules{Note: o.note, RequireState: o.requireState, AnyState: o.filters.AnyState()}
	if o.stateGiven {
		if rules.State, err = update.State(strings.TrimSpace(o.state), rules.AnyState); err != nil {
			return cli.Prefix("--state", err)
		}
	}
	if err := update.CheckNote(rules.Note); err != nil {
		return cli.Prefix("--note", err)
	}
	if tenant.FromStdin(o.app, o.ids) {
		o.ids = nil
	}
	if o.matching {
		return o.changeMatching(ctx, rules)
	}
	if o.filters.Given() {
		return cli.WithHint(cli.Usagef("search options such as --severity or --from-state need --matching"),
			"to change what a search prints: sess-search --severity HIGH | sess-update --state CLOSED")
	}
	if o.yes {
		return cli.Usagef("--yes is for --matching; rows and ids need no confirmation")
	}
	if len(o.ids) > 0 {
		return o.changeIDs(ctx, rules)
	}
	return o.changeRows(ctx, rules)
}
