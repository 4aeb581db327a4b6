package checkpoint

import (
	"fmt"
	"testing"
)

func stored(b *testing.B, n int) (Dir, *Checkpoint) {
	b.Helper()
	d := newDir(b)
	c, err := d.Create("siem", "{}", State{})
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range sessions(0, n) {
		c.sessions[s.ID] = entry{begin: s.Begin, updated: s.Updated}
		c.begins.add(s.Begin)
	}
	if err := c.rewrite(); err != nil {
		b.Fatal(err)
	}
	return d, c
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d, _ := stored(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Load("siem"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a batch of 50 costs where little and where much is stored.
func BenchmarkCommit50(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, c := stored(b, n)
			next := n
			for b.Loop() {
				batch := sessions(next, next+50)
				if err := c.Reserve(batch); err != nil {
					b.Fatal(err)
				}
				if err := c.Commit(batch); err != nil {
					b.Fatal(err)
				}
				next += 50
			}
		})
	}
}
