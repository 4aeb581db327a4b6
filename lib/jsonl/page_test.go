package jsonl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

var itemsShape = PageShape{Items: "items", Total: "totalCount", MaxBytes: 1 << 25}

func TestReadPage(t *testing.T) {
	events := PageShape{Inside: "queryResult", Items: "fileEvents", Total: "totalCount", MaxBytes: 1 << 20}
	for _, test := range []struct {
		name, text string
		shape      PageShape
		items      []string
		total      int64
	}{
		{"plain", `{"items":[{"a":1},{"b":[{}]}],"totalCount":7}`, itemsShape, []string{`{"a":1}`, `{"b":[{}]}`}, 7},
		{"count first", `{"totalCount":7,"items":[{"a":1}],"more":1E400}`, itemsShape, []string{`{"a":1}`}, 7},
		{"white space", " {\n\"items\" : [ { \"a\" : \"x  y\" } ,\n{} ] , \"totalCount\" : 2 }\n ", itemsShape, []string{`{"a":"x  y"}`, `{}`}, 2},
		{"bytes kept", `{"items":[{"n":12345678901234567890.125,"e":1E400,"z":-0,"s":"\u00e9\/\\","é":"\"]}"}],"totalCount":1}`, itemsShape,
			[]string{`{"n":12345678901234567890.125,"e":1E400,"z":-0,"s":"\u00e9\/\\","é":"\"]}"}`}, 1},
		{"none", `{"items":[],"totalCount":0}`, itemsShape, nil, 0},
		{"null", `{"items":null,"totalCount":0}`, itemsShape, nil, 0},
		{"items elsewhere first", `{"x":{"items":[1]},"y":[{"items":[{}]}],"items":[{"a":1}],"totalCount":1}`, itemsShape, []string{`{"a":1}`}, 1},
		{"a key in escapes", `{"\u0069tems":[{"a":1}],"totalCount":1}`, itemsShape, []string{`{"a":1}`}, 1},
		{"a text that is the key", `{"x":"items","items":[{"a":1}],"totalCount":1}`, itemsShape, []string{`{"a":1}`}, 1},
		{"events", `{"queryResult":{"fileEvents":[{"a":1}],"totalCount":9,"nextPgToken":null,"problems":[]},"totalCount":3}`, events, []string{`{"a":1}`}, 9},
		{"events elsewhere", `{"fileEvents":[{"no":1}],"other":{"fileEvents":[{"no":2}],"totalCount":2},"queryResult":{"x":{"fileEvents":[]},"fileEvents":[{"a":1}],"totalCount":9}}`, events, []string{`{"a":1}`}, 9},
	} {
		for way, r := range map[string]io.Reader{
			"whole":    strings.NewReader(test.text),
			"bytes":    iotest.OneByteReader(strings.NewReader(test.text)),
			"data+EOF": iotest.DataErrReader(strings.NewReader(test.text)),
		} {
			list, err := ReadPage(r, test.shape)
			var got []string
			for _, item := range list.Items {
				got = append(got, string(item))
			}
			if err != nil || list.Total != test.total || fmt.Sprint(got) != fmt.Sprint(test.items) {
				t.Errorf("%s, %s: %q, %d, %v", test.name, way, got, list.Total, err)
			}
		}
	}
}

