package jsonl

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// documents are what scanners stumble over.
var documents = []string{
	`{}`, `[]`, `""`, `0`, `-0`, `-`, `01`, `1.`, `.5`, `1.5e+3`, `1E-2`, `1e`, `+1`, `--1`, `0x10`, `NaN`, `1_000`,
	`12345678901234567890.125`, `true`, `false`, `null`, `tru`, `nulll`, `True`, ``, ` `, "\n", "\t{} \r\n", "\v1", "\u00a01",
	`{"a":1}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a":1 "b":2}`, `{"a":1}{`, `{a:1}`, `{'a':1}`, `[1,]`, `[,1]`, `[1 2]`, `[1}`, `{"a":1]`,
	` { "a" : [ 1 , { "b" : null } , "c" ] , "d" : { } } `, `[[[[]]],{}]`, `{"a":{"a":{"a":[]}}}`,
	`"\u0041\n\/\\\""`, `"\x41"`, `"\u12"`, `"\u12g4"`, `"\`, `"\u`, `"abc`, `"a` + "\t" + `b"`, `"a` + "\x7f" + `b"`, `"a` + "\x1f" + `bcdefghijkl"`,
	`"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\ud83dx\ude00"`, `"\ud83d\u0041"`, "\"\xff\xfe\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"é€😀\"", "{\"\xff\":1}",
	`{"a":1,"a":2}`, `{"a":{"b":1},"a":{"c":2}}`, `{"a":{"b":1},"a":3}`, `{"\u0061":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"":1}`, `{"a.b":1,"a":{"b":2}}`,
	"\ufeff{}", `{"a":1}` + "\x00", "[1]\n[2]", `{"beginTime":1,"begin_time":2}`, `{"begin_time":2,"beginTime":1}`,
	`{"states":[{"state":"OPEN"},{"state":"CLOSED","at":3}],"n":[[1,[2]],[{"x":1}]]}`, `{"states":{"-1":{"state":"odd"}}}`,
	strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat(`{"a":`, 129) + "[]" + strings.Repeat("}", 129),
	strings.Repeat("[", 10000) + strings.Repeat("]", 10000), strings.Repeat("[", 10001) + strings.Repeat("]", 10001),
	strings.Repeat(`[{"a":`, 5000) + "1" + strings.Repeat("}]", 5000), strings.Repeat(`{"a":[`, 5001) + strings.Repeat("]}", 5001),
	strings.Repeat("[", 70) + strings.Repeat("]", 69) + "}",
}

func TestValidIsEncodingJSONs(t *testing.T) {
	for _, d := range documents {
		checkValid(t, []byte(d))
	}
}

func FuzzValid(f *testing.F) {
	for _, d := range documents {
		if len(d) < 1000 { // the long ones are for the tests: they would slow this down
			f.Add([]byte(d))
		}
	}
	f.Fuzz(checkValid)
}

// checkValid holds Valid and a scan against encoding/json.
func checkValid(t *testing.T, doc []byte) {
	want := json.Valid(doc)
	if err := Valid(doc); (err == nil) != want {
		t.Errorf("Valid(%.80q) = %v; encoding/json says %v", doc, err, want)
	}
	// Padding moves the document against the words that the scanner loads.
	for pad := range 8 {
		padded := append(bytes.Repeat([]byte(" "), pad), doc...)
		if err := Valid(padded); (err == nil) != want {
			t.Fatalf("after %d blanks Valid(%.80q) = %v; encoding/json says %v", pad, doc, err, want)
		}
	}
	if !want {
		return
	}
	var b bytes.Buffer
	json.Compact(&b, doc)
	if compact := AppendCompact(nil, doc); !bytes.Equal(b.Bytes(), compact) {
		t.Errorf("AppendCompact(%.80q) = %.80q; encoding/json's is %.80q", doc, compact, b.Bytes())
	}
	var s string
	if json.Unmarshal(doc, &s) == nil && string(trimSpace(doc)) != "null" {
		if got := Text(trimSpace(doc)); got != s {
			t.Errorf("Text(%q) = %q; encoding/json gives %q", doc, got, s)
		}
	}
}

// pathsTried are looked up in each document by the fuzz test.
var pathsTried = []string{
	"a", "a.b", "a.c", "a.0", "a.-1", "a.b.c", "b", `""`, `"a.b"`, "begin_time", "beginTime", `"begin_time"`, "states.-1.state", "states.0.state", "states.state",
	"states.1", "n.0.-1.0", "n.x", "n.-1", "*", "a.*", "states.*", "d", `"\u00e9"`,
}

func FuzzFind(f *testing.F) {
	for _, d := range documents {
		if len(d) < 1000 {
			f.Add([]byte(d), "a.b")
		}
	}
	for _, p := range pathsTried {
		f.Add([]byte(`{"a":{"b":[{"c":1},{"c":2}]}}`), p)
	}
	f.Fuzz(func(t *testing.T, doc []byte, path string) { checkFind(t, doc, path) })
}

func TestFind(t *testing.T) {
	for _, d := range documents {
		checkFind(t, []byte(d), "zzz")
	}
}

// checkFind looks paths up in a document by Find, by a Plan and in what encoding/json decodes.
func checkFind(t *testing.T, doc []byte, more string) {
	var paths []Path
	for _, text := range append([]string{more}, pathsTried...) {
		if p, err := ParsePath(text); err == nil {
			paths = append(paths, p)
			back, err := ParsePath(p.String())
			if err != nil || !reflect.DeepEqual(back, p) {
				t.Fatalf("the path %q is printed as %q, which reads as %+v, %v; not %+v", text, p, back, err, p)
			}
		}
	}
	plan := NewPlan(paths, []Path{{}})
	scanner := plan.Scanner()
	err := scanner.Scan(doc)
	if (err == nil) != json.Valid(doc) {
		t.Fatalf("Scan(%.80q) = %v; encoding/json says %v", doc, err, json.Valid(doc))
	}
	if err != nil {
		return
	}
	var record any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&record); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time with the keys known
		for i, p := range paths {
			found, planned := Find(doc, p), scanner.Value(i)
			if !bytes.Equal(found, planned) {
				t.Fatalf("in %.200q, Find gives %.80q at %s, the plan %.80q", doc, found, p, planned)
			}
			var o oracle
			want, ok := o.find(record, p.steps)
			if o.unsure {
				continue
			}
			if ok != (found != nil) {
				t.Fatalf("in %.200q, Find gives %.80q at %s; encoding/json has %v %v", doc, found, p, want, ok)
			}
			if !ok {
				continue
			}
			var got any
			d := json.NewDecoder(bytes.NewReader(found))
			d.UseNumber()
			if err := d.Decode(&got); err != nil {
				t.Fatalf("in %.200q, Find gives %.80q at %s: %v", doc, found, p, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("in %.200q, Find gives %.80q at %s; encoding/json has %v", doc, found, p, want)
			}
		}
		if err := scanner.Scan(doc); err != nil {
			t.Fatal(err)
		}
	}
}

// An oracle takes steps through decoded JSON, in the plainest way.
type oracle struct{ unsure bool }

func (o *oracle) find(value any, steps []step) (any, bool) {
	for n, s := range steps {
		switch v := value.(type) {
		case map[string]any:
			member, ok := v[s.name]
			if !ok {
				spellings := 0
				for key, other := range v {
					if s.fold != "" && Fold(key) == s.fold {
						member, ok = other, true
						spellings++
					}
				}
				// Which of several came last is not to be seen any more.
				o.unsure = o.unsure || spellings > 1
			}
			if !ok {
				return nil, false
			}
			value = member
		case []any:
			if !s.is {
				return o.across(v, steps[n:]), true
			}
			i := s.index
			if i < 0 {
				i += len(v)
			}
			if i < 0 || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}

func (o *oracle) across(list []any, steps []step) []any {
	out := []any{}
elements:
	for _, v := range list {
		for n, s := range steps {
			if l, ok := v.([]any); ok && !s.is {
				out = append(out, o.across(l, steps[n:])...)
				continue elements
			}
			next, ok := o.find(v, []step{s})
			if !ok {
				continue elements
			}
			v = next
		}
		out = append(out, v)
	}
	return out
}
