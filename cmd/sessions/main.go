// Sessions runs the vendor CLI's session commands as pipelines of the sess programs.
//
// Every option of "incydr sessions" is taken, and those of the programs that do the work. The
// programs are looked for beside this one, then on PATH. --explain prints the pipeline in place
// of running it, to be changed and typed by hand:
//
//	$ sessions --explain search --state OPEN --format csv
//	sess-search --state OPEN | sess-fmt --format csv
//
// The output is a table, and a card for show; JSON lines where INCYDR_USE_RICH=false is set.
// With --output it goes to a syslog server, and with --checkpoint too, what the server has got
// is recorded, and nothing else:
//
//	sessions search --checkpoint siem --output TLS-TCP:siem.example.com:6514
//
// The status is that of the first program of the pipeline that failed.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kingpin/v2"

	"sess/lib/cli"
	"sess/lib/cli/tenant"
	"sess/lib/dotenv"
	"sess/lib/incydr"
	"sess/lib/pipeline"
)

//go:embed main.go
var source string

func main() {
	cli.Main(cli.Tool{Name: "sessions", Source: source, Setup: setup, Words: pipeline.Words})
}

func setup(app *cli.App) cli.Action {
	explain := app.Flag("explain", "Print the pipeline in place of running it.").Bool()
	for _, c := range pipeline.Commands {
		declare(app, c)
	}
	app.Overview(overview())
	var request pipeline.Request
	app.PreAction(func(parsed *kingpin.ParseContext) error {
		request = requestOf(parsed)
		return nil
	})
	app.Settings(func() (func(string) string, error) {
		// Where the file cannot be read, the first stage says so.
		environment, _ := dotenv.Load(given(request, "env-file"), app.Environ())
		return environment.Get, nil
	})
	return func(ctx context.Context) error {
		request.Rich = app.Rich()
		plan, notes, err := pipeline.Plan(request)
		if err != nil {
			return err
		}
		for _, note := range notes {
			app.Say("%s", note)
		}
		if *explain {
			fmt.Fprintln(app.Stdout, plan)
			return nil
		}
		return run(ctx, app, plan)
	}
}

func run(ctx context.Context, app *cli.App, plan pipeline.Pipeline) error {
	cli.WaitForChildren()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	status, err := plan.Run(ctx, pipeline.Surroundings{
		Stdin:   app.RawStdin(),
		Stdout:  app.RawStdout(),
		Stderr:  app.Stderr,
		Environ: app.Environ(),
		Beside:  pipeline.Beside(),
		Signals: signals,
		Watched: app.StdoutIsTerminal(),
	})
	switch {
	case err != nil && status > 1:
		app.Say("%v", err)
		return cli.Exit(status)
	case err != nil:
		return err
	case status != 0:
		return cli.Exit(status)
	}
	return nil
}

// declare tells the parser of a command and its options, for their spelling, help and completion.
// What their values may be is for the stages to say.
func declare(app *cli.App, c pipeline.Command) {
	command := app.Command(c.Name, c.Help)
	command.HelpLong("    " + c.Example)
	for _, o := range c.Options {
		flag := command.Flag(o.Name, o.Help).PlaceHolder(o.Value)
		if o.Words == "checkpoint" {
			flag.HintAction(tenant.SettingsOf(app).CheckpointNames)
		} else {
			flag.HintOptions(words(o.Words)...)
		}
		if o.Short != 0 {
			flag.Short(o.Short)
		}
		flag.SetValue(anything{isSwitch: o.Value == ""})
	}
	if c.Args != "" {
		command.Arg(c.Args, "").Required().SetValue(anything{once: !c.Many})
	}
}

// words is a vocabulary that values are completed from.
func words(name string) []string {
	return map[string][]string{
		"state":     incydr.States,
		"severity":  incydr.Severities,
		"status":    incydr.ContentInspectionStatuses,
		"type":      incydr.SessionTypes,
		"order":     incydr.Orders,
		"direction": incydr.Directions,
		"format":    {"table", "csv", "columns", "rich", "json-pretty", "json-lines", "summary"},
		"rows":      {"csv", "json-lines", "auto"},
		"zone":      {"utc", "local", "raw"},
		"message":   {"raw", "rfc5424", "rfc3164", "cef"},
		"framing":   {"lf", "octet"},
		"oversize":  {"fail", "truncate", "skip"},
	}[name]
}

// anything is a value that a stage will judge.
type anything struct{ isSwitch, once bool }

func (anything) Set(string) error     { return nil }
func (anything) String() string       { return "" }
func (a anything) IsBoolFlag() bool   { return a.isSwitch }
func (a anything) IsCumulative() bool { return !a.once } // of an option that is given again, the last one counts

// requestOf reads what was parsed, in the order in which it was given.
func requestOf(parsed *kingpin.ParseContext) (r pipeline.Request) {
	if parsed.SelectedCommand != nil {
		r.Command = parsed.SelectedCommand.Model().Name
	}
	own := []string{"explain", "help"}
	for _, element := range parsed.Elements {
		switch clause := element.Clause.(type) {
		case *kingpin.ArgClause:
			r.Args = append(r.Args, *element.Value)
		case *kingpin.FlagClause:
			f := clause.Model()
			switch {
			case slices.Contains(own, f.Name):
			case !f.IsBoolFlag():
				r.Options = append(r.Options, pipeline.Given{Name: f.Name, Value: *element.Value})
			case *element.Value == "true":
				r.Options = append(r.Options, pipeline.Given{Name: f.Name})
			}
		}
	}
	return r
}

func given(r pipeline.Request, name string) (value string) {
	for _, g := range r.Options {
		if g.Name == name {
			value = g.Value
		}
	}
	return value
}

// overview is what somebody sees who asks for nothing.
func overview() string {
	text := "usage: sessions [OPTION]… COMMAND [ARGUMENT]…\n\n"
	for _, c := range pipeline.Commands {
		text += fmt.Sprintf("  %-18s %s\n  %-18s   %s\n", c.Name, c.Help, "", c.Example)
	}
	return text + "\nsessions COMMAND --help lists its options; sessions --help is the manual.\n"
}
