package render

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// discard is an Output that forgets.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Flush() error                { return nil }

// BenchmarkFormats shows the sessions of testdata again and again. bench/format compares with
// other programs.
func BenchmarkFormats(b *testing.B) {
	text, err := os.ReadFile("testdata/sessions.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	lines := strings.Repeat(string(text), 1+(4<<20)/len(text))
	for _, format := range Formats {
		b.Run(format, func(b *testing.B) {
			b.SetBytes(int64(len(lines)))
			for b.Loop() {
				o := Options{Format: format, Now: time.UnixMilli(1795392000000), Say: func(string, ...any) {}}
				in := Input{Name: "input", Open: func() (io.Reader, error) { return strings.NewReader(lines), nil }}
				if err := Run(context.Background(), discard{}, []Input{in}, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
