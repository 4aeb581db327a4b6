package render

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"sess/lib/jsonl"
)

// cards shows records one by one: a title, fields below each other, lists of objects as small
// tables, the newest entry first. What is null or empty is left out.
type cards struct {
	kind    *schema
	columns []column // nil: all fields of a record
	scanner *jsonl.Scanner
	cells   cells
	most    int // the terminal's width, 0 for none
	colour  bool
	fields  []labelled
	more    int // fields that there was no room for
	text    []byte
	tables  map[string]*entryTable // by label and names
	names   []string
	used    []bool
}

// labelled is a field of a record and its name on the card.
type labelled struct {
	label string
	path  string // to the letter
	role  role
	raw   []byte
	text  []byte // shown in place of raw, where it is not nil
	style style
}

const (
	cardIndent   = 2
	cardRule     = 80 // of a card's title, where there is no terminal
	longestLabel = 30 // beside its value; longer ones stand above theirs
	fieldsMost   = 2000
	deepest      = 20 // objects within objects, before one is shown as JSON
)

func (f *cards) record(dst, line []byte) ([]byte, error) {
	if err := scanObject(f.scanner, line); err != nil {
		return dst, err
	}
	record := f.scanner.Record()
	f.fields, f.more = f.fields[:0], 0
	if f.columns != nil {
		for i, c := range f.columns {
			f.add(c.header, c.header, c.role, f.scanner.Value(i))
		}
	} else {
		f.spread(jsonl.Path{}, record, 0)
		f.arrange(record)
	}
	dst = f.title(dst, record)
	dst = f.list(dst)
	for _, l := range f.fields {
		if isTable(l) {
			dst = f.table(dst, l)
		}
	}
	if f.more > 0 {
		dst = fmt.Appendf(pad(dst, cardIndent), "… +%d more fields\n", f.more)
	}
	return append(dst, '\n'), nil
}

func (f *cards) add(label, path string, r role, raw []byte) {
	if isNull(raw) || string(raw) == `""` || jsonl.IsEmpty(raw) {
		return
	}
	if len(f.fields) == fieldsMost {
		f.more++
		return
	}
	f.fields = append(f.fields, labelled{label: label, path: path, role: r, raw: raw})
}

// spread adds the members of an object, and those of objects in it with dots in their names.
func (f *cards) spread(p jsonl.Path, object []byte, depth int) {
	jsonl.Members(object, func(name string, v []byte) {
		at := p.Field(name)
		if v[0] == '{' && depth < deepest {
			f.spread(at, v, depth+1)
			return
		}
		f.add(at.Header(), at.String(), roleOf(at.Names()), v)
	})
}

// arrange puts the fields that a person asks for first to the beginning, and says in one line
// what several of them say.
func (f *cards) arrange(record []byte) {
	f.dropRepeated()
	if f.kind != sessions {
		return
	}
	sorted := make([]labelled, 0, len(f.fields))
	for _, name := range []string{"type", "actor_name", "actor_id", "user_id", "begin_time", "end_time", "first_observed",
		"last_updated", "context_summary", "exfiltration_summary", "critical_events"} {
		for i, l := range f.fields {
			if l.label == name {
				sorted = append(sorted, l)
				f.fields = append(f.fields[:i], f.fields[i+1:]...)
				break
			}
		}
	}
	f.fields = append(sorted, f.fields...)
	f.eventCounts()
	f.duration()
}

// dropRepeated keeps the last of fields that are there twice.
func (f *cards) dropRepeated() {
	last := make(map[string]int, len(f.fields))
	for i, l := range f.fields {
		last[l.path] = i
	}
	if len(last) == len(f.fields) {
		return
	}
	kept := f.fields[:0]
	for i, l := range f.fields {
		if last[l.path] == i {
			kept = append(kept, l)
		}
	}
	f.fields = kept
}

// eventCounts puts the numbers of events into one field, where the first of them stands.
func (f *cards) eventCounts() {
	counts := []struct{ label, name string }{{"critical_events", "critical"}, {"high_events", "high"},
		{"moderate_events", "moderate"}, {"low_events", "low"}, {"no_risk_events", "without risk"}}
	var text []byte
	at := -1
	for _, c := range counts {
		for i, l := range f.fields {
			if l.label != c.label {
				continue
			}
			if len(text) > 0 {
				text = append(text, ", "...)
			}
			text = append(f.cells.string(text, l.raw), " "+c.name...)
			if at < 0 {
				at = i
				break
			}
			f.fields = append(f.fields[:i], f.fields[i+1:]...)
			if i < at {
				at--
			}
			break
		}
	}
	if at >= 0 {
		f.fields[at] = labelled{label: "events", text: text}
	}
}

