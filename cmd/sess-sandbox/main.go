// Sess-sandbox is a tenant on this machine: the whole sessions API, with made-up sessions.
//
// It is there to try the tools on, and to test with: nothing leaves this machine, no real
// credentials are needed, and the same --seed gives the same sessions.
//
//	sess-sandbox run -- sh -c 'sess-search --severity HIGH | sess-fmt'
//	sess-sandbox run --sessions 20000 --latency 100ms -- sess-search --count
//	sess-sandbox serve --listen 127.0.0.1:8080
//
// run serves on a free port of the loopback interface, runs COMMAND with INCYDR_URL,
// INCYDR_API_CLIENT_ID, INCYDR_API_CLIENT_SECRET and SESS_SANDBOX_URL set, and exits with its
// status (128 and the signal's number where a signal ended it or us). SIGTERM and SIGINT are passed
// on to it. Programs that lie beside sess-sandbox are found even where PATH does not name their
// folder. serve prints the settings as export lines and serves until it is stopped; it
// remembers nothing: started again with the same options it has the data it began with, and
// knows none of the tokens it gave out.
//
// # The data
//
// The sessions' begin times span --days days that end at --until; by default at the last
// midnight, UTC. With --until given, every byte depends on the options alone. A session is
// visible once its firstObserved has come on the tenant's clock, which is real time unless --now
// sets it; with --lag D, firstObserved comes up to D after the session's end. --churn D does
// something every D: a session begins, or shows up late; one goes on, or is worked on, or gets
// a higher score and an alert.
//
// The credentials depend on the seed. The client id with -reader after it may change nothing
// (403), with -stranger it may do nothing at all.
//
// # Bad days
//
// --rate N lets N requests a minute through, and a sixth of them at once; the others get a 429
// with Retry-After, in seconds or, every fourth time, as a date. --faults P lets that share of
// requests fail: 500, 502 with a page of HTML, 503 with and without Retry-After, a connection
// cut before the answer or in the middle of it, and for a POST also: done, but the answer is
// lost. Getting a token can fail in the same way; exchanging a refresh token is never done
// without its answer. A change-state that names an unknown id is refused whole, with about half
// of the others changed all the same.
//
// # Calls that a real tenant does not have
//
// They need no token, are not counted, and latency, rate and faults do not concern them.
//
//	GET  /sandbox/clock         {"now": ms}
//	POST /sandbox/clock         {"now": ms} or {"advance": "12h"} moves the tenant's clock
//	GET  /sandbox/stats         requests by method and route, statuses, most requests at a time,
//	                            and those that came while a Retry-After asked for silence
//	POST /sandbox/stats/reset   counts anew
//	GET  /sandbox/items         the sessions a search ought to print, a line each: takes the
//	                            search's parameters, and alerts=any|true|false (any)
//	GET  /sandbox/names         the ids of actors, rules, risk indicators and watchlists
//	POST /sandbox/sessions      {"count": N} makes N sessions that show up now; with "begin": ms,
//	                            they began then
//
// ask makes them from a script that run has started, GET without a body, POST with one:
//
//	sess-sandbox ask clock '{"advance": "12h"}'
//	sess-sandbox ask 'items?alerts=true&state=OPEN'
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"sess/lib/cli"
	"sess/lib/neterror"
	"sess/lib/sandbox"
)

//go:embed main.go
var source string

func main() { cli.Main(cli.Tool{Name: "sess-sandbox", Source: source, Setup: setup}) }

// setup declares the options and returns what runs after they are parsed.
func setup(app *cli.App) cli.Action {
	app.Interspersed(false) // what comes after the command is its own
	tenant := tenantOptions(app)
	refresh := app.Flag("refresh-token", "Hand out a refresh token in place of client id and secret.").Bool()

	run := app.Command("run", "Run COMMAND against a tenant of its own.")
	command := run.Arg("command", "What to run, and its arguments; -- before it.").Required().Strings()

	serve := app.Command("serve", "Serve until stopped.")
	listen := serve.Flag("listen", "Address and port to serve on.").PlaceHolder("ADDRESS").Default("127.0.0.1:8080").String()
	remote := serve.Flag("allow-remote", "Serve on an address that other machines can reach.").Bool()

	ask := app.Command("ask", "Make a call that a real tenant does not have, of the sandbox that runs this.")
	call := ask.Arg("call", "What stands after /sandbox/.").Required().String()
	body := ask.Arg("body", "What to send, as JSON.").String()

	chosen := ""
	for _, command := range []*kingpin.CmdClause{run, serve, ask} {
		command.Action(func(*kingpin.ParseContext) error { chosen = command.FullCommand(); return nil })
	}

	return func(ctx context.Context) error {
		serving := chosen == "serve"
		if chosen == "ask" {
			return askFor(ctx, app, *call, *body)
		}
		options, err := tenant()
		if err != nil {
			return err
		}
		options.Log = app.Log
		address := "127.0.0.1:0"
		if serving {
			if address, err = localAddress(*listen, *remote); err != nil {
				return err
			}
		}
		program := ""
		if !serving {
			if program, err = find((*command)[0]); err != nil {
				return err
			}
		}
		site, err := open(address, options, *refresh)
		if err != nil {
			return err
		}
		defer site.close()
		if serving {
			return site.export(ctx, app)
		}
		return site.run(ctx, app, program, *command)
	}
}

