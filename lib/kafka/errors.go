package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sess/lib/neterror"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A Fault is an error that knows its exit status and what to do next.
type Fault struct {
	Code int    // the exit status: 1 failed, 2 usage, 3 partly done, 4 the credentials are refused
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

func usage(hint, format string, args ...any) *Fault {
	return &Fault{Code: 2, Help: hint, Err: fmt.Errorf(format, args...)}
}

func failed(hint, format string, args ...any) *Fault {
	return &Fault{Code: 1, Help: hint, Err: fmt.Errorf(format, args...)}
}

func refused(hint, format string, args ...any) *Fault {
	return &Fault{Code: 4, Help: hint, Err: fmt.Errorf(format, args...)}
}

// loginCut is a login that the broker ended by closing the connection, as some do with credentials
// that they refuse. (Kafka protocol, SaslAuthenticate; a broker may just have been stopped, too.)
func loginCut(err error) *Fault {
	return refused(credentials, "the broker ends the login: %w", err)
}

const credentials = "check --user and the password, or the token"

// explain says what an error of the client means for the one who runs it. final tells whether
// trying again is of no use.
func explain(err error) (f *Fault, final bool) {
	var (
		fault *Fault
		knows interface {
			ExitCode() int
			Hint() string
		}
		verify   *tls.CertificateVerificationError
		unknown  x509.UnknownAuthorityError
		name     x509.HostnameError
		header   tls.RecordHeaderError
		alert    tls.AlertError
		dns      *net.DNSError
		firstEOF *kgo.ErrFirstReadEOF
		cause    = inWords(err)
	)
	switch {
	case errors.As(err, &fault):
		return &Fault{Code: fault.Code, Help: fault.Help, Err: err}, !errors.Is(err, io.EOF)
	case errors.As(err, &knows):
		return &Fault{Code: knows.ExitCode(), Help: knows.Hint(), Err: err}, true
	case errors.Is(err, kerr.SaslAuthenticationFailed), strings.Contains(err.Error(), "SASL_AUTHENTICATION_FAILED"):
		return refused(credentials, "the broker refuses the credentials: %w", err), true
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return failed("--sasl takes another mechanism", "the broker does not offer this SASL mechanism: %w", err), true
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return refused("the user needs to be allowed Write and Describe on the topic", "the broker does not let this user write to the topic: %w", err), true
	case errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return refused("brokers before 3.0 want the user to be allowed IdempotentWrite on the cluster", "the broker does not let this user produce: %w", err), true
	case errors.Is(err, kerr.UnsupportedCompressionType):
		return failed("--compression none", "the broker does not take this compression: %w", err), true
	case errors.Is(err, kerr.InvalidRecord):
		return failed("a compacted topic takes records with a key only: --key actor_id", "the broker refuses the record: %w", err), true
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &name):
		return failed("--certs FILE names the authority that signed it", "cannot verify the broker's certificate: %w", cause), true
	case errors.As(err, &header):
		return failed("leave --tls away, or take the broker's TLS port", "the broker does not speak TLS at this port: %w", cause), true
	case errors.As(err, &alert), strings.Contains(err.Error(), "remote error: tls:"):
		return failed("a broker that asks for a client certificate needs --cert and --cert-key", "the broker ends the TLS handshake: %w", cause), true
	case strings.Contains(err.Error(), "tls alert record"):
		return failed("--tls", "the broker speaks TLS at this port, and we do not: %w", cause), true
	case errors.As(err, &firstEOF):
		return failed("a broker does that where it expects TLS (--tls) or a login (--sasl)", "the broker closes the connection at the first request: %w", cause), false
	case errors.As(err, &dns) && dns.IsNotFound:
		return failed("", "%w", cause), true
	case errors.Is(err, io.EOF):
		return failed("", "the broker closes the connection: %w", cause), false
	}
	return failed("", "%w", cause), false
}

// inWords is an error of the network in a user's terms. The client's own words say no more than
// that it tried.
func inWords(err error) error {
	return &neterror.Error{Text: strings.Replace(neterror.InWords(err).Error(), "unable to dial: ", "", 1), Err: err}
}
