package incydr

import (
	"errors"
	"net"
	"strings"
	"syscall"
)

// A networkError says in the user's terms why no answer came. What it wraps tells the tries.
type networkError struct {
	what string
	err  error
}

func (e *networkError) Error() string { return e.what }
func (e *networkError) Unwrap() error { return e.err }

// inWords takes the system call and its addresses off an error of the network: which server it is
// about is said by whoever reports it.
func inWords(err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || strings.HasPrefix(op.Op, "remote") { // a TLS alert speaks for itself
		return err
	}
	return &networkError{strings.Replace(err.Error(), op.Error(), reason(op), 1), err}
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
