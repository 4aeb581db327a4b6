package render

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"sess/lib/jsonl"
)

// jsonLines writes each record compact on a line of its own.
type jsonLines struct{ shown bool } // shown: a person sees it

func (f jsonLines) record(dst, line []byte) ([]byte, error) {
	if err := jsonl.Valid(line); err != nil {
		return dst, err
	}
	begin := len(dst)
	dst = jsonl.AppendCompact(dst, line)
	if f.shown {
		dst = escapeHidden(dst, begin)
	}
	return append(dst, '\n'), nil
}

// escapeHidden writes out, as JSON escapes, what a terminal would obey or a person could not
// see in dst from begin.
func escapeHidden(dst []byte, begin int) []byte {
	if harmless(dst[begin:]) {
		return dst
	}
	text := bytes.Clone(dst[begin:])
	dst = dst[:begin]
	var before rune
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		after, _ := utf8.DecodeRune(text[i+n:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, `\ufffd`...) // a byte that is no text has no escape of its own
		case r >= ' ' && r != 0x7f && !(r > 0x7f && hidden(r, before, after)):
			dst = append(dst, text[i:i+n]...)
		default:
			dst = appendJSONEscape(dst, r)
		}
		before = r
		i += n
	}
	return dst
}

func appendJSONEscape(dst []byte, r rune) []byte {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendJSONEscape(appendJSONEscape(dst, high), low)
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// jsonPretty writes each record indented by two blanks a level, its numbers and escapes as they
// came.
type jsonPretty struct {
	colour bool
	shown  bool
}

func (f jsonPretty) record(dst, line []byte) ([]byte, error) {
	if err := jsonl.Valid(line); err != nil {
		return dst, err
	}
	var object []bool // of the lists and objects around
	key := false
	for i := 0; i < len(line); {
		depth := len(object)
		switch c := line[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
		case '{', '[':
			dst = append(dst, c)
			i++
			if jsonl.IsEmpty(line[i-1:]) {
				for line[i] != c+2 { // the closing one
					i++
				}
				dst = append(dst, line[i])
				i++
				continue
			}
			object = append(object, c == '{')
			key = c == '{'
			dst = pad(append(dst, '\n'), indent(depth+1))
		case '}', ']':
			object = object[:depth-1]
			dst = append(pad(append(dst, '\n'), indent(depth-1)), c)
			i++
		case ',':
			dst = pad(append(dst, ",\n"...), indent(depth))
			key = object[depth-1]
			i++
		case ':':
			dst = append(dst, ": "...)
			key = false
			i++
		default:
			end := jsonl.TokenEnd(line, i)
			dst = f.token(dst, line[i:end], tokenStyle(c, key))
			i = end
		}
	}
	return append(dst, '\n'), nil
}

func (f jsonPretty) token(dst, token []byte, s style) []byte {
	if f.colour {
		dst = append(dst, sequences[s]...)
	}
	begin := len(dst)
	if dst = append(dst, token...); f.shown {
		dst = escapeHidden(dst, begin)
	}
	if f.colour {
		dst = append(dst, plainly...)
	}
	return dst
}

// indent is how many blanks go before a line of JSON. From some depth on it is no more: what
// nests ten thousand deep would be mostly blanks.
func indent(depth int) int { return 2 * min(depth, 100) }

func tokenStyle(c byte, key bool) style {
	switch {
	case key:
		return blue
	case c == '"':
		return green
	case c == 'n':
		return dim
	case c == 't' || c == 'f':
		return yellow
	}
	return cyan
}
