// Package cli is what all binaries share at their edge: options, exit codes, signals, the
// standard streams, logging and progress. It knows nothing of sessions or tenants; a binary
// hands it a Tool, and everything that a test would want to see goes through injected streams.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"sess/lib/dotenv"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// version is set by the linker: -X sess/lib/cli.version=1.2.3.
var version = "dev"

// A Tool is one binary.
type Tool struct {
	Name   string                // as it is typed
	Source string                // its main.go; the doc comment there is the manual
	Setup  func(app *App) Action // declares the options

	// Words, where set, rewrites the command line before it is parsed.
	Words func(args []string) []string
}

// An Action is what a tool does once its options are parsed. The context ends with SIGINT and
// SIGTERM. An error decides the exit code by its ExitCode method, 1 where it has none.
type Action func(ctx context.Context) error

// Streams are a process's surroundings, injected so that a tool runs under test.
type Streams struct {
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
	Environ []string // KEY=VALUE, as os.Environ gives it
}

// An App is a tool while it runs: its options (it is a kingpin application), its streams and
// its log.
type App struct {
	*kingpin.Application

	Stdin  io.Reader    // ends with the context's error on a signal
	Stdout *Output      // buffered: flush whenever a batch is complete or the input is idle
	Stderr io.Writer    // for people; see Say
	Log    *slog.Logger // ready once the Action runs

	streams  Streams
	settings func() (func(name string) string, error)
	lookup   func(name string) string
	args     []string
	overview string
	logging  logOptions
	closers  []io.Closer
	endings  []func(status int)
}

// Main runs the tool on the process's own arguments and streams, and exits with its status.
func Main(t Tool) {
	if os.Getenv("GOTRACEBACK") == "" {
		debug.SetTraceback("none")
	}
	ctx, stop := notify(context.Background())
	defer stop()
	status := t.Run(ctx, os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ()})
	os.Exit(status)
}

// Run runs the tool and returns its exit status.
func (t Tool) Run(ctx context.Context, args []string, std Streams) (status int) {
	app := newApp(ctx, t, std)
	typed := args
	if t.Words != nil {
		args = t.Words(args)
	}
	app.args = args
	defer func() {
		for _, c := range app.closers {
			c.Close()
		}
	}()
	defer func() {
		for _, end := range app.endings {
			end(status)
		}
	}()
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case terminated:
			status = int(fault)
			if err := app.Stdout.Flush(); err != nil {
				status = app.report(ctx, err)
			}
		default:
			if app.Getenv("GOTRACEBACK") != "" {
				panic(fault)
			}
			app.Say("internal error: %v", fault)
			status = ExitFailed
		}
	}()
	action := t.Setup(app)
	if app.byproducts(typed) {
		return app.report(ctx, app.Stdout.Flush())
	}
	err := app.parse(args)
	if err == nil {
		err = action(ctx)
		if flushed := app.Stdout.Flush(); err == nil {
			err = flushed
		}
	}
	return app.report(ctx, err)
}

// terminated carries an exit status out of kingpin, which wants to end the process by itself
// after --help and --version.
type terminated int

func newApp(ctx context.Context, t Tool, std Streams) *App {
	kingpin.EnableFileExpansion = false // a note may begin with @
	manual := manualOf(t.Source)
	app := &App{
		Application: kingpin.New(t.Name, manual),
		Stdin:       newInput(ctx, std.In),
		Stdout:      newOutput(std.Out),
		Stderr:      std.Err,
		Log:         slog.New(slog.DiscardHandler),
		streams:     std,
	}
	app.lookup = app.exported
	app.settings = app.usual
	app.UsageWriter(app.Stdout).ErrorWriter(std.Err)
	app.Terminate(func(status int) { panic(terminated(status)) })
	app.useHelp()
	app.Version(t.Name + " " + version)
	app.VersionFlag.Help("Print the version and end.")
	app.logging.declare(app)
	return app
}

// Settings makes load the source of all settings that Getenv finds from now on. It is called once,
// after the options are parsed.
func (a *App) Settings(load func() (lookup func(name string) string, err error)) {
	a.settings = load
}

