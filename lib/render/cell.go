package render

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"sess/lib/jsonl"
)

// A column is a field of the records and what stands above it.
type column struct {
	path   jsonl.Path
	header string
	role   role
}

func newColumn(p jsonl.Path, header string) column {
	return column{path: p, header: header, role: roleOf(p.Names())}
}

// cells writes values for people to read: safe to show, and no JSON where it can be helped.
type cells struct {
	time  Time
	now   time.Time
	lines role // whose line feeds may break lines: prose, for text that of any field, or none
	words bool // what is not prose is one word, for awk
	text  []byte
}

// none is the role of no field.
const none role = -1

// append appends a value, and says in which style it is shown.
func (c *cells) append(dst []byte, r role, raw []byte) ([]byte, style) {
	if isNull(raw) {
		return dst, normal
	}
	switch raw[0] {
	case '[':
		switch r {
		case states:
			return c.states(dst, raw)
		case scores:
			return c.scores(dst, raw)
		case notes:
			return c.notes(dst, raw), normal
		case indicators:
			return c.indicators(dst, raw), normal
		case alerts:
			return c.alerts(dst, raw), normal
		}
		return c.list(dst, r, raw), normal
	case '{':
		return c.json(dst, raw), normal
	}
	switch r {
	case moment:
		if c.time != TimeRaw {
			if dst, ok := appendMoment(dst, raw, c.time.zone()); ok {
				return dst, normal
			}
		}
	case severity:
		name := jsonl.Text(raw)
		if n, ok := jsonl.Int(raw); ok && n >= 0 && n < int64(len(severityNames)) {
			name = severityNames[n]
			return append(dst, name...), severityStyle(name)
		}
		return c.string(dst, raw), severityStyle(name)
	case state:
		return c.string(dst, raw), stateStyle(jsonl.Text(raw))
	case prose, text:
		return c.broken(dst, r, raw), normal
	}
	return c.string(dst, raw), normal
}

// string appends the text of a string, and anything else as it is.
func (c *cells) string(dst, raw []byte) []byte {
	if raw[0] != '"' {
		return append(dst, raw...)
	}
	c.text = jsonl.AppendText(c.text[:0], raw)
	return appendSafe(dst, c.text, false)
}

// broken appends the text of a string with its line feeds, where a field of the role may have
// them.
func (c *cells) broken(dst []byte, r role, raw []byte) []byte {
	if raw[0] != '"' || c.lines != text && c.lines != r {
		return c.string(dst, raw)
	}
	c.text = jsonl.AppendText(c.text[:0], raw)
	return appendSafe(dst, c.text, true)
}

// json appends a value as compact JSON. Its strings keep their escapes.
func (c *cells) json(dst, raw []byte) []byte {
	c.text = jsonl.AppendCompact(c.text[:0], raw)
	return appendSafe(dst, c.text, false)
}

// list appends the elements with commas between them.
func (c *cells) list(dst []byte, r role, raw []byte) []byte {
	first := true
	jsonl.Elements(raw, func(v []byte) {
		if isNull(v) {
			return
		}
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		if v[0] == '[' {
			dst = c.json(dst, v)
			return
		}
		dst, _ = c.append(dst, r, v)
	})
	return dst
}

// states appends the newest state and how many there were before it.
func (c *cells) states(dst, raw []byte) ([]byte, style) {
	history := newestFirst(raw)
	if len(history) == 0 {
		return dst, normal
	}
	name := stateName(history[0])
	if isNull(name) {
		return c.json(dst, raw), normal
	}
	dst = c.string(dst, name)
	if n := len(history) - 1; n > 0 {
		if !c.words {
			dst = append(dst, ' ')
		}
		dst = append(dst, "(+"...)
		dst = appendInt(dst, int64(n))
		dst = append(dst, ')')
	}
	return dst, stateStyle(jsonl.Text(name))
}

// stateName is the name of a state: the newer API's, which has more of them, before the older's.
func stateName(entry []byte) []byte {
	if v := jsonl.Lookup(entry, "stateV2"); !isNull(v) {
		return v
	}
	return field(entry, "state", "state_v2")
}

