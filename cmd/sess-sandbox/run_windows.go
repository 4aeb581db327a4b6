package main

import "os"

// hadItToo tells whether the command has got the signal without us: a console sends Ctrl-C to
// every process that is attached to it, and nothing else can be sent.
func hadItToo(os.Signal) bool { return true }

func statusOf(state *os.ProcessState) int { return state.ExitCode() }
