package cmd_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Every familiar command line is run as it is, and as the pipeline that --explain prints: both
// print the same, send the same, record as much in a checkpoint, and end alike.
func TestFamiliarCommandLines(t *testing.T) {
	wants(t, "bash")
	tenant := startTenant(t)
	receivers := startReceivers(t)
	ids := strings.Fields(tenant.output(t, "", "sess-search", "--limit", "3", "--sort", "score"))
	if len(ids) == 0 {
		t.Fatal("no sessions")
	}
	id := regexp.MustCompile(`"sessionId":"([^"]+)"`).FindStringSubmatch(ids[0])[1]
	for _, c := range familiarLines(t) {
		t.Run(c.line, func(t *testing.T) {
			line := receivers.replace(strings.ReplaceAll(c.line, "7b1c", id))
			want := receivers.replace(strings.ReplaceAll(c.pipeline, "7b1c", id))
			words := shellWords(t, line)
			explained := strings.TrimSuffix(tenant.output(t, t.TempDir(), "sessions", append([]string{"--explain"}, words...)...), "\n")
			if explained != want {
				t.Errorf("explained as\n %s\nnot\n %s", explained, want)
			}
			if strings.Contains(line, "--follow") {
				return // it runs until it is stopped
			}
			run := func(name string, args ...string) (result outcome) {
				dir := workspace(t, receivers, id, tenant)
				receivers.reset()
				result = tenant.run(t, dir, `{"session_id":"`+id+`","state":"OPEN"}`+"\n", name, args...)
				if result.sent = receivers.got(); result.sent != "" && strings.Contains(line, "UDP:") {
					result.sent = "some" // the kernel drops what it has no room for
				}
				if checkpoint := regexp.MustCompile(`--checkpoint (\w+)`).FindStringSubmatch(line); checkpoint != nil {
					shown := tenant.output(t, dir, "sess-checkpoint", "list")
					result.recorded = regexp.MustCompile(`"recorded":\d+`).FindString(shown)
				}
				return result
			}
			direct := run("sessions", words...)
			piped := run("bash", "-o", "pipefail", "-c", explained)
			if direct.status != piped.status || direct.stdout != piped.stdout || direct.sent != piped.sent || direct.recorded != piped.recorded {
				t.Errorf("run directly:\n%v\nrun as %s:\n%v", direct, explained, piped)
			}
			wantStatus := 0
			switch {
			case strings.Contains(line, "-- -"):
				wantStatus = 5 // no such session
			case strings.Contains(line, "=false"):
				wantStatus = 1 // the certificate is checked, and bad
			}
			if direct.status != wantStatus {
				t.Errorf("status %d: %s", direct.status, direct.stderr)
			}
			if strings.Contains(line, "--checkpoint") && !strings.Contains(line, "--defer") && direct.recorded == `"recorded":0` {
				t.Errorf("nothing is recorded")
			}
			if strings.Contains(line, "--output") && wantStatus == 0 && direct.sent == "" {
				t.Errorf("nothing was sent")
			}
		})
	}
}

