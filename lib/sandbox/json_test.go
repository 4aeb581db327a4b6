package sandbox

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func jsonInto(b []byte, v any) error { return json.Unmarshal(b, v) }

func FuzzQuote(f *testing.F) {
	for _, s := range nasty {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, escaped bool) {
		w := &builder{escaped: escaped}
		w.open('{')
		w.text("a/b", s)
		w.list("c", s, s)
		w.close('}')
		var back struct {
			A string `json:"a/b"`
			C []string
		}
		if err := json.Unmarshal(w.b, &back); err != nil || len(back.C) != 2 {
			t.Fatalf("%q became %q: %v", s, w.b, err)
		}
		if utf8.ValidString(s) && (back.A != s || back.C[1] != s) {
			t.Fatalf("%q came back as %q", s, back.A)
		}
		for _, c := range w.b {
			if c < 0x20 || escaped && c >= 0x80 {
				t.Fatalf("%q has the byte %#x bare: %q", s, c, w.b)
			}
		}
		if compacted(t, spread(w.b)) != string(w.b) {
			t.Fatalf("spread changed %q", w.b)
		}
	})
}

func TestSurrogateHalves(t *testing.T) {
	w := &builder{}
	w.str("a\xed\xa0\x80b\xed\xbf\xbf\xff")
	if got, want := string(w.b), `"a\ud800b\udfff\ufffd"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
