package metrics

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// parse reads a file as Prometheus itself does.
func parse(t *testing.T, path string) map[string]*dto.MetricFamily {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(in)
	if err != nil {
		text, _ := os.ReadFile(path)
		t.Fatalf("%v in:\n%s", err, text)
	}
	return families
}

// value is that of the only series of a family that has these labels.
func value(t *testing.T, path, family string, want ...Label) float64 {
	t.Helper()
	f := parse(t, path)[family]
	if f == nil {
		return math.NaN()
	}
metrics:
	for _, m := range f.Metric {
		have := map[string]string{}
		for _, l := range m.Label {
			have[l.GetName()] = l.GetValue()
		}
		for _, l := range want {
			if v, ok := have[l.Name]; !ok || v != l.Value {
				continue metrics
			}
		}
		if f.GetType() == dto.MetricType_COUNTER {
			return m.Counter.GetValue()
		}
		return m.Gauge.GetValue()
	}
	return math.NaN()
}

func open(t *testing.T, path string, labels ...Label) *File {
	t.Helper()
	f, err := Open(Options{Path: path, Tool: "sess-try", Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestEveryFigureParses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.prom")
	odd := "a\\b\"c\nd\xff é"
	f := open(t, path, Label{"tenant", odd})
	f.Collect(func(s *Figures) {
		for i, m := range catalogue {
			s.Set(m, float64(i)+0.25)
		}
		s.Set(Requests, 7, Label{"code", "200"})
		s.Set(Requests, 8, Label{"code", "none"})
	})
	f.End(3)
	families := parse(t, path)
	if len(families) != len(catalogue) {
		t.Errorf("%d families; the catalogue has %d", len(families), len(catalogue))
	}
	for _, m := range catalogue {
		family := families[m.name]
		if family == nil || family.GetHelp() != m.help {
			t.Errorf("%s: %v", m.name, family)
			continue
		}
		if counts := family.GetType() == dto.MetricType_COUNTER; counts != m.counts || counts != strings.HasSuffix(m.name, "_total") {
			t.Errorf("%s is a %v", m.name, family.GetType())
		}
	}
	tenant := Label{"tenant", strings.ToValidUTF8(odd, "\ufffd")}
	if v := value(t, path, "sess_requests_total", Label{"code", "none"}, tenant, Label{"tool", "sess-try"}); v != 8 {
		t.Errorf("the requests without an answer are %v", v)
	}
}

// A cron job's counters go on from run to run, and its last success outlives a failure.
func TestRunsFollowEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.prom")
	run := func(status int, n, newest float64) {
		f := open(t, path)
		f.Collect(func(s *Figures) {
			s.Set(Sessions, n)
			s.Set(Requests, n, Label{"code", fmt.Sprint(200 + status)})
			s.Set(Undelivered, n)
			if newest > 0 {
				s.Set(Newest, newest)
			}
		})
		f.Write()
		f.Write()
		f.End(status)
	}
	run(0, 5, 1000)
	success := value(t, path, "sess_last_success_timestamp_seconds")
	if now := seconds(time.Now()); success < now-60 || success > now {
		t.Errorf("the last success was %v; it is %v", success, now)
	}
	time.Sleep(5 * time.Millisecond)
	run(1, 7, 900)
	run(1, 0, 0)
	for _, c := range []struct {
		name  string
		label []Label
		want  float64
	}{
		{"sess_sessions_total", nil, 12},
		{"sess_requests_total", []Label{{"code", "200"}}, 5},
		{"sess_requests_total", []Label{{"code", "201"}}, 7},
		{"sess_undelivered", nil, 0},
		{"sess_newest_session_timestamp_seconds", nil, 1000},
		{"sess_last_success_timestamp_seconds", nil, success},
		{"sess_last_exit_status", nil, 1},
	} {
		if got := value(t, path, c.name, c.label...); got != c.want {
			t.Errorf("%s is %v; want %v", c.name, got, c.want)
		}
	}
}

// What another tool or tenant has written under the name is not ours to go on from.
func TestOnlyItsOwnFiguresGoOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.prom")
	f := open(t, path, Label{"tenant", "a"})
	f.Collect(func(s *Figures) { s.Set(Sessions, 5) })
	f.End(0)
	for _, labels := range [][]Label{nil, {{"tenant", "b"}}, {{"tenant", "a"}, {"more", "x"}}} {
		g := open(t, path, labels...)
		if len(g.before) != 0 {
			t.Errorf("with %v it goes on from %v", labels, g.before)
		}
		if err := os.WriteFile(path, f.text(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDamageIsNoObstacle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.prom")
	text := header + "sessions_total x\nsess_sessions_total{tool=\"sess-try\"} 12\nsess_sessions_total{tool=\"sess-try\",x} 3\nsess_retries_total{tool=\"sess-try\"} many\nsess_paused_seconds_total{tool=\"sess-try\"} NaN\ngarbage"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	f.End(0)
	if v := value(t, path, "sess_sessions_total"); v != 12 {
		t.Errorf("the sessions are %v", v)
	}
}

func TestFilesThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(other, []byte("my notes\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		other:                                 "is there and is no file of metrics",
		filepath.Join(dir, "no", "such.prom"): "cannot write the metrics to ",
		dir:                                   "cannot read the metrics in ",
	} {
		_, err := Open(Options{Path: path, Tool: "sess-try"})
		var knows interface{ ExitCode() int }
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &knows) || knows.ExitCode() != 2 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if text, _ := os.ReadFile(other); string(text) != "my notes\n" {
		t.Errorf("the notes are now %q", text)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLabels(t *testing.T) {
	for _, text := range []string{"tenant=acme", "a=", "_x=1=2"} {
		if _, err := ParseLabel(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"", "tenant", "=x", "1a=x", "a-b=x", "__name__=x", "tool=x", "code=x", "é=x"} {
		if l, err := ParseLabel(text); err == nil {
			t.Errorf("%q is taken as %v", text, l)
		}
	}
}

// Whoever reads the file while it is written finds a whole one.
func TestReadersFindAWholeFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there, a file that is being read cannot be replaced")
	}
	path := filepath.Join(t.TempDir(), "x.prom")
	f := open(t, path)
	f.Collect(func(s *Figures) {
		for i := range 200 {
			s.Set(Requests, float64(i), Label{"code", fmt.Sprint(i)})
		}
	})
	f.Write()
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		for range 300 {
			f.Write()
		}
	}()
	for range 300 {
		if n := len(parse(t, path)["sess_requests_total"].Metric); n != 200 {
			t.Fatalf("a file with %d of 200 series", n)
		}
	}
	done.Wait()
}

func TestNoFileNoWork(t *testing.T) {
	f, err := Open(Options{Tool: "sess-try"})
	if err != nil {
		t.Fatal(err)
	}
	f.Collect(func(*Figures) { t.Error("figures are collected for nobody") })
	f.Run()
	f.Success()
	f.Write()
	f.End(0)
}
