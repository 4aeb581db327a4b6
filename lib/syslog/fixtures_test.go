package syslog

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A pki is a certificate authority with what it signed, as PEM files.
type pki struct {
	dir                   string
	ca, cert, key         string // a receiver called localhost, 127.0.0.1 and ::1
	clientCert, clientKey string
	otherCA               string // an authority that signed none of them
	wrongCert, wrongKey   string // a receiver called elsewhere.example
	expiredCert           string // of key
	authority             *x509.Certificate
	authorityKey          *ecdsa.PrivateKey
}

func newPKI(t testing.TB) *pki {
	t.Helper()
	p := &pki{dir: t.TempDir()}
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(p.dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	serial := int64(0)
	sign := func(c, parent *x509.Certificate, k, parentKey *ecdsa.PrivateKey) []byte {
		serial++
		c.SerialNumber = big.NewInt(serial)
		if c.NotBefore.IsZero() {
			c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &k.PublicKey, parentKey)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	authority := func(name string) (*x509.Certificate, *ecdsa.PrivateKey, string) {
		c := &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
		k := key()
		der := sign(c, c, k, k)
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return parsed, k, file(strings.ReplaceAll(name, " ", "-")+".pem", "CERTIFICATE", der)
	}
	keyFile := func(name string, k *ecdsa.PrivateKey) string {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return file(name, "PRIVATE KEY", der)
	}
	leaf := func(name string, c *x509.Certificate, k *ecdsa.PrivateKey) string {
		c.Subject, c.KeyUsage = pkix.Name{CommonName: name}, x509.KeyUsageDigitalSignature
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		return file(fmt.Sprintf("%s-%d.pem", name, serial), "CERTIFICATE", sign(c, p.authority, k, p.authorityKey))
	}
	p.authority, p.authorityKey, p.ca = authority("test authority")
	_, _, p.otherCA = authority("other authority")
	local := func() *x509.Certificate {
		return &x509.Certificate{DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	}
	k := key()
	p.cert, p.key = leaf("localhost", local(), k), keyFile("localhost.key", k)
	old := local()
	old.NotBefore, old.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	p.expiredCert = leaf("localhost", old, k)
	k = key()
	p.clientCert, p.clientKey = leaf("client", &x509.Certificate{DNSNames: []string{"client"}}, k), keyFile("client.key", k)
	k = key()
	p.wrongCert, p.wrongKey = leaf("elsewhere.example", &x509.Certificate{DNSNames: []string{"elsewhere.example"}}, k), keyFile("elsewhere.key", k)
	return p
}

// freePort is a port of the loopback interface that is free for TCP and UDP, for a moment.
func freePort(t testing.TB) int {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		u, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		l.Close()
		if err == nil {
			u.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// sessions makes n records like the tenant's, each with its number in its id, of about 2700
// bytes, or about 400.
func sessions(n int, long bool) []byte {
	rng := mathrand.New(mathrand.NewPCG(7, 7))
	pad := 100
	if long {
		pad = 2300
	}
	var b bytes.Buffer
	filler := strings.Repeat("Zip files moved to a removable drive — größer als sonst. ", 120)
	for i := range n {
		fmt.Fprintf(&b, `{"sessionId":"s%07d","tenantId":"t-1","actorId":"a%d","actorName":"someone@example.com","beginTime":%d,"endTime":%d,`+
			`"scores":[{"score":%d,"severity":%d,"sourceTimestamp":5}],"states":[{"state":"OPEN","sourceTimestamp":1}],"contextSummary":"%s \"quoted\" \\ | = ]"}`+"\n",
			i, rng.IntN(1000), 1763600000000+int64(i), 1763600100000+int64(i), rng.IntN(100), rng.IntN(5), strings.ToValidUTF8(filler[:pad+rng.IntN(pad)], ""))
	}
	return b.Bytes()
}

// standard are the options that tests begin with.
func standard(a Address) Options {
	return Options{
		Address: a, Format: Raw, Oversize: Fail, Timeout: 10 * time.Second, RetryFor: time.Minute, ResendBuffer: DefaultResendBuffer,
		Header: Header{Facility: 1, Severity: SeverityOfRecord, AppName: "incydr", Hostname: "host.example"},
	}
}

func send(t testing.TB, in io.Reader, o Options) (Tally, error) {
	t.Helper()
	s, err := New(o)
	if err != nil {
		return Tally{}, err
	}
	err = s.Send(t.Context(), in)
	return s.Tally(), err
}
