package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Surroundings are what a pipeline runs in.
type Surroundings struct {
	Stdin   io.Reader // what the first stage reads; an *os.File is handed over as it is
	Stdout  io.Writer // where the last stage prints; an *os.File is handed over as it is
	Stderr  io.Writer // where all stages say what is wrong, several at once; an *os.File is handed over as it is
	Environ []string  // NAME=VALUE, for every stage

	// Beside is the folder where the stages' programs are looked for before PATH.
	Beside string
	// Signals are passed on to the stages, each signal once: SIGINT not where it came from the
	// terminal, which sends it to every process by itself.
	Signals <-chan os.Signal
	// Watched tells that a person sees the last stage's output grow, so that nothing else may
	// be drawn on the screen.
	Watched bool
}

// Beside is the folder where this program lies, and the others with it; "" where nobody knows.
func Beside() string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	return filepath.Dir(self)
}

// patience is how long stages have to notice by themselves that the last one has ended, and that
// nobody reads them any more.
const patience = 300 * time.Millisecond

// Run has all stages judge their words, then runs the pipeline and returns the status of the first
// stage, in the pipeline's order, that failed, 0 where none did. The stages say themselves what went wrong; an error tells what they
// cannot: that one was not found, could not be started, or was killed. When Run returns, no
// stage runs any more.
func (p Pipeline) Run(ctx context.Context, in Surroundings) (status int, err error) {
	// On Linux the stages are told to end when the thread dies that started them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	r := &run{in: in, ended: make(chan int, len(p))}
	if err := r.prepare(p); err != nil {
		return 1, err
	}
	if status, err := r.check(); status != 0 {
		r.close()
		return status, err
	}
	if err := r.start(); err != nil {
		return 1, err
	}
	r.watch(ctx)
	return r.outcome()
}

// running is a stage's process.
type running struct {
	*exec.Cmd
	name   string
	done   bool
	told   bool // to end, as nobody reads it any more
	ending error
}

type run struct {
	in     Surroundings
	stages []*running
	closed []io.Closer // our ends of files, to be closed once the stages have theirs
	ended  chan int
}

// prepare finds the programs, opens the files and lays the pipes.
func (r *run) prepare(p Pipeline) (err error) {
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	environ := withPath(r.in.Environ, r.in.Beside)
	for _, s := range p {
		path, err := r.in.Find(s.Program)
		if err != nil {
			return err
		}
		if s.Runs != "" {
			if _, err := r.in.Find(s.Runs); err != nil {
				return err
			}
		}
		cmd := &exec.Cmd{Path: path, Args: append([]string{s.Program}, s.Args...), Env: environ, Stdin: r.in.Stdin, Stdout: r.in.Stdout, Stderr: r.in.Stderr}
		if len(r.stages) > 0 || r.in.Watched && len(p) > 1 {
			cmd.Env = append(cmd.Env[:len(cmd.Env):len(cmd.Env)], "SESS_PROGRESS=false")
		}
		if s.Silent {
			cmd.Stdout = nil
		}
		endWithParent(cmd)
		if s.Input != "" {
			f, err := os.Open(s.Input)
			if err != nil {
				return &Misuse{Problem: fmt.Sprintf("cannot read %s: %v", s.Input, bare(err))}
			}
			cmd.Stdin = f
			r.closed = append(r.closed, f)
		}
		if n := len(r.stages); n > 0 {
			from, to, err := os.Pipe()
			if err != nil {
				return fmt.Errorf("cannot connect %s and %s: %w", p[n-1].Program, s.Program, err)
			}
			r.stages[n-1].Stdout, cmd.Stdin = to, from
			r.closed = append(r.closed, from, to)
		}
		r.stages = append(r.stages, &running{Cmd: cmd, name: s.Program})
	}
	return nil
}

// start starts all stages, or none.
func (r *run) start() error {
	defer r.close()
	for i, s := range r.stages {
		if err := s.Start(); err != nil {
			for _, earlier := range r.stages[:i] {
				earlier.Process.Kill()
				earlier.Wait()
			}
			return fmt.Errorf("cannot start %s: %w", s.Path, bare(err))
		}
	}
	for i, s := range r.stages {
		go func() {
			s.ending = s.Wait()
			r.ended <- i
		}()
	}
	return nil
}

func (r *run) close() {
	for _, c := range r.closed {
		c.Close()
	}
	r.closed = nil
}

