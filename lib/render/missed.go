package render

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"sess/lib/jsonl"
)

// A watch gathers what several goroutines have missed.
type watch struct {
	paths []jsonl.Path // the objects that are watched; nil for none

	mu  sync.Mutex
	all []*missed
}

// missed is a count for one goroutine, nil where nothing is watched.
func (w *watch) missed() *missed {
	if w.paths == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	m := &missed{}
	w.all = append(w.all, m)
	return m
}

func (w *watch) String() string {
	var sum missed
	for _, m := range w.all {
		sum.merge(m)
	}
	return sum.String()
}

// missed counts the fields that came after the header was out and have no column.
type missed struct {
	count  map[string]int
	others int // fields of records that there was no more room to name
}

const missedNames = 100

func (m *missed) add(fields []*jsonl.Unnamed, more int) {
	m.others += more
	for _, f := range fields {
		name := askable(f.In.Field(f.Name))
		if _, ok := m.count[name]; !ok && len(m.count) >= missedNames {
			m.others++
			continue
		}
		if m.count == nil {
			m.count = map[string]int{}
		}
		m.count[name]++
	}
}

// merge adds another's counts.
func (m *missed) merge(o *missed) {
	for name, n := range o.count {
		if m.count == nil {
			m.count = map[string]int{}
		}
		m.count[name] += n
	}
	m.others += o.others
}

// String says what was missed, "" where nothing was.
func (m *missed) String() string {
	if len(m.count) == 0 {
		return ""
	}
	var names []string
	for name := range m.count {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := m.count[b] - m.count[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	for i, name := range names {
		if i == 10 {
			fmt.Fprintf(&b, " and %d more fields", len(names)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		records := "records"
		if m.count[name] == 1 {
			records = "record"
		}
		fmt.Fprintf(&b, "%s (%d %s)", appendSafe(nil, []byte(name), false), m.count[name], records)
	}
	if m.others > 0 {
		fmt.Fprintf(&b, " and %d values of more fields", m.others)
	}
	return b.String()
}
