package jsonl

import (
	"bytes"
	"slices"
	"testing"
)

func TestFold(t *testing.T) {
	for name, want := range map[string]string{
		"beginTime": "begin_time", "begin_time": "begin_time", "BeginTime": "begin_time", "stateV2": "state_v2", "state_v2": "state_v2",
		"userID": "user_id", "SESSION_ID": "session_id", "HTTPServer": "http_server", "md5Error": "md5_error", "@timestamp": "@timestamp",
		"": "", "a": "a", "A": "a", "éClair": "éclair", "a_B": "a_b",
	} {
		if got := Fold(name); got != want {
			t.Errorf("Fold(%q) = %q, not %q", name, got, want)
		}
	}
}

func TestParsePaths(t *testing.T) {
	for _, c := range []struct {
		text    string
		headers []string
		strings []string // "": as the header
	}{
		{"session_id", []string{"session_id"}, nil},
		{"sessionId, beginTime", []string{"session_id", "begin_time"}, []string{"sessionId", "beginTime"}},
		{"states.-1.stateV2", []string{"states.-1.state_v2"}, []string{"states.-1.stateV2"}},
		{`"a.b,c".d , e`, []string{"a.b,c.d", "e"}, []string{`"a.b,c".d`, "e"}},
		{`"\u00e9\""`, []string{`é"`}, []string{`"é\""`}},
		{"event.*,*", []string{"event", ""}, []string{"event.*", "*"}},
		{`"*"."0"`, []string{"*.0"}, []string{`"*"."0"`}},
		{" a . b ", []string{"a.b"}, nil},
		{"@timestamp", []string{"@timestamp"}, nil},
	} {
		paths, err := ParsePaths(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		var headers, texts []string
		for _, p := range paths {
			headers = append(headers, p.Header())
			texts = append(texts, p.String())
		}
		want := c.strings
		if want == nil {
			want = c.headers
		}
		if !slices.Equal(headers, c.headers) || !slices.Equal(texts, want) {
			t.Errorf("%q gives %q, %q", c.text, headers, texts)
		}
	}
	for text, problem := range map[string]string{
		"":                       `bad column path "": a name is missing`,
		"a,,b":                   `bad column path "": a name is missing`,
		"a,":                     `bad column path "": a name is missing`,
		"a..b,c":                 `bad column path "a..b": a name is missing`,
		"*.a":                    `bad column path "*.a": nothing can follow *`,
		`"a`:                     `bad column path "\"a": a quote is not closed`,
		`"a"b`:                   `bad column path "\"a\"b": a dot is missing`,
		`"\x"`:                   `bad column path "\"\\x\"": what is in quotes must be a JSON string`,
		"states.9999999":         `bad column path "states.9999999": the index 9999999 is too large`,
		"x.99999999999999999999": `bad column path "x.99999999999999999999": the index 99999999999999999999 is too large`,
	} {
		_, err := ParsePaths(text)
		if err == nil || err.Error() != problem {
			t.Errorf("%q: %v; want %s", text, err, problem)
		}
	}
	if _, err := ParsePath("a,b"); err == nil {
		t.Error("two paths are taken for one")
	}
}

func TestFindByTheRules(t *testing.T) {
	for _, c := range []struct{ record, path, want string }{
		{`{"beginTime":1}`, "begin_time", "1"},
		{`{"begin_time":1}`, "beginTime", "1"},
		{`{"beginTime":1,"begin_time":2}`, "begin_time", "2"},
		{`{"begin_time":2,"beginTime":1}`, "begin_time", "2"},
		{`{"begin_time":2,"beginTime":1}`, "beginTime", "1"},
		{`{"beginTime":1}`, `"begin_time"`, ""},
		{`{"a":1,"a":2}`, "a", "2"},
		{`{"a":{"b":1},"a":{"c":2}}`, "a.b", ""},
		{`{"a":{"b":1},"a":[]}`, "a.b", "[]"},
		{`{"l":[{"n":"x"},{"m":0},5,{"n":null}]}`, "l.n", `["x",null]`},
		{`{"l":[{"n":"x"},{"n":"y"}]}`, "l.-1.n", `"y"`},
		{`{"l":[{"n":"x"},{"n":"y"}]}`, "l.-3.n", ""},
		{`{"l":[[{"n":1}],{"n":2}]}`, "l.n", "[1,2]"},
		{`{"l":{"0":"zero"}}`, "l.0", `"zero"`},
		{`{"a":"text"}`, "a.b", ""},
		{` { "a" : [ 1 , 2 ] } `, "a", "[ 1 , 2 ]"},
	} {
		p, err := ParsePath(c.path)
		if err != nil {
			t.Fatal(err)
		}
		s := NewPlan([]Path{p}, nil).Scanner()
		if err := s.Scan([]byte(c.record)); err != nil {
			t.Fatal(err)
		}
		if got := string(Find([]byte(c.record), p)); got != c.want || string(s.Value(0)) != c.want {
			t.Errorf("%s at %s: Find gives %q, a plan %q; want %q", c.record, c.path, got, s.Value(0), c.want)
		}
	}
}

// Two ways to write one column find it both.
func TestPathsShareAKey(t *testing.T) {
	paths, err := ParsePaths(`sessionId,session_id,"sessionId",states.-1,states.0,states`)
	if err != nil {
		t.Fatal(err)
	}
	s := NewPlan(paths, nil).Scanner()
	for range 2 {
		if err := s.Scan([]byte(`{"sessionId":"x","states":[1,2]}`)); err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{`"x"`, `"x"`, `"x"`, "2", "1", "[1,2]"} {
			if got := string(s.Value(i)); got != want {
				t.Errorf("%s gives %s, not %s", paths[i], got, want)
			}
		}
	}
}

func TestUnnamed(t *testing.T) {
	paths, _ := ParsePaths("a,g.x,beginTime")
	g, _ := ParsePath("g")
	s := NewPlan(paths, []Path{{}, g}).Scanner()
	for record, want := range map[string][]string{
		`{"a":1,"g":{"x":1}}`:               nil,
		`{"a":1,"new":2,"g":{"x":1,"y":2}}`: {"new", "g.y"},
		`{"g":"text"}`:                      {"g"},
		`{"g":[{"x":1}]}`:                   {"g"},
		`{"g":null}`:                        nil,
		`{"beginTime":1,"begin_time":2}`:    {"begin_time"},
		`{"begin_time":2,"beginTime":1}`:    {"begin_time"},
		`{"n\u00e9w":1}`:                    {"néw"},
	} {
		for range 2 {
			if err := s.Scan([]byte(record)); err != nil {
				t.Fatal(err)
			}
			var got []string
			list, _ := s.Unnamed()
			for _, u := range list {
				got = append(got, u.In.Field(u.Name).Header())
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s has %q unnamed, not %q", record, got, want)
			}
		}
	}
}

// Keys beyond those that a scanner remembers are found all the same.
func TestAnyNumberOfKeys(t *testing.T) {
	p, _ := ParsePath("wantedOne")
	s := NewPlan([]Path{p}, []Path{{}}).Scanner()
	for i := range 3 * maxKeys {
		record := []byte(`{"k` + string(rune('a'+i%26)) + string(appendNumber(nil, i)) + `":0,"wanted_one":` + string(appendNumber(nil, i)) + `}`)
		if err := s.Scan(record); err != nil {
			t.Fatal(err)
		}
		if list, more := s.Unnamed(); string(s.Value(0)) != string(appendNumber(nil, i)) || len(list) != 1 || more != 0 {
			t.Fatalf("%s: %s, %d", record, s.Value(0), len(list))
		}
	}
	if n := len(s.keys[0].order); n > maxKeys {
		t.Errorf("%d keys are remembered", n)
	}
}

func appendNumber(dst []byte, n int) []byte {
	if n >= 10 {
		dst = appendNumber(dst, n/10)
	}
	return append(dst, byte('0'+n%10))
}

// What one record has too much of is bounded, and counted.
func TestTooManyAndTooLongKeys(t *testing.T) {
	var record []byte
	record = append(record, '{')
	for i := range 3 * maxUnnamed {
		record = append(append(append(record, `"k`...), appendNumber(nil, i)...), `":0,`...)
	}
	record = append(record, `"wantedOne":1}`...)
	p, _ := ParsePath("wanted_one")
	s := NewPlan([]Path{p}, []Path{{}}).Scanner()
	if err := s.Scan(record); err != nil {
		t.Fatal(err)
	}
	if list, more := s.Unnamed(); len(list) != maxUnnamed || more != 2*maxUnnamed || string(s.Value(0)) != "1" {
		t.Errorf("%d unnamed and %d more, %s", len(list), more, s.Value(0))
	}
	long := bytes.Repeat([]byte(`\\n\u00e9`), 10*longKey)
	if err := s.Scan(append(append([]byte(`{"`), long...), `":1,"wantedOne":2}`...)); err != nil {
		t.Fatal(err)
	}
	if list, _ := s.Unnamed(); len(list) != 1 || !list[0].Cut || len(list[0].Name) > 2*longKey || string(s.Value(0)) != "2" {
		t.Errorf("%d unnamed, %s", len(list), s.Value(0))
	}
}

func TestAppendTextMost(t *testing.T) {
	for _, c := range []struct {
		raw  string
		most int
		want string
		left int
	}{
		{`"abcdef"`, 4, "abcd", 2},
		{`"abcdef"`, 6, "abcdef", 0},
		{`"ab\ncdef"`, 3, "ab\n", 4},
		{`"ab\ncdef"`, 2, "ab\n", 4},
		{`"aéb"`, 2, "a", 3},
		{`"\u00e9\u00e9"`, 2, "é", 6},
		{"\"\xff\xff\xff\"", 100, "\ufffd\ufffd\ufffd", 0},
		{`12345`, 3, "123", 2},
		{`""`, 0, "", 0},
	} {
		got, left := AppendTextMost([]byte("x"), []byte(c.raw), c.most)
		if string(got) != "x"+c.want || left != c.left {
			t.Errorf("%s to %d bytes: %q and %d left; want %q and %d", c.raw, c.most, got[1:], left, c.want, c.left)
		}
	}
}
