package tenant

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// all reads ids to the end.
func all(s *IDs) (ids []string, err error) {
	for {
		id, err := s.Next()
		if errors.Is(err, io.EOF) {
			return ids, nil
		}
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
}

func TestIDsOfLines(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		"\n \n\r\n":                           "",
		"a-1\nb_2\r\n\n c.3 \nd:4":            "a-1 b_2 c.3 d:4",
		"\ufeffa\nb":                          "a b",
		`{"sessionId":"a","x":{}}`:            "a",
		`{"session_id":"a"}`:                  "a",
		`{"sessionId":"a","session_id":"b"}`:  "a",
		`{"sessionId":null,"session_id":"b"}`: "b",
		` {"session\u0049d":"\u00e9/x"}`:      "é/x",
		`"a"` + "\n" + `"b"`:                  "a b",
		"a\n{\"sessionId\":\"b\"}\nc":         "a b c",
		"a\n{\"sessionId\":1}":                "a !line 2: its sessionId is 1, and no session id",
		"a\n{\"sessionId\":\"\"}":             "a !line 2: there is no sessionId and no session_id in it",
		"a\n\n{\"sessionId\":\"b\"":           "a !line 3: not JSON",
		"a\nb c\nd":                           `a !line 2: "b c" is neither JSON nor a session id`,
		"[1]":                                 `!line 1: "[1]" is neither JSON nor a session id`,
		"a,b":                                 `!line 1: "a,b" is neither JSON nor a session id`,
		"\x00\xff":                            `!line 1: "\x00\xff" is neither JSON nor a session id`,
		`"a b"`:                               `!line 1: "a b" is neither JSON nor a session id`,
		`"a`:                                  "!line 1: not JSON",
		"ok\n" + strings.Repeat("x", 300):     `ok !line 2: "xxxx`,
	} {
		ids, err := all(ReadIDs(strings.NewReader(text), 0))
		got := strings.Join(ids, " ")
		want, problem, bad := strings.Cut(want, "!")
		if got != strings.TrimSpace(want) || bad != (err != nil) {
			t.Errorf("%q: %q, %v", text, got, err)
			continue
		}
		if bad {
			var knows interface{ ExitCode() int }
			if !strings.HasPrefix(err.Error(), "standard input, "+problem) || !errors.As(err, &knows) || knows.ExitCode() != 2 {
				t.Errorf("%q: error %v", text, err)
			}
		}
	}
}

// An id comes out as it went in, whichever way it is written; nothing that comes out would make
// a request for something else.
func FuzzIDs(f *testing.F) {
	for _, s := range []string{"a-1", "{\"sessionId\":\"a\"}", "\"a\"", "a\nb", "{}", "\ufeff", "..", "a/b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids, _ := all(ReadIDs(strings.NewReader(text), 0))
		for _, id := range ids {
			if id == "" {
				t.Errorf("%q gives an empty id", text)
			}
		}
		if text == "" || strings.ContainsRune(text, '\ufffd') || !json.Valid([]byte(`"`+strings.ReplaceAll(text, `"`, "")+`"`)) {
			return
		}
		quoted, _ := json.Marshal(text)
		var plain string
		if json.Unmarshal(quoted, &plain) != nil || plain != text {
			return // no text that JSON can hold
		}
		ids, err := all(ReadIDs(strings.NewReader(`{"a":[],"sessionId":`+string(quoted)+`}`), 0))
		if err != nil || len(ids) != 1 || ids[0] != text {
			t.Errorf("%q came out as %q, %v", text, ids, err)
		}
	})
}
