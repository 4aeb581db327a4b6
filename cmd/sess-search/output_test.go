//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a killed search left of a line is replaced by the line; what is not ours stays.
func TestMend(t *testing.T) {
	lines := [][]byte{[]byte(`{"sessionId":"a","x":"1"}`), []byte(`{"sessionId":"b","x":"2"}`)}
	long := `{"sessionId":"c","x":"` + strings.Repeat("y", 200<<10) + `"}`
	lines = append(lines, []byte(long))
	for _, tt := range []struct{ name, before, after string }{
		{"empty", "", ""},
		{"whole lines", "old\n", "old\n"},
		{"half a line", "old\n{\"sessionId\":\"b\",\"x", "old\n"},
		{"a line without its end", `{"sessionId":"a","x":"1"}`, ""},
		{"half a long line", "old\n" + long[:150<<10], "old\n"},
		{"something else", "old\nnew", "old\nnew\n"},
		{"half of one that comes later", "old\n{\"sessionId\":\"z\"", "old\n"},
		{"another whole one", `{"sessionId":"z"}`, "{\"sessionId\":\"z\"}\n"},
	} {
		for _, flags := range []int{os.O_APPEND, 0} {
			path := filepath.Join(t.TempDir(), "out")
			if err := os.WriteFile(path, []byte(tt.before), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, os.O_WRONLY|flags, 0)
			if err != nil {
				t.Fatal(err)
			}
			if flags == 0 {
				if _, err := f.Seek(0, 2); err != nil {
					t.Fatal(err)
				}
			}
			if err := mend(f, lines); err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString("next\n"); err != nil {
				t.Fatal(err)
			}
			f.Close()
			if got, _ := os.ReadFile(path); string(got) != tt.after+"next\n" {
				t.Errorf("%s: it became %.60q", tt.name, got)
			}
		}
	}
}

// Who writes into the middle of a file knows why.
func TestMendLeavesTheMiddleAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(path, []byte("old\nhalf"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := mend(f, [][]byte{[]byte("half a line")}); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old\nhalf" {
		t.Errorf("it became %q", got)
	}
}