// duration adds to the end of a session how long it took.
func (f *cards) duration() {
	var begin time.Time
	for i := range f.fields {
		l := &f.fields[i]
		at, ok := parseMoment(l.raw)
		switch {
		case !ok || f.cells.time == TimeRaw:
		case l.label == "begin_time":
			begin = at
		case l.label == "end_time" && !begin.IsZero() && !at.Before(begin):
			l.text, _ = f.cells.append(nil, moment, l.raw)
			l.text = append(l.text, ", after "...)
			l.text = appendDuration(l.text, at.Sub(begin))
		}
	}
}

// title appends a card's first line: what the record is called and how it stands.
func (f *cards) title(dst, record []byte) []byte {
	var parts []labelled
	part := func(r role, raw []byte) {
		if isNull(raw) {
			return
		}
		text, s := f.cells.append(nil, r, raw)
		if len(text) > 0 {
			parts = append(parts, labelled{text: bytes.ReplaceAll(text, []byte("\n"), []byte(`\n`)), style: s})
		}
	}
	switch f.kind {
	case sessions:
		part(identifier, field(record, "sessionId", "session_id"))
		part(scores, field(record, "scores"))
		part(states, field(record, "states"))
	case fileEvents:
		part(identifier, jsonl.Lookup(record, "event", "id"))
		part(text, jsonl.Lookup(record, "event", "action"))
		part(severity, jsonl.Lookup(record, "risk", "severity"))
	default:
		part(identifier, field(record, "sessionId", "session_id", "id", "name"))
	}
	most := cardRule
	if f.most > 0 {
		most = f.most
	}
	dst = styled(dst, []byte("──"), dim, f.colour)
	used := 2
	for i, p := range parts {
		room := most - used - 4
		if room < 4 && i > 0 {
			break
		}
		if f.most == 0 || i == 0 {
			room = max(room, width(p.text)) // the record's id is not cut
		}
		cut := shorten(p.text, room)
		if i == 0 {
			p.style = bold
		}
		dst = append(dst, ' ')
		if used += 1 + width(cut); i > 0 {
			dst = append(styled(dst, []byte("──"), dim, f.colour), ' ')
			used += 3
		}
		dst = styled(dst, cut, p.style, f.colour)
	}
	if used+1 < most {
		dst = append(dst, ' ')
		var rule []byte
		for range most - used - 1 {
			rule = append(rule, "─"...)
		}
		dst = styled(dst, rule, dim, f.colour)
	}
	return append(dst, '\n')
}

// list appends the fields that are no tables, the values beneath each other.
func (f *cards) list(dst []byte) []byte {
	labels := 0
	for i := range f.fields {
		l := &f.fields[i]
		l.label = string(appendSafe(nil, []byte(l.label), false))
		if w := width([]byte(l.label)); w <= longestLabel && !isTable(*l) {
			labels = max(labels, w)
		}
	}
	room := 1 << 30
	if f.most > 0 {
		labels = min(labels, max(f.most/3, 8))
		room = max(f.most-cardIndent-labels-gridGap, 8)
	}
	for _, l := range f.fields {
		if isTable(l) {
			continue
		}
		if l.text == nil {
			l.text, l.style = f.cells.append(nil, l.role, l.raw)
		}
		dst = f.field(dst, l, labels, room)
	}
	return dst
}

// field appends a label and its value, wrapped to room columns.
func (f *cards) field(dst []byte, l labelled, labels, room int) []byte {
	label := []byte(l.label)
	if width(label) > labels {
		wrap(label, room+labels+gridGap, func(part []byte) {
			dst = append(styled(pad(dst, cardIndent), part, bold, f.colour), '\n')
		})
		label = nil
	}
	line := func(part []byte) {
		begin := len(dst)
		dst = styled(pad(dst, cardIndent), label, bold, f.colour)
		dst = pad(dst, labels-width(label)+gridGap)
		dst = endLine(styled(dst, part, l.style, f.colour), begin)
		label = nil
	}
	if l.role == identifier && width(l.text) > room {
		// An id is not broken where it fits a line by itself.
		if whole := room + labels + gridGap - cardIndent; width(l.text) <= whole {
			if label != nil {
				dst = append(styled(pad(dst, cardIndent), label, bold, f.colour), '\n')
			}
			return append(styled(pad(dst, 2*cardIndent), l.text, l.style, f.colour), '\n')
		}
	}
	wrap(l.text, room, line)
	return dst
}

