package jsonl

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendText appends the text of a JSON string to dst, decoded as encoding/json decodes it:
// what is no UTF-8 and what is half of a surrogate pair becomes U+FFFD. Anything but a string
// is appended as it is. The value must be valid JSON.
func AppendText(dst, raw []byte) []byte {
	dst, _ = AppendTextMost(dst, raw, len("\ufffd")*len(raw)) // the most that a byte becomes
	return dst
}

// AppendTextMost is AppendText for no more than about most bytes of text. It returns how many
// bytes of raw it has left out.
func AppendTextMost(dst, raw []byte, most int) (_ []byte, left int) {
	if len(raw) < 2 || raw[0] != '"' {
		n := whole(raw, most)
		return append(dst, raw[:n]...), len(raw) - n
	}
	text := raw[1 : len(raw)-1]
	for most += len(dst); len(text) > 0; {
		room := most - len(dst)
		if room <= 0 {
			return dst, len(text)
		}
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			i = len(text)
		}
		if i > room {
			n := whole(text[:i], room)
			return appendUTF8(dst, text[:n]), len(text) - n
		}
		if dst, text = appendUTF8(dst, text[:i]), text[i:]; len(text) > 0 {
			var n int
			dst, n = appendEscape(dst, text)
			text = text[n:]
		}
	}
	return dst, 0
}

// whole is the most bytes, up to most, that text can be cut to without cutting a character.
func whole(text []byte, most int) int {
	if len(text) <= most {
		return len(text)
	}
	for n := most; n > most-utf8.UTFMax && n > 0; n-- {
		if utf8.RuneStart(text[n]) {
			return n
		}
	}
	return most
}

// appendUTF8 appends text with U+FFFD for each byte that is no part of a character.
func appendUTF8(dst, text []byte) []byte {
	if utf8.Valid(text) {
		return append(dst, text...)
	}
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		dst = utf8.AppendRune(dst, r)
		text = text[n:]
	}
	return dst
}

// appendEscape appends the character of the escape sequence that text begins with, and returns
// the sequence's length.
func appendEscape(dst, text []byte) ([]byte, int) {
	switch c := text[1]; c {
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
		r := unit(text)
		if utf16.IsSurrogate(r) {
			if len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
				if pair := utf16.DecodeRune(r, unit(text[6:])); pair != utf8.RuneError {
					return utf8.AppendRune(dst, pair), 12
				}
			}
			r = utf8.RuneError
		}
		return utf8.AppendRune(dst, r), 6
	default: // a quote, a backslash, a slash
		return append(dst, c), 2
	}
}

// unit is the UTF-16 code unit of an escape sequence \uXXXX.
func unit(text []byte) (r rune) {
	for _, c := range text[2:6] {
		r = r<<4 | rune(hexDigit[c]&15)
	}
	return r
}

// Text returns the text of a JSON string, decoded, and of anything else its bytes as they are.
func Text(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' || textEnd(raw, 1) != len(raw) {
		return string(raw)
	}
	return string(AppendText(nil, raw))
}
