package jsonl

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Path leads to a value inside a record: names, into objects; indexes, into lists; and names
// again, which over a list mean that field of each of its elements.
//
//	session_id            the member sessionId, or session_id
//	states.-1.state       the state of the last element of states
//	risk_indicators.name  the names in all elements, as a list
//	event.*               all that is below event
//	"odd.key".x           x in the member that is really called odd.key
//
// A name that is not in quotes stands for its snake_case and its camelCase spelling alike; in
// an object that has both, for the one that it is spelled as. The zero Path is the record.
type Path struct {
	steps []step
	all   bool
}

// A step is one part of a path.
type step struct {
	name  string // as it was written
	fold  string // as Fold gives it; "" where only name itself will do
	index int    // the place in a list, where is; below 0 it counts from the end
	is    bool   // the step is an index
}

// maxIndex bounds the indexes of a path, either way.
const maxIndex = 1 << 20

// maxSteps bounds the length of a path.
const maxSteps = 100

// BadPath is a text that is no path.
type BadPath struct {
	Text    string
	Problem string
}

func (e *BadPath) Error() string { return fmt.Sprintf("bad column path %q: %s", e.Text, e.Problem) }

// ExitCode marks it as a fault of the command line.
func (e *BadPath) ExitCode() int { return 2 }

// Hint shows what paths look like.
func (e *BadPath) Hint() string {
	return `write names with dots between them, as in states.-1.state, event.* or "a.b".c`
}

// ParsePath reads a path. It returns a *BadPath for anything else.
func ParsePath(text string) (Path, error) {
	path, rest, err := parsePath(text)
	if err == nil && rest != "" {
		err = &BadPath{text, "one path has no comma in it"}
	}
	return path, err
}

// ParsePaths reads paths with commas between them; commas inside quotes belong to a name.
func ParsePaths(text string) ([]Path, error) {
	var paths []Path
	for rest := text; ; rest = rest[1:] {
		var path Path
		var err error
		if path, rest, err = parsePath(rest); err != nil {
			return nil, err
		}
		paths = append(paths, path)
		if rest == "" {
			return paths, nil
		}
	}
}

// parsePath reads a path up to a comma outside quotes, which stays in rest.
func parsePath(text string) (p Path, rest string, err error) {
	bad := func(problem string) (Path, string, error) {
		end := len(text) - len(rest)
		if i := strings.IndexByte(rest, ','); i >= 0 {
			end += i
		} else {
			end = len(text)
		}
		return Path{}, "", &BadPath{strings.TrimSpace(text[:end]), problem}
	}
	rest = strings.TrimLeft(text, " \t")
	for {
		if p.all {
			return bad("nothing can follow *")
		}
		if len(p.steps) == maxSteps {
			return bad("it is too long")
		}
		switch {
		case strings.HasPrefix(rest, `"`):
			quoted, err := quotedPrefix(rest)
			if err != nil {
				return bad("a quote is not closed")
			}
			rest = rest[len(quoted):]
			name := ""
			if json.Unmarshal([]byte(quoted), &name) != nil {
				return bad("what is in quotes must be a JSON string")
			}
			p.steps = append(p.steps, step{name: name})
		default:
			end := strings.IndexAny(rest, ".,")
			if end < 0 {
				end = len(rest)
			}
			name := strings.TrimRight(rest[:end], " \t")
			rest = rest[end:]
			switch {
			case name == "":
				return bad("a name is missing")
			case !utf8.ValidString(name):
				return bad("it is not UTF-8")
			case name == "*":
				p.all = true
			default:
				s := step{name: name, fold: Fold(name)}
				if n, isNumber := number(name); isNumber {
					if n > maxIndex || n < -maxIndex {
						return bad(fmt.Sprintf("the index %s is too large", name))
					}
					s.index, s.is = n, true
				}
				p.steps = append(p.steps, s)
			}
		}
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" || rest[0] == ',' {
			return p, rest, nil
		}
		if rest[0] != '.' {
			return bad("a dot is missing")
		}
		rest = strings.TrimLeft(rest[1:], " \t")
	}
}

// quotedPrefix returns the JSON string that text begins with.
func quotedPrefix(text string) (string, error) {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[:i+1], nil
		}
	}
	return "", strconv.ErrSyntax
}

func number(s string) (int, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return maxIndex + 1, true
	}
	return n, true
}

// All tells whether the path ends in *, and so means all that is below.
func (p Path) All() bool { return p.all }

// Len is the number of names and indexes.
func (p Path) Len() int { return len(p.steps) }

// Names are the path's names in snake_case, without its indexes.
func (p Path) Names() []string {
	var names []string
	for _, s := range p.steps {
		if !s.is {
			names = append(names, s.folded())
		}
	}
	return names
}

func (s step) folded() string {
	if s.fold != "" {
		return s.fold
	}
	return Fold(s.name)
}

