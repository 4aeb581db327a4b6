package syslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"sess/lib/freeport"
	"sess/lib/syslog/rsyslog"
)

func certificates(t testing.TB) *rsyslog.Certificates {
	t.Helper()
	c, err := rsyslog.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// start starts an rsyslog for a test: where it is not installed the test is skipped on a
// developer's machine, and fails in CI.
func start(t testing.TB, c *rsyslog.Certificates, in ...rsyslog.Input) *rsyslog.Server {
	t.Helper()
	s, err := rsyslog.New(t.TempDir(), c, in...)
	if s != nil {
		t.Cleanup(s.Kill)
	}
	if errors.Is(err, rsyslog.ErrMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// parse is an address that is known to be right.
func parse(t testing.TB, address string) Address {
	t.Helper()
	a, err := ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// closedPort is a port that nobody listens on.
func closedPort(t testing.TB) int {
	t.Helper()
	port, err := freeport.Get()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// sessions makes n records like the tenant's, each with its number in its id, of about 2700
// bytes, or about 400.
func sessions(n int, long bool) []byte {
	rng := rand.New(rand.NewPCG(7, 7))
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
