package syslog

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// A connectError says why a receiver cannot be reached, in the user's terms.
//
// It does not unwrap to the cause: a broken pipe to a receiver is not one of ours.
type connectError struct {
	what string
	hint string
	// lasting: trying again will not help. Only what a person must mend is; it ends a run even
	// after the receiver had been reached before.
	lasting bool
}

func (e *connectError) Error() string { return e.what }
func (e *connectError) ExitCode() int { return 1 }
func (e *connectError) Hint() string  { return e.hint }

// explain turns an error of dialling, of the handshake or of a new connection into what a person
// needs to know.
func explain(a Address, timeout time.Duration, err error) *connectError {
	var known *connectError
	if errors.As(err, &known) {
		return known
	}
	e := &connectError{}
	say := func(hint, format string, args ...any) *connectError {
		e.what, e.hint = fmt.Sprintf(format, args...), hint
		return e
	}
	var (
		dns       *net.DNSError
		handshake *handshakeError
		unknown   x509.UnknownAuthorityError
		wrongName x509.HostnameError
		invalid   x509.CertificateInvalidError
		noRoots   x509.SystemRootsError
		plain     tls.RecordHeaderError
		timedOut  = errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
		netErr    net.Error
	)
	if errors.As(err, &netErr) && netErr.Timeout() {
		timedOut = true
	}
	other := a
	switch {
	case errors.As(err, &dns):
		why := dns.Err
		if dns.IsNotFound {
			why = "no such host"
		}
		return say("", "cannot resolve the name %s: %s", a.Host, why)
	case errors.As(err, &unknown):
		e.lasting = true
		return say("--certs FILE names the certificate of the authority that signed it", "%s does not prove itself: %s is signed by an authority that is not trusted", a, describe(unknown.Cert))
	case errors.As(err, &wrongName):
		e.lasting = true
		return say("connect by a name that the certificate holds", "%s does not prove itself: %s", a, bare(wrongName))
	case errors.As(err, &invalid):
		e.lasting = true
		return say("", "%s does not prove itself: %s: %s", a, describe(invalid.Cert), bare(invalid))
	case errors.As(err, &noRoots):
		return say("--certs FILE names the certificates to trust", "this system has no trusted certificates: %v", noRoots)
	case errors.As(err, &plain):
		other.Protocol = a.Protocol.plain()
		return say(fmt.Sprintf("%s sends without TLS", other), "%s does not speak TLS on this port: it answered in plain text", a)
	case isAlert(err):
		return say("", "%s refused our TLS: %s", a, lastOf(err))
	case errors.As(err, &handshake) && timedOut:
		other.Protocol = a.Protocol.plain()
		return say(fmt.Sprintf("a receiver without TLS does not answer: %s sends without", other), "no TLS handshake with %s within %v: the port may not speak TLS", a, timeout)
	case errors.As(err, &handshake) && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		other.Protocol = a.Protocol.plain()
		return say(fmt.Sprintf("if the port does not speak TLS, %s sends without", other), "%s closed the connection during the TLS handshake", a)
	case errors.As(err, &handshake):
		return say("", "the TLS handshake with %s failed: %v", a, handshake.err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return say(fmt.Sprintf("is the receiver running, and does it listen on port %d?", a.Port), "cannot connect to %s: connection refused", a)
	case timedOut:
		return say("", "cannot connect to %s: no answer within %v", a, timeout)
	}
	return say("", "cannot connect to %s: %s", a, lastOf(err))
}

// bare is an error of crypto/x509 without the package's name.
func bare(err error) string { return strings.TrimPrefix(err.Error(), "x509: ") }

// isAlert reports whether the receiver sent a TLS alert.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// needsTLS says that a plain protocol met a port of TLS.
func needsTLS(a Address) *connectError {
	other := a
	other.Protocol = a.Protocol.encrypted()
	return &connectError{
		what: fmt.Sprintf("%s speaks TLS on this port", a.dial()),
		hint: fmt.Sprintf("use %s", other),
	}
}

// lastOf is the innermost reason: the system's or TLS's own words without what was being done.
func lastOf(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return lastOf(op.Err)
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err.Error()
	}
	return err.Error()
}
