//go:build linux

package syslog

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An rsyslog is a real receiver, one process with an input for each protocol. What it has
// acknowledged is in its file: the rulesets have no queue and the output no buffer.
type rsyslog struct {
	t     testing.TB
	dir   string
	conf  string
	cmd   *exec.Cmd
	ports map[string]int
	seen  map[string]int64 // bytes of the files that are of no interest any more
}

// input kinds of an rsyslog. Each writes the messages as they came to a file of its own.
const (
	inTCP     = "tcp"     // imtcp, both framings
	inPTCP    = "ptcp"    // imptcp, both framings
	inTLS     = "tls"     // imtcp with gtls
	inMTLS    = "mtls"    // the same, asking for a client certificate
	inUDP     = "udp"     // imudp
	inRELP    = "relp"    // imrelp
	inRELPTLS = "relptls" // imrelp over TLS, asking for a client certificate
	inParsed  = "parsed"  // imtcp; the file has what rsyslog understood
)

// startRsyslog starts an rsyslog with the given inputs, and stops it with the test.
func startRsyslog(t testing.TB, p *pki, inputs ...string) *rsyslog {
	t.Helper()
	need(t, "rsyslogd")
	r := &rsyslog{t: t, dir: t.TempDir(), ports: map[string]int{}, seen: map[string]int64{}}
	var b bytes.Buffer
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say(`global(workDirectory=%q maxMessageSize="1m" parser.escapeControlCharactersOnReceive="off" net.enableDNS="off"`, r.dir)
	say(`  defaultNetstreamDriverCAFile=%q defaultNetstreamDriverCertFile=%q defaultNetstreamDriverKeyFile=%q)`, p.ca, p.cert, p.key)
	say(`main_queue(queue.type="direct")`)
	say(`template(name="raw" type="string" string="%%rawmsg%%\n")`)
	say(`template(name="parsed" type="string" string="%%pri%%~%%timereported:::date-rfc3339%%~%%hostname%%~%%app-name%%~%%msgid%%~%%structured-data%%~%%msg%%\n")`)
	loaded := map[string]bool{}
	for _, in := range inputs {
		module := map[string]string{inTCP: "imtcp", inParsed: "imtcp", inTLS: "imtcp", inMTLS: "imtcp", inPTCP: "imptcp", inUDP: "imudp", inRELP: "imrelp", inRELPTLS: "imrelp"}[in]
		if !loaded[module] {
			loaded[module] = true
			say(`module(load=%q)`, module)
		}
		template := "raw"
		if in == inParsed {
			template = "parsed"
		}
		say(`ruleset(name=%q queue.type="direct") { action(type="omfile" file=%q template=%q asyncWriting="off") }`, in, r.file(in), template)
		port := freePort(t)
		r.ports[in] = port
		switch in {
		case inTCP, inParsed:
			say(`input(type="imtcp" address="127.0.0.1" port="%d" ruleset=%q)`, port, in)
		case inPTCP:
			say(`input(type="imptcp" address="127.0.0.1" port="%d" ruleset=%q)`, port, in)
		case inTLS:
			say(`input(type="imtcp" address="127.0.0.1" port="%d" ruleset=%q streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")`, port, in)
		case inMTLS:
			say(`input(type="imtcp" address="127.0.0.1" port="%d" ruleset=%q streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/name" permittedPeer=["client"])`, port, in)
		case inUDP:
			say(`input(type="imudp" address="127.0.0.1" port="%d" ruleset=%q rcvbufSize="8m")`, port, in)
		case inRELP:
			say(`input(type="imrelp" address="127.0.0.1" port="%d" ruleset=%q maxDataSize="1m")`, port, in)
		case inRELPTLS:
			say(`input(type="imrelp" address="127.0.0.1" port="%d" ruleset=%q maxDataSize="1m" tls="on" tls.caCert=%q tls.myCert=%q tls.myPrivKey=%q tls.authMode="name" tls.permittedPeer=["client"])`, port, in, p.ca, p.cert, p.key)
		}
	}
	r.conf = filepath.Join(r.dir, "rsyslog.conf")
	if err := os.WriteFile(r.conf, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	t.Cleanup(r.kill)
	return r
}

// need ends a test that needs a program which is not there: skipped on a developer's machine,
// failed in CI.
func need(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed", program)
		}
		t.Skipf("%s is not installed", program)
	}
}

