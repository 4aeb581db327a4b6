// Package pipeline turns the vendor CLI's way of asking into a pipeline of the small binaries,
// prints that pipeline for a shell, and runs it. It knows which option belongs to which stage
// and nothing of what the options mean: what a value may be, each stage says itself.
package pipeline

import (
	"strings"

	"al.essio.dev/pkg/shellescape"
)

// A Stage is one program of a pipeline. It reads what the stage before it prints.
type Stage struct {
	Program string
	Args    []string
	Runs    string // a program that this one starts, "" for none: it has to be there too
	Input   string // a file to read from, "" for what comes before
	Silent  bool   // its output is thrown away
}

// String is the stage as one types it in a POSIX shell.
func (s Stage) String() string {
	words := append([]string{s.Program}, s.Args...)
	line := shellescape.QuoteCommand(words)
	if s.Input != "" {
		line += " <" + shellescape.Quote(s.Input)
	}
	if s.Silent {
		line += " >/dev/null"
	}
	return line
}

// A Pipeline is what runs for one command line, first stage first.
type Pipeline []Stage

// String is the pipeline as one types it in a POSIX shell.
func (p Pipeline) String() string {
	stages := make([]string, len(p))
	for i, s := range p {
		stages[i] = s.String()
	}
	return strings.Join(stages, " | ")
}
