package syslog

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"time"
)

// TLSOptions are how a receiver is known, and how we are known to it.
type TLSOptions struct {
	CAFile   string // the certificates to trust, PEM; "" for those of the system
	Insecure bool   // trust any certificate
	CertFile string // our certificate and what leads to its root, PEM; "" for none
	KeyFile  string // its key, PEM
}

func (t TLSOptions) given() string {
	switch {
	case t.CAFile != "":
		return "--certs"
	case t.Insecure:
		return "--ignore-cert-validation"
	case t.CertFile != "":
		return "--cert"
	case t.KeyFile != "":
		return "--key"
	}
	return ""
}

// check refuses what contradicts itself or the address.
func (t TLSOptions) check(a Address) error {
	switch {
	case t.given() != "" && !a.Protocol.TLS():
		secure := a
		secure.Protocol = secure.Protocol.encrypted()
		hint := ""
		if a.Protocol != UDP {
			hint = secure.String() + " is the same receiver with TLS"
		}
		return usage(hint, "%s is of no use without TLS, and %s has none", t.given(), a)
	case t.CAFile != "" && t.Insecure:
		return usage("--certs alone checks against that file; --ignore-cert-validation alone checks nothing", "--certs and --ignore-cert-validation contradict each other")
	case t.CertFile != "" && t.KeyFile == "":
		return usage("", "--cert needs --key, the key of the client certificate")
	case t.KeyFile != "" && t.CertFile == "":
		return usage("", "--key needs --cert, the client certificate that it belongs to")
	}
	return nil
}

// config reads the files. The server's name is checked against host; asked is called when it wants
// to see a client certificate.
func (t TLSOptions) config(host string, asked func()) (*tls.Config, error) {
	conf := &tls.Config{
		ServerName:                  host,
		MinVersion:                  tls.VersionTLS12,
		InsecureSkipVerify:          t.Insecure,
		ClientSessionCache:          tls.NewLRUClientSessionCache(1),
		DynamicRecordSizingDisabled: true,
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, usage("", "cannot read --certs: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage("it must have -----BEGIN CERTIFICATE----- lines; openssl x509 -inform DER converts a binary one", "--certs %s holds no PEM certificate", t.CAFile)
		}
	}
	own := &tls.Certificate{} // none
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, usage("", "cannot use the client certificate %s with the key %s: %w", t.CertFile, t.KeyFile, err)
		}
		own = &pair
	}
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked()
		return own, nil
	}
	return conf, nil
}

// speaksTLS asks whether the receiver answers a TLS handshake. It is asked only after a plain
// connection failed that had never worked, for a handshake would be garbage in a plain receiver's log.
func speaksTLS(ctx context.Context, a Address, timeout time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", a.dial())
	if err != nil {
		return false
	}
	defer conn.Close()
	heard := &recording{Conn: conn}
	tls.Client(heard, &tls.Config{InsecureSkipVerify: true, ServerName: a.Host}).HandshakeContext(ctx)
	return isTLS(heard.bytes)
}

// recording keeps the first bytes that come from the other side.
type recording struct {
	net.Conn
	bytes []byte
}

func (r *recording) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.bytes = append(r.bytes, p[:min(n, 8-min(len(r.bytes), 8))]...)
	return n, err
}

// isTLS reports whether the bytes begin like a TLS record with an alert or a handshake in it
// (RFC 8446, section 5.1).
func isTLS(b []byte) bool {
	return len(b) >= 3 && (b[0] == 0x15 || b[0] == 0x16) && b[1] == 3 && b[2] <= 4
}

// describe names a certificate in an error.
func describe(c *x509.Certificate) string {
	if c == nil {
		return "the certificate"
	}
	name := c.Subject.CommonName
	if name == "" && len(c.DNSNames) > 0 {
		name = c.DNSNames[0]
	}
	return fmt.Sprintf("the certificate %q (issued by %q)", name, c.Issuer.CommonName)
}
