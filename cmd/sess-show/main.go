// Sess-show prints sessions by their ids, a JSON object a line, each exactly as the API gave it.
//
// Ids are arguments, or come on standard input: JSON lines with a sessionId or session_id, such
// as sess-search prints, or an id a line. The output is in the order of the input, and begins
// before the input has ended.
//
//	sess-show 7f5e0b0c-2d0e-4f0e-9c39-0d1c5a2f6a11 | jq .notes
//	sess-search --severity CRITICAL --start 1d | sess-show | sess-fmt -f rich
//	cut -d, -f1 tickets.csv | sess-show >then.jsonl
//
// An id that the server does not know gets a line on stderr and the others go on; the exit
// status is then 3, or 5 where it was the only id.
package main

import (
	"context"
	_ "embed"

	"sess/lib/cli"
	"sess/lib/cli/tenant"
)

//go:embed main.go
var source string

func main() { cli.Main(cli.Tool{Name: "sess-show", Source: source, Setup: setup}) }

// setup declares the options and returns what runs after they are parsed.
func setup(app *cli.App) cli.Action {
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
		return tenant.Each(ctx, app, tenant.NewIDs(app, *ids, *maxLine), from.Concurrency(), client.Session,
			func(_ string, session []byte) error { return app.Stdout.WriteLine(session) })
	}
}
