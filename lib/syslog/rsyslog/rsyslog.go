// Package rsyslog runs rsyslogd, a real receiver, on loopback ports, for tests and benchmarks. What
// it has acknowledged is in its files: its rulesets have no queue and its outputs no buffer. The
// package knows nothing of what is sent; it needs Linux, whose tables say who listens.
package rsyslog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sess/lib/freeport"
)

// An Input is a way in, with a port and a file of its own. The file gets the messages as they came.
type Input string

// The inputs.
const (
	TCP     Input = "tcp"      // imtcp, either framing
	PTCP    Input = "ptcp"     // imptcp, either framing
	TLS     Input = "tls"      // imtcp with gtls
	MTLS    Input = "mtls"     // the same, asking for the client's certificate
	UDP     Input = "udp"      // imudp
	RELP    Input = "relp"     // imrelp
	RELPTLS Input = "relp-tls" // imrelp over TLS, asking for the client's certificate
	Parsed  Input = "parsed"   // imtcp; the file gets what was understood of each message, ~ between the fields
)

// inputs are what rsyslog's configuration says of each; %d is the port.
var inputs = map[Input]struct{ module, protocol, settings string }{
	TCP:     {"imtcp", "TCP", ``},
	Parsed:  {"imtcp", "TCP", ``},
	PTCP:    {"imptcp", "TCP", ``},
	TLS:     {"imtcp", "TLS-TCP", `streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon"`},
	MTLS:    {"imtcp", "TLS-TCP", `streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/name" permittedPeer=["client"]`},
	UDP:     {"imudp", "UDP", `rcvbufSize="8m"`},
	RELP:    {"imrelp", "RELP", `maxDataSize="1m"`},
	RELPTLS: {"imrelp", "RELP-TLS", `maxDataSize="1m" tls="on" tls.authMode="name" tls.permittedPeer=["client"] tls.caCert=%q tls.myCert=%q tls.myPrivKey=%q`},
}

// parsed is the template of Parsed.
const parsed = "%pri%~%timereported:::date-rfc3339%~%hostname%~%app-name%~%msgid%~%structured-data%~%msg%"

// ErrMissing says that rsyslogd is not installed.
var ErrMissing = errors.New("rsyslogd is not installed")

// A Server is one rsyslogd.
type Server struct {
	dir   string
	cmd   *exec.Cmd
	ports map[Input]int
	seen  map[Input]int64 // bytes of the files that are of no interest any more
}

// New configures a server in a folder of its own and starts it. To stop it there is Kill. Inputs
// without TLS need no certificates.
func New(dir string, c *Certificates, in ...Input) (*Server, error) {
	if _, err := exec.LookPath("rsyslogd"); err != nil {
		return nil, ErrMissing
	}
	s := &Server{dir: dir, ports: map[Input]int{}, seen: map[Input]int64{}}
	var b bytes.Buffer
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say(`global(workDirectory=%q maxMessageSize="1m" parser.escapeControlCharactersOnReceive="off" net.enableDNS="off"`, dir)
	if c != nil {
		say(`  defaultNetstreamDriverCAFile=%q defaultNetstreamDriverCertFile=%q defaultNetstreamDriverKeyFile=%q`, c.Authority, c.Cert, c.Key)
	}
	say(`)`)
	say(`main_queue(queue.type="direct")`)
	say(`template(name="raw" type="string" string="%%rawmsg%%\n")`)
	say(`template(name="parsed" type="string" string="%s\n")`, parsed)
	loaded := map[string]bool{}
	for _, i := range in {
		about := inputs[i]
		if !loaded[about.module] {
			loaded[about.module] = true
			say(`module(load=%q)`, about.module)
		}
		template := "raw"
		if i == Parsed {
			template = "parsed"
		}
		port, err := freeport.Get()
		if err != nil {
			return nil, err
		}
		s.ports[i] = port
		settings := about.settings
		if i == RELPTLS {
			settings = fmt.Sprintf(settings, c.Authority, c.Cert, c.Key)
		}
		say(`ruleset(name=%q queue.type="direct") { action(type="omfile" file=%q template=%q asyncWriting="off") }`, i, s.File(i), template)
		say(`input(type=%q address="127.0.0.1" port="%d" ruleset=%q %s)`, about.module, port, i, settings)
	}
	if err := os.WriteFile(s.conf(), b.Bytes(), 0o600); err != nil {
		return nil, err
	}
	return s, s.Start()
}

