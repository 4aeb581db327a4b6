package sandbox

import (
	"strconv"
	"unicode/utf8"
)

// A builder writes compact JSON. It puts the commas; names and values alternate by themselves.
type builder struct {
	b       []byte
	escaped bool // write what is not ASCII as \uXXXX, and / as \/
}

func (w *builder) comma() {
	if n := len(w.b); n > 0 {
		switch w.b[n-1] {
		case '{', '[', ':':
		default:
			w.b = append(w.b, ',')
		}
	}
}

func (w *builder) open(c byte)         { w.comma(); w.b = append(w.b, c) }
func (w *builder) close(c byte)        { w.b = append(w.b, c) }
func (w *builder) raw(json string)     { w.comma(); w.b = append(w.b, json...) }
func (w *builder) null()               { w.raw("null") }
func (w *builder) str(s string)        { w.comma(); w.quote(s) }
func (w *builder) int(n int64)         { w.comma(); w.b = strconv.AppendInt(w.b, n, 10) }
func (w *builder) bool(v bool)         { w.raw(strconv.FormatBool(v)) }
func (w *builder) name(s string)       { w.comma(); w.quote(s); w.b = append(w.b, ':') }
func (w *builder) text(name, s string) { w.name(name); w.str(s) }
func (w *builder) number(name string, n int64) {
	w.name(name)
	w.int(n)
}

// orNull writes null for an empty string.
func (w *builder) orNull(name, s string) {
	w.name(name)
	if s == "" {
		w.null()
		return
	}
	w.str(s)
}

func (w *builder) list(name string, items ...string) {
	w.name(name)
	w.open('[')
	for _, s := range items {
		w.str(s)
	}
	w.close(']')
}

func (w *builder) object(name string, inside func()) {
	w.name(name)
	w.open('{')
	inside()
	w.close('}')
}

// quote writes s as a string. A surrogate half, which UTF-8 proper cannot hold, is taken from
// the three bytes that it would have and written as an escape.
func (w *builder) quote(s string) {
	const digits = "0123456789abcdef"
	unit := func(u rune) {
		w.b = append(w.b, '\\', 'u', digits[u>>12&15], digits[u>>8&15], digits[u>>4&15], digits[u&15])
	}
	w.b = append(w.b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				w.b = append(w.b, '\\', c)
			case c == '\n':
				w.b = append(w.b, '\\', 'n')
			case c == '\t':
				w.b = append(w.b, '\\', 't')
			case c < 0x20:
				unit(rune(c))
			case c == '/' && w.escaped:
				w.b = append(w.b, '\\', '/')
			default:
				w.b = append(w.b, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			if c == 0xed && i+2 < len(s) && s[i+1]&0xe0 == 0xa0 && s[i+2]&0xc0 == 0x80 {
				unit(0xd000 | rune(s[i+1]&0x3f)<<6 | rune(s[i+2]&0x3f))
				size = 3
			} else {
				unit(utf8.RuneError)
			}
		case !w.escaped:
			w.b = append(w.b, s[i:i+size]...)
		case r >= 0x10000:
			r -= 0x10000
			unit(0xd800 | r>>10)
			unit(0xdc00 | r&0x3ff)
		default:
			unit(r)
		}
		i += size
	}
	w.b = append(w.b, '"')
}

// spread puts odd white space after the commas and colons of a compact document.
func spread(compact []byte) []byte {
	out := make([]byte, 0, len(compact)*5/4)
	quoted := false
	for i := 0; i < len(compact); i++ {
		c := compact[i]
		out = append(out, c)
		switch {
		case quoted && c == '\\':
			i++
			out = append(out, compact[i])
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',':
			out = append(out, '\r', '\n')
		case c == ':':
			out = append(out, ' ', '\t')
		case c == '{' || c == '[':
			out = append(out, ' ')
		}
	}
	return out
}
