package rsyslog

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Certificates are the PEM files of an authority and of what it signed, valid for a day.
type Certificates struct {
	Authority             string // its certificate
	Cert, Key             string // of a receiver called localhost, 127.0.0.1 and ::1
	ClientCert, ClientKey string // of a client called client
	WrongCert, WrongKey   string // of a receiver called elsewhere.example
	ExpiredCert           string // of Key, and it was valid until yesterday
	OtherAuthority        string // the certificate of one that signed none of them

	dir    string
	serial int64
	parent *x509.Certificate
	key    *ecdsa.PrivateKey
}

// NewCertificates makes them in a folder.
func NewCertificates(dir string) (c *Certificates, err error) {
	c = &Certificates{dir: dir}
	defer func() {
		if fault, ok := recover().(error); ok {
			err = fmt.Errorf("making certificates: %w", fault)
		}
	}()
	_, _, c.OtherAuthority = c.authority("other authority")
	c.parent, c.key, c.Authority = c.authority("test authority")
	local := x509.Certificate{DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	old := local
	old.NotBefore, old.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	var key *ecdsa.PrivateKey
	key, c.Key = c.newKey("localhost")
	c.Cert = c.leaf("localhost", local, key)
	c.ExpiredCert = c.leaf("localhost", old, key)
	key, c.ClientKey = c.newKey("client")
	c.ClientCert = c.leaf("client", x509.Certificate{DNSNames: []string{"client"}}, key)
	key, c.WrongKey = c.newKey("elsewhere")
	c.WrongCert = c.leaf("elsewhere.example", x509.Certificate{DNSNames: []string{"elsewhere.example"}}, key)
	return c, nil
}

// must ends NewCertificates with an error.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (c *Certificates) file(name, kind string, der []byte) string {
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		panic(err)
	}
	return path
}

func (c *Certificates) newKey(name string) (*ecdsa.PrivateKey, string) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	return key, c.file(name+".key", "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key)))
}

func (c *Certificates) sign(cert, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) []byte {
	c.serial++
	cert.SerialNumber = big.NewInt(c.serial)
	if cert.NotBefore.IsZero() {
		cert.NotBefore, cert.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	return must(x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, signer))
}

func (c *Certificates) authority(name string) (*x509.Certificate, *ecdsa.PrivateKey, string) {
	cert := &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	der := c.sign(cert, cert, key, key)
	return must(x509.ParseCertificate(der)), key, c.file(strings.ReplaceAll(name, " ", "-")+".pem", "CERTIFICATE", der)
}

func (c *Certificates) leaf(name string, cert x509.Certificate, key *ecdsa.PrivateKey) string {
	cert.Subject, cert.KeyUsage = pkix.Name{CommonName: name}, x509.KeyUsageDigitalSignature
	cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	return c.file(fmt.Sprintf("%s-%d.pem", name, c.serial), "CERTIFICATE", c.sign(&cert, c.parent, key, c.key))
}
