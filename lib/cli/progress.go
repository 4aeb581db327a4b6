package cli

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows on stderr how far a run is: done of the total, rate and time left. All its
// methods do nothing off a terminal, and where the next programs of a pipeline show on it what
// they make of the output, which would be written over. Nor does the zero Progress do anything.
type Progress struct {
	begin func(total int64) *progressbar.ProgressBar // nil once there is a bar, or there is to be none
	bar   *progressbar.ProgressBar
	total int64 // -1: not known
}

// Progress begins to show how many of what are done.
func (a *App) Progress(what string) *Progress {
	if !a.StderrIsTerminal() || !isOn(orElse(a.Getenv("SESS_PROGRESS"), "true")) {
		return &Progress{}
	}
	return &Progress{total: -1, begin: func(total int64) *progressbar.ProgressBar {
		if out, ok := a.streams.Out.(*os.File); ok && shownDownstream(out) {
			return nil
		}
		return progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(a.Stderr),
			progressbar.OptionSetItsString(what),
			progressbar.OptionShowIts(),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetWidth(24),
			progressbar.OptionClearOnFinish(),
		)
	}}
}

// drawn is the bar, nil where there is none. What the next programs show is asked once something
// is done: the shell may not have started them before.
func (p *Progress) drawn() *progressbar.ProgressBar {
	if p.begin != nil {
		p.bar, p.begin = p.begin(p.total), nil
	}
	return p.bar
}

// Total says how many there are to do. It is shown with what is done.
func (p *Progress) Total(n int64) {
	if n <= 0 || n == p.total {
		return
	}
	p.total = n
	if p.bar != nil {
		p.bar.ChangeMax64(n)
	}
}

// Set says how many are done.
func (p *Progress) Set(n int64) {
	if bar := p.drawn(); bar != nil {
		bar.Set64(n)
	}
}

// Note says beside the bar what is going on.
func (p *Progress) Note(s string) {
	if bar := p.drawn(); bar != nil {
		bar.Describe(s)
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
