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
	compact := jsonl.AppendCompact(nil, line)
	if f.shown {
		compact = escapeHidden(compact, 0)
	}
	depth := 0
	object := []bool{}
	key := false
	for i := 0; i < len(compact); {
		switch c := compact[i]; c {
		case '{', '[':
			dst = append(dst, c)
			if compact[i+1] == c+2 { // the closing one
				dst = append(dst, c+2)
				i += 2
				continue
			}
			depth++
			object = append(object, c == '{')
			key = c == '{'
			dst = pad(append(dst, '\n'), 2*depth)
			i++
		case '}', ']':
			depth--
			object = object[:depth]
			dst = pad(append(dst, '\n'), 2*depth)
			dst = append(dst, c)
			i++
		case ',':
			dst = pad(append(dst, ",\n"...), 2*depth)
			key = depth > 0 && object[depth-1]
			i++
		case ':':
			dst = append(dst, ": "...)
			key = false
			i++
		default:
			end := jsonl.TokenEnd(compact, i)
			dst = styled(dst, compact[i:end], tokenStyle(c, key), f.colour)
			i = end
		}
	}
	return append(dst, '\n'), nil
}

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