// Bad ones are refused, with the words of the stage that knows better.
func TestFamiliarMistakes(t *testing.T) {
	tenant := startTenant(t)
	for _, c := range []struct {
		line   string
		status int
		stderr string
	}{
		{"serch", 2, "sessions: unknown command \"serch\"\nsessions: hint: did you mean search?\n"},
		{"help serch", 2, "sessions: unknown command \"serch\"\nsessions: hint: did you mean search?\n"},
		{"search --stat OPEN", 2, "sessions: unknown option --stat\n"},
		{"search --sevrity HIGH", 2, "sessions: hint: did you mean --severity?\n"},
		{"search --state OPNE", 2, "sess-search: --state: unknown state \"OPNE\": "},
		{"search --state open,closed", 2, "sess-search: hint: the option is given once for each: --state open --state closed\n"},
		{"search --severity HIHG", 2, "sess-search: --severity: unknown severity \"HIHG\""},
		{"search --content-inspection-status MAYBE", 2, "sess-search: --content-inspection-status: "},
		{"search --type X", 2, "sess-search: --type: "},
		{"search --start yesterday", 2, "sess-search: --start: \"yesterday\" is not a date"},
		{"search --start 2026-02-01 --end 2026-01-01", 2, "sess-search: --start"},
		{"search --format cvs", 2, "sess-fmt: --format: unknown format \"cvs\": "},
		{"search --columns sesion_id", 2, "sess-fmt: "},
		{"search --output TCP:127.0.0.1:601 --format csv", 2, "sessions: --output and --format do not go together\n"},
		{"search --output TCPP:127.0.0.1:601", 2, "sess-syslog: "},
		{"search --output TCP:127.0.0.1:601 --certs ca.pem", 2, "sess-syslog: "},
		{"search --output TLS-TCP:127.0.0.1:601 --certs ca.pem --ignore-cert-validation", 2, "sess-syslog: "},
		{"search --checkpoint a/b", 2, "a/b"},
		{"search --checkpoint a/b --format json-lines", 2, "a/b"},
		{"search --checkpoint ''", 2, "sess-checkpoint: \"\" cannot name a checkpoint: it is empty\n"},
		{"search --actor-id ''", 2, "sess-search: --actor-id: the value is empty\n"},
		{"search --rule-id a --rule-id ''", 2, "sess-search: --rule-id: the value is empty\n"},
		{"search --risk-indicators ,", 2, "sess-search: --risk-indicators: the value is empty\n"},
		{"search stray", 2, "sessions: hint: sessions search --help lists the options\n"},
		{"search --log-level loud", 2, "sessions: unknown log level \"loud\""},
		{"show", 2, "sessions: SESSION_ID is missing\n"},
		{"show no-such-session", 5, "sess-show: "},
		{"show-events no-such-session", 5, "sess-events: "},
		{"update", 2, "sessions: SESSION_ID is missing\n"},
		{"update some-session", 2, "sess-update: "},
		{"update some-session --state OPNE", 2, "sess-update: --state: unknown state \"OPNE\""},
		{"update no-such-session --state OPEN", 5, "sess-update: "},
		{"bulk-update-state", 2, "sessions: FILE is missing\n"},
		{"bulk-update-state none.csv", 2, "sessions: cannot read none.csv: "},
		{"bulk-update-state .", 2, "sess-update: cannot read standard input: is a directory\n"},
		{"bulk-update-state stateless.csv", 2, "sess-update: "},
		{"bulk-update-state rows.csv --state OPNE", 2, "sess-update: --state: unknown state \"OPNE\""},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"rows.csv": "session_id\na\n", "stateless.csv": "session_id,note\na,b\n", "ca.pem": "no certificate\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := tenant.run(t, dir, "", "sessions", shellWords(t, c.line)...)
		if got.status != c.status || !strings.Contains(got.stderr, c.stderr) || got.stdout != "" && !strings.HasPrefix(c.line, "update") {
			t.Errorf("sessions %s: status %d, want %d\nstdout: %s\nstderr: %s\nwant %q", c.line, got.status, c.status, got.stdout, got.stderr, c.stderr)
		}
	}
	tenant.environ = append(tenant.environ, "INCYDR_API_CLIENT_SECRET=wrong")
	if got := tenant.run(t, t.TempDir(), "", "sessions", "search"); got.status != 4 || !strings.Contains(got.stderr, "sess-search: ") {
		t.Errorf("wrong credentials: %v", got)
	}
}

type outcome struct {
	status         int
	stdout, stderr string
	sent, recorded string
}

func (o outcome) String() string {
	return fmt.Sprintf("status %d, %s, sent %d bytes\nstdout: %.400s\nstderr: %.400s", o.status, o.recorded, len(o.sent), o.stdout, o.stderr)
}

// A tenant is a sandbox that serves for the length of a test.
type tenant struct{ environ []string }

func startTenant(t *testing.T) *tenant {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "sess-sandbox"), "serve", "--listen", "127.0.0.1:0", "--sessions", "150")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	found := &tenant{environ: append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "INCYDR_RETRY_FOR=5s")}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		setting := strings.TrimPrefix(lines.Text(), "export ")
		name, value, ok := strings.Cut(setting, "=")
		if !ok {
			continue
		}
		found.environ = append(found.environ, name+"="+strings.Trim(value, "'"))
		if name == "SESS_SANDBOX_URL" {
			return found
		}
	}
	t.Fatal("the sandbox printed no settings")
	return nil
}