func (r *rsyslog) file(in string) string { return filepath.Join(r.dir, in+".out") }

// start returns once all inputs take connections.
func (r *rsyslog) start() {
	r.t.Helper()
	log, err := os.OpenFile(filepath.Join(r.dir, "rsyslog.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	pid := filepath.Join(r.dir, "pid")
	os.Remove(pid) // one that was killed leaves it behind
	r.cmd = exec.Command("rsyslogd", "-n", "-f", r.conf, "-i", pid)
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for in, port := range r.ports {
		for !listens(in, port) {
			if time.Now().After(deadline) {
				r.t.Fatalf("rsyslogd does not listen on %s: %s", in, r.log())
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// listens looks into the kernel's tables: a connection would be a message to some inputs.
func listens(in string, port int) bool {
	table, state := "/proc/net/tcp", " 0A "
	if in == inUDP {
		table, state = "/proc/net/udp", " 07 "
	}
	data, _ := os.ReadFile(table)
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, fmt.Sprintf("0100007F:%04X ", port)) && strings.Contains(line, state) {
			return true
		}
	}
	return false
}

func (r *rsyslog) log() string {
	data, _ := os.ReadFile(filepath.Join(r.dir, "rsyslog.log"))
	return string(data)
}

// kill ends it with SIGKILL.
func (r *rsyslog) kill() {
	if r.cmd != nil {
		r.cmd.Process.Kill()
		r.cmd.Wait()
		r.cmd = nil
	}
}

func (r *rsyslog) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// address is where an input listens.
func (r *rsyslog) address(in string) Address {
	protocol := map[string]Protocol{inTCP: TCP, inParsed: TCP, inPTCP: TCP, inTLS: TLSTCP, inMTLS: TLSTCP, inUDP: UDP, inRELP: RELP, inRELPTLS: RELPTLS}[in]
	return Address{protocol, "127.0.0.1", r.ports[in]}
}

// received waits until the input's file has at least that many lines, or stops growing, and
// returns them.
func (r *rsyslog) received(in string, lines int) [][]byte {
	r.t.Helper()
	size, since := int64(-1), time.Now()
	for {
		info, err := os.Stat(r.file(in))
		if err == nil && info.Size() != size {
			size, since = info.Size(), time.Now()
		}
		if time.Since(since) > 3*time.Second || size > 0 && time.Since(since) > 30*time.Millisecond && r.lines(in) >= lines {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return bytes.Split(bytes.TrimSuffix(r.read(in), []byte("\n")), []byte("\n"))
}

// forget leaves what has been received so far out of what received returns.
func (r *rsyslog) forget(in string) {
	if info, err := os.Stat(r.file(in)); err == nil {
		r.seen[in] = info.Size()
	}
}

func (r *rsyslog) read(in string) []byte {
	data, err := os.ReadFile(r.file(in))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	return data[min(r.seen[in], int64(len(data))):]
}

func (r *rsyslog) lines(in string) int { return bytes.Count(r.read(in), []byte("\n")) }

// drops is how many datagrams the kernel dropped before the input could read them.
func (r *rsyslog) drops(in string) int {
	data, _ := os.ReadFile("/proc/net/udp")
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, fmt.Sprintf("0100007F:%04X ", r.ports[in])) {
			fields := strings.Fields(line)
			n := 0
			fmt.Sscan(fields[len(fields)-1], &n)
			return n
		}
	}
	r.t.Fatal("the UDP socket is gone")
	return 0
}
