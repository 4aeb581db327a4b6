package cli

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// StdinIsTerminal tells whether a person types the input.
func (a *App) StdinIsTerminal() bool { return isTerminal(a.streams.In) }

// Expect tells a person who is to type the input what it is read for. Where the tool was only
// asked to judge its words, it ends here: they are right.
func (a *App) Expect(what string) {
	if a.Checking() {
		panic(terminated(ExitOK))
	}
	if a.StdinIsTerminal() {
		a.Say("reading %s from the terminal; Ctrl-D ends them", what)
	}
}

// Checking tells that the tool is only to judge its words, and to end with 0 where they are right
// (SESS_CHECK). A pipeline asks that of its later stages before its first one sends requests.
func (a *App) Checking() bool { return isOn(a.Getenv("SESS_CHECK")) }

// StdoutIsTerminal tells whether a person sees the output.
func (a *App) StdoutIsTerminal() bool { return isTerminal(a.streams.Out) }

// StderrIsTerminal tells whether a person sees the messages.
func (a *App) StderrIsTerminal() bool { return isTerminal(a.streams.Err) }

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width is the terminal's width in columns, 0 where stdout is none.
func (a *App) Width() int { w, _ := a.size(); return w }

// Height is the terminal's height in lines, 0 where stdout is none.
func (a *App) Height() int { _, h := a.size(); return h }

func (a *App) size() (width, height int) {
	if !a.StdoutIsTerminal() {
		return 0, 0
	}
	w, h, err := term.GetSize(int(a.streams.Out.(*os.File).Fd()))
	if err != nil || w <= 0 {
		return 80, 24
	}
	if n, err := strconv.Atoi(a.Getenv("COLUMNS")); err == nil && n > 0 {
		w = n
	}
	return w, h
}

// Colour tells whether stdout may be coloured: on a terminal, unless NO_COLOR is set or TERM
// is dumb; anywhere, where CLICOLOR_FORCE is set and not 0. (no-color.org, bixense.com/clicolors)
func (a *App) Colour() bool { return a.colour(a.streams.Out) }

func (a *App) colour(w io.Writer) bool {
	if a.Getenv("NO_COLOR") != "" {
		return false
	}
	if force := a.Getenv("CLICOLOR_FORCE"); force != "" && force != "0" {
		return true
	}
	return isTerminal(w) && a.Getenv("TERM") != "dumb" && isOn(orElse(a.Getenv("INCYDR_USE_RICH"), "true"))
}

func orElse(v, otherwise string) string {
	if v == "" {
		return otherwise
	}
	return v
}

// Rich tells whether INCYDR_USE_RICH leaves rich output on, as it is by default.
func (a *App) Rich() bool { return isOn(orElse(a.Getenv("INCYDR_USE_RICH"), "true")) }