func TestReadPageRefuses(t *testing.T) {
	good := `{"items":[{"a":"b"},{"c":[1]}],"totalCount":2}`
	tests := map[string]string{
		"":                                    "it is empty",
		" \n":                                 "it is empty",
		"<html>":                              "it is HTML, a page for a browser, and not JSON",
		"oops":                                "it is not a JSON object",
		"[]":                                  "it is not a JSON object",
		`{"totalCount":2}`:                    "it has no list of items",
		`{"items":{},"totalCount":2}`:         "it has no list of items",
		`{"items":[]}`:                        "it has no totalCount",
		`{"items":[],"totalCount":"2"}`:       "it has no totalCount",
		`{"items":[],"totalCount":-1}`:        "it has no totalCount",
		`{"items":[],"totalCount":2.5}`:       "it has no totalCount",
		`{"items":[{},],"totalCount":2}`:      "its items are not a list of objects",
		`{"items":[{}{}],"totalCount":2}`:     "its items are not a list of objects",
		`{"items":[,{}],"totalCount":2}`:      "its items are not a list of objects",
		`{"items":[{},3],"totalCount":2}`:     "its items are not a list of objects",
		`{"items":[{"a":01}],"totalCount":2}`: "one of its items is not JSON",
		`{"items":[{"a":[}]],"totalCount":2}`: "one of its items is not JSON",
		`{"items":[{]],"totalCount":2}`:       "one of its items is not JSON",
		good + "x":                            "it is not JSON",
		good + good:                           "it is not JSON",
		`{"items":[],"totalCount":2,}`:        "it is not JSON",
		`{"items" [],"totalCount":2}`:         "it is not JSON",
	}
	for n := 1; n < len(good); n++ {
		tests[good[:n]] = fmt.Sprintf("it ends in the middle, after %d bytes", n)
	}
	for text, want := range tests {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			_, err := ReadPage(r, itemsShape)
			var malformed *MalformedError
			if !errors.As(err, &malformed) || err.Error() != want {
				t.Errorf("%q: error %v, not %s", text, err, want)
			}
		}
	}
}

// unending repeats a piece for ever.
type unending struct {
	start, piece string
	read         int64
}

func (e *unending) Read(p []byte) (int, error) {
	n := 0
	if e.read == 0 {
		n = copy(p, e.start)
	}
	for n < len(p) {
		n += copy(p[n:], e.piece)
	}
	e.read += int64(n)
	return n, nil
}

func TestReadPageIsBounded(t *testing.T) {
	for name, e := range map[string]*unending{
		"items":       {start: `{"items":[{}`, piece: `,{}`},
		"one item":    {start: `{"items":[{"a":"`, piece: `x`},
		"nesting":     {start: `{"items":[{"a":`, piece: `[`},
		"envelope":    {start: `{"a":"`, piece: `x`},
		"white space": {start: ` `, piece: ` `},
		"after items": {start: `{"items":[],"x":`, piece: `[`},
	} {
		_, err := ReadPage(e, PageShape{Items: "items", Total: "totalCount", MaxBytes: 4 << 20})
		var large *TooLargeError
		if !errors.As(err, &large) {
			t.Errorf("%s: error %v", name, err)
		}
		if e.read > 5<<20 {
			t.Errorf("%s: read %d bytes", name, e.read)
		}
	}
	shape := itemsShape
	shape.MaxItems = 1000
	many := &unending{start: `{"items":[{}`, piece: `,{}`}
	if _, err := ReadPage(many, shape); err == nil || err.Error() != "it holds more than 1000 items" {
		t.Errorf("many items: %v", err)
	}
	garbage := &unending{start: "\x00\x17garbage", piece: "\xff\x00{"}
	if _, err := ReadPage(garbage, itemsShape); err == nil || garbage.read > 64<<10 {
		t.Errorf("garbage: %v after %d bytes", err, garbage.read)
	}
}

