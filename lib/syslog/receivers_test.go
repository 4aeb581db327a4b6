//go:build linux

package syslog

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sess/lib/syslog/rsyslog"
)

// rsyslog finds in our headers what we put there.
func TestRsyslogUnderstands(t *testing.T) {
	r := start(t, certificates(t), rsyslog.Parsed)
	year := time.Now().Year()
	for _, c := range []struct {
		format  Format
		framing Framing
		want    string
	}{
		{RFC5424, LF, `130~2025-11-20T00:55:00.123+00:00~host.example~incydr~session~[incydr@32473 sessionId="5b1f" severity="CRITICAL" score="9"]~` + aSession},
		{RFC5424, Octet, `130~2025-11-20T00:55:00.123+00:00~host.example~incydr~session~[incydr@32473 sessionId="5b1f" severity="CRITICAL" score="9"]~` + aSession},
		{RFC3164, LF, fmt.Sprintf(`130~%d-11-20T00:55:00`, year)},
		{CEF, Octet, fmt.Sprintf(`130~%d-11-20T00:55:00`, year)},
	} {
		r.Forget(rsyslog.Parsed)
		o := standard(parse(t, r.Address(rsyslog.Parsed)))
		o.Format, o.Framing, o.Header.Facility = c.format, c.framing, 16
		if _, err := send(t, strings.NewReader(aSession+"\n"), o); err != nil {
			t.Fatal(err)
		}
		got := lines(t, r, rsyslog.Parsed, 1)
		if len(got) != 1 {
			t.Fatalf("%s: %d lines arrived", c.format, len(got))
		}
		line := strings.Replace(string(got[0]), "Z~", "+00:00~", 1)
		if c.format == RFC5424 && line != c.want {
			t.Errorf("%s %s:\n got %s\nwant %s", c.format, c.framing, line, c.want)
		}
		fields := strings.SplitN(line, "~", 7)
		if c.format == RFC3164 && (fields[0] != "130" || fields[2] != "host.example" || fields[3] != "incydr" || fields[6] != " "+aSession) {
			t.Errorf("got %q", fields)
		}
		if c.format == CEF && (fields[0] != "130" || fields[2] != "host.example" || !strings.Contains(line, "CEF") || !strings.Contains(line, "|Code42|Incydr|1|session|Incydr session|10|externalId=5b1f rt=")) {
			t.Errorf("got %q", fields)
		}
	}
}

// What is wrong between us and a real receiver is said at once, and not after trying for long.
func TestRsyslogFirstContact(t *testing.T) {
	p := certificates(t)
	r := start(t, p, rsyslog.TCP, rsyslog.TLS, rsyslog.MTLS, rsyslog.RELP, rsyslog.RELPTLS)
	for _, c := range []struct {
		in       rsyslog.Input
		protocol Protocol
		tls      TLSOptions
		want     string
	}{
		{rsyslog.TLS, TCP, TLSOptions{}, "speaks TLS on this port"},
		{rsyslog.RELPTLS, RELP, TLSOptions{}, "speaks TLS on this port"},
		{rsyslog.RELPTLS, TCP, TLSOptions{}, "speaks TLS on this port"},
		{rsyslog.TCP, TLSTCP, TLSOptions{}, "TLS"},
		{rsyslog.TCP, RELP, TLSOptions{}, "does not speak RELP on this port"},
		{rsyslog.RELP, RELPTLS, TLSOptions{}, "TLS"},
		{rsyslog.TLS, TLSTCP, TLSOptions{}, "signed by an authority that is not trusted"},
		{rsyslog.MTLS, TLSTCP, TLSOptions{CAFile: p.Authority}, "closed the connection after the TLS handshake"},
		{rsyslog.MTLS, TLSTCP, TLSOptions{CAFile: p.Authority, CertFile: p.WrongCert, KeyFile: p.WrongKey}, "closed the connection after the TLS handshake"},
		{rsyslog.RELPTLS, RELPTLS, TLSOptions{CAFile: p.Authority}, "closed the connection instead of opening a RELP session"},
	} {
		for name, in := range map[string]string{"one record": "{\"a\":1}\n", "many": string(sessions(2000, false))} {
			t.Run(fmt.Sprintf("%s to %s, %s", c.protocol, c.in, name), func(t *testing.T) {
				t.Parallel()
				o := standard(Address{c.protocol, "127.0.0.1", r.Port(c.in)})
				o.TLS = c.tls
				if c.in == rsyslog.TCP { // it waits in silence for the end of a line
					o.Timeout = 2 * time.Second
				}
				tally, err := send(t, strings.NewReader(in), o)
				var exit interface{ ExitCode() int }
				if !errors.As(err, &exit) || exit.ExitCode() != 1 || tally.Delivered > 0 {
					t.Fatalf("%v, %+v", err, tally)
				}
				var help interface{ Hint() string }
				if !errors.As(err, &help) || help.Hint() == "" || (c.in == rsyslog.MTLS || c.tls.CAFile != "") && !strings.Contains(help.Hint(), "client certificate") {
					t.Errorf("%v: no hint that helps", err)
				}
				if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "tried for") {
					t.Errorf("got %v, want %q", err, c.want)
				}
				t.Log(err)
			})
		}
	}
}

