package render

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// marksMost is how many combining marks may follow each other; no script needs as many, and
// more of them cover the lines above and below.
const marksMost = 5

// appendSafe appends text with everything in it that a terminal would obey or a person could
// not see written out: control characters, escape sequences, characters that turn the direction
// of writing, that have no width or no shape. A line feed becomes \n, or stays where lines is
// true. What is in the text as a backslash stays one.
func appendSafe(dst, text []byte, lines bool) []byte {
	if harmless(text) {
		return append(dst, text...)
	}
	marks := 0
	var before rune // the character before, 0 at the beginning or after one that was written out
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case r == '\n' && lines:
			dst = append(dst, '\n')
			marks, before = 0, 0
		case r == utf8.RuneError && n == 1:
			dst = fmt.Appendf(dst, `\x%02x`, text[i])
			before = 0
		case r < 0x80 && r >= ' ' && r != 0x7f:
			dst = append(dst, byte(r))
			marks, before = 0, r
		default:
			after, _ := utf8.DecodeRune(text[i+n:])
			if unicode.Is(unicode.M, r) {
				marks++
			} else {
				marks = 0
			}
			if marks > marksMost || hidden(r, before, after) {
				dst = appendWritten(dst, r)
				before = 0
			} else {
				dst = append(dst, text[i:i+n]...)
				before = r
			}
		}
		i += n
	}
	return dst
}

// harmless tells whether text is nothing but visible ASCII.
func harmless(text []byte) bool {
	for _, c := range text {
		if c-' ' >= 0x7f-' ' {
			return false
		}
	}
	return true
}

// appendWritten writes a character out.
func appendWritten(dst []byte, r rune) []byte {
	switch {
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\t':
		return append(dst, `\t`...)
	case r < 0x100:
		return fmt.Appendf(dst, `\x%02x`, r)
	case r < 0x10000:
		return fmt.Appendf(dst, `\u%04x`, r)
	}
	return fmt.Appendf(dst, `\U%08x`, r)
}

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// hidden tells whether a character between two others must be written out to be seen.
func hidden(r, before, after rune) bool {
	switch {
	case r == zeroWidthJoiner:
		return !joins(before) || !joins(after)
	case r == zeroWidthNonJoiner:
		return !unicode.In(before, joining...) || !unicode.In(after, joining...) || unicode.Is(unicode.Cf, after)
	case unicode.Is(unicode.Variation_Selector, r):
		return before == 0 || unicode.Is(unicode.Variation_Selector, before) || before < 0x80 && !keycap(before) ||
			r >= 0xe0100 && !unicode.Is(unicode.Han, before)
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return false // signs over Arabic numbers: a format character with a shape
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point) || r == '\u2800'
}

// joining are the scripts whose letters change their shape by their neighbours.
var joining = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Mongolian, unicode.Nko, unicode.Devanagari, unicode.Bengali,
	unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada,
	unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar, unicode.Tibetan,
}

// joins tells whether a zero-width joiner makes sense beside the character: a pictograph, or a
// letter or mark of a joining script.
func joins(r rune) bool {
	return r != utf8.RuneError && !unicode.Is(unicode.Cf, r) &&
		(unicode.In(r, unicode.So, unicode.Sk) || r == '\ufe0f' || unicode.In(r, joining...))
}

func keycap(r rune) bool { return r >= '0' && r <= '9' || r == '#' || r == '*' }