// Getenv returns a setting by its name, in any letter case, and "" where it is not set.
func (a *App) Getenv(name string) string { return a.lookup(name) }

// Environ is the environment as KEY=VALUE.
func (a *App) Environ() []string { return a.streams.Environ }

// Args are the words after the tool's name, as they were given.
func (a *App) Args() []string { return a.args }

// RawStdin is the standard input itself, for handing it on to a child process.
func (a *App) RawStdin() io.Reader { return a.streams.In }

// RawStdout is the standard output without a buffer, for handing it on to a child process.
func (a *App) RawStdout() io.Writer { return a.streams.Out }

// Overview is printed where nothing but the tool's name was typed. Without one, a tool that has
// commands asks for one.
func (a *App) Overview(text string) { a.overview = text }

// Say writes a line for people on stderr, after the tool's name.
func (a *App) Say(format string, args ...any) {
	fmt.Fprintf(a.Stderr, "%s: %s\n", a.Name, strings.TrimRight(fmt.Sprintf(format, args...), "\n"))
}

// AtEnd calls end with the exit status when it is known, whatever it is.
func (a *App) AtEnd(end func(status int)) { a.endings = append(a.endings, end) }

// AtExit closes c when the tool ends.
func (a *App) AtExit(c io.Closer) { a.closers = append(a.closers, c) }

// usual are the settings of a tool that has none of a tenant's: its log and its looks are set in the
// file that the others have theirs in. Only what is named INCYDR_… counts there, since the .env of
// any folder is not to choose a pager or an address. A file that cannot be read is for the tools
// to complain of that need it.
func (a *App) usual() (lookup func(name string) string, err error) {
	found, _ := dotenv.Load("", a.Environ())
	return func(name string) string {
		if strings.HasPrefix(strings.ToUpper(name), "INCYDR_") {
			return found.Get(name)
		}
		return a.exported(name)
	}, nil
}

// exported returns what the environment alone says, in any letter case.
func (a *App) exported(name string) string {
	folded := ""
	for _, kv := range a.streams.Environ {
		key, value, _ := strings.Cut(kv, "=")
		if key == name {
			return value
		}
		if folded == "" && strings.EqualFold(key, name) {
			folded = value
		}
	}
	return folded
}

func (a *App) parse(args []string) error {
	if len(args) == 0 && a.overview != "" {
		io.WriteString(a.Stdout, a.overview)
		panic(terminated(ExitOK))
	}
	if a.lacksCommand(args) {
		return &coded{
			err:  errors.New("no command given"),
			code: ExitUsage,
			hint: fmt.Sprintf("the commands are %s; %s --help is the manual", strings.Join(a.commandNames(), ", "), a.Name),
		}
	}
	if err := a.helpFor(args); err != nil {
		return err
	}
	if _, err := a.Parse(args); err != nil {
		return a.explain(err, args)
	}
	lookup, err := a.settings()
	if err != nil {
		return err
	}
	a.lookup = lookup
	return a.startLog()
}

// helpFor tells what is wrong with the words after the command help; kingpin would end the
// process over them in words of its own.
func (a *App) helpFor(args []string) error {
	parsed, err := a.ParseContext(args)
	if err != nil || parsed.SelectedCommand == nil || parsed.SelectedCommand != a.HelpCommand {
		return nil
	}
	var about []string
	for _, element := range parsed.Elements {
		if _, ok := element.Clause.(*kingpin.ArgClause); ok {
			about = append(about, *element.Value)
		}
	}
	if _, err := a.ParseContext(about); err != nil {
		return a.explain(err, about)
	}
	return nil
}

// lacksCommand tells whether a tool that has commands was given none, nor asked what they are.
func (a *App) lacksCommand(args []string) bool {
	parsed, err := a.ParseContext(args)
	if err != nil || parsed.SelectedCommand != nil || len(a.Model().Commands) == 0 {
		return false
	}
	for _, element := range parsed.Elements {
		if element.Clause == a.HelpFlag || element.Clause == a.VersionFlag {
			return false
		}
	}
	return true
}
