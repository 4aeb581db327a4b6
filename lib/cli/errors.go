package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kingpin/v2"

	"sess/lib/suggest"
)

// The exit codes. Scripts rely on them.
const (
	ExitOK         = 0 // done, all of it; no results is done
	ExitFailed     = 1 // network, server, disk
	ExitUsage      = 2 // a bad option, value, setting or input file; nothing was changed anywhere
	ExitPartly     = 3 // some rows or ids failed, each is reported
	ExitRefused    = 4 // the server refused the credentials
	ExitNoSession  = 5 // no such session
	ExitCheckpoint = 6 // in use, damaged, or made by another query
)

// coded is an error that knows its exit code, and perhaps what to do next.
type coded struct {
	err  error
	code int
	hint string
}

func (e *coded) Error() string { return e.err.Error() }
func (e *coded) Unwrap() error { return e.err }
func (e *coded) ExitCode() int { return e.code }
func (e *coded) Hint() string  { return e.hint }

// Usagef is an error of the caller's: exit 2.
func Usagef(format string, args ...any) error {
	return &coded{err: fmt.Errorf(format, args...), code: ExitUsage}
}

// Partlyf is the error of a run that did only a part: exit 3.
func Partlyf(format string, args ...any) error {
	return &coded{err: fmt.Errorf(format, args...), code: ExitPartly}
}

// Exit is a wordless end with the given code: what went wrong was said before.
func Exit(code int) error { return &coded{err: errSaid, code: code} }

var errSaid = errors.New("reported before")

// WithHint adds what to do next, printed as a line of its own. The exit code stays err's.
func WithHint(err error, hint string) error {
	return &coded{err: err, code: exitCode(err), hint: hint}
}

func exitCode(err error) int {
	var knows interface{ ExitCode() int }
	switch {
	case err == nil, readerGone(err):
		return ExitOK
	case errors.As(err, &knows):
		return knows.ExitCode()
	}
	return ExitFailed
}

// readerGone tells whether err says that nobody reads our output any more.
func readerGone(err error) bool {
	return errors.Is(err, ErrReaderGone) || errors.Is(err, syscall.EPIPE)
}

// report says on stderr what went wrong and returns the exit status.
func (a *App) report(ctx context.Context, err error) int {
	stopped := interrupted(ctx)
	if err != nil && !readerGone(err) && !errors.Is(err, errSaid) && !(stopped != 0 && errors.Is(err, context.Canceled)) {
		a.SayError(err)
	}
	if stopped != 0 {
		return stopped
	}
	return exitCode(err)
}

// SayError says what went wrong and, where the error knows, what to do next.
func (a *App) SayError(err error) {
	a.Say("%v", err)
	var helps interface{ Hint() string }
	if errors.As(err, &helps) && helps.Hint() != "" {
		a.Say("hint: %s", helps.Hint())
	}
}

// explain turns kingpin's complaint about the command line into one of ours.
func (a *App) explain(err error, args []string) error {
	var knows interface{ ExitCode() int }
	if errors.As(err, &knows) {
		return err
	}
	message := err.Error()
	quoted := func() string {
		_, rest, _ := strings.Cut(message, "'")
		word, _, _ := strings.Cut(rest, "'")
		return word
	}
	hint := fmt.Sprintf("%s --help lists the options", a.typed(args))
	var number *strconv.NumError
	switch {
	case strings.HasPrefix(message, "unknown long flag"), strings.HasPrefix(message, "unknown short flag"):
		word := quoted()
		message = "unknown option " + word
		name := strings.TrimLeft(word, "-")
		if of := a.commandsWith(name); len(of) > 0 {
			hint = fmt.Sprintf("--%s is for %s; %s", name, strings.Join(of, " and "), hint)
		} else if near := suggest.Nearest(name, a.optionNames(a.command(args))); near != "" {
			hint = "did you mean --" + near + "?"
		}
	case strings.HasPrefix(message, "expected argument for flag"):
		option := quoted()
		message = "option " + option + " needs a value"
		if i := slices.Index(args, option); i >= 0 && i+1 < len(args) && strings.HasPrefix(option, "--") && !strings.HasPrefix(args[i+1], "--") {
			hint = fmt.Sprintf("a value that begins with a dash is written %s=%s", option, args[i+1])
		}
	case strings.HasPrefix(message, "expected command but got"):
		_, word, _ := strings.Cut(message, "got ")
		message = "unknown command " + word
		word = strings.Trim(word, `"`)
		if near := suggest.Nearest(word, a.commandNames()); near != "" {
			hint = "did you mean " + near + "?"
		} else {
			hint = "the commands are " + strings.Join(a.commandNames(), ", ")
		}
	case strings.HasPrefix(message, "unexpected "):
		message = "unexpected argument " + strings.Trim(message[strings.LastIndexByte(message, ' ')+1:], "'")
	case strings.HasPrefix(message, "required argument"):
		message = quoted() + " is missing"
	case strings.HasPrefix(message, "flag '"):
		message = "option --" + quoted() + " can be given only once"
	case errors.As(err, &number):
		message = fmt.Sprintf("%q is not a number", number.Num)
		if option := givenTo(number.Num, args); option != "" {
			message = fmt.Sprintf("%s: %q is not a number", option, number.Num)
		}
	}
	return &coded{err: errors.New(message), code: ExitUsage, hint: hint}
}

// typed is the tool's name, and the command's where one was given.
func (a *App) typed(args []string) string {
	return strings.TrimSpace(a.Name + " " + a.command(args))
}

// command is the command that was given, "" where none was.
func (a *App) command(args []string) string {
	for _, arg := range args {
		if slices.Contains(a.commandNames(), arg) {
			return arg
		}
	}
	return ""
}

// givenTo is the option that the value was given to, "" where it cannot be told.
func givenTo(value string, args []string) string {
	for i, arg := range args {
		if name, v, ok := strings.Cut(arg, "="); ok && v == value && strings.HasPrefix(name, "-") {
			return name
		}
		if arg == value && i > 0 && strings.HasPrefix(args[i-1], "-") {
			return args[i-1]
		}
	}
	return ""
}

// optionNames are the options that may be given with the command, with any where it is "".
func (a *App) optionNames(command string) (names []string) {
	model := a.Model()
	groups := [][]*kingpin.FlagModel{model.Flags}
	for _, c := range model.FlattenedCommands() {
		if command == "" || c.Name == command {
			groups = append(groups, c.Flags)
		}
	}
	for _, f := range slices.Concat(groups...) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	return names
}

// commandsWith are the commands, as they are typed, that have the option.
func (a *App) commandsWith(option string) (commands []string) {
	for _, c := range a.Model().FlattenedCommands() {
		if slices.ContainsFunc(c.Flags, func(f *kingpin.FlagModel) bool { return f.Name == option }) {
			commands = append(commands, a.Name+" "+c.Name)
		}
	}
	return commands
}

func (a *App) commandNames() (names []string) {
	for _, c := range a.Model().Commands {
		if !c.Hidden && c.Name != "help" {
			names = append(names, c.Name)
		}
	}
	return names
}
