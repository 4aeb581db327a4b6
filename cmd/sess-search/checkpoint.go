package main

import (
	"context"
	"io"
	"time"

	"sess/lib/checkpoint"
	"sess/lib/cli"
	"sess/lib/cli/tenant"
	"sess/lib/metrics"
	"sess/lib/search"
)

// A feed is the options of a search that remembers what it has printed.
type feed struct {
	app                     *cli.App
	from                    *tenant.Options
	name                    string
	lookback, follow, wait  *time.Duration
	updates, deferred       *bool
	lookbackGiven, followed bool
	waitGiven               bool
	figures                 *metrics.File
	printed                 *printed
}

// declareFeed adds --checkpoint and what goes with it.
func declareFeed(app *cli.App) *feed {
	f := &feed{app: app}
	cli.TextVar(app.Flag("checkpoint", "Print only what this checkpoint has not seen yet, and record it there; the first search under a name makes it.").PlaceHolder("NAME").HintAction(func() []string { return f.from.CheckpointNames() }), &f.name)
	f.lookback = cli.DurationVar(app.Flag("lookback", "With --checkpoint: how late after its begin a session may show up (7d).").PlaceHolder("D").Default("7d").IsSetByUser(&f.lookbackGiven))
	f.updates = app.Flag("updates", "With --checkpoint: print a session again when its lastUpdated has changed.").Bool()
	f.deferred = app.Flag("defer", "With --checkpoint: leave recording to sess-checkpoint commit, at the end of the pipeline.").Bool()
	f.follow = cli.DurationVar(app.Flag("follow", "With --checkpoint: search again this often until stopped: 60s, 5m.").PlaceHolder("INTERVAL").IsSetByUser(&f.followed))
	f.wait = cli.DurationVar(app.Flag("wait", "With --checkpoint: wait this long for one that is in use.").PlaceHolder("D").IsSetByUser(&f.waitGiven))
	return f
}

// labels tell the figures of one checkpoint's feed from those of another.
func (f *feed) labels() []metrics.Label {
	if f.name == "" {
		return nil
	}
	return []metrics.Label{{Name: "checkpoint", Value: f.name}}
}

// check refuses options that make no sense together.
func (f *feed) check(wanted search.Search, count bool) error {
	if f.name == "" {
		for _, o := range []struct {
			name  string
			given bool
		}{{"--defer", *f.deferred}, {"--follow", f.followed}, {"--updates", *f.updates}, {"--lookback", f.lookbackGiven}, {"--wait", f.waitGiven}} {
			if o.given {
				return cli.Usagef("%s needs --checkpoint NAME", o.name)
			}
		}
		return nil
	}
	switch {
	case count:
		return cli.WithHint(cli.Usagef("--count prints no sessions that --checkpoint could record"), "leave out one of them")
	case f.followed && *f.follow < time.Second:
		return cli.Usagef("--follow: %v is too short: it must be 1s or more", *f.follow)
	}
	if wanted.Query.OrderBy == "score" || wanted.Query.Direction != "" {
		f.app.Say("--sort and --direction are not used: with --checkpoint sessions come in the order of their begin, oldest first")
	}
	return checkpoint.CheckName(f.name)
}

// run searches with the checkpoint, once or until it is stopped.
func (f *feed) run(ctx context.Context, walker *search.Walker, wanted search.Search, tag []byte) error {
	dir, err := f.from.Checkpoints()
	if err != nil {
		return err
	}
	hold, err := dir.Hold(ctx, f.name, *f.wait)
	if err != nil {
		return err
	}
	defer hold.End()
	bar := progress(f.app)
	defer bar.Done()
	source := &search.Feed{
		Walker: walker, Search: wanted, Dir: dir, Name: f.name,
		Lookback: *f.lookback, Updates: *f.updates, Deferred: *f.deferred,
		Print:  f.printed.counting(newOutlet(f.app, tag).print),
		Polled: func(search.Report) { f.figures.Success() },
		Say:    f.app.Say,
		Progress: func(done, total int64) {
			bar.Total(total)
			bar.Set(done)
		},
	}
	if err := source.Open(); err != nil {
		return err
	}
	if f.followed {
		return source.Follow(ctx, *f.follow)
	}
	if _, err := source.Poll(ctx); err != nil {
		return err
	}
	if *f.deferred && !f.app.StdoutIsTerminal() {
		return f.await(ctx, source)
	}
	return nil
}

// await keeps the checkpoint in use until the stages behind have passed on what they got, so that
// a search that is started meanwhile does not print it again. They go on while their input is open,
// and so it is closed first.
func (f *feed) await(ctx context.Context, source *search.Feed) error {
	if err := f.app.Stdout.Flush(); err != nil {
		return err
	}
	if out, ok := f.app.RawStdout().(io.Closer); ok {
		out.Close()
	}
	left, err := source.AwaitTail(ctx)
	if left > 0 && err == nil {
		f.app.Log.Info("not committed yet; it will come again where it is not", "checkpoint", f.name, "sessions", left)
	}
	return err
}
