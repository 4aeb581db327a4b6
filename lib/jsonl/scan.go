package jsonl

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth is how deep lists and objects may nest: as deep as encoding/json allows.
const maxDepth = 10000

// bad is what the scanning functions return in place of an index where the bytes are not JSON.
const bad = -1

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stops marks, in the highest bit of a byte, where a word of a string's text has a quote, a
// backslash or a control character. The lowest mark is exact; those above it need not be.
func stops(w uint64) uint64 {
	quote := w ^ '"'*lows
	escape := w ^ '\\'*lows
	return ((quote-lows)&^quote | (escape-lows)&^escape | (w-' '*lows)&^w) & highs
}

// textEnd returns the index after the quote that ends the string whose text begins at i.
// Any bytes but control characters pass: as in encoding/json, text need not be valid UTF-8.
func textEnd(b []byte, i int) int {
	for {
		for i+8 <= len(b) {
			if m := stops(binary.LittleEndian.Uint64(b[i:])); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				goto stop
			}
			i += 8
		}
		for ; i < len(b); i++ {
			if c := b[i]; c == '"' || c == '\\' || c < ' ' {
				goto stop
			}
		}
		return bad
	stop:
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			if i = escapeEnd(b, i+1); i < 0 {
				return bad
			}
		default:
			return bad
		}
	}
}

// escapeEnd returns the index after the escape sequence whose backslash stands before i.
func escapeEnd(b []byte, i int) int {
	if i >= len(b) {
		return bad
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if i+5 > len(b) {
			return bad
		}
		for _, c := range b[i+1 : i+5] {
			if hexDigit[c] == 0 {
				return bad
			}
		}
		return i + 5
	}
	return bad
}

// hexDigit gives a hexadecimal digit's value and 16, 0 for any other byte.
var hexDigit = [256]byte{
	'0': 16, '1': 17, '2': 18, '3': 19, '4': 20, '5': 21, '6': 22, '7': 23, '8': 24, '9': 25,
	'a': 26, 'b': 27, 'c': 28, 'd': 29, 'e': 30, 'f': 31,
	'A': 26, 'B': 27, 'C': 28, 'D': 29, 'E': 30, 'F': 31,
}

// numberEnd returns the index after the number that begins at i. (RFC 8259, section 6)
func numberEnd(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	switch {
	case i >= len(b):
		return bad
	case b[i] == '0':
		i++
	case '1' <= b[i] && b[i] <= '9':
		i = digitsEnd(b, i)
	default:
		return bad
	}
	if i < len(b) && b[i] == '.' {
		first := i + 1
		if i = digitsEnd(b, first); i == first {
			return bad
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		first := i
		if i = digitsEnd(b, first); i == first {
			return bad
		}
	}
	return i
}

func digitsEnd(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// spaceEnd returns the index of the first byte from i that is not white space.
func spaceEnd(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// pastSpace is spaceEnd for places where there is hardly ever any.
func pastSpace(b []byte, i int) int {
	if i < len(b) && b[i] <= ' ' {
		return spaceEnd(b, i)
	}
	return i
}

// valueEnd returns the index after the value that begins at i, which is no white space.
// The value lies depth lists and objects deep.
func valueEnd(b []byte, i, depth int) int {
	if i >= len(b) {
		return bad
	}
	switch b[i] {
	case '"':
		return textEnd(b, i+1)
	case '{', '[':
		return nestEnd(b, i, depth)
	}
	return wordEnd(b, i)
}

// wordEnd returns the index after the number, true, false or null that begins at i.
func wordEnd(b []byte, i int) int {
	switch b[i] {
	case 't':
		if i+4 <= len(b) && string(b[i:i+4]) == "true" {
			return i + 4
		}
	case 'f':
		if i+5 <= len(b) && string(b[i:i+5]) == "false" {
			return i + 5
		}
	case 'n':
		if i+4 <= len(b) && string(b[i:i+4]) == "null" {
			return i + 4
		}
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return numberEnd(b, i)
	}
	return bad
}

// nestEnd returns the index after the list or object that begins at i and lies depth others
// deep. It does not recurse, so that a level costs a bit and not a frame.
func nestEnd(b []byte, i, depth int) int {
	var (
		kinds  uint64   // what lies around the present place, the innermost in the lowest bit; 1: an object
		outer  []uint64 // kinds as it was at every 64th level, where its highest bit is about to go
		levels int
	)
open:
	if levels++; depth+levels > maxDepth {
		return bad
	}
	if levels&63 == 0 {
		outer = append(outer, kinds)
	}
	kinds <<= 1
	if b[i] == '{' {
		kinds |= 1
		if i = pastSpace(b, i+1); i >= len(b) {
			return bad
		}
		if b[i] == '}' {
			goto closed
		}
		goto key
	}
	if i = pastSpace(b, i+1); i >= len(b) {
		return bad
	}
	if b[i] == ']' {
		goto closed
	}
	goto value
key:
	if b[i] != '"' {
		return bad
	}
	if i = colonEnd(b, textEnd(b, i+1)); i < 0 || i >= len(b) {
		return bad
	}
value:
	switch b[i] {
	case '"':
		i = textEnd(b, i+1)
	case '{', '[':
		goto open
	default:
		i = wordEnd(b, i)
	}
	if i < 0 {
		return bad
	}
after:
	if i = pastSpace(b, i); i >= len(b) {
		return bad
	}
	switch b[i] {
	case ',':
		if i = pastSpace(b, i+1); i >= len(b) {
			return bad
		}
		if kinds&1 == 1 {
			goto key
		}
		goto value
	case '}':
		if kinds&1 == 0 {
			return bad
		}
	case ']':
		if kinds&1 == 1 {
			return bad
		}
	default:
		return bad
	}
closed:
	i++
	if levels == 1 {
		return i
	}
	if levels&63 == 0 {
		kinds = outer[len(outer)-1]
		outer = outer[:len(outer)-1]
	} else {
		kinds >>= 1
	}
	levels--
	goto after
}

// colonEnd returns the index of the value that follows a key which ends before i.
func colonEnd(b []byte, i int) int {
	if i < 0 || i >= len(b) {
		return bad
	}
	if b[i] != ':' {
		if i = spaceEnd(b, i); i >= len(b) || b[i] != ':' {
			return bad
		}
	}
	return pastSpace(b, i+1)
}
