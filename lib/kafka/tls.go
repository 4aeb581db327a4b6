package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"syscall"
)

// Trust says whom to believe and who we are, in a TLS connection.
type Trust struct {
	Authorities string // file with the authorities' certificates, PEM; "": the system's own
	Unverified  bool   // believe anybody
	Certificate string // file with our certificate and its chain, PEM; "": none
	Key         string // file with its private key, PEM
}

// Config reads the files. TLS 1.2 is the least that is spoken; the broker's name is checked
// against its certificate by the client, for each broker.
func (t Trust) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	switch {
	case t.Authorities != "" && t.Unverified:
		return nil, usage("take one of the two", "--certs and --ignore-cert-validation exclude each other")
	case (t.Certificate == "") != (t.Key == ""):
		return nil, usage("", "--cert and --cert-key go together")
	}
	c.InsecureSkipVerify = t.Unverified
	if t.Authorities != "" {
		pem, err := os.ReadFile(t.Authorities)
		if err != nil {
			return nil, usage("", "cannot read the certificates in %s: %w", t.Authorities, reason(err))
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage("the file holds one or more blocks that begin with -----BEGIN CERTIFICATE-----", "there is no PEM certificate in %s", t.Authorities)
		}
	}
	if t.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
		if err != nil {
			return nil, usage("", "cannot use the certificate %s with the key %s: %w", t.Certificate, t.Key, reason(err))
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// reason is the system's own word for an error, without the call it met.
func reason(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