func (s *Server) conf() string { return filepath.Join(s.dir, "rsyslog.conf") }

// File is where an input's messages go.
func (s *Server) File(in Input) string { return filepath.Join(s.dir, string(in)+".out") }

// Port is an input's.
func (s *Server) Port(in Input) int { return s.ports[in] }

// Address is an input's, as PROTOCOL:HOST:PORT.
func (s *Server) Address(in Input) string {
	return fmt.Sprintf("%s:127.0.0.1:%d", inputs[in].protocol, s.ports[in])
}

// Start starts a server that was killed, and returns once all inputs listen.
func (s *Server) Start() error {
	log, err := os.OpenFile(filepath.Join(s.dir, "rsyslog.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	pid := filepath.Join(s.dir, "pid")
	os.Remove(pid) // one that was killed leaves it behind
	s.cmd = exec.Command("rsyslogd", "-n", "-f", s.conf(), "-i", pid)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	deadline := time.Now().Add(time.Minute)
	for in, port := range s.ports {
		for !listens(in, port) {
			if time.Now().After(deadline) {
				return fmt.Errorf("rsyslogd does not listen for %s: %s", in, s.Log())
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
	return nil
}

// Kill ends the server with SIGKILL.
func (s *Server) Kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// Signal sends the server a signal.
func (s *Server) Signal(sig os.Signal) error { return s.cmd.Process.Signal(sig) }

// Log is what the server said.
func (s *Server) Log() string {
	data, _ := os.ReadFile(filepath.Join(s.dir, "rsyslog.log"))
	return string(data)
}

// Forget leaves what an input has got so far out of what Lines returns.
func (s *Server) Forget(in Input) {
	if info, err := os.Stat(s.File(in)); err == nil {
		s.seen[in] = info.Size()
	}
}

// Lines waits until an input has got that many lines, or nothing more for three seconds, and
// returns them.
func (s *Server) Lines(in Input, n int) ([][]byte, error) {
	size, since := int64(-1), time.Now()
	for {
		if info, err := os.Stat(s.File(in)); err == nil && info.Size() != size {
			size, since = info.Size(), time.Now()
		}
		data, err := os.ReadFile(s.File(in))
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		data = data[min(s.seen[in], int64(len(data))):]
		quiet := time.Since(since)
		if quiet > 3*time.Second || quiet > 30*time.Millisecond && n > 0 && bytes.Count(data, []byte("\n")) >= n {
			if len(data) == 0 {
				return nil, nil
			}
			return bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")), nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Drops is how many datagrams the kernel has dropped before an input could read them.
func (s *Server) Drops(in Input) (n int, err error) {
	line := entry("/proc/net/udp", s.ports[in], "")
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return 0, fmt.Errorf("no UDP socket has the port %d", s.ports[in])
	}
	_, err = fmt.Sscan(fields[len(fields)-1], &n)
	return n, err
}

// listens looks into the kernel's tables: to some inputs a connection would be a message.
func listens(in Input, port int) bool {
	if in == UDP {
		return entry("/proc/net/udp", port, " 07 ") != ""
	}
	return entry("/proc/net/tcp", port, " 0A ") != ""
}

// entry is the line of a table that has the port of 127.0.0.1 as its own end, and the state.
func entry(table string, port int, state string) string {
	data, _ := os.ReadFile(table)
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, fmt.Sprintf(": 0100007F:%04X ", port)) && strings.Contains(line, state) {
			return line
		}
	}
	return ""
}
