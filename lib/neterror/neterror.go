// Package neterror says in a user's terms why the network failed. It does not know what was asked
// of whom: that is said by whoever reports it.
package neterror

import (
	"errors"
	"net"
	"strings"
	"syscall"
)

// An Error is an error of the network in other words.
type Error struct {
	Text string
	Err  error // as it came
}

func (e *Error) Error() string { return e.Text }
func (e *Error) Unwrap() error { return e.Err }

// InWords takes the system call and its addresses off an error of the network. Any other error,
// and a TLS alert, speaks for itself.
func InWords(err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || strings.HasPrefix(op.Op, "remote") {
		return err
	}
	return &Error{strings.Replace(err.Error(), op.Error(), reason(op), 1), err}
}

func reason(op *net.OpError) string {
	var (
		inner *net.OpError
		dns   *net.DNSError
		errno syscall.Errno
	)
	switch {
	case op.Op == "proxyconnect" && errors.As(op.Err, &inner):
		return "cannot reach the proxy: " + reason(inner)
	case errors.As(op.Err, &dns) && dns.IsNotFound:
		return "cannot resolve the name " + dns.Name + ": no such host"
	case errors.As(op.Err, &dns):
		return "cannot resolve the name " + dns.Name + ": " + dns.Err
	case errors.As(op.Err, &errno):
		return errno.Error()
	case op.Op == "dial" && op.Timeout():
		return "no answer to an attempt to connect"
	}
	return op.Err.Error()
}
