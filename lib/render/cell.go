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

const (
	longestText = 64 << 10 // bytes of a value that are shown to people
	longestList = 1000     // elements of a list that are
)

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
	return c.cut(dst, raw, false)
}

// cut appends a text that may have line feeds where lines is true, and of one that nobody would
// read to its end the beginning, and how much there is more.
func (c *cells) cut(dst, raw []byte, lines bool) []byte {
	var left int
	c.text, left = jsonl.AppendTextMost(c.text[:0], raw, longestText)
	return appendLeft(appendSafe(dst, c.text, lines), left)
}

func appendLeft(dst []byte, left int) []byte {
	if left == 0 {
		return dst
	}
	dst = append(dst, "… +"...)
	return append(appendInt(dst, int64(left)), " bytes"...)
}

// broken appends the text of a string with its line feeds, where a field of the role may have
// them.
func (c *cells) broken(dst []byte, r role, raw []byte) []byte {
	if raw[0] != '"' || c.lines != text && c.lines != r {
		return c.string(dst, raw)
	}
	return c.cut(dst, raw, true)
}

// json appends a value as compact JSON. Its strings keep their escapes.
func (c *cells) json(dst, raw []byte) []byte {
	if len(raw) > longestText {
		return appendLeft(appendSafe(dst, raw[:longestText], false), len(raw)-longestText)
	}
	c.text = jsonl.AppendCompact(c.text[:0], raw)
	return appendSafe(dst, c.text, false)
}

// list appends the elements with commas between them.
func (c *cells) list(dst []byte, r role, raw []byte) []byte {
	n, left := 0, 0
	jsonl.Elements(raw, func(v []byte) {
		if isNull(v) {
			return
		}
		if n == longestList {
			left++
			return
		}
		if n > 0 {
			dst = append(dst, ", "...)
		}
		n++
		if v[0] == '[' {
			dst = c.json(dst, v)
			return
		}
		dst, _ = c.append(dst, r, v)
	})
	return appendMore(dst, left)
}

// appendMore says that there are more elements than those shown.
func appendMore(dst []byte, left int) []byte {
	if left == 0 {
		return dst
	}
	return append(appendInt(append(dst, ", … +"...), int64(left)), " more"...)
}

// states appends the newest state and how many there were before it.
func (c *cells) states(dst, raw []byte) ([]byte, style) {
	newest, before := newest(raw)
	if newest == nil {
		return dst, normal
	}
	name := stateName(newest)
	if isNull(name) {
		return c.json(dst, raw), normal
	}
	dst = c.string(dst, name)
	if n := before; n > 0 {
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
	if v := field(entry, "stateV2", "state_v2"); !isNull(v) {
		return v
	}
	return field(entry, "state")
}

// scores appends the newest score and what it amounts to.
func (c *cells) scores(dst, raw []byte) ([]byte, style) {
	newest, _ := newest(raw)
	if newest == nil {
		return dst, normal
	}
	score, s := field(newest, "score"), field(newest, "severity")
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
	history, left := newestFirst(raw)
	for i, n := range history {
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
	return appendMore(dst, left)
}

// indicators appends the risk indicators with their weights, the heaviest first.
func (c *cells) indicators(dst, raw []byte) []byte {
	type indicator struct {
		name   []byte
		weight []byte
		heavy  float64
	}
	var all []indicator
	left := 0
	jsonl.Elements(raw, func(v []byte) {
		if len(all) == longestList {
			left++
			return
		}
		i := indicator{name: field(v, "name", "id"), weight: field(v, "weight")}
		if isNull(i.name) {
			i.name = v
		}
		i.heavy = weight(v)
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
	return appendMore(dst, left)
}

// weight is how heavy a risk indicator is.
func weight(indicator []byte) float64 {
	if indicator[0] != '{' {
		return 0
	}
	w := field(indicator, "weight")
	if len(w) > 32 {
		return 0
	}
	n, _ := strconv.ParseFloat(string(w), 64)
	return n
}

// alerts appends the names of the rules that gave alerts, once each.
func (c *cells) alerts(dst, raw []byte) []byte {
	var seen [][]byte
	left := 0
	jsonl.Elements(raw, func(v []byte) {
		if len(seen) == longestList {
			left++
			return
		}
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
	return appendMore(dst, left)
}

// newest is a history's entry with the greatest time, the later one of two with the same, and
// how many others there are.
func newest(raw []byte) (entry []byte, others int) {
	var latest int64
	jsonl.Elements(raw, func(v []byte) {
		at := entryTime(v)
		if entry == nil || at >= latest {
			entry, latest = v, at
		}
		others++
	})
	return entry, max(others-1, 0)
}

// entryTime is when an entry of a history was made, 0 where it does not say.
func entryTime(v []byte) int64 {
	at, _ := jsonl.Int(field(v, "sourceTimestamp", "source_timestamp"))
	return at
}

// newestFirst are a history's entries by their time, as many as are shown, and how many more
// there are.
func newestFirst(raw []byte) (values [][]byte, left int) {
	type entry struct {
		at, place int64
		value     []byte
	}
	var entries []entry
	sort := func() {
		slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(b.place, a.place)) })
		if n := len(entries); n > longestList {
			left += n - longestList
			entries = entries[:longestList]
		}
	}
	place := int64(0)
	jsonl.Elements(raw, func(v []byte) {
		place++
		if entries = append(entries, entry{entryTime(v), place, v}); len(entries) == 4*longestList {
			sort()
		}
	})
	sort()
	for _, e := range entries {
		values = append(values, e.value)
	}
	return values, left
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