// watch passes signals on and returns when all stages have ended.
func (r *run) watch(ctx context.Context) {
	var (
		unread <-chan time.Time // when stages that still run after the last one are told to end
		late   <-chan time.Time // when a signal of the terminal's should have done its work
		held   os.Signal
		stop   = ctx.Done()
	)
	if r.in.Signals != nil {
		stop = nil
	}
	for left := len(r.stages); left > 0; {
		select {
		case i := <-r.ended:
			r.stages[i].done = true
			left--
			if i == len(r.stages)-1 {
				unread = time.After(patience)
			}
		case <-unread:
			for _, s := range r.stages {
				if !s.done && !s.told {
					s.told = true
					tellToEnd(s.Process)
				}
			}
		case s := <-r.in.Signals:
			if FromTerminal(s) {
				held, late = s, time.After(terminalGrace)
				continue
			}
			r.pass(s)
		case <-late:
			r.pass(held)
		case <-stop:
			stop = nil
			for _, s := range r.stages {
				if !s.done {
					tellToEnd(s.Process)
				}
			}
		}
	}
}

// terminalGrace is how long stages have that got a signal from the terminal; a tool ends within
// two seconds of one.
const terminalGrace = 2200 * time.Millisecond

func (r *run) pass(s os.Signal) {
	for _, stage := range r.stages {
		if !stage.done {
			passOn(stage.Process, s)
		}
	}
}

// outcome is the status of the first stage that failed, and what there is to say about it.
func (r *run) outcome() (int, error) {
	for _, s := range r.stages {
		state := s.ProcessState
		if state == nil {
			return 1, fmt.Errorf("%s: %w", s.name, s.ending)
		}
		status, killed := StatusOf(state)
		if status == 0 || s.told || status == brokenPipe {
			continue
		}
		if killed != "" {
			return status, fmt.Errorf("%s was stopped by a signal: %s", s.name, killed)
		}
		return status, nil
	}
	for _, s := range r.stages {
		// The process ended well, but what it printed could not be copied on.
		if exit := (*exec.ExitError)(nil); s.ending != nil && !errors.As(s.ending, &exit) {
			return 1, fmt.Errorf("%s: %w", s.name, s.ending)
		}
	}
	return 0, nil
}

// Find is the path of a program: beside us, else on PATH. One that is named with its folder is
// there or nowhere. The error is a *Missing.
func (in Surroundings) Find(program string) (string, error) {
	if filepath.Base(program) != program {
		path, err := exec.LookPath(program)
		if err != nil {
			return "", &Missing{Program: program, Err: bare(err)}
		}
		return path, nil
	}
	if in.Beside != "" {
		if path, err := exec.LookPath(filepath.Join(in.Beside, program)); err == nil {
			return path, nil
		}
	}
	for _, dir := range filepath.SplitList(pathOf(in.Environ)) {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil && filepath.IsAbs(path) {
			return path, nil
		}
	}
	return "", &Missing{Program: program, Beside: in.Beside}
}

// Missing is a program that a pipeline needs and that is nowhere.
type Missing struct {
	Program, Beside string
	Err             error // why the very file that was named cannot be run, nil where none was
}

func (m *Missing) Error() string {
	if m.Err != nil {
		return fmt.Sprintf("cannot run %s: %v", m.Program, m.Err)
	}
	return fmt.Sprintf("cannot find %s: it is neither in %s nor on PATH", m.Program, m.Beside)
}

// Hint says what to do.
func (m *Missing) Hint() string {
	if !strings.HasPrefix(m.Program, "sess-") {
		return ""
	}
	return "install all the sess programs into one folder, or put theirs on PATH"
}

// withPath is the environment with the folder first on PATH, for programs that stages start.
func withPath(environ []string, folder string) []string {
	if folder == "" {
		return environ
	}
	path := folder
	if old := pathOf(environ); old != "" {
		path += string(os.PathListSeparator) + old
	}
	return append(environ[:len(environ):len(environ)], "PATH="+path)
}

func pathOf(environ []string) (path string) {
	for _, pair := range environ {
		if name, value, _ := strings.Cut(pair, "="); name == "PATH" || runtime.GOOS == "windows" && strings.EqualFold(name, "PATH") {
			path = value
		}
	}
	return path
}

// bare is the system's own word for an error, without the call and the file it met.
func bare(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	if e := (*exec.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
