package update

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

// all reads every row of an input.
func all(t testing.TB, src io.Reader, format Format, rules Rules) (rows []Row, err error) {
	t.Helper()
	r := NewReader(src, format, 1<<20, rules)
	for {
		row, err := r.Next()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
}

// show is a row on one line: LINE ID STATE NOTE, or what is wrong with it.
func show(rows []Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%d %s %s %q", r.Line, r.SessionID, r.State, r.Note)
		if r.Err != nil {
			fmt.Fprintf(&b, " ! %v", r.Err)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

const two = "2 a CLOSED \"\"\n3 b OPEN \"x\"\n"

func TestInputs(t *testing.T) {
	for _, c := range []struct {
		name, in string
		rules    Rules
		want     string
	}{
		{"plain", "session_id,state,note\na,CLOSED,\nb,OPEN,x\n", Rules{}, two},
		{"camel case", "sessionId,state,note\na,CLOSED,\nb,OPEN,x\n", Rules{}, two},
		{"capitals and blanks", "SESSION ID , State,\" NOTE\"\n a ,closed,\nb,Open,x\n", Rules{}, two},
		{"byte order mark", "\ufeffsession_id,state,note\na,CLOSED,\nb,OPEN,x\n", Rules{}, two},
		{"CRLF", "session_id,state,note\r\na,CLOSED,\r\nb,OPEN,x\r\n", Rules{}, two},
		{"no last line end", "session_id,state,note\na,CLOSED,\nb,OPEN,x", Rules{}, two},
		{"other order, other columns", "note,extra,states,state,session_id,notes\n,1,[],CLOSED,a,[]\nx,2,\"[{\"\"state\"\":\"\"CLOSED\"\"}]\",OPEN,b,y\n", Rules{}, two},
		{"semicolons", "session_id;state;note\na;CLOSED;\nb;OPEN;x\n", Rules{}, two},
		{"tabs", "session_id\tstate\tnote\na\tCLOSED\t\nb\tOPEN\tx\n", Rules{}, two},
		{"bars", "session_id|state|note\na|CLOSED|\nb|OPEN|x\n", Rules{}, two},
		{"commas within semicolons", "session_id;note, if any;state;note\na;;CLOSED;\nb;;OPEN;x\n", Rules{}, two},
		{"declared separator", "sep=;\nsession_id;state;note\na;CLOSED;\nb;OPEN;x\n", Rules{}, "3 a CLOSED \"\"\n4 b OPEN \"x\"\n"},
		{"declared tab", "\"sep=\t\"\r\nsession_id\tstate\tnote\r\na\tCLOSED\t\r\nb\tOPEN\tx\r\n", Rules{}, "3 a CLOSED \"\"\n4 b OPEN \"x\"\n"},
		{"quoted newline", "session_id,note\na,\"one\ntwo, \"\"three\"\"\"\nb,x\n", Rules{}, "2 a  \"one\\ntwo, \\\"three\\\"\"\n4 b  \"x\"\n"},
		{"blank lines and rows", "\n  \nsession_id,state,note\n\na,CLOSED,\n,,\n , ,\nb,OPEN,x\n,,\n", Rules{}, "5 a CLOSED \"\"\n8 b OPEN \"x\"\n"},
		{"blank fields too many", "session_id,state\na,CLOSED,,\nb,OPEN,\n", Rules{}, "2 a CLOSED \"\"\n3 b OPEN \"\"\n"},
		{"one column", "session_id\na\nb\n", Rules{State: "CLOSED"}, "2 a CLOSED \"\"\n3 b CLOSED \"\"\n"},
		{"blank note", "session_id,state,note\na,CLOSED,\"  \"\n", Rules{}, "2 a CLOSED \"\"\n"},
		{"options win", "session_id,state,note\na,CLOSED,\nb,OPEN,x\n", Rules{State: "CLOSED_FP", Note: "n"}, "2 a CLOSED_FP \"n\"\n3 b CLOSED_FP \"n\"\n"},
		{"ragged rows", "session_id,state,note\na,CLOSED\nb,OPEN,x,y\nc,OPEN,x\n", Rules{},
			"2 a CLOSED \"\" ! the row has 2 fields, the header 3\n3 b OPEN \"x\" ! the row has 4 fields, the header 3\n4 c OPEN \"x\"\n"},
		{"stray quote", "session_id,state\na\"b,OPEN\nc,OPEN\n", Rules{}, "2   \"\" ! the line is not CSV: bare \" in non-quoted-field at column 2\n3 c OPEN \"\"\n"},
		{"quote never closed", "session_id,note\na,x\nb,\"y\nc,z\nd,\n", Rules{},
			"2 a  \"x\"\n3   \"\" ! a quote opens here and is not closed as CSV wants it; lines 3 to 5 were taken for its field\n"},
		{"bad rows", "session_id,state\n,OPEN\na,\nb,CLOSD\nc,OPEN\n", Rules{},
			"2  OPEN \"\" ! the session id is missing\n3 a  \"\" ! the row asks for nothing: it has neither a state nor a note\n" +
				"4 b CLOSD \"\" ! unknown state \"CLOSD\": it must be one of OPEN, IN_PROGRESS, CLOSED, CLOSED_TP, CLOSED_TP_BENIGN, CLOSED_FP, OPEN_NEW_DATA\n5 c OPEN \"\"\n"},
		{"any state", "session_id,state\na,SNOOZED\nb,closed\n", Rules{AnyState: true}, "2 a SNOOZED \"\"\n3 b CLOSED \"\"\n"},
		{"state required", "session_id,state,note\na,,x\nb,OPEN,x\n", Rules{RequireState: true}, "2 a  \"x\" ! the state is missing\n3 b OPEN \"x\"\n"},
		{"another character set", "session_id,note\na,caf\xe9\nb,café\n", Rules{}, "2 a  \"caf\\xe9\" ! the row is not UTF-8 text\n3 b  \"café\"\n"},
		{"another character set in an id", "session_id,state\ncaf\xe9,OPEN\n", Rules{}, "2 caf\xe9 OPEN \"\" ! the row is not UTF-8 text\n"},
		{"a session's CSV", "actor_id,session_id,states,notes,type\nu,a,\"[{\"\"state\"\":\"\"OPEN\"\"}]\",[],STANDARD\n", Rules{Note: "n"}, "2 a  \"n\"\n"},
		{"nothing", "", Rules{}, ""},
		{"blank lines only", "\n\r\n \n", Rules{}, ""},
		{"header only", "session_id,state\n", Rules{}, ""},

		{"JSON lines", "{\"session_id\":\"a\",\"state\":\"CLOSED\"}\n{\"sessionId\":\"b\",\"note\":\"x\",\"state\":\"open\"}\n", Rules{}, "1 a CLOSED \"\"\n2 b OPEN \"x\"\n"},
		{"JSON, byte order mark, CRLF, blank lines", "\ufeff\r\n{\"session_id\":\"a\",\"state\":\"CLOSED\"}\r\n\r\n{\"sessionId\":\"b\",\"state\":\"OPEN\",\"note\":\"x\"}", Rules{}, "2 a CLOSED \"\"\n4 b OPEN \"x\"\n"},
		{"sessions of a search", `{"sessionId":"a","states":[{"state":"OPEN"}],"notes":[{"content":"old"}],"state":{"x":1},"note":["y"]}` + "\n", Rules{State: "CLOSED"}, "1 a CLOSED \"\"\n"},
		{"null and numbers", `{"session_id":12,"state":null,"note":7.50}` + "\n", Rules{}, "1 12  \"7.50\"\n"},
		{"escapes", `{"session_id":"\u0061","note":"\"\u00e9\n\ud83d\ude00"}` + "\n", Rules{}, "1 a  \"\\\"é\\n😀\"\n"},
		{"an outcome", `{"line":9,"session_id":"a","state":"OPEN","ok":false,"error":"no such session","status":404}` + "\n", Rules{}, "1 a OPEN \"\"\n"},
		{"numbers that no float holds", `{"precise":12345678901234567890.125,"huge":[1E400,-0],"session_id":"a","note":1E400}` + "\n", Rules{}, "1 a  \"1E400\"\n"},
		{"id twice, the same", `{"session_id":"a","sessionId":"a","state":"OPEN"}` + "\n", Rules{}, "1 a OPEN \"\"\n"},
		{"id twice, different", `{"session_id":"a","sessionId":"b","state":"OPEN"}` + "\n", Rules{}, "1 a OPEN \"\" ! the row names two sessions, a and b\n"},
		{"bad JSON rows", "{\"session_id\":\"a\",\"state\":\"OPEN\"}\n{\"session_id\":\nnull\n\"a\"\n{\"state\":\"OPEN\"}\n{\"session_id\":[],\"state\":\"OPEN\"}\n{\"session_id\":\"b\",\"state\":\"OPEN\"}\n", Rules{},
			"1 a OPEN \"\"\n2   \"\" ! the line is not JSON: unexpected end of JSON input\n3   \"\" ! the line is not a JSON object\n4   \"\" ! the line is not a JSON object\n" +
				"5  OPEN \"\" ! the session id is missing\n6  OPEN \"\" ! session_id is not a text\n7 b OPEN \"\"\n"},
	} {
		rows, err := all(t, strings.NewReader(c.in), Auto, c.rules)
		if err != nil || show(rows) != c.want {
			t.Errorf("%s: %v\n%swant\n%s", c.name, err, show(rows), c.want)
		}
		// It must not matter how the bytes arrive.
		again, err := all(t, iotest.OneByteReader(strings.NewReader(c.in)), Auto, c.rules)
		if err != nil || show(again) != c.want {
			t.Errorf("%s, byte by byte: %v\n%s", c.name, err, show(again))
		}
	}
}

// Spreadsheets save "Unicode text" as UTF-16, with tabs.
func TestUTF16(t *testing.T) {
	text := "session_id\tstate\tnote\r\na\tCLOSED\t\r\nb\tOPEN\t\"é\n😀\"\r\n"
	want := "2 a CLOSED \"\"\n3 b OPEN \"é\\n😀\"\n"
	for _, mark := range []string{"\ufeff", ""} {
		var little, big bytes.Buffer
		for _, u := range utf16.Encode([]rune(mark + text)) {
			little.Write([]byte{byte(u), byte(u >> 8)})
			big.Write([]byte{byte(u >> 8), byte(u)})
		}
		for name, in := range map[string][]byte{"little": little.Bytes(), "big": big.Bytes()} {
			rows, err := all(t, bytes.NewReader(in), Auto, Rules{})
			if err != nil || show(rows) != want {
				t.Errorf("%s endian, mark %q: %v\n%s", name, mark, err, show(rows))
			}
		}
	}
}

func TestInputsThatHoldNoRows(t *testing.T) {
	for _, c := range []struct {
		name, in   string
		format     Format
		want, hint string
	}{
		{"array", "[{\"session_id\":\"a\"}]", Auto, "the input is a JSON array, not JSON lines", "jq -c"},
		{"JSON as CSV", "{\"session_id\":\"a\"}", CSV, "the input is JSON, not CSV", "--format json-lines"},
		{"bare ids", "0192aa-1\n0192aa-2\n", Auto, `the CSV header has no column session_id or sessionId: it is "0192aa-1"`, "echo session_id; cat FILE"},
		{"other columns", "id,state\n", Auto, `the CSV header has no column session_id or sessionId: it is "id", "state"`, "session_id,state,note"},
		{"misspelt", "state,sesion_id\n", Auto, `the CSV header has no column session_id or sessionId: it is "state", "sesion_id"`, `rename the column "sesion_id" to session_id`},
		{"twice", "session_id,state,State\n", Auto, `the columns "state" and "State" of the header are the same to sess-update`, "rename"},
		{"two ids", "session_id,sessionId\n", Auto, `the columns "session_id" and "sessionId" of the header are the same to sess-update`, "rename"},
		{"Macintosh", "session_id,state\ra,OPEN\rb,OPEN\r", Auto, "the lines end with a carriage return alone, as old Macintosh programs wrote them", "tr"},
		{"broken header", "session_id,\"state\na,b", Auto, "line 1: the header cannot be read: extraneous or missing \" in quoted-field", "session_id,state,note"},
	} {
		rows, err := all(t, strings.NewReader(c.in), c.format, Rules{})
		var input *InputError
		if !errors.As(err, &input) || len(rows) > 0 || err.Error() != c.want || !strings.Contains(input.Hint(), c.hint) || input.ExitCode() != 2 {
			t.Errorf("%s: %d rows, error %v, hint %q", c.name, len(rows), err, input.Hint())
		}
	}
}

// One quote too many must not make the rest of a huge input one field in memory.
func TestLongRecords(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("session_id,note\na,\""), io.LimitReader(letters{}, 1<<40))
	_, err := all(t, endless, Auto, Rules{})
	if err == nil || !strings.Contains(err.Error(), "line 2 is longer than 1048576 bytes") {
		t.Errorf("an endless record: %v", err)
	}
	_, err = all(t, letters{}, Auto, Rules{})
	if err == nil || !strings.Contains(err.Error(), "line 1 is longer than 1048576 bytes") {
		t.Errorf("an endless header: %v", err)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestNoteLength(t *testing.T) {
	for n, ok := range map[int]bool{2000: true, 2001: false} {
		row := Row{SessionID: "a", Note: strings.Repeat("😀", n)}
		Rules{}.Apply(&row)
		if (row.Err == nil) != ok {
			t.Errorf("%d characters: %v", n, row.Err)
		}
	}
}

// What is printed of a row is the same row again.
func TestOutcomesAreRows(t *testing.T) {
	for _, row := range []Row{
		{Line: 1, SessionID: "a", State: "CLOSED"},
		{Line: 2, SessionID: "b", State: "OPEN", Note: "<b> \"é\" \\ \n\t\u2028😀\u0001\u007f"},
		{Line: 3, SessionID: `sess "3"`, Note: "n"},
	} {
		for _, failure := range []error{nil, errors.New("no")} {
			o := Outcome{Row: row, Err: failure}
			line := o.Append(nil)
			if bytes.ContainsRune(line, '\n') || !json.Valid(line) {
				t.Fatalf("%s is no line of JSON", line)
			}
			rows, err := all(t, bytes.NewReader(line), Auto, Rules{})
			if err != nil || len(rows) != 1 {
				t.Fatalf("%s: %v, %d rows", line, err, len(rows))
			}
			got := rows[0]
			got.Line = row.Line
			if !got.Again {
				t.Errorf("%s is not known to be an outcome", line)
			}
			if got.Again = false; got != row {
				t.Errorf("%s came back as %+v", line, got)
			}
		}
	}
}

func checkRows(t *testing.T, in []byte, format Format) {
	rows, err := all(t, bytes.NewReader(in), format, Rules{AnyState: true})
	if err != nil && err.Error() == "" {
		t.Error("an error without words")
	}
	last := 0
	for _, row := range rows {
		if row.Line < last || row.Line < 1 || format == JSONLines && row.Line == last {
			t.Fatalf("line %d after line %d", row.Line, last)
		}
		last = row.Line
		o := Outcome{Row: row, Err: row.Err}
		line := o.Append(nil)
		if !json.Valid(line) || bytes.ContainsAny(line, "\n") {
			t.Fatalf("the outcome %q is no line of JSON", line)
		}
		if row.Err != nil {
			continue
		}
		again, err := all(t, bytes.NewReader(line), Auto, Rules{AnyState: true})
		if err != nil || len(again) != 1 {
			t.Fatalf("the outcome %q is no row: %v", line, err)
		}
		if got := again[0]; got.SessionID != row.SessionID || got.State != row.State || got.Note != row.Note || got.Err != nil {
			t.Fatalf("%+v came back as %+v", row, got)
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"session_id,state,note\na,CLOSED,\nb,OPEN,\"x\ny\"\n",
		"\ufeffsessionId;state\r\na;OPEN\r\n;;\r\n",
		"sep=\t\nSESSION ID\tnote\na\t\"\"\"q\"\"\"\n",
		"\xff\xfes\x00e\x00s\x00s\x00i\x00o\x00n\x00_\x00i\x00d\x00\n\x00a\x00\n\x00",
		"session_id,ok,ok\na,true,\"\n",
		"session_id\n\"a\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) { checkRows(t, in, CSV) })
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"session_id":"a","state":"OPEN","note":"x"}` + "\n" + `{"sessionId":"b","states":[],"note":null}`,
		`{"line":1,"session_id":"a","ok":false,"error":"x","status":404}`,
		`{"session_id":"\ud800","note":"\udc00\u0000"}`,
		"{}\n\n[]\nnull\n\"\"\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) { checkRows(t, in, JSONLines) })
}
