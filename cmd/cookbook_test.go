package cmd_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// A recipe is a fenced block of the cookbook.
type recipe struct {
	name    string
	script  string
	needs   []string // programs that it wants beside ours and what every system has
	tenants bool     // it reads tenants/*.env
}

// absent are programs that no Debian package brings: CI cannot have them.
var absent = map[string]bool{"duckdb": true}

// recipes reads the cookbook.
func recipes(t *testing.T) (found []recipe) {
	t.Helper()
	f, err := os.Open("../docs/cookbook.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var (
		next  recipe
		block strings.Builder
		open  bool
		nth   = map[string]int{}
	)
	title := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		switch {
		case open && line == "```":
			next.script, open = block.String(), false
			block.Reset()
			nth[title]++
			next.name = fmt.Sprintf("%s %d", title, nth[title])
			for _, program := range []string{"bash", "curl", "duckdb", "jq", "kcat", "mlr", "parallel", "sqlite3"} {
				if regexp.MustCompile(`(?m)(^|[|(\s'"]|-- )` + program + `\s`).MatchString(next.script) {
					next.needs = append(next.needs, program)
				}
			}
			found = append(found, next)
			next = recipe{}
		case open:
			block.WriteString(line + "\n")
		case line == "```sh":
			open = true
		case line == "<!-- tenants -->":
			next.tenants = true
		case strings.HasPrefix(line, "### "):
			title = line[4:]
		}
	}
	return found
}

// surroundings are what recipes talk to, on this machine.
type surroundings struct {
	siem, broker, slack string
	received            atomic.Int64 // bytes that the SIEM has got
	messages            atomic.Int64 // that Slack has got
}

func newSurroundings(t *testing.T) *surroundings {
	t.Helper()
	s := &surroundings{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				n, _ := io.Copy(io.Discard, c)
				s.received.Add(n)
				c.Close()
			}()
		}
	}()
	s.siem = l.Addr().String()
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); strings.HasPrefix(string(body), `{"text":`) {
			s.messages.Add(1)
		}
	}))
	t.Cleanup(slack.Close)
	s.slack = slack.URL
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "incydr.sessions"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	s.broker = cluster.ListenAddrs()[0]
	return s
}

// Every recipe runs to its end and prints what somebody would want to see.
func TestCookbook(t *testing.T) {
	wants(t, "sh")
	all := recipes(t)
	if len(all) < 20 {
		t.Fatalf("only %d recipes", len(all))
	}
	s := newSurroundings(t)
	for _, r := range all {
		t.Run(r.name, func(t *testing.T) {
			for _, program := range r.needs {
				if _, err := exec.LookPath(program); err != nil && absent[program] {
					t.Skipf("%s is not installed, and no Debian package brings it", program)
				}
			}
			wants(t, r.needs...)
			s.cook(t, r)
		})
	}
	if s.received.Load() == 0 || s.messages.Load() == 0 {
		t.Errorf("the SIEM got %d bytes, Slack %d messages", s.received.Load(), s.messages.Load())
	}
}

func (s *surroundings) cook(t *testing.T, r recipe) {
	dir := t.TempDir()
	script := strings.NewReplacer("siem.example.com:601", s.siem, "broker.example.com:9092", s.broker).Replace(r.script)
	if r.tenants {
		script = `mkdir tenants
for t in acme globex; do
	printf 'INCYDR_URL=%s\nINCYDR_API_CLIENT_ID=%s\nINCYDR_API_CLIENT_SECRET=%s\n' "$INCYDR_URL" "$INCYDR_API_CLIENT_ID" "$INCYDR_API_CLIENT_SECRET" >tenants/$t.env
done
unset INCYDR_URL INCYDR_API_CLIENT_ID INCYDR_API_CLIENT_SECRET
` + script
	}
	cmd := exec.Command(filepath.Join(bin, "sess-sandbox"), "run", "--sessions", "400", "--", "sh", "-euc", script)
	cmd.Dir = dir
	// Nothing is mailed: what would be is printed.
	played := filepath.Join(dir, "played")
	if err := os.Mkdir(played, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(played, "mail"), []byte("#!/bin/sh\ncat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := strings.Join([]string{played, bin, os.Getenv("PATH")}, string(os.PathListSeparator))
	cmd.Env = append(os.Environ(), "PATH="+path, "HOME="+dir, "SLACK_WEBHOOK="+s.slack, "PARALLEL_HOME="+dir)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s%s", err, r.script, out, complaints.String())
	}
	// Recipes into a file or to a receiver are silent; those for eyes are not.
	silent := regexp.MustCompile(`siem|broker|curl|>outcomes|gzip`).MatchString(r.script)
	if len(out) == 0 && !silent {
		t.Errorf("nothing was printed by\n%s%s", r.script, complaints.String())
	}
	t.Logf("%s\n%s%s", r.script, out, complaints.String())
	// What fails on purpose says so by || true; a count asked for on stderr is no complaint.
	said := regexp.MustCompile(`(?m)^sess-update: \d+ sessions? to change\n|^sess-events: .*the server gave \d+ of its \d+ events.*\n`).ReplaceAllString(complaints.String(), "")
	if said != "" && !strings.Contains(r.script, "|| true") {
		t.Errorf("complaints:\n%s", said)
	}
}
