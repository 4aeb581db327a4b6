package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// holdFor is how long a screen is kept back to see whether more than one comes.
const holdFor = 100 * time.Millisecond

// A Pager is an Output that shows what fits on a screen at once, and otherwise starts a program
// to page through it. What it waits for to come is shown directly once it is slow in coming.
type Pager struct {
	out     Output
	height  int
	command *exec.Cmd
	started func()

	mu     sync.Mutex
	held   []byte
	lines  int
	direct bool           // what was held has been shown without a program
	pipe   io.WriteCloser // to the program, once it runs
	timer  *time.Timer
	err    error
}

// NewPager returns a Pager for a terminal of height lines. The command is not started before it
// is needed; started is called just after.
func NewPager(out Output, height int, command *exec.Cmd, started func()) *Pager {
	return &Pager{out: out, height: height, command: command, started: started}
}

// Write keeps p back until it is known whether it fits.
func (p *Pager) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.err != nil:
		return 0, p.err
	case p.pipe != nil:
		return p.page(text)
	case p.direct:
		return p.out.Write(text)
	}
	p.held = append(p.held, text...)
	p.lines += bytes.Count(text, []byte("\n"))
	if p.lines < p.height {
		return len(text), nil
	}
	if !p.start() {
		return len(text), p.show()
	}
	_, err := p.page(p.held)
	p.held = nil
	return len(text), err
}

// Flush shows what is held back, unless more comes soon.
func (p *Pager) Flush() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.err != nil || p.pipe != nil:
		return p.err
	case p.direct:
		return p.out.Flush()
	case p.timer == nil && len(p.held) > 0:
		p.timer = time.AfterFunc(holdFor, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.pipe == nil && !p.direct {
				p.show()
			}
		})
	}
	return nil
}

// Close shows what is left and waits until the person has done with the program.
func (p *Pager) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
	if p.pipe == nil {
		if !p.direct {
			return p.show()
		}
		return p.out.Flush()
	}
	p.pipe.Close()
	var exit *exec.ExitError
	if err := p.command.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// show ends the holding back without a program.
func (p *Pager) show() error {
	p.direct = true
	if _, p.err = p.out.Write(p.held); p.err == nil {
		p.err = p.out.Flush()
	}
	p.held = nil
	return p.err
}

func (p *Pager) start() bool {
	pipe, err := p.command.StdinPipe()
	if err != nil || p.command.Start() != nil {
		return false
	}
	p.pipe = pipe
	p.started()
	return true
}

func (p *Pager) page(text []byte) (int, error) {
	n, err := p.pipe.Write(text)
	if err != nil {
		p.err = syscall.EPIPE // the person has seen enough
		return n, p.err
	}
	return n, nil
}

// missing is the program that a pager's command line begins with, where there is none of that name.
func missing(pager string) string {
	first := strings.Fields(pager)[0]
	if strings.ContainsAny(first, "=$`'\"\\(){}<>|&;*?~") {
		return "" // the shell's to understand
	}
	if _, err := exec.LookPath(first); err != nil {
		return first
	}
	return ""
}

// PagerCommand is the program to page with, which writes to out: what the variable PAGER says,
// else less where it is installed. It is nil where there is none, or the variable says cat or
// is set to nothing. The error is about a program that the variable names and that is not there.
func PagerCommand(pager string, isSet bool, environ []string, out, stderr *os.File) (*exec.Cmd, error) {
	switch strings.TrimSpace(pager) {
	case "":
		if isSet {
			return nil, nil
		}
		path, err := exec.LookPath("less")
		if err != nil {
			return nil, nil
		}
		pager = path
	case "cat":
		return nil, nil
	default:
		if name := missing(pager); name != "" {
			return nil, fmt.Errorf("%s: no such program", name)
		}
	}
	cmd := shell(pager)
	cmd.Stdout, cmd.Stderr = out, stderr
	// What less needs to leave colours as they are, and the text on the screen at its end.
	cmd.Env = append([]string{"LESS=FRX", "LV=-c"}, environ...)
	return cmd, nil
}
