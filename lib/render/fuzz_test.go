package render

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// memory is an Output in memory.
type memory struct{ bytes.Buffer }

func (*memory) Flush() error { return nil }

// run shows text with the options.
func run(t testing.TB, o Options, texts ...string) (string, []string, error) {
	t.Helper()
	var inputs []Input
	for _, text := range texts {
		inputs = append(inputs, Input{Name: "input", Open: func() (io.Reader, error) { return strings.NewReader(text), nil }})
	}
	var said []string
	o.Say = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	if o.Now.IsZero() {
		o.Now = time.UnixMilli(1795392000000)
	}
	var out memory
	err := Run(context.Background(), &out, inputs, o)
	return out.String(), said, err
}

var seeds = []string{
	`{"sessionId":"d587160f-3628-2682-2911-57849093e713","actorName":"佐藤 結衣","beginTime":1795346664836,"endTime":1795350902141,"contextSummary":"Departing\nemployee, \"last\" day","lowEvents":3,"notes":[{"content":"two\nlines","userId":"ana","sourceTimestamp":1795346664836}],"riskIndicators":[{"name":"Zip","weight":1}],"scores":[{"score":8,"severity":3,"sourceTimestamp":1}],"states":[{"state":"OPEN","sourceTimestamp":1}],"triggeredAlerts":[{"ruleName":"x"}]}`,
	`{"@timestamp":"2026-11-22T11:50:23.930480Z","event":{"id":"0_28"},"file":{"name":"=1+1"},"risk":{"severity":"HIGH","indicators":[]},"user":{}}`,
	`{"a":[1,[2,{"b":null}]],"c":{"d":{}},"":true,"x.y":"z"}`,
	`{"s":"\u001b[31m\u202e\u200b\ud83d\ude00\ud83d \u009b\u007f","t":"` + "\u202e\u200d\u00a0\u2800\x7f\xff\xc3" + `"}`,
	`{"sessionId":5,"states":{},"scores":"x","notes":[1,null,{"content":{}}],"riskIndicators":[[]],"beginTime":"soon","triggeredAlerts":[{}]}`,
	`{"flag":"` + "\U0001f3f4\U000e0067\U000e0062\U000e007f \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f 1\ufe0f\u20e3 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0915\u094d\u200d\u0937 e" + strings.Repeat("\u0301", 9) + `"}`,
	"{\"a\":1}\r\n\n{\"a\":2}\n{\"b\":[]}", `{"sessionId":"x"}` + "\n[1]\n", `{"a":`, `null`, `{}`, ``, "\ufeff{\"a\":\"b\"}",
}

// FuzzFormats shows anything in all formats: what people read has nothing in it that a terminal
// would obey, and fits the terminal but for ids.
func FuzzFormats(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, 80, "")
		f.Add(s, 0, "*")
		f.Add(s, 20, "session_id,a.b,states.-1.state,c.*")
	}
	f.Fuzz(func(t *testing.T, text string, width int, columns string) {
		if width < 0 || width > 300 {
			width = 0
		}
		lines := 0
		for line := range strings.SplitSeq(text, "\n") {
			line = strings.TrimPrefix(line, "\ufeff")
			if strings.TrimSpace(line) != "" && json.Valid([]byte(line)) {
				lines++
			}
		}
		for _, format := range Formats {
			out, said, err := run(t, Options{Format: format, Columns: columns, Width: width, Terminal: width > 0}, text)
			switch {
			case columns == "?": // a list for people
			case format == "csv":
				checkCSV(t, out, err)
				continue
			case strings.HasPrefix(format, "json"):
				checkJSON(t, out, width > 0)
				continue
			}
			checkSafe(t, format, out)
			checkSafe(t, format, strings.Join(said, "\n"))
			if err != nil {
				checkSafe(t, format, err.Error())
			}
		}
	})
}

// checkSafe fails where text has a character that a person cannot see or a terminal obeys.
func checkSafe(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Fatalf("%s: not UTF-8: %q", what, text)
	}
	for _, r := range text {
		switch {
		case r == '\n', r == '\u200d', r == '\u200c':
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r),
			unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r):
			t.Fatalf("%s: %U is not written out in %q", what, r, text)
		}
	}
}