// scores appends the newest score and what it amounts to.
func (c *cells) scores(dst, raw []byte) ([]byte, style) {
	history := newestFirst(raw)
	if len(history) == 0 {
		return dst, normal
	}
	score, s := field(history[0], "score"), field(history[0], "severity")
	if isNull(score) && isNull(s) {
		return c.json(dst, raw), normal
	}
	look := normal
	if !isNull(s) {
		dst, look = c.append(dst, severity, s)
	}
	switch {
	case isNull(score):
	case isNull(s):
		dst = c.string(dst, score)
	case c.words:
		dst = append(c.string(append(dst, '('), score), ')')
	default:
		dst = c.string(append(dst, ' '), score)
	}
	return dst, look
}

// notes appends the notes, the newest first, each with its author and its age.
func (c *cells) notes(dst, raw []byte) []byte {
	for i, n := range newestFirst(raw) {
		if i > 0 {
			if c.lines != none {
				dst = append(dst, '\n')
			} else {
				dst = append(dst, " | "...)
			}
		}
		content := field(n, "content")
		if isNull(content) {
			dst = c.json(dst, n)
			continue
		}
		if at, ok := parseMoment(field(n, "sourceTimestamp", "source_timestamp")); ok {
			dst = appendAge(dst, c.now.Sub(at))
			dst = append(dst, ' ')
		}
		if user := field(n, "userId", "user_id"); !isNull(user) {
			dst = c.string(dst, user)
		}
		dst = append(dst, ": "...)
		dst = c.broken(dst, prose, content)
	}
	return dst
}

// indicators appends the risk indicators with their weights, the heaviest first.
func (c *cells) indicators(dst, raw []byte) []byte {
	type indicator struct {
		name   []byte
		weight []byte
		heavy  float64
	}
	var all []indicator
	jsonl.Elements(raw, func(v []byte) {
		i := indicator{name: field(v, "name", "id"), weight: field(v, "weight")}
		if isNull(i.name) {
			i.name = v
		}
		i.heavy, _ = strconv.ParseFloat(string(i.weight), 64)
		all = append(all, i)
	})
	slices.SortStableFunc(all, func(a, b indicator) int { return cmp.Compare(b.heavy, a.heavy) })
	for n, i := range all {
		if n > 0 {
			dst = append(dst, ", "...)
		}
		dst, _ = c.append(dst, text, i.name)
		if !isNull(i.weight) {
			dst = append(dst, ' ')
			dst = c.string(dst, i.weight)
		}
	}
	return dst
}

// alerts appends the names of the rules that gave alerts, once each.
func (c *cells) alerts(dst, raw []byte) []byte {
	var seen [][]byte
	jsonl.Elements(raw, func(v []byte) {
		name := field(v, "ruleName", "rule_name")
		if isNull(name) {
			name = field(v, "ruleId", "rule_id")
		}
		if isNull(name) {
			name = v
		}
		if slices.ContainsFunc(seen, func(s []byte) bool { return string(s) == string(name) }) {
			return
		}
		if len(seen) > 0 {
			dst = append(dst, ", "...)
		}
		seen = append(seen, name)
		dst, _ = c.append(dst, text, name)
	})
	return dst
}

// newestFirst are a history's entries by their time.
func newestFirst(raw []byte) [][]byte {
	type entry struct {
		at    int64
		value []byte
	}
	var entries []entry
	jsonl.Elements(raw, func(v []byte) {
		at, _ := jsonl.Int(field(v, "sourceTimestamp", "source_timestamp"))
		entries = append(entries, entry{at, v})
	})
	// Of one time, the later in the list is the newer.
	slices.Reverse(entries)
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(b.at, a.at) })
	values := make([][]byte, len(entries))
	for i, e := range entries {
		values[i] = e.value
	}
	return values
}

// field is what an object has under the first of the names that is there.
func field(object []byte, names ...string) []byte {
	for _, name := range names {
		if v := jsonl.Lookup(object, name); v != nil {
			return v
		}
	}
	return nil
}

func isNull(raw []byte) bool { return len(raw) == 0 || raw[0] == 'n' }

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