func (n *tenant) run(t *testing.T, dir, stdin, name string, args ...string) (o outcome) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	path := name
	if p := filepath.Join(bin, name); filepath.Base(name) == name {
		if _, err := os.Stat(p); err == nil {
			path = p
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = dir, append(slices.Clone(n.environ), "HOME="+dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("%s: %v", name, err)
	}
	return outcome{status: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

func (n *tenant) output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	o := n.run(t, dir, "", name, args...)
	if o.status != 0 {
		t.Fatalf("%s %q: %v", name, args, o)
	}
	return o.stdout
}

// workspace is a folder with the files that the command lines name.
func workspace(t *testing.T, r *receivers, id string, n *tenant) string {
	t.Helper()
	dir := t.TempDir()
	settings := ""
	for _, pair := range n.environ {
		if strings.HasPrefix(pair, "INCYDR_") {
			settings += pair + "\n"
		}
	}
	rows := "session_id,state,note\n" + id + ",OPEN,\"a note, with a comma\"\n"
	for name, text := range map[string]string{"rows.csv": rows, "my rows.csv": rows, "ca.pem": r.ca, "a.env": settings} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

type familiarLine struct{ line, pipeline string }

func familiarLines(t *testing.T) (found []familiarLine) {
	t.Helper()
	text, err := os.ReadFile("../testdata/familiar.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^sessions (.*)\n    (.*)$`).FindAllStringSubmatch(string(text), -1) {
		found = append(found, familiarLine{m[1], m[2]})
	}
	if len(found) < 40 {
		t.Fatalf("only %d command lines", len(found))
	}
	return found
}

// shellWords has a shell cut a line into words.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `for w in `+strings.TrimSpace(line)+`; do printf '%s\n' "$w"; done`).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// receivers are syslog servers of each protocol, as plain as can be.
type receivers struct {
	ca        string
	addresses map[string]string // by protocol
	mu        sync.Mutex
	lines     []string
	open      sync.WaitGroup
}

func startReceivers(t *testing.T) *receivers {
	t.Helper()
	r := &receivers{addresses: map[string]string{}}
	certificate := r.certificate(t)
	listen := func(protocol string, l net.Listener, err error, serve func(net.Conn)) {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		r.addresses[protocol] = l.Addr().String()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				r.open.Add(1)
				go func() {
					defer r.open.Done()
					defer c.Close()
					serve(c)
				}()
			}
		}()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	listen("TCP", l, err, r.readLines)
	l, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	listen("TLS-TCP", l, err, r.readLines)
	l, err = net.Listen("tcp", "127.0.0.1:0")
	listen("RELP", l, err, r.answerRELP)
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	r.addresses["UDP"] = u.LocalAddr().String()
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, _, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			r.add(string(buf[:n]))
		}
	}()
	return r
}

// certificate makes one that signs itself.
func (r *receivers) certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	r.ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (r *receivers) readLines(c net.Conn) {
	lines := bufio.NewReader(c)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			r.add(line)
		}
		if err != nil {
			return
		}
	}
}

// answerRELP takes each command and says so.
func (r *receivers) answerRELP(c net.Conn) {
	in := bufio.NewReader(c)
	for {
		var number, size int
		var verb string
		head, err := in.ReadString(' ')
		if err != nil {
			return
		}
		number, _ = strconv.Atoi(strings.TrimSpace(head))
		verb, _ = in.ReadString(' ')
		for {
			b, err := in.ReadByte()
			if err != nil || b < '0' || b > '9' {
				break
			}
			size = size*10 + int(b-'0')
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(in, data); err != nil {
			return
		}
		if size > 0 {
			in.ReadByte()
		}
		answer := "200 OK"
		switch strings.TrimSpace(verb) {
		case "open":
			answer += "\nrelp_version=0\nrelp_software=test\ncommands=syslog"
		case "syslog":
			r.add(string(data))
		}
		fmt.Fprintf(c, "%d rsp %d %s\n", number, len(answer), answer)
		if strings.TrimSpace(verb) == "close" {
			return
		}
	}
}

func (r *receivers) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, strings.TrimSuffix(line, "\n"))
}

func (r *receivers) reset() {
	r.open.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = nil
}

// got is all that came, once every sender has gone. Datagrams may still be on their way.
func (r *receivers) got() string {
	r.open.Wait()
	last := ""
	for range 100 {
		r.mu.Lock()
		now := strings.Join(r.lines, "\n")
		r.mu.Unlock()
		if now == last && now != "" {
			break
		}
		last = now
		if now == "" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return last
}

var address = regexp.MustCompile(`\b(?:(TCP|TLS-TCP|UDP|RELP):)?siem(?::\d+)?(\s|$)`)

// replace puts in the receivers of this machine where a line names one. A checkpoint called siem
// stays.
func (r *receivers) replace(line string) string {
	line = strings.NewReplacer("--checkpoint siem", "--checkpoint SIEM", "commit siem", "commit SIEM", ".env siem", ".env SIEM").Replace(line)
	line = address.ReplaceAllStringFunc(line, func(m string) string {
		parts := address.FindStringSubmatch(m)
		protocol := parts[1]
		to := r.addresses[protocol]
		if protocol == "" {
			return r.addresses["TCP"] + parts[2]
		}
		return protocol + ":" + to + parts[2]
	})
	return strings.ReplaceAll(line, "SIEM", "siem")
}
