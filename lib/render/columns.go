package render

import (
	"bytes"
	"strings"

	"sess/lib/jsonl"
)

// csvColumns are the columns of CSV where none are asked for: the schema's, then whatever else
// the records of the sample have.
func csvColumns(s *sample) []column {
	cols := known(s.kind.fields, "")
	if s.kind != anything && len(s.records) > 0 {
		cols = append(cols, s.strangers(s.kind.fields)...)
		if s.kind == fileEvents {
			cols = sessionFirst(cols)
		}
		return cols
	}
	return s.strangers(nil)
}

// strangersMost bounds the columns that data can add to those of its schema.
const strangersMost = 1000

// strangers are the columns of the fields in the sample that none of the paths leads through.
func (s *sample) strangers(paths []string) []column {
	var wanted []jsonl.Path
	taken := map[string]bool{}
	for _, c := range known(paths, "") {
		wanted = append(wanted, c.path)
		taken[c.header] = true
	}
	scanner := jsonl.NewPlan(wanted, s.kind.watched()).Scanner()
	var cols []column
	seen := map[string]bool{}
	for _, r := range s.records {
		if scanner.Scan(r); len(cols) == strangersMost {
			break
		}
		list, _ := scanner.Unnamed()
		for _, u := range list {
			if u.Cut {
				continue
			}
			p := u.In.Field(u.Name)
			if id := p.String(); !seen[id] && len(cols) < strangersMost {
				seen[id] = true
				header := p.Header()
				if taken[header] {
					header = p.String()
				}
				taken[header] = true
				cols = append(cols, newColumn(p, header))
			}
		}
	}
	return cols
}

// sessionFirst puts the session's id, which sess-events --with-session adds, first.
func sessionFirst(cols []column) []column {
	for i, c := range cols {
		if c.header == "session_id" {
			return append([]column{c}, append(cols[:i:i], cols[i+1:]...)...)
		}
	}
	return cols
}

// tableColumns are the columns of a table where none are asked for.
func tableColumns(s *sample) []column {
	if s.kind.table == nil {
		return s.strangers(nil)
	}
	return known(s.kind.table, "")
}

// listColumns are the columns of the format of that name where none are asked for.
func listColumns(s *sample) []column {
	if s.kind.list == nil {
		return s.strangers(nil)
	}
	return known(s.kind.list, "")
}

// known are columns of a schema below a path.
func known(fields []string, below string) []column {
	var cols []column
	for _, f := range fields {
		p := mustPath(f)
		if header := p.Header(); below == "" || strings.HasPrefix(header, below+".") {
			cols = append(cols, newColumn(p, strings.TrimPrefix(header, "@")))
		}
	}
	return cols
}

// chosen are the columns of the paths asked for. It returns an *UnknownColumn for one that
// neither the schema nor the sample has.
func chosen(paths []jsonl.Path, s *sample) ([]column, error) {
	var cols []column
	for _, p := range paths {
		switch {
		case p.All() && p.Len() == 0:
			cols = append(cols, csvColumns(s)...)
		case p.All():
			below := s.below(p.Below())
			if len(below) == 0 {
				return nil, s.unknown(p)
			}
			cols = append(cols, below...)
		case s.has(p):
			if name := s.kind.renamed[p.String()]; name != "" {
				cols = append(cols, newColumn(mustPath(name), p.Header()))
			} else {
				cols = append(cols, newColumn(p, p.Header()))
			}
		default:
			return nil, s.unknown(p)
		}
	}
	return cols, nil
}

// knownToSchema tells whether the columns asked for can be told without looking at records.
func knownToSchema(paths []jsonl.Path, kind *schema) bool {
	for _, p := range paths {
		if p.All() || !kind.knows(p) {
			return false
		}
	}
	return true
}

// below are the columns of all there is below a path, in the schema and in the sample.
func (s *sample) below(p jsonl.Path) []column {
	name := strings.Join(p.Names(), ".")
	var cols []column
	seen := map[string]bool{}
	for _, c := range append(known(s.kind.fields, name), known(s.kind.below, name)...) {
		rest := strings.TrimPrefix(c.header, name+".")
		at, err := jsonl.ParsePath(p.String() + "." + rest)
		if err != nil {
			continue
		}
		seen[at.Header()] = true
		cols = append(cols, newColumn(at, at.Header()))
	}
	for _, l := range s.leaves(p, true) {
		if header := l.path.Header(); !seen[header] {
			seen[header] = true
			cols = append(cols, newColumn(l.path, header))
		}
	}
	return cols
}

// has tells whether the schema or a record of the sample has the path.
func (s *sample) has(p jsonl.Path) bool {
	if s.kind.knows(p) || len(s.records) == 0 && (sessions.knows(p) || fileEvents.knows(p)) {
		return true
	}
	for _, r := range s.records {
		if v := jsonl.Find(r, p); v != nil && !bytes.Equal(v, []byte("[]")) {
			return true
		}
	}
	return false
}

func (s *sample) unknown(p jsonl.Path) error {
	e := &UnknownColumn{Name: p.String(), Kind: s.kind.name}
	if len(s.records) == 0 {
		e.Kind = "session or file event"
	}
	kinds := []*schema{s.kind}
	if len(s.records) == 0 {
		kinds = []*schema{sessions, fileEvents}
	}
	for _, k := range kinds {
		for _, c := range append(known(k.fields, ""), known(k.below, "")...) {
			e.Known = append(e.Known, c.header)
		}
	}
	for _, l := range s.leaves(jsonl.Path{}, true) {
		e.Known = append(e.Known, l.path.Header())
	}
	return e
}