// syslog-ng gets every record, by the protocols and framings it has. Debian does not install it
// beside rsyslog; SESS_SYSLOG_NG names a syslog-ng from elsewhere, with its modules.
func TestSyslogNG(t *testing.T) {
	program := os.Getenv("SESS_SYSLOG_NG")
	if program == "" {
		t.Skip("SESS_SYSLOG_NG does not name a syslog-ng; Debian's cannot be installed beside rsyslog")
	}
	p, dir := certificates(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "both.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ports := map[string]int{"tcp": closedPort(t), "tls": closedPort(t), "octet": closedPort(t), "udp": closedPort(t)}
	conf := fmt.Sprintf(`@version: 3.35
options { log-msg-size(1048576); keep-hostname(yes); use-dns(no); flush-lines(1); };
source s_tcp   { network(ip("127.0.0.1") port(%d) transport("tcp") flags(no-parse)); };
source s_tls   { network(ip("127.0.0.1") port(%d) transport("tls") flags(no-parse) tls(key-file(%q) cert-file(%q) peer-verify(optional-untrusted))); };
source s_octet { syslog(ip("127.0.0.1") port(%d) transport("tls") flags(no-parse) tls(key-file(%q) cert-file(%q) peer-verify(optional-untrusted))); };
source s_udp   { network(ip("127.0.0.1") port(%d) transport("udp") flags(no-parse) so-rcvbuf(4194304)); };
`, ports["tcp"], ports["tls"], p.Key, p.Cert, ports["octet"], p.Key, p.Cert, ports["udp"])
	for name := range ports {
		conf += fmt.Sprintf("destination d_%s { file(%q template(\"${MSG}\\n\")); };\nlog { source(s_%s); destination(d_%s); flags(flow-control); };\n", name, filepath.Join(dir, name+".out"), name, name)
	}
	file := filepath.Join(dir, "syslog-ng.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-F", "-f", file, "-R", filepath.Join(dir, "persist"), "-p", filepath.Join(dir, "pid"), "-c", filepath.Join(dir, "ctl"))
	log := &bytes.Buffer{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports["tcp"]))
		if err == nil {
			c.Close()
			break
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("syslog-ng does not listen: %s", log)
		}
	}
	data := sessions(rounds(3000, 100000), thorough)
	for _, c := range []struct {
		name     string
		protocol Protocol
		framing  Framing
	}{{"tcp", TCP, LF}, {"tls", TLSTCP, LF}, {"octet", TLSTCP, Octet}, {"udp", UDP, ""}} {
		t.Run(c.name, func(t *testing.T) {
			o := standard(Address{c.protocol, "127.0.0.1", ports[c.name]})
			o.Framing = c.framing
			if c.protocol.TLS() {
				o.TLS.CAFile = p.Authority
			}
			var acked bytes.Buffer
			o.Delivered = func(r []byte) error { acked.Write(r); return nil }
			begin := time.Now()
			tally, err := send(t, bytes.NewReader(data), o)
			if err != nil {
				t.Fatalf("%v\nsyslog-ng: %s", err, log)
			}
			t.Logf("%+v in %v", tally, time.Since(begin))
			if !bytes.Equal(acked.Bytes(), data) || tally.Resent > 0 {
				t.Errorf("%d bytes of %d handed on, %+v", acked.Len(), len(data), tally)
			}
			var got []byte
			for begin := time.Now(); len(got) < len(data) && time.Since(begin) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
				got, _ = os.ReadFile(filepath.Join(dir, c.name+".out"))
			}
			if !bytes.Equal(got, data) {
				t.Errorf("%d bytes arrived of %d", len(got), len(data))
			}
		})
	}
}
