// Sess-events prints the file events of sessions, a JSON object a line, each exactly as the API gave it.
//
// Ids are arguments, or come on standard input: JSON lines with a sessionId or session_id, such
// as sess-search prints, or an id a line. The events of one session stand together, in the
// order of the input; --with-session tells whose they are.
//
//	sess-events 7f5e0b0c-2d0e-4f0e-9c39-0d1c5a2f6a11 | sess-fmt -f csv
//	sess-search --severity HIGH --start 1d | sess-events --with-session >events.jsonl
//
// The API gives the events of sessions that have alerts, and no way to ask for those beyond what
// it gives at once: where there are more, a line on stderr says so.
//
// An id that the server does not know gets a line on stderr and the others go on; the exit
// status is then 3, or 5 where it was the only id.
package main

import (
	"context"
	_ "embed"
	"encoding/json"

	"sess/lib/cli"
	"sess/lib/cli/tenant"
	"sess/lib/incydr"
	"sess/lib/jsonl"
)

//go:embed main.go
var source string

func main() { cli.Main(cli.Tool{Name: "sess-events", Source: source, Setup: setup}) }

// setup declares the options and returns what runs after they are parsed.
func setup(app *cli.App) cli.Action {
	withSession := app.Flag("with-session", `Put "sessionId" first into each event.`).Bool()
	from := tenant.Declare(app)
	from.DeclareConcurrency(8)
	from.DeclareRate()
	maxLine := tenant.DeclareMaxLine(app)
	ids := app.Arg("id", "The sessions; none, or -: ids from standard input.").Strings()
	return func(ctx context.Context) error {
		client, err := from.Client()
		if err != nil {
			return err
		}
		return tenant.Each(ctx, app, tenant.NewIDs(app, *ids, *maxLine), from.Concurrency(), client.Events,
			func(id string, events incydr.Events) error {
				var field []byte
				if *withSession {
					quoted, err := json.Marshal(id)
					if err != nil {
						return err
					}
					field = append([]byte(`"sessionId":`), quoted...)
				}
				for _, event := range events.Items {
					if err := app.Stdout.WriteLine(jsonl.Prepend(event, field)); err != nil {
						return err
					}
				}
				if n := int64(len(events.Items)); events.TotalCount > n {
					app.Say("session %s: the server gave %d of its %d events, and has no way to ask for the others", id, n, events.TotalCount)
				}
				return nil
			})
	}
}
