package pipeline

import (
	"os"
	"syscall"
)

// brokenPipe is no status at all: a closed pipe is an error of the write that met it.
const brokenPipe = -1

// gone is ERROR_NO_DATA, the error of a write into a pipe that is being closed.
const gone = syscall.Errno(232)

// StatusOf is a process's status.
func StatusOf(state *os.ProcessState) (status int, killed string) { return state.ExitCode(), "" }

// passOn does nothing for Ctrl-C, which every process of the console gets by itself.
func passOn(p *os.Process, s os.Signal) {
	if s != os.Interrupt {
		p.Kill()
	}
}

func tellToEnd(p *os.Process) { p.Kill() }

// FromTerminal tells whether the console sent the signal, as it does to every process that is
// attached to it.
func FromTerminal(s os.Signal) bool { return s == os.Interrupt }
