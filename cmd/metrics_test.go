package cmd_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/twmb/franz-go/pkg/kfake"

	"sess/lib/sandbox"
)

// However a run ends, its file of figures is there, parses, and says how it ended; the time of the
// last success outlives what went wrong after it. A run that is killed leaves the last whole file.
func TestFiguresAfterEveryEnd(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no signals to end a run with")
	}
	tenant := sandbox.New(sandbox.Options{Sessions: 120, Seed: 11, Days: 3})
	server := httptest.NewServer(tenant)
	t.Cleanup(server.Close)
	good := []string{"INCYDR_URL=" + server.URL, "INCYDR_API_CLIENT_ID=" + tenant.ClientID(), "INCYDR_API_CLIENT_SECRET=" + tenant.ClientSecret()}
	stranger := append(good[:1:1], "INCYDR_API_CLIENT_ID="+tenant.ClientID()+"-stranger", good[2])
	nobody := append([]string{"INCYDR_URL=http://127.0.0.1:1"}, good[1:]...)
	session := func(i int) string {
		items, err := tenant.Items("")
		if err != nil {
			t.Fatal(err)
		}
		return string(items[i]) + "\n"
	}
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	guarded, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"), kfake.EnableSASL(), kfake.Superuser("PLAIN", "sess", "right"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(guarded.Close)
	broker, guard := kafka.ListenAddrs()[0], guarded.ListenAddrs()[0]
	big := `{"x":"` + strings.Repeat("x", 5000) + "\"}\n"
	receiver := receive(t)

	const (
		interrupted = syscall.SIGINT
		terminated  = syscall.SIGTERM
		killed      = syscall.SIGKILL
	)
	for _, c := range []struct {
		name   string
		args   string
		env    []string
		stdin  string // "-": it stays open
		signal syscall.Signal
		status int // -1: killed
	}{
		{"search", "sess-search --any-alerts", good, "", 0, 0},
		{"search, nobody there", "sess-search --retry-for 0", nobody, "", 0, 1},
		{"search, no settings", "sess-search", nil, "", 0, 2},
		{"search, bad option value", "sess-search --lookback 2d", good, "", 0, 2},
		{"search, refused", "sess-search", stranger, "", 0, 4},
		{"search, bad checkpoint", "sess-search --checkpoint damaged", good, "", 0, 6},
		{"search, interrupted", "sess-search --checkpoint a --follow 1s", good, "", interrupted, 130},
		{"search, terminated", "sess-search --checkpoint b --follow 1s", good, "", terminated, 143},
		{"search, killed", "sess-search --checkpoint c --follow 1s", good, "", killed, -1},
		{"update", "sess-update --state CLOSED", good, session(0), 0, 0},
		{"update, nobody there", "sess-update --retry-for 0 --state CLOSED x", nobody, "", 0, 1},
		{"update, no state", "sess-update x", good, "", 0, 2},
		{"update, partly", "sess-update --state CLOSED", good, session(1) + `{"sessionId":"no-such"}` + "\n", 0, 3},
		{"update, refused", "sess-update --state CLOSED x", stranger, "", 0, 4},
		{"update, no such session", "sess-update --state CLOSED no-such", good, "", 0, 5},
		{"update, interrupted", "sess-update --state CLOSED", good, "-", interrupted, 130},
		{"update, terminated", "sess-update --state CLOSED", good, "-", terminated, 143},
		{"update, killed", "sess-update --state CLOSED", good, "-", killed, -1},
		{"kafka", "sess-kafka --brokers " + broker + " t", nil, session(0), 0, 0},
		{"kafka, nobody there", "sess-kafka --timeout 1s --brokers 127.0.0.1:1 t", nil, session(0), 0, 1},
		{"kafka, no brokers", "sess-kafka t", nil, "", 0, 2},
		{"kafka, no such topic", "sess-kafka --brokers " + broker + " u", nil, session(0), 0, 2},
		{"kafka, partly", "sess-kafka --brokers " + broker + " --max-size 4096 --oversize skip t", nil, big, 0, 3},
		{"kafka, refused", "sess-kafka --timeout 2s --sasl PLAIN --user sess --brokers " + guard + " t", []string{"SESS_KAFKA_PASSWORD=wrong"}, session(0), 0, 4},
		{"kafka, interrupted", "sess-kafka --brokers " + broker + " t", nil, "-", interrupted, 130},
		{"kafka, terminated", "sess-kafka --brokers " + broker + " t", nil, "-", terminated, 143},
		{"kafka, killed", "sess-kafka --brokers " + broker + " t", nil, "-", killed, -1},
		{"syslog", "sess-syslog " + receiver, nil, session(0), 0, 0},
		{"syslog, nobody there", "sess-syslog --timeout 1s --retry-for 1s 127.0.0.1:1", nil, session(0), 0, 1},
		{"syslog, certificates without TLS", "sess-syslog --certs ca.pem " + receiver, nil, "", 0, 2},
		{"syslog, bad option value", "sess-syslog --facility locl0 " + receiver, nil, "", 0, 2},
		{"syslog, partly", "sess-syslog --max-size 4096 --oversize skip " + receiver, nil, big, 0, 3},
		{"syslog, interrupted", "sess-syslog " + receiver, nil, "-", interrupted, 130},
		{"syslog, terminated", "sess-syslog " + receiver, nil, "-", terminated, 143},
		{"syslog, killed", "sess-syslog " + receiver, nil, "-", killed, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "x.prom")
			words := strings.Fields(c.args)
			env := append([]string{"HOME=" + dir, "INCYDR_CHECKPOINT_DIR=" + dir}, c.env...)
			damaged := filepath.Join(dir, tenant.ClientID(), "session_checkpoints", "damaged.jsonl")
			if err := errors.Join(os.MkdirAll(filepath.Dir(damaged), 0o700), os.WriteFile(damaged, []byte("no checkpoint\n"), 0o600)); err != nil {
				t.Fatal(err)
			}
			// A success before: what it left must stand.
			labels := `tool="` + words[0] + `"`
			switch {
			case strings.Contains(c.args, "--checkpoint"):
				labels += `,checkpoint="` + words[2] + `"`
			case words[0] == "sess-syslog":
				labels += `,receiver="TCP:` + words[len(words)-1] + `"`
			case words[0] == "sess-kafka":
				labels += `,topic="` + words[len(words)-1] + `"`
			}
			success := "# HELP sess_last_success_timestamp_seconds x\n# TYPE sess_last_success_timestamp_seconds gauge\nsess_last_success_timestamp_seconds{" + labels + "} 1000\n"
			if err := os.WriteFile(file, []byte(success), 0o644); err != nil {
				t.Fatal(err)
			}

			cmd := exec.Command(filepath.Join(bin, words[0]), append(words[1:], "--metrics", file)...)
			var stderr bytes.Buffer
			cmd.Env, cmd.Stderr = env, &stderr
			if c.stdin != "-" {
				cmd.Stdin = strings.NewReader(c.stdin)
			} else {
				in, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				defer in.Close()
				io.WriteString(in, `{"sessionId":"x","n":`) // no line ever ends
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if c.signal != 0 {
				for begun := time.Now(); !started(file); time.Sleep(10 * time.Millisecond) {
					if time.Since(begun) > 20*time.Second {
						cmd.Process.Kill()
						t.Fatalf("it does not start: %s", stderr.String())
					}
				}
				time.Sleep(150 * time.Millisecond)
				cmd.Process.Signal(c.signal)
			}
			cmd.Wait()
			if status := cmd.ProcessState.ExitCode(); status != c.status {
				t.Fatalf("status %d, not %d: %s", status, c.status, stderr.String())
			}

			figures := figuresOf(t, file)
			if status, ended := figures["sess_last_exit_status"]; c.status >= 0 && status != float64(c.status) || ended != (c.status >= 0) {
				t.Errorf("the file says the status is %v (%v)", status, ended)
			}
			if _, ok := figures["sess_last_start_timestamp_seconds"]; !ok {
				t.Errorf("the file does not say when the run began")
			}
			at := figures["sess_last_success_timestamp_seconds"]
			if polled := words[0] == "sess-search" && c.signal != 0; c.status == 0 || polled && c.status > 0 {
				if at < float64(time.Now().Add(-time.Minute).Unix()) {
					t.Errorf("the last success is %v, not now", at)
				}
			} else if !polled && at != 1000 {
				t.Errorf("the last success is %v; nothing has succeeded since 1000", at)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 && c.status >= 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// started tells whether a run has written its first file.
func started(file string) bool {
	text, _ := os.ReadFile(file)
	return bytes.Contains(text, []byte("sess_last_start_timestamp_seconds{"))
}

// figuresOf parses a file as Prometheus does, and gives the values of metrics by name.
func figuresOf(t *testing.T, file string) map[string]float64 {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(in)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for name, family := range families {
		if family.GetType() == dto.MetricType_GAUGE {
			values[name] = family.Metric[0].Gauge.GetValue()
		}
	}
	return values
}

// receive takes connections and reads each to its end.
func receive(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); io.Copy(io.Discard, conn) }()
		}
	}()
	return l.Addr().String()
}
