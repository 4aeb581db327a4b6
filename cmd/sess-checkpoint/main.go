// Sess-checkpoint shows, deletes and commits to the checkpoints that sess-search --checkpoint makes.
//
//	sess-search --checkpoint siem --defer | sess-syslog --ack TLS-TCP:siem:6514 | sess-checkpoint commit siem >/dev/null
//	sess-checkpoint list | sess-fmt
//
// A checkpoint remembers, for one query, which sessions have been delivered. It is a file of
// JSON lines, ~/.incydr/checkpoints/CLIENT-ID/session_checkpoints/NAME.jsonl; INCYDR_CHECKPOINT_DIR
// moves ~/.incydr/checkpoints. It belongs to the API client that the settings name, so that
// one folder serves several tenants: --env-file says which one.
//
// commit is the last stage of a pipeline that begins with sess-search --defer. It reads
// sessions, records each as delivered, and only then passes its line on: what an earlier stage
// did not pass to it is searched for and printed again. Without a line it does nothing.
//
// With a command behind the name, commit hands the sessions to it in place of passing them on, and
// records them once it has read them all and ended with 0. So a table or a file is committed as
// a whole, or not at all:
//
//	sess-search --checkpoint daily --defer | sess-checkpoint commit daily -- sess-fmt -f csv >today.csv
//
// list and show print a line for a checkpoint: its name and query, how many sessions it has
// recorded, the floor (sessions that begin earlier are not looked for any more), the newest
// begin, its size in bytes, when it was last committed to and by which process it is in use, or
// why it cannot be used. Without an API client in the settings, list shows those of all clients.
//
// delete removes one. The next search under its name begins anew, and prints everything again.
package main

import (
	"context"
	_ "embed"

	"github.com/alecthomas/kingpin/v2"

	"sess/lib/cli"
	"sess/lib/cli/tenant"
)

//go:embed main.go
var source string

func main() { cli.Main(cli.Tool{Name: "sess-checkpoint", Source: source, Setup: setup}) }

// setup declares the options and returns what runs after they are parsed.
func setup(app *cli.App) cli.Action {
	t := &tool{App: app, from: tenant.DeclareSettings(app)}

	command := func(name, help string, run func(context.Context) error) *kingpin.CmdClause {
		return app.Command(name, help).Action(func(*kingpin.ParseContext) error { t.run = run; return nil })
	}
	named := func(c *kingpin.CmdClause) *kingpin.CmdClause {
		c.Arg("name", "The checkpoint.").Required().HintAction(t.from.CheckpointNames).StringVar(&t.name)
		return c
	}
	command("list", "Print a line for each checkpoint.", t.list)
	named(command("show", "Print a line for this checkpoint.", t.show))
	named(command("delete", "Delete this checkpoint.", t.delete))
	commit := named(command("commit", "Record the sessions on stdin as delivered, and pass them on.", t.commit))
	commit.Arg("command", "What is to print them: they are recorded once it has read them all and ended well.").StringsVar(&t.command)
	t.maxLine = cli.CountVar(commit.Flag("max-line", "The longest line taken, in bytes (67108864).").PlaceHolder("BYTES").Default("67108864"), 1, 1<<30)

	return func(ctx context.Context) error { return t.run(ctx) }
}

// A tool is one run.
type tool struct {
	*cli.App
	run     func(context.Context) error
	from    *tenant.Settings
	name    string
	maxLine *int
	command []string
}
