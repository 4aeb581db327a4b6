//go:build !windows

package pipeline

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

func TestFeed(t *testing.T) {
	much := strings.Repeat("a line\n", 100_000)
	broken := errors.New("no more")
	for _, c := range []struct {
		script string
		text   string
		failed error
		out    string
		status int
		whole  bool
	}{
		{"copy", "a\nb\n", nil, "a\nb\n", 0, true},
		{"copy", much, nil, much, 0, true},
		{"copy", "", nil, "", 0, true},
		{"drain say=done", much, nil, "done\n", 0, true},
		{"copy exit=3", "a\n", nil, "a\n", 3, false},
		{"exit=0", "a\n", nil, "", 0, false},
		{"say=early", much, nil, "early\n", 0, false},
		{"copy", "a\n", broken, "a\n", 0, false},
	} {
		p, dir := stages(t, c.script)
		var out bytes.Buffer
		in := Surroundings{Stdout: &out, Stderr: io.Discard, Environ: os.Environ(), Beside: dir}
		status, whole, err := Feed(t.Context(), p[0], in, func(w io.Writer) error {
			if _, err := io.WriteString(w, c.text); err != nil {
				return err
			}
			return c.failed
		})
		if status != c.status || whole != c.whole || !errors.Is(err, c.failed) || out.String() != c.out {
			t.Errorf("%s: status %d, whole %v, %v, %d bytes; want %d, %v, %v, %d bytes", c.script, status, whole, err, out.Len(), c.status, c.whole, c.failed, len(c.out))
		}
	}
}

// A program that ends well though nobody took what it printed has not delivered it.
func TestFeedNoticesThatTheReaderIsGone(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from.Close()
	p, dir := stages(t, "copy")
	status, whole, err := Feed(t.Context(), p[0], Surroundings{Stdout: to, Stderr: io.Discard, Environ: os.Environ(), Beside: dir}, func(w io.Writer) error {
		_, err := io.WriteString(w, "a\n")
		return err
	})
	if whole || status != 0 || err != nil {
		t.Errorf("status %d, whole %v, %v", status, whole, err)
	}
}
