package render

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the expected outputs anew")

// What is shown of the records in testdata is held against what a person has looked at.
func TestLooks(t *testing.T) {
	for _, kind := range []string{"sessions", "events", "hostile", "others"} {
		text, err := os.ReadFile(filepath.Join("testdata", kind+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name string
			o    Options
		}{
			{"table", Options{Format: "table"}},
			{"table-80", Options{Format: "table", Width: 80, Terminal: true}},
			{"table-120", Options{Format: "table", Width: 120, Terminal: true, Colour: true}},
			{"table-200", Options{Format: "table", Width: 200, Terminal: true}},
			{"csv", Options{Format: "csv"}},
			{"columns", Options{Format: "columns"}},
			{"columns-80", Options{Format: "columns", Width: 80, Terminal: true}},
			{"rich", Options{Format: "rich"}},
			{"rich-80", Options{Format: "rich", Width: 80, Terminal: true, Colour: true}},
			{"pretty", Options{Format: "json-pretty"}},
			{"pretty-80", Options{Format: "json-pretty", Width: 80, Terminal: true, Colour: true}},
			{"lines", Options{Format: "json-lines"}},
			{"summary", Options{Format: "summary"}},
			{"summary-120", Options{Format: "summary", Width: 120, Terminal: true, Colour: true}},
			{"list", Options{Format: "table", Columns: "?"}},
		} {
			t.Run(kind+"/"+c.name, func(t *testing.T) {
				out, said, err := run(t, c.o, string(text))
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range said {
					out += "on stderr: " + s + "\n"
				}
				golden := filepath.Join("testdata", kind+"."+c.name+".txt")
				if *update {
					if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if out != string(want) {
					t.Errorf("%s is not as expected (go test -update writes it anew):\n%s", golden, out)
				}
				if c.o.Width > 0 && c.name != "pretty-80" {
					checkFits(t, out, c.o.Width)
				}
			})
		}
	}
}

// checkFits fails where a line is wider than the terminal.
func checkFits(t *testing.T, out string, most int) {
	t.Helper()
	for line := range strings.SplitSeq(out, "\n") {
		if strings.HasPrefix(line, "on stderr") {
			continue
		}
		for _, s := range sequences {
			if s != "" {
				line = strings.ReplaceAll(line, s, "")
			}
		}
		line = strings.ReplaceAll(line, "\x1b[0m", "")
		if w := width([]byte(line)); w > most {
			t.Errorf("a line is %d wide, not %d: %q", w, most, line)
		}
	}
}

// manySessions are n sessions with numbers for ids.
func manySessions(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"sessionId":"%d","beginTime":%d,"contextSummary":"%s","states":[{"state":"OPEN","sourceTimestamp":1}]}`+"\n",
			i, 1795346664836+i, strings.Repeat("word ", i%40))
	}
	return b.String()
}

// All records come once and in their order, though several goroutines work on them.
func TestOrder(t *testing.T) {
	const n = 30000
	text := manySessions(n)
	for _, format := range []string{"csv", "table", "columns", "rich", "json-lines"} {
		out, _, err := run(t, Options{Format: format, NoHeader: true, Columns: "session_id,begin_time,context_summary"}, text)
		if err != nil {
			t.Fatal(err)
		}
		next := 0
		for line := range strings.Lines(out) {
			id := ""
			switch fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" ,:\"", r) }); {
			case len(fields) == 0:
				continue
			case format == "json-lines":
				id = fields[1+1]
			case format == "rich" && fields[0] == "──":
				id = fields[1]
			case format == "rich":
				continue
			default:
				id = fields[0]
			}
			if i, err := strconv.Atoi(id); err != nil || i != next {
				t.Fatalf("%s: %q where %d should be", format, line, next)
			}
			next++
		}
		if next != n {
			t.Errorf("%s: %d records, not %d", format, next, n)
		}
	}
}

// What comes before a bad line is shown; the error names the input and the line.
func TestBadLines(t *testing.T) {
	good := manySessions(5000)
	for _, c := range []struct {
		name string
		bad  string
		want string
	}{
		{"no JSON", "sessionId: 1\n", "b, line 5002: not JSON: invalid character 's' looking for beginning of value at byte 1"},
		{"half a record", `{"sessionId":`, "b, line 5002: not JSON: unexpected end of JSON input"},
		{"a control character", "{\"a\":\"\x1b[31m\"}\n", `b, line 5002: not JSON: invalid character '\x1b' in string literal at byte 7`},
		{"no object", "[1]\n", "b, line 5002: JSON, but not an object"},
		{"too deep", strings.Repeat(`{"a":`, 10001) + "1" + strings.Repeat("}", 10001), "b, line 5002: not JSON that can be read: nested more than 10000 deep"},
		{"too long", `{"a":"` + strings.Repeat("x", 100000) + `"}`, "b, line 5002: longer than 90000 bytes"},
		{"too long for a buffer", `{"a":"` + strings.Repeat("x", 1000000) + `"}`, "b, line 5002: longer than 90000 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, format := range Formats {
				if strings.HasPrefix(format, "json") && c.name == "no object" {
					continue // JSON is all that they are about
				}
				var out memory
				o := Options{Format: format, Columns: "session_id", MaxLine: 90000, Say: func(string, ...any) {}}
				inputs := []Input{
					{Name: "a", Open: func() (io.Reader, error) { return strings.NewReader(`{"sessionId":"first"}`), nil }},
					{Name: "b", Open: func() (io.Reader, error) { return strings.NewReader(good + "\n" + c.bad + "\n" + good), nil }},
				}
				err := Run(context.Background(), &out, inputs, o)
				var coded interface{ ExitCode() int }
				if err == nil || !strings.HasPrefix(err.Error(), c.want) || !errors.As(err, &coded) || coded.ExitCode() != 2 {
					t.Errorf("%s: %v; want %s", format, err, c.want)
				}
				shown := out.String()
				switch {
				case format == "summary":
					if !strings.HasPrefix(shown, "5001 sessions") && !strings.HasPrefix(shown, "5001 records") {
						t.Errorf("%s: %.60q", format, shown)
					}
				case !strings.Contains(shown, "first") || !strings.Contains(shown, "4999") || strings.Count(shown, "4999") > 2:
					t.Errorf("%s: records before the bad line are not shown", format)
				}
			}
		})
	}
}

func TestUnknownColumns(t *testing.T) {
	text := `{"sessionId":"x","beginTime":1,"newThing":{"deep":1},"states":[{"state":"OPEN","odd":1}]}` + "\n"
	for columns, want := range map[string]string{
		"hihg_events":         `unknown column "hihg_events": no session has it`,
		"session_id,newTing":  `unknown column "newTing": no session has it`,
		"states.-1.stat":      `unknown column "states.-1.stat": no session has it`,
		"newThing.shallow":    `unknown column "newThing.shallow": no session has it`,
		"nothing.*":           `unknown column "nothing.*": no session has it`,
		"new_thing.deep":      "",
		"newThing.*":          "",
		"states.-1.state":     "",
		"states.7.state":      "",
		"states.odd":          "",
		"states.0.odd":        "",
		"notes.-1.content":    "",
		"exfiltrationSummary": "",
		"states.*":            "",
		"*":                   "",
	} {
		for _, format := range []string{"table", "csv", "columns", "rich"} {
			out, _, err := run(t, Options{Format: format, Columns: columns}, text)
			switch {
			case want == "" && err != nil, want != "" && (err == nil || err.Error() != want):
				t.Errorf("%s: %v", columns, err)
			case want != "" && out != "":
				t.Errorf("%s: printed %q before the error", columns, out)
			}
		}
	}
	_, _, err := run(t, Options{Format: "csv", Columns: "hihg_events"}, text)
	var unknown *UnknownColumn
	if !errors.As(err, &unknown) || !strings.HasPrefix(unknown.Hint(), "did you mean high_events") {
		t.Errorf("%v", unknown.Hint())
	}
	if _, _, err := run(t, Options{Format: "csv", Columns: "high_events,file.name"}, ""); err != nil {
		t.Errorf("with no records: %v", err)
	}
	if _, _, err := run(t, Options{Format: "csv", Columns: "hihg_events"}, ""); err == nil {
		t.Error("with no records every column is known")
	}
}

// A column that the schema does not know is fine when it comes late among the first thousand.
func TestColumnFoundLate(t *testing.T) {
	text := strings.Repeat(`{"sessionId":"x","beginTime":1}`+"\n", 900) + `{"sessionId":"y","late":true}` + "\n"
	if _, _, err := run(t, Options{Format: "csv", Columns: "late"}, text); err != nil {
		t.Error(err)
	}
}

// gate is an input that gives its lines when it is told to.
type gate struct {
	lines chan string
	left  string
}

func (g *gate) Read(p []byte) (int, error) {
	if g.left == "" {
		line, ok := <-g.lines
		if !ok {
			return 0, io.EOF
		}
		g.left = line
	}
	n := copy(p, g.left)
	g.left = g.left[n:]
	return n, nil
}

// seen is an Output that tells what is flushed.
type seen struct {
	text  bytes.Buffer
	shown chan string
}

func (s *seen) Write(p []byte) (int, error) { return s.text.Write(p) }
func (s *seen) Flush() error {
	s.shown <- s.text.String()
	s.text.Reset()
	return nil
}

// Each record is shown when it comes, though the input goes on.
func TestSlowInput(t *testing.T) {
	for _, format := range []string{"table", "csv", "columns", "rich", "json-lines", "json-pretty"} {
		for _, columns := range []string{"", "session_id"} {
			g := &gate{lines: make(chan string)}
			out := &seen{shown: make(chan string, 100)}
			done := make(chan error)
			go func() {
				in := Input{Name: "slow", Open: func() (io.Reader, error) { return g, nil }}
				done <- Run(context.Background(), out, []Input{in}, Options{Format: format, Columns: columns, Say: func(string, ...any) {}})
			}()
			for i := range 3 {
				want := fmt.Sprintf("session-%d", i)
				g.lines <- fmt.Sprintf(`{"sessionId":"%s","beginTime":1}`+"\n", want)
				for got := ""; !strings.Contains(got, want); { // hangs where a record is held back
					got += <-out.shown
				}
			}
			close(g.lines)
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
}

// The context ends a run though the input would go on for ever.
func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	g := &gate{lines: make(chan string)}
	out := &seen{shown: make(chan string, 100)}
	done := make(chan error)
	go func() {
		in := Input{Name: "slow", Open: func() (io.Reader, error) { return g, nil }}
		done <- Run(ctx, out, []Input{in}, Options{Format: "json-lines"})
	}()
	g.lines <- `{"a":1}` + "\n"
	<-out.shown
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// brokenOutput fails after some bytes.
type brokenOutput struct{ left int }

func (b *brokenOutput) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errGone
	}
	return len(p), nil
}
func (b *brokenOutput) Flush() error { return nil }

var errGone = errors.New("the reader is gone")

func TestOutputFails(t *testing.T) {
	text := manySessions(20000)
	for _, format := range Formats {
		for _, left := range []int{0, 500, 100000} {
			in := Input{Name: "input", Open: func() (io.Reader, error) { return strings.NewReader(text), nil }}
			err := Run(context.Background(), &brokenOutput{left}, []Input{in}, Options{Format: format, Say: func(string, ...any) {}})
			if !errors.Is(err, errGone) && !(format == "summary" && left > 0) {
				t.Errorf("%s after %d bytes: %v", format, left, err)
			}
		}
	}
}

// A field that comes after the header is out is counted and named.
func TestFieldsAfterTheHeader(t *testing.T) {
	text := strings.Repeat(`{"sessionId":"x","beginTime":1}`+"\n", sampleRecords) +
		`{"sessionId":"y","late":1,"contentInspectionResults":{"new\u001b":2}}` + "\n" + `{"late":2,"begin_time":3,"beginTime":4}` + "\n"
	out, said, err := run(t, Options{Format: "csv"}, text)
	if err != nil {
		t.Fatal(err)
	}
	want := `these fields first came after the columns were settled, and are left out: late (2 records), begin_time (1 record), content_inspection_results.new\x1b (1 record)`
	if len(said) != 2 || said[0] != want {
		t.Errorf("said %q", said)
	}
	if rows, err := csv.NewReader(strings.NewReader(out)).ReadAll(); err != nil || len(rows) != sampleRecords+3 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if _, said, _ := run(t, Options{Format: "csv", Columns: "session_id"}, text); len(said) != 0 {
		t.Errorf("with the columns chosen it says %q", said)
	}
}

func TestTimes(t *testing.T) {
	defer func(l *time.Location) { time.Local = l }(time.Local)
	time.Local = time.FixedZone("", 3600)
	text := `{"sessionId":"x","beginTime":1795123500123,"endTime":"soon","scores":[]}` + "\n"
	for _, c := range []struct {
		format string
		time   Time
		want   string
	}{
		{"csv", "", "1795123500123,soon\n"},
		{"csv", TimeRaw, "1795123500123,soon\n"},
		{"csv", TimeUTC, "2026-11-19T21:25:00.123Z,soon\n"},
		{"csv", TimeLocal, "2026-11-19T22:25:00.123+01:00,soon\n"},
		{"table", "", "2026-11-19 21:25  soon\n"},
		{"table", TimeUTC, "2026-11-19 21:25  soon\n"},
		{"table", TimeLocal, "2026-11-19 22:25  soon\n"},
		{"table", TimeRaw, "1795123500123  soon\n"},
		{"columns", "", "2026-11-19 21:25  soon\n"},
	} {
		out, _, err := run(t, Options{Format: c.format, Time: c.time, NoHeader: true, Columns: "begin_time,end_time"}, text)
		if err != nil || out != c.want {
			t.Errorf("%s, %q: %q, %v", c.format, c.time, out, err)
		}
	}
}

func TestGuard(t *testing.T) {
	out, _, err := run(t, Options{Format: "csv", Guard: true},
		`{"=1+1":"=2+2","a":"-3","b":-3,"c":"@x","d":"\tx","e":"fine","f":"＝x","g":["=x"]}`)
	want := "\"'=1+1\",a,b,c,d,e,f,g\n\"'=2+2\",\"'-3\",-3,\"'@x\",\"'\tx\",fine,\"'＝x\",\"[\"\"=x\"\"]\"\n"
	if err != nil || out != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}
