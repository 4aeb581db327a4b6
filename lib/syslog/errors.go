package syslog

import "fmt"

// A Fault is an error that knows its exit status and what to do next.
type Fault struct {
	Code int    // the exit status: 1 failed, 2 usage, 3 partly done
	Help string // what to do next, "" for nothing
	Err  error
}

func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap returns what happened.
func (f *Fault) Unwrap() error { return f.Err }

// ExitCode is the exit status that the fault asks for.
func (f *Fault) ExitCode() int { return f.Code }

// Hint says what to do next.
func (f *Fault) Hint() string { return f.Help }

// usage is a fault of the one who called: exit 2.
func usage(hint, format string, args ...any) *Fault {
	return &Fault{Code: 2, Help: hint, Err: fmt.Errorf(format, args...)}
}

// failed is a fault of the network or the receiver: exit 1.
func failed(hint, format string, args ...any) *Fault {
	return &Fault{Code: 1, Help: hint, Err: fmt.Errorf(format, args...)}
}