// Field is the path to the member called exactly name of what p leads to.
func (p Path) Field(name string) Path {
	steps := make([]step, len(p.steps), len(p.steps)+1)
	copy(steps, p.steps)
	return Path{steps: append(steps, step{name: name})}
}

// Below is the path without its last *, and the same path where it has none.
func (p Path) Below() Path { return Path{steps: p.steps} }

// Header is the path in snake_case, as a column is headed with it.
func (p Path) Header() string {
	var b strings.Builder
	for i, s := range p.steps {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.folded())
	}
	return b.String()
}

// String is the path as ParsePath reads it.
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p.steps {
		if i > 0 {
			b.WriteByte('.')
		}
		if s.fold == "" {
			quoted, _ := json.Marshal(s.name)
			b.Write(quoted)
		} else {
			b.WriteString(s.name)
		}
	}
	if p.all {
		if len(p.steps) > 0 {
			b.WriteByte('.')
		}
		b.WriteByte('*')
	}
	return b.String()
}

// Fold returns a name in snake_case, whichever of snake_case and camelCase it is written in:
// beginTime and begin_time are begin_time, stateV2 is state_v2, userID is user_id.
func Fold(name string) string {
	upper := false
	for i := 0; i < len(name); i++ {
		if c := name[i]; 'A' <= c && c <= 'Z' {
			upper = true
			break
		}
	}
	if !upper {
		return name
	}
	b := make([]byte, 0, len(name)+4)
	for i := 0; i < len(name); i++ {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			if i > 0 && (lowerOrDigit(name[i-1]) || isUpper(name[i-1]) && i+1 < len(name) && isLower(name[i+1])) {
				b = append(b, '_')
			}
			c |= 0x20
		}
		b = append(b, c)
	}
	return string(b)
}

func isUpper(c byte) bool      { return 'A' <= c && c <= 'Z' }
func isLower(c byte) bool      { return 'a' <= c && c <= 'z' }
func lowerOrDigit(c byte) bool { return isLower(c) || '0' <= c && c <= '9' }

// fits tells how well a member's decoded name fits the step: 0 not at all, 1 in another
// spelling, 2 to the letter.
func (s step) fits(name string) uint8 {
	switch {
	case name == s.name:
		return 2
	case s.fold != "" && Fold(name) == s.fold:
		return 1
	}
	return 0
}

// Find returns the value that the path leads to, nil where there is none. It is part of the
// record, but for a name across a list: that gives a new list of what the elements have. Of
// equal keys in one object the last one counts. The record must be valid JSON.
func Find(record []byte, p Path) []byte {
	return find(trimSpace(record), p.steps)
}

func find(value []byte, steps []step) []byte {
	for n, s := range steps {
		if len(value) == 0 {
			return nil
		}
		if value[0] == '[' && !s.is {
			out, _ := across([]byte{'['}, value, 0, steps[n:])
			return append(out, ']')
		}
		value = s.in(value)
	}
	if len(value) == 0 {
		return nil
	}
	return value
}

// in takes one step into a value; nil where it leads nowhere.
func (s step) in(value []byte) (found []byte) {
	switch value[0] {
	case '{':
		best := uint8(1)
		members(value, func(raw, v []byte) {
			if fit := s.fits(keyText(raw)); fit >= best {
				best, found = fit, v
			}
		})
	case '[':
		if s.is {
			return element(value, s.index)
		}
	}
	return found
}

// across appends what the steps, the first of them a name, lead to in each element of the list
// at i, lists in lists taken as one. It returns the index after the list; reading on from there
// keeps the work in proportion to the list however deep it nests.
func across(dst, b []byte, i int, steps []step) (_ []byte, end int) {
	for i = pastSpace(b, i+1); b[i] != ']'; {
		if b[i] == '[' {
			dst, end = across(dst, b, i, steps)
		} else {
			end = valueEnd(b, i, 1)
			dst = appendFound(dst, b[i:end], steps)
		}
		if i = pastSpace(b, end); b[i] == ',' {
			i = pastSpace(b, i+1)
		}
	}
	return dst, i + 1
}

// appendFound appends what the steps lead to from one element.
func appendFound(dst, v []byte, steps []step) []byte {
	for n, s := range steps {
		if v[0] == '[' && !s.is {
			dst, _ = across(dst, v, 0, steps[n:])
			return dst
		}
		if v = s.in(v); v == nil {
			return dst
		}
	}
	if len(dst) > 1 {
		dst = append(dst, ',')
	}
	return append(dst, v...)
}

// element returns the element of a list at an index, nil where there is none.
func element(list []byte, index int) (found []byte) {
	if index < 0 {
		n := 0
		elements(list, func([]byte) { n++ })
		index += n
	}
	n := 0
	elements(list, func(v []byte) {
		if n == index {
			found = v
		}
		n++
	})
	return found
}
