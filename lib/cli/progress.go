package cli

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows on stderr how far a run is: done of the total, rate and time left. All its
// methods do nothing off a terminal, and where the next programs of a pipeline show on it what
// they make of the output, which would be written over.
type Progress struct{ bar *progressbar.ProgressBar }

// Progress begins to show how many of what are done.
func (a *App) Progress(what string) *Progress {
	if !a.StderrIsTerminal() || !truth(orElse(a.Getenv("SESS_PROGRESS"), "true")) {
		return &Progress{}
	}
	if out, ok := a.streams.Out.(*os.File); ok && shownDownstream(out) {
		return &Progress{}
	}
	return &Progress{progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(a.Stderr),
		progressbar.OptionSetItsString(what),
		progressbar.OptionShowIts(),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetWidth(24),
		progressbar.OptionClearOnFinish(),
	)}
}

// Total says how many there are to do.
func (p *Progress) Total(n int64) {
	if p.bar != nil && n > 0 && p.bar.GetMax64() != n {
		p.bar.ChangeMax64(n)
	}
}

// Set says how many are done.
func (p *Progress) Set(n int64) {
	if p.bar != nil {
		p.bar.Set64(n)
	}
}

// Note says beside the bar what is going on.
func (p *Progress) Note(s string) {
	if p.bar != nil {
		p.bar.Describe(s)
	}
}

// Hide takes the bar off the screen until there is something new to show, so that other lines
// can be written there.
func (p *Progress) Hide() {
	if p.bar != nil {
		p.bar.Clear()
	}
}

// Done takes the bar off the screen.
func (p *Progress) Done() {
	if p.bar != nil {
		p.bar.Finish()
		p.bar.Clear()
	}
}
