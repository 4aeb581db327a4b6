package pipeline

import (
	"os"
	"syscall"
)

// brokenPipe is no status at all: a closed pipe is an error of the write that met it.
const brokenPipe = -1

// gone is ERROR_NO_DATA, the error of a write into a pipe that is being closed.
const gone = syscall.Errno(232)

func statusOf(state *os.ProcessState) (status int, killed string) { return state.ExitCode(), "" }

// passOn does nothing for Ctrl-C, which every process of the console gets by itself.
func passOn(p *os.Process, s os.Signal) {
	if s != os.Interrupt {
		p.Kill()
	}
}

func tellToEnd(p *os.Process) { p.Kill() }

func fromTerminal(s os.Signal) bool { return s == os.Interrupt }