func checkCSV(t *testing.T, out string, err error) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(out))
	rows, bad := r.ReadAll() // every row as long as the first
	if bad != nil {
		t.Fatalf("CSV cannot be read back: %v\n%q (%v)", bad, out, err)
	}
	_ = rows
}

func checkJSON(t *testing.T, out string, shown bool) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(out))
	for {
		var v any
		if err := d.Decode(&v); err == io.EOF {
			break
		} else if err != nil && !strings.Contains(err.Error(), "cannot unmarshal number") {
			t.Fatalf("JSON cannot be read back: %v\n%q", err, out)
		} else if err != nil {
			break
		}
	}
	if shown {
		checkSafe(t, "JSON on a terminal", out)
	}
}

// FuzzSafe holds the writing out to what it promises.
func FuzzSafe(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, lines := range []bool{false, true} {
			safe := string(appendSafe([]byte("x"), []byte(text), lines))[1:]
			checkSafe(t, "safe text", safe)
			if !lines && strings.Contains(safe, "\n") {
				t.Fatalf("a line feed is left in %q", safe)
			}
			if again := string(appendSafe(nil, []byte(safe), lines)); again != safe {
				t.Fatalf("%q is safe but becomes %q", safe, again)
			}
		}
	})
}

// FuzzCSV reads fields back as encoding/csv does.
func FuzzCSV(f *testing.F) {
	for _, s := range append(seeds, `=1+1`, `a,b`, `"`, "a\r\nb", "\r", ` x `, `\.`, ``, "-2", "@x", "\tx", "＝x") {
		f.Add(s, s, false)
		f.Add(s, "", true)
	}
	f.Fuzz(func(t *testing.T, a, b string, guard bool) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			return
		}
		record, err := json.Marshal(map[string]any{"a": a, "b": b, "c": []string{a}})
		if err != nil {
			t.Fatal(err)
		}
		cols := []column{newColumn(mustPath("a"), "a"), newColumn(mustPath("b"), "b"), newColumn(mustPath("c"), "c")}
		rows := &csvRows{scanner: newPlan(cols).Scanner(), columns: cols, guard: guard}
		out, err := rows.record(nil, record)
		if err != nil {
			t.Fatal(err)
		}
		got, err := csv.NewReader(bytes.NewReader(out)).Read()
		if err != nil {
			t.Fatalf("%q cannot be read back: %v", out, err)
		}
		for i, want := range []string{a, b} {
			if guard && isFormula([]byte(want)) {
				want = "'" + want
			}
			// encoding/csv takes a carriage return before a line feed for a part of the line end.
			if want = strings.ReplaceAll(want, "\r\n", "\n"); got[i] != want {
				t.Fatalf("%q is read back as %q from %q", want, got[i], out)
			}
		}
		var list []string
		if json.Unmarshal([]byte(got[2]), &list) != nil || len(list) != 1 || list[0] != a {
			t.Fatalf("the list of %q is read back as %q", a, got[2])
		}
		if single, _ := (&csvRows{scanner: newPlan(cols[:1]).Scanner(), columns: cols[:1]}).record(nil, record); len(single) == 1 {
			t.Fatalf("a row of one empty field is an empty line")
		}
	})
}

// FuzzWrap breaks text into lines that fit, and loses nothing but blanks at line ends.
func FuzzWrap(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, 10)
	}
	f.Add("a  b   c", 3)
	f.Add("日本語のテキスト and a longword", 5)
	f.Fuzz(func(t *testing.T, text string, most int) {
		if most < 1 || most > 200 {
			most = 1 + (most&0xff)%200
		}
		text = string(appendSafe(nil, []byte(text), true))
		var lines []string
		wrap([]byte(text), most, func(l []byte) {
			lines = append(lines, string(l))
			if w := width(l); w > most && most > 2 && len(l) > 40 {
				t.Fatalf("the line %q of %q is %d wide, not %d", l, text, w, most)
			}
		})
		squeeze := strings.NewReplacer(" ", "", "\n", "").Replace
		if got := squeeze(strings.Join(lines, "")); got != squeeze(text) {
			t.Fatalf("%q became %q", text, lines)
		}
		if s := shorten([]byte(strings.ReplaceAll(text, "\n", " ")), most); width(s) > most {
			t.Fatalf("%q shortened to %d is %q", text, most, s)
		}
	})
}
