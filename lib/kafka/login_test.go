package kafka

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func login(t *testing.T, mechanism string, c Credentials) Options {
	t.Helper()
	m, err := Login(mechanism, c)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Login: m}
}

func file(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// deliverOne opens a producer as o says and sends one record.
func deliverOne(o Options) error {
	p, err := Open(context.Background(), o)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Deliver(context.Background(), reader(`{"n":1}`), nil)
}

func TestLogins(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			c := cluster(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "sess", "right"))
			var logins atomic.Int32
			c.ControlKey(int16(kmsg.SASLHandshake), func(kmsg.Request) (kmsg.Response, error, bool) {
				logins.Add(1)
				return nil, nil, false
			})
			o := optionsFor(c)
			o.Login = login(t, mechanism, Credentials{User: "sess", Secret: Secret{File: file(t, "password", []byte("right\n"))}}).Login
			if err := deliverOne(o); err != nil {
				t.Errorf("the right password: %v", err)
			}
			o.Login = login(t, mechanism, Credentials{User: "sess", Secret: Secret{Value: "wrong"}}).Login
			logins.Store(0)
			if err := deliverOne(o); exitCode(err) != 4 || !strings.Contains(err.Error(), "the broker ends the login") || strings.Contains(err.Error(), "wrong") {
				t.Errorf("a wrong password: %d %v", exitCode(err), err)
			}
			if n := logins.Load(); n == 0 || n > 10 {
				t.Errorf("a wrong password was tried %d times", n)
			}
			o.Login = nil
			if err := deliverOne(o); exitCode(err) != 1 || !strings.Contains(hint(err), "--sasl") {
				t.Errorf("no login: %d %v: %s", exitCode(err), err, hint(err))
			}
		})
	}
}

func TestAMechanismThatTheBrokerDoesNotOffer(t *testing.T) {
	t.Parallel()
	c := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "sess", "right"))
	o := optionsFor(c)
	o.Login = login(t, "OAUTHBEARER", Credentials{Secret: Secret{Value: "token"}}).Login
	if err := deliverOne(o); exitCode(err) != 1 || !strings.Contains(hint(err), "--sasl") {
		t.Errorf("%d %v: %s", exitCode(err), err, hint(err))
	}
}

// The token is read again for each connection, so that another program may replace it.
func TestTokensAreReadAgain(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	tokens := make(chan string, 100)
	refuse := make(chan bool, 1)
	c.ControlKey(int16(kmsg.SASLHandshake), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := r.ResponseKind().(*kmsg.SASLHandshakeResponse)
		resp.SupportedMechanisms = []string{"OAUTHBEARER"}
		return resp, nil, true
	})
	c.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		_, token, _ := strings.Cut(string(r.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes), "auth=Bearer ")
		token, _, _ = strings.Cut(token, "\x01")
		resp := r.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		select {
		case <-refuse:
			resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		default:
			tokens <- token
		}
		return resp, nil, true
	})
	name := file(t, "token", []byte("first\n"))
	o := optionsFor(c)
	o.Login = login(t, "OAUTHBEARER", Credentials{Secret: Secret{File: name}}).Login
	if err := deliverOne(o); err != nil {
		t.Fatal(err)
	}
	if token := <-tokens; token != "first" {
		t.Errorf("the token is %q", token)
	}
	if err := os.WriteFile(name, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	for len(tokens) > 0 {
		<-tokens
	}
	if err := deliverOne(o); err != nil {
		t.Fatal(err)
	}
	if token := <-tokens; token != "second" {
		t.Errorf("the second token is %q", token)
	}
	refuse <- true
	if err := deliverOne(o); exitCode(err) != 4 {
		t.Errorf("a refused token: %d %v", exitCode(err), err)
	}
}