// isTable tells whether a field is shown as a table: a list with an object in it.
func isTable(l labelled) bool {
	if l.text != nil || len(l.raw) == 0 || l.raw[0] != '[' {
		return false
	}
	found := false
	jsonl.Elements(l.raw, func(v []byte) { found = found || v[0] == '{' })
	return found
}

// table appends a list of objects.
func (f *cards) table(dst []byte, l labelled) []byte {
	dst = append(dst, '\n')
	dst = append(styled(pad(dst, cardIndent), []byte(l.label), bold, f.colour), '\n')
	rows, left := newestFirst(l.raw)
	if l.role != states && l.role != scores && l.role != notes {
		rows, left = rows[:0], 0
		jsonl.Elements(l.raw, func(v []byte) {
			if len(rows) < longestList {
				rows = append(rows, v)
			} else {
				left++
			}
		})
	}
	if l.role == indicators {
		slices.SortStableFunc(rows, func(a, b []byte) int { return cmp.Compare(weight(b), weight(a)) })
	}
	first := &sample{kind: anything}
	var rest [][]byte // what is no object, among those that are
	for _, r := range rows {
		if r[0] == '{' {
			first.records = append(first.records, r)
		} else {
			rest = append(rest, r)
		}
	}
	e := f.entries(first.records, l.label)
	g := &grid{columns: e.columns, colour: f.colour, cells: f.cells, gap: gridGap, indented: 2 * cardIndent, scanner: e.scanner}
	g.unbounded = true
	if f.most == 0 {
		g.cells.lines = none
	}
	if f.most > 0 {
		g.most = max(f.most-g.indented, 20)
	}
	g.layOut(first, true)
	dst = g.head(dst, false)
	row := g.row()
	for _, r := range first.records {
		dst, _ = row.record(dst, r)
	}
	for _, r := range rest {
		f.text, _ = f.cells.append(f.text[:0], text, r)
		dst = append(append(pad(dst, g.indented), f.text...), '\n')
	}
	if left > 0 {
		dst = fmt.Appendf(pad(dst, g.indented), "… +%d more\n", left)
	}
	return dst
}

// An entryTable is how lists whose entries have the same fields are shown. Most records have the
// same few, so that it is worth keeping them.
type entryTable struct {
	columns []column
	scanner *jsonl.Scanner
}

const entryTablesMost = 500

// entries gives the columns of a list's entries, but for those that all leave empty: times first,
// long texts last.
func (f *cards) entries(entries [][]byte, label string) *entryTable {
	f.names, f.used = f.names[:0], f.used[:0]
	for _, e := range entries {
		jsonl.Members(e, func(name string, v []byte) {
			i := slices.Index(f.names, name)
			if i < 0 && len(f.names) < strangersMost {
				i = len(f.names)
				f.names, f.used = append(f.names, name), append(f.used, false)
			}
			if i >= 0 && !isNull(v) && string(v) != `""` {
				f.used[i] = true
			}
		})
	}
	signature := append(f.text[:0], label...)
	for i, name := range f.names {
		if f.used[i] {
			signature = append(append(signature, 0), name...)
		}
	}
	f.text = signature
	if t := f.tables[string(signature)]; t != nil {
		return t
	}
	var times, rest, last []column
	for i, name := range f.names {
		if !f.used[i] {
			continue
		}
		p := jsonl.Path{}.Field(name)
		c := column{path: p, header: p.Header(), role: roleOf([]string{label, p.Header()})}
		switch {
		case c.role == moment:
			times = append(times, c)
		case c.role == prose:
			last = append(last, c)
		default:
			rest = append(rest, c)
		}
	}
	t := &entryTable{columns: append(append(times, rest...), last...)}
	t.scanner = newPlan(t.columns).Scanner()
	if f.tables == nil || len(f.tables) >= entryTablesMost {
		f.tables = map[string]*entryTable{}
	}
	f.tables[string(signature)] = t
	return t
}