func TestReadPageKeepsTheReadersError(t *testing.T) {
	broken := errors.New("broken")
	r := io.MultiReader(strings.NewReader(`{"items":[{"a`), iotest.ErrReader(broken))
	if _, err := ReadPage(r, itemsShape); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestReadObject(t *testing.T) {
	got, err := ReadObject(strings.NewReader(" { \"a\" : [ 1 , \"x y\" ] }\n"), 1<<20)
	if err != nil || string(got) != `{"a":[1,"x y"]}` {
		t.Errorf("%s, %v", got, err)
	}
	for text, want := range map[string]string{
		"": "it is empty", "[]": "it is not a JSON object", "<p>": "it is HTML, a page for a browser, and not JSON",
		`{"a":`: "it ends in the middle, after 5 bytes", `{"a":1}}`: "it is not JSON", `{"a" 1}`: "it is not JSON",
	} {
		if _, err := ReadObject(strings.NewReader(text), 1<<20); err == nil || err.Error() != want {
			t.Errorf("%q: error %v", text, err)
		}
	}
	if _, err := ReadObject(&unending{start: `{"a":"`, piece: "x"}, 1<<20); !errors.As(err, new(*TooLargeError)) {
		t.Errorf("unending: %v", err)
	}
}

func TestPick(t *testing.T) {
	names := []string{"a", "b", "c"}
	values := make([][]byte, 3)
	Pick([]byte(`{"x":{"a":1},"c":null,"\u0061":"y","a ":2}`), names, values)
	if string(values[0]) != `"y"` || values[1] != nil || string(values[2]) != "null" {
		t.Errorf("%q", values)
	}
}

// What encoding/json takes for a page is one, with the same items; and nothing else is.
func FuzzReadPage(f *testing.F) {
	for _, s := range []string{
		`{"items":[{"a":1},{"b":"\"}"}],"totalCount":2}`, `{"items":null,"totalCount":0}`, `{"totalCount":1,"x":[{"items":[]}],"items":[{"n":1E400}]}`,
		`{"items":[{"a":"\\"}],"totalCount":1}`, `{"items":[{}`, "{\"items\" :\t[ ] , \"totalCount\":0}", `{"items":[{"a":[[]]},{}],"items":3,"totalCount":0}`,
	} {
		f.Add([]byte(s), byte(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, step byte) {
		list, err := ReadPage(&dribble{text: text, step: int(step)}, itemsShape)
		for _, item := range list.Items {
			if !json.Valid(item) || bytes.ContainsAny(item, "\n\r") || item[0] != '{' {
				t.Fatalf("item %q of %q", item, text)
			}
		}
		var want struct {
			Items []json.RawMessage
		}
		fields := map[string]json.RawMessage{}
		if json.Unmarshal(text, &fields) != nil {
			if err == nil {
				t.Fatalf("%q was taken", text)
			}
			return
		}
		if err != nil || bytes.Count(text, []byte("items")) != 1 {
			return // not of the shape, or several lists of which JSON does not say which one counts
		}
		if err := json.Unmarshal(fields["items"], &want.Items); err != nil || len(want.Items) != len(list.Items) {
			t.Fatalf("%q: %d items, not %d (%v)", text, len(list.Items), len(want.Items), err)
		}
		for i, item := range want.Items {
			var tight bytes.Buffer
			if json.Compact(&tight, item); !bytes.Equal(tight.Bytes(), list.Items[i]) {
				t.Fatalf("item %q, not %q", list.Items[i], tight.Bytes())
			}
		}
	})
}

type dribble struct {
	text []byte
	step int
}

func (s *dribble) Read(p []byte) (int, error) {
	if len(s.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.step%17+1)], s.text)
	s.text = s.text[n:]
	return n, nil
}

func samplePage(items int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sessionId":"%036d","tenantId":"0123456789","beginTime":%d,"endTime":1763000000000,"contextSummary":"Something with an \"escape\" and ünïcode, %s","noRiskEvents":0,"lowEvents":3,"scores":[{"score":5,"severity":2,"sourceTimestamp":1763000000000}],"states":[`, i, 1760000000000+i, strings.Repeat("words ", 40))
		for k := range 8 {
			if k > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"state":"OPEN","stateV2":"OPEN","sourceTimestamp":1763000000%03d,"userId":"user-%d"}`, k, k)
		}
		b.WriteString(`],"triggeredAlerts":[],"x":12345678901234567890.125,"y":null,"z":true}`)
	}
	fmt.Fprintf(&b, `],"totalCount":%d}`, items)
	return b.Bytes()
}

func BenchmarkReadPage(b *testing.B) {
	page := samplePage(50)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadPage(bytes.NewReader(page), itemsShape); err != nil {
			b.Fatal(err)
		}
	}
}
