//go:build !windows

package pipeline

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// brokenPipe is the status of a program that wrote to a reader that was gone.
const brokenPipe = 128 + int(syscall.SIGPIPE)

// gone is the error of a write that nobody reads.
const gone = syscall.EPIPE

// StatusOf is a process's status as a shell gives it, and the name of the signal that killed it.
func StatusOf(state *os.ProcessState) (status int, killed string) {
	if w, ok := state.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal()), w.Signal().String()
	}
	return state.ExitCode(), ""
}

func passOn(p *os.Process, s os.Signal) { p.Signal(s) }

func tellToEnd(p *os.Process) { p.Signal(syscall.SIGTERM) }

// FromTerminal tells whether the signal came, as far as one can know, from the terminal's own
// keys: those reach every process in the foreground, and ours are all in one group.
func FromTerminal(s os.Signal) bool {
	if s != os.Interrupt {
		return false
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer tty.Close()
	foreground, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}
