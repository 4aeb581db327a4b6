package dotenv

import (
	"bytes"
	"strings"
	"testing"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{"INCYDR_URL=https://api.us.code42.com\nINCYDR_API_CLIENT_ID=key-1\nINCYDR_API_CLIENT_SECRET=secret-1\n", "a='b\nc'\n", "export X=1 # c", "=x", "x", "A=$B${C}", "A: yaml", "\ufeffA=1\r\nb=2"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		const canary = "XcanaryX"
		pairs, err := parse(text)
		if err != nil {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("%v", err)
			}
			return
		}
		for name := range pairs {
			if name == "" || name != strings.ToUpper(name) {
				t.Errorf("name %q", name)
			}
		}
		// A value goes in as it comes out, between quotes that it does not hold.
		if bytes.ContainsAny(text, "'\\\r\x00") || len(text) == 0 {
			return
		}
		again, err := parse([]byte("V='" + string(text) + "'"))
		if want := string(bytes.TrimPrefix(text, nil)); err != nil || again["V"] != want {
			t.Errorf("%q came out as %q, %v", text, again["V"], err)
		}
	})
}
