package render

import (
	"strings"

	"sess/lib/jsonl"
)

// exampleMost is how wide a value is shown in the list of columns where there is no terminal.
const exampleMost = 60

// listColumns prints the columns that can be asked for, with a value of each: the schema's,
// then what else the first records have. Without records it prints those of all schemas.
func (s *show) listColumns() error {
	first := s.sample(fieldLook)
	if len(first.records) == 0 {
		for _, kind := range []*schema{sessions, fileEvents} {
			first.kind = kind
			if err := s.list(first, "a "+kind.name+"'s"); err != nil {
				return err
			}
		}
		return nil
	}
	return s.list(first, "")
}

func (s *show) list(first *sample, title string) error {
	type entry struct {
		path    string
		example []byte
	}
	var entries []entry
	seen := map[string]int{}
	add := func(p jsonl.Path, path string, example []byte) {
		id := strings.Join(p.Names(), ".")
		if i, ok := seen[id]; ok {
			if entries[i].example == nil {
				entries[i].example = example
			}
			return
		}
		seen[id] = len(entries)
		entries = append(entries, entry{path, example})
	}
	for _, c := range append(known(first.kind.fields, ""), known(first.kind.below, "")...) {
		add(c.path, c.header, first.example(c.path))
	}
	for _, l := range first.leaves(jsonl.Path{}, true) {
		if l.example != nil || !first.kind.knows(l.path) {
			add(l.path, askable(l.path), l.example)
		}
	}
	for _, l := range first.leaves(jsonl.Path{}, true) {
		if len(l.example) == 0 || l.example[0] != '[' {
			continue
		}
		for _, e := range first.leaves(l.path, false) {
			add(e.path, askable(e.path), e.example)
		}
	}
	widest := 0
	for _, e := range entries {
		widest = max(widest, width([]byte(e.path)))
	}
	var dst []byte
	if title != "" {
		dst = append(styled(dst, []byte(title+" columns:"), bold, s.Colour), '\n')
	}
	c := s.cells()
	most := exampleMost
	if s.Width > 0 {
		most = max(s.Width-widest-gridGap, 8)
	}
	var text []byte
	for _, e := range entries {
		begin := len(dst)
		path := appendSafe(nil, []byte(e.path), false)
		dst = pad(append(dst, path...), widest-width(path)+gridGap)
		text, _ = c.append(text[:0], roleOf(mustPath(e.path).Names()), e.example)
		dst = endLine(append(dst, shorten(text, most)...), begin)
	}
	_, err := s.out.Write(dst)
	return err
}

// example is the first value that a record has at the path.
func (s *sample) example(p jsonl.Path) []byte {
	for _, r := range s.records {
		if v := jsonl.Find(r, p); !isNull(v) && string(v) != `""` && !jsonl.IsEmpty(v) {
			return v
		}
	}
	return nil
}

// askable is how a path found in the data is asked for: without quotes where they change nothing.
func askable(p jsonl.Path) string {
	header := p.Header()
	if back, err := jsonl.ParsePath(header); err == nil && back.Len() == p.Len() && back.Header() == header && !back.All() &&
		len(back.Names()) == p.Len() && !strings.ContainsAny(header, ` "'`) {
		return header
	}
	return p.String()
}
