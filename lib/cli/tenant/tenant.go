// Package tenant declares the options that the binaries which talk to a tenant share: where its
// settings come from, how long to go on against a server that fails, how fast to ask, and which
// sessions are meant. It turns them into a client and a query, and knows nothing of what is done
// with either.
package tenant

import (
	"strings"
	"time"

	"sess/lib/cli"
	"sess/lib/dotenv"
	"sess/lib/incydr"
)

// Settings are a tool's settings, the tenant's and others (the log's among them): from the
// environment, and from the file of --env-file or the usual one.
type Settings struct {
	app         *cli.App
	envFile     string
	environment *dotenv.Environment
}

// SettingsOf returns those of a tool that has no --env-file.
func SettingsOf(app *cli.App) *Settings { return &Settings{app: app} }

// DeclareSettings adds --env-file to the tool, and has it find all its settings there.
func DeclareSettings(app *cli.App) *Settings {
	s := SettingsOf(app)
	cli.TextVar(app.Flag("env-file", "Take settings from this file in place of .env; one file a tenant. The environment still comes first.").PlaceHolder("FILE"), &s.envFile)
	app.Settings(func() (func(string) string, error) {
		var err error
		if s.environment, err = dotenv.Load(s.envFile, app.Environ()); err != nil {
			return nil, err
		}
		return s.environment.Get, nil
	})
	return s
}

// Environment is where the settings come from. A shell that completes a word asks for it before
// the options are parsed.
func (s *Settings) Environment() (*dotenv.Environment, error) {
	if s.environment != nil {
		return s.environment, nil
	}
	return dotenv.Load(s.envFile, s.app.Environ())
}

// Options are the settings and --retry-for, and --concurrency and --rate where they were declared.
type Options struct {
	*Settings
	retryFor    *time.Duration
	retryGiven  bool
	concurrency *int
	rate        *int
}

// Declare adds --env-file and --retry-for to the tool.
func Declare(app *cli.App) *Options {
	o := &Options{Settings: DeclareSettings(app), concurrency: new(int), rate: new(int)}
	retry := app.Flag("retry-for", "How long to go on against a server that fails: 30s, 5m, 2h; 0: ask once (INCYDR_RETRY_FOR; 5m).").PlaceHolder("D").IsSetByUser(&o.retryGiven)
	o.retryFor = cli.DurationVar(retry)
	return o
}

// DeclareConcurrency adds --concurrency with this default.
func (o *Options) DeclareConcurrency(n int) {
	*o.concurrency = n
	flag := o.app.Flag("concurrency", "How many requests are in flight at once, 1 to 64 ("+itoa(n)+").").PlaceHolder("N")
	declared := cli.CountVar(flag, 1, 64)
	*declared = n
	o.concurrency = declared
}

// DeclareRate adds --rate.
func (o *Options) DeclareRate() {
	o.rate = cli.CountVar(o.app.Flag("rate", "How many requests to make a minute; 0: as fast as the server allows (0).").PlaceHolder("N"), 0, 1_000_000)
}

// Concurrency is how many requests are to be in flight; 0 where the tool has no such option.
func (o *Options) Concurrency() int { return *o.concurrency }

// Client returns a client of the tenant that the settings name. Nothing is sent yet.
func (o *Options) Client() (*incydr.Client, error) {
	settings, err := incydr.SettingsOf(o.environment)
	if err != nil {
		return nil, err
	}
	retryFor, err := o.retry()
	if err != nil {
		return nil, err
	}
	return incydr.New(settings, incydr.Options{
		Log:         o.app.Log,
		RetryFor:    retryFor,
		Rate:        *o.rate,
		Concurrency: *o.concurrency,
		UserAgent:   strings.ReplaceAll(o.app.Model().Version, " ", "/"),
	}), nil
}

// retry is how long to go on; negative: not at all.
func (o *Options) retry() (time.Duration, error) {
	d := *o.retryFor
	if !o.retryGiven {
		text := o.app.Getenv("INCYDR_RETRY_FOR")
		if text == "" {
			return 0, nil
		}
		var err error
		if d, err = cli.ParseDuration(text); err != nil {
			return 0, cli.Prefix("INCYDR_RETRY_FOR", err)
		}
	}
	if d == 0 {
		return -1, nil
	}
	return d, nil
}
