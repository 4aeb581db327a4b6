package update

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// A batch is sessions that get the same new state. It goes out as one request. Where the server
// refuses it, each further request asks for a part of it, until every id that is refused has
// been refused alone. What the server did of a refused request is never assumed.
type batch struct {
	state  string
	seq    int       // of the first row in it, which is its place among all that waits
	opened time.Time // when that row came

	group []*session // of the request that is under way

	unknown []*session // nothing is known of them
	suspect []*session // at least one of them is refused
	named   []*session // the server's refusal named them
	split   bool       // it was refused as a whole
	rest    bool       // the unknown are those that a refusal did not name
}

func (b *batch) done() bool { return len(b.unknown)+len(b.suspect)+len(b.named) == 0 }

// next takes the group that the next request asks for. Most batches hold no bad id and
// a bad one holds few, so the search halves what is suspect and tries the rest in the largest
// groups that are likely to pass.
func (b *batch) next(odds odds) []*session {
	switch {
	case len(b.named) > 0:
		b.group = b.named[:1]
	case len(b.suspect) > 0:
		b.group = b.suspect[:(len(b.suspect)+1)/2]
	case b.split && !b.rest:
		b.group = b.unknown[:odds.group(len(b.unknown))]
	default:
		b.group = b.unknown
	}
	return b.group
}

// accepted notes that the server has done what the group asked for.
func (b *batch) accepted() {
	n := len(b.group)
	switch {
	case len(b.named) > 0:
		b.named = b.named[n:]
	case len(b.suspect) > 0:
		b.suspect = b.suspect[n:]
	default:
		b.unknown = b.unknown[n:]
	}
}

// refused notes that the server refused the group, and what it said. It returns the session
// that this is the last word on, nil where the group has to be taken apart.
func (b *batch) refused(message string) *session {
	n := len(b.group)
	b.split = true
	if n == 1 {
		bad := b.group[0]
		switch {
		case len(b.named) > 0:
			b.named = b.named[1:]
		case len(b.suspect) > 0:
			// One was found; whether there are more among the others is open again.
			b.unknown = slices.Concat(b.suspect[1:], b.unknown)
			b.suspect = nil
		default:
			b.unknown = b.unknown[1:]
		}
		return bad
	}
	if len(b.suspect) > 0 {
		b.unknown = slices.Concat(b.suspect[n:], b.unknown)
	} else {
		b.unknown = b.unknown[n:]
	}
	b.suspect, b.rest = nil, false
	if named := namedIn(message, b.group); len(named) > 0 && len(named) < n {
		b.named, b.rest = named, true
		b.unknown = slices.Concat(without(b.group, named), b.unknown)
		return nil
	}
	b.suspect = b.group
	return nil
}

// namedIn returns the sessions whose ids the message holds as words of their own. An id that is too
// short for that to mean anything is not looked for.
func namedIn(message string, group []*session) (named []*session) {
	if message == "" {
		return nil
	}
	words := map[string]bool{}
	for _, w := range strings.FieldsFunc(message, func(r rune) bool {
		return r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		words[w] = true
	}
	for _, s := range group {
		if len(s.id) >= 8 && words[s.id] {
			named = append(named, s)
		}
	}
	return named
}

func without(all, some []*session) []*session {
	return slices.DeleteFunc(slices.Clone(all), func(s *session) bool { return slices.Contains(some, s) })
}

// odds are how many ids were refused so far, of how many whose fate is known.
type odds struct{ refused, known int }

// group is how many of n ids to try together where some are likely to be refused: as many as
// pass about every other time.
func (o odds) group(n int) int {
	if o.refused == 0 {
		return n
	}
	share := (float64(o.refused) + 0.5) / (float64(o.known) + 50)
	return max(1, min(n, int(0.69/share)))
}
