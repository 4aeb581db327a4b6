// Sess-search prints the sessions that match, a JSON object a line, each exactly as the API gave it.
//
// Sessions with alerts are searched unless --no-alerts or --any-alerts says otherwise. They come
// in the API's own order, the latest end first. What arrives, moves or leaves while the search
// runs neither repeats nor hides a session: everything that matched from the beginning to the
// end is printed once. Where the server's answers contradict each other so that this cannot be
// made sure, the exit status is 3.
//
//	sess-search --severity HIGH --severity CRITICAL --start 7d | sess-fmt
//	sess-search --state OPEN | jq -c 'select(.highEvents>3)' | sess-update --state IN_PROGRESS
//	sess-search --count --any-alerts --start 2026-11-01 --end 2026-12-01
//
// With --checkpoint NAME only what the checkpoint has not seen yet is printed, and recorded there
// once it has been: run again and again, or with --follow, every session comes once, whenever it
// shows up within --lookback of its begin. They come oldest begin first, whatever --sort says. The
// first search under a name begins at --start; the later ones go on from there. --end and --limit
// bound one search. A process that is killed loses nothing, and may print up to 50 sessions twice. In a
// pipeline, --defer leaves the record to the last stage, so that only what has arrived counts:
//
//	sess-search --checkpoint siem --defer | sess-syslog --ack RELP:siem:2514 | sess-checkpoint commit siem >/dev/null
//	sess-search --checkpoint siem --follow 60s >>sessions.jsonl
//
// docs/checkpoints.md says what is promised, and how to run a feed.
//
// Settings come from the environment, or from .env in the current folder, or from
// ~/.config/incydr/.env: INCYDR_URL, INCYDR_API_CLIENT_ID, INCYDR_API_CLIENT_SECRET.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	"sess/lib/cli"
	"sess/lib/cli/metering"
	"sess/lib/cli/tenant"
	"sess/lib/jsonl"
	"sess/lib/search"
)

//go:embed main.go
var source string

func main() { cli.Main(cli.Tool{Name: "sess-search", Source: source, Setup: setup}) }

// setup declares the options and returns what runs after they are parsed.
func setup(app *cli.App) cli.Action {
	filters := tenant.DeclareFilters(app, "state")
	filters.DeclareAnyAlerts(app)
	filters.DeclareOrder(app)
	limit := cli.CountVar(app.Flag("limit", "Print at most so many.").PlaceHolder("N"), 1, 1<<31-1)
	count := app.Flag("count", "Print only how many there are.").Bool()
	var tag string
	cli.TextVar(app.Flag("tag", "Put this field first into each session, to tell merged streams apart.").PlaceHolder("KEY=VALUE"), &tag)
	feed := declareFeed(app)
	from := tenant.Declare(app)
	from.DeclareConcurrency(8)
	from.DeclareRate()
	feed.from = from
	meter := metering.Declare(app)
	return func(ctx context.Context) error {
		spare(app.Getenv("GOMEMLIMIT"))
		figures, err := meter.Open(feed.labels()...)
		if err != nil {
			return err
		}
		done := &printed{}
		figures.Collect(done.figures)
		query, err := filters.Query()
		if err != nil {
			return err
		}
		prefix, err := tagged(tag)
		if err != nil {
			return err
		}
		client, err := from.Client()
		if err != nil {
			return err
		}
		figures.Collect(metering.Requests(client))
		walker := search.NewWalker(client, from.Concurrency(), app.Log)
		wanted := search.Search{Query: query, AnyAlerts: filters.AnyAlerts(), Limit: *limit}
		if err := feed.check(wanted, *count); err != nil {
			return err
		}
		if feed.name != "" {
			feed.figures, feed.printed = figures, done
			return feed.run(ctx, walker, wanted, prefix)
		}
		if *count {
			n, err := walker.Count(ctx, wanted)
			if err != nil {
				return err
			}
			return app.Stdout.WriteLine(strconv.AppendInt(nil, n, 10))
		}
		bar := progress(app)
		defer bar.Done()
		walker.Progress = func(done, total int64) {
			bar.Total(total)
			bar.Note(pages(done, total, int64(client.PageSize())))
			bar.Set(done)
		}
		return walker.Walk(ctx, wanted, done.counting(printer(app.Stdout, prefix)))
	}
}

// progress shows how far it is, where the sessions themselves do not.
func progress(app *cli.App) *cli.Progress {
	if app.StdoutIsTerminal() {
		return &cli.Progress{}
	}
	return app.Progress("sessions")
}

// pages says how many pages are done.
func pages(done, total, size int64) string {
	return fmt.Sprintf("page %d of %d", (done+size-1)/size, (total+size-1)/size)
}

// printer writes a batch of sessions out whole, each with the tag in front of its first field.
func printer(out *cli.Output, tag []byte) func([]search.Session) error {
	return func(sessions []search.Session) error {
		for _, s := range sessions {
			if err := out.WriteLine(jsonl.Prepend(s.Raw, tag)); err != nil {
				return err
			}
		}
		return out.Flush()
	}
}