func TestWhatALoginLacks(t *testing.T) {
	for _, tt := range []struct {
		mechanism string
		c         Credentials
		err       string
	}{
		{"PLAIN", Credentials{Secret: Secret{Value: "x"}}, "PLAIN needs a user"},
		{"SCRAM-SHA-512", Credentials{User: "u"}, "SCRAM-SHA-512 needs a password"},
		{"OAUTHBEARER", Credentials{User: "u"}, "OAUTHBEARER needs a token"},
		{"PLAIN", Credentials{User: "u", Secret: Secret{File: "/no/such/file"}}, "cannot read /no/such/file: no such file or directory"},
		{"GSSAPI", Credentials{User: "u", Secret: Secret{Value: "x"}}, "unknown SASL mechanism"},
	} {
		if _, err := Login(tt.mechanism, tt.c); exitCode(err) != 2 || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %d %v; want %s", tt.mechanism, exitCode(err), err, tt.err)
		}
	}
}

// An authority signs certificates for the tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key, a.pem, _ = certificate(t, nil, true)
	return a
}

func certificate(t *testing.T, by *authority, isAuthority bool) (cert *x509.Certificate, key *ecdsa.PrivateKey, certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: isAuthority, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }
	return cert, key, block("CERTIFICATE", der), block("EC PRIVATE KEY", keyDER)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	_, _, certPEM, keyPEM := certificate(t, ca, false)
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	_, _, ourCert, ourKey := certificate(t, ca, false)
	var (
		plain     = cluster(t)
		secure    = cluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}))
		mutual    = cluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert}))
		caFile    = file(t, "ca.pem", ca.pem)
		otherFile = file(t, "other.pem", newAuthority(t).pem)
		certFile  = file(t, "cert.pem", ourCert)
		keyFile   = file(t, "key.pem", ourKey)
	)
	for _, tt := range []struct {
		name  string
		c     *kfake.Cluster
		trust *Trust
		code  int
		err   string
		hint  string
	}{
		{"verified", secure, &Trust{Authorities: caFile}, 0, "", ""},
		{"believed", secure, &Trust{Unverified: true}, 0, "", ""},
		{"mutual", mutual, &Trust{Authorities: caFile, Certificate: certFile, Key: keyFile}, 0, "", ""},
		{"the system's authorities", secure, &Trust{}, 1, "cannot verify the broker's certificate", "--certs"},
		{"another authority", secure, &Trust{Authorities: otherFile}, 1, "cannot verify the broker's certificate", "--certs"},
		{"no client certificate", mutual, &Trust{Authorities: caFile}, 1, "the broker ends the TLS handshake", "--cert"},
		{"TLS to a plain port", plain, &Trust{}, 1, "", "--tls"},
		{"plain to a TLS port", secure, nil, 1, "", "--tls"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := optionsFor(tt.c)
			if tt.c == plain { // it waits in silence for what TLS looks like the beginning of
				o.Timeout = 2 * time.Second
			}
			if tt.trust != nil {
				var err error
				if o.TLS, err = tt.trust.Config(); err != nil {
					t.Fatal(err)
				}
			}
			err := deliverOne(o)
			if exitCode(err) != tt.code || !strings.Contains(hint(err), tt.hint) || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%d %v: %s", exitCode(err), err, hint(err))
			}
		})
	}
}

func TestBadTrust(t *testing.T) {
	empty := file(t, "empty.pem", []byte("nothing\n"))
	for _, tt := range []struct {
		trust Trust
		err   string
	}{
		{Trust{Authorities: empty, Unverified: true}, "exclude each other"},
		{Trust{Certificate: "x"}, "--cert and --cert-key go together"},
		{Trust{Authorities: "/no/such/file"}, "cannot read the certificates in /no/such/file: no such file or directory"},
		{Trust{Authorities: empty}, "there is no PEM certificate in "},
		{Trust{Certificate: empty, Key: empty}, "cannot use the certificate "},
	} {
		if _, err := tt.trust.Config(); exitCode(err) != 2 || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%+v: %d %v", tt.trust, exitCode(err), err)
		}
	}
}