// tenantOptions declares what kind of tenant it is.
func tenantOptions(app *cli.App) func() (sandbox.Options, error) {
	sessions := cli.CountVar(app.Flag("sessions", "How many sessions there are (500).").PlaceHolder("N").Default("500"), 0, 10_000_000)
	seed := app.Flag("seed", "The same seed gives the same sessions (1).").PlaceHolder("N").Default("1").Uint64()
	days := cli.CountVar(app.Flag("days", "How many days they span (90).").PlaceHolder("N").Default("90"), 1, 3650)
	until := cli.TimeVar(app.Flag("until", "Where the data ends (the last midnight, UTC).").PlaceHolder("T"))
	now := cli.TimeVar(app.Flag("now", "Start the tenant's clock here (real time).").PlaceHolder("T"))
	lag := cli.DurationVar(app.Flag("lag", "How late sessions show up, at most.").PlaceHolder("D").Default("0s"))
	hostile := app.Flag("hostile", "Control characters, formulas, bidi tricks and huge fields in the data.").Bool()
	latency := cli.DurationVar(app.Flag("latency", "How long each request takes.").PlaceHolder("D").Default("0s"))
	rate := cli.CountVar(app.Flag("rate", "Requests a minute, then 429 with Retry-After (0: any number).").PlaceHolder("N").Default("0"), 0, 1_000_000_000)
	share := &portion{}
	app.Flag("faults", "Share of requests, 0 to 1, that get a 5xx or a cut connection.").PlaceHolder("P").Default("0").SetValue(share)
	life := cli.DurationVar(app.Flag("token-life", "How long a token is good for (15m).").PlaceHolder("D").Default("15m"))
	churn := cli.DurationVar(app.Flag("churn", "Change something this often.").PlaceHolder("D").Default("0s"))

	return func() (sandbox.Options, error) {
		options := sandbox.Options{
			Sessions: *sessions, Seed: *seed, Days: *days, Lag: *lag, Hostile: *hostile,
			Latency: *latency, Rate: *rate, Faults: share.of, TokenLife: *life, Churn: *churn,
		}
		if until.Given {
			options.Until = until.Time
		}
		if now.Given {
			options.Now = now.Time
		}
		if *life <= 0 {
			return options, cli.Usagef("--token-life: a token has to live for some time, not %v", *life)
		}
		return options, nil
	}
}

// A portion is an option that takes a number from 0 to 1.
type portion struct{ of float64 }

func (p *portion) String() string { return strconv.FormatFloat(p.of, 'g', -1, 64) }

func (p *portion) Set(s string) error {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		return cli.Usagef("--faults: %q is not a share: it must be a number from 0 to 1", s)
	}
	p.of = f
	return nil
}

// localAddress refuses an address that other machines can reach.
func localAddress(listen string, remote bool) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", cli.WithHint(cli.Usagef("--listen: %q is not an address with a port", listen), "write 127.0.0.1:8080")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", cli.Usagef("--listen: %q is not a port: it must be from 0 to 65535", port)
	}
	if remote || host == "localhost" {
		return listen, nil
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", cli.WithHint(cli.Usagef("--listen: other machines can reach %q, and the credentials are no secret", listen),
			"use 127.0.0.1, or say --allow-remote")
	}
	return listen, nil
}

// A site is a tenant that listens.
type site struct {
	tenant  *sandbox.Tenant
	server  *http.Server
	url     string
	refresh bool
	failed  chan error
}

// open listens before it makes the tenant's sessions: who connects early waits.
func open(address string, options sandbox.Options, refresh bool) (*site, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		err = fmt.Errorf("cannot listen on %s: %w", address, neterror.InWords(err))
		if errors.Is(err, syscall.EADDRINUSE) {
			err = cli.WithHint(err, "--listen names another port; 127.0.0.1:0 is any that is free")
		}
		return nil, err
	}
	tenant := sandbox.New(options)
	s := &site{
		tenant:  tenant,
		server:  &http.Server{Handler: tenant, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(options.Log.Handler(), slog.LevelDebug)},
		url:     "http://" + listener.Addr().String(),
		refresh: refresh,
		failed:  make(chan error, 1),
	}
	go func() { s.failed <- s.server.Serve(listener) }()
	return s, nil
}

func (s *site) close() { s.server.Close() }

// environ are the settings for a tool that is to use this tenant.
func (s *site) environ() []string {
	if s.refresh {
		return s.tenant.RefreshEnviron(s.url)
	}
	return s.tenant.Environ(s.url)
}
