package render

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"

	"sess/lib/jsonl"
)

// csvRows writes records as rows of RFC 4180: with lists and objects as JSON, and lines that end
// in a line feed alone, as everything else on this system does and every reader takes.
type csvRows struct {
	scanner *jsonl.Scanner
	columns []column
	time    Time // "": as the data has it
	guard   bool
	missed  *missed // fields that have no column; nil where columns were asked for
	text    []byte
}

func (f *csvRows) record(dst, line []byte) ([]byte, error) {
	if err := scanObject(f.scanner, line); err != nil {
		return dst, err
	}
	begin := len(dst)
	for i := range f.columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		raw := f.scanner.Value(i)
		if len(raw) > 1<<16 {
			dst = slices.Grow(dst, len(raw)+len(raw)/4) // at once: growing step by step copies again and again
		}
		switch {
		case len(raw) == 0:
		case raw[0] == '"':
			dst = f.string(dst, raw, i)
		case raw[0] == '{' || raw[0] == '[':
			dst = append(dst, '"')
			dst = doubleQuotes(dst, raw)
			dst = append(dst, '"')
		case raw[0] == 'n':
		case f.time != "" && f.columns[i].role == moment:
			dst = f.moment(dst, raw)
		default:
			dst = append(dst, raw...)
		}
	}
	if len(dst) == begin {
		dst = append(dst, `""`...) // an empty line is no row to most readers
	}
	if f.missed != nil {
		f.missed.add(f.scanner.Unnamed())
	}
	return append(dst, '\n'), nil
}

func (f *csvRows) string(dst, raw []byte, i int) []byte {
	if f.time != "" && f.columns[i].role == moment {
		return f.moment(dst, raw)
	}
	content := raw[1 : len(raw)-1]
	if bytes.IndexByte(content, '\\') >= 0 || !utf8.Valid(content) {
		f.text = jsonl.AppendText(f.text[:0], raw)
		content = f.text
	}
	return appendField(dst, content, f.guard)
}

// moment writes a moment in RFC 3339, to the millisecond; anything else as it is.
func (f *csvRows) moment(dst, raw []byte) []byte {
	if t, ok := parseMoment(raw); ok && f.time != TimeRaw {
		return t.In(f.time.zone()).AppendFormat(dst, rfc3339Milli)
	}
	f.text = jsonl.AppendText(f.text[:0], raw)
	return appendField(dst, f.text, f.guard)
}

const rfc3339Milli = "2006-01-02T15:04:05.000Z07:00"

// appendField appends a text as a field of a row.
func appendField(dst, content []byte, guard bool) []byte {
	guarded := guard && isFormula(content)
	if !guarded && bytes.IndexByte(content, ',') < 0 && !needsQuotes(content) {
		return append(dst, content...)
	}
	dst = append(dst, '"')
	if guarded {
		dst = append(dst, '\'')
	}
	dst = doubleQuotes(dst, content)
	return append(dst, '"')
}

// needsQuotes tells whether a field without commas must be in quotes.
func needsQuotes(content []byte) bool {
	return bytes.IndexByte(content, '"') >= 0 || bytes.IndexByte(content, '\n') >= 0 || bytes.IndexByte(content, '\r') >= 0
}

// doubleQuotes appends content with each quote twice.
func doubleQuotes(dst, content []byte) []byte {
	const piece = 4 << 10 // what room is made for at once: content may be nothing but quotes
	for len(content) > piece {
		dst = doublePiece(dst, content[:piece])
		content = content[piece:]
	}
	return doublePiece(dst, content)
}

// doublePiece copies words of eight bytes, up to and with the next quote; what a word has after
// it is written over by the next one.
func doublePiece(dst, content []byte) []byte {
	dst = slices.Grow(dst, 2*len(content)+8)
	at := len(dst)
	out := dst[:cap(dst)]
	for len(content) >= 8 {
		w := binary.LittleEndian.Uint64(content)
		binary.LittleEndian.PutUint64(out[at:], w)
		w ^= '"' * lows
		m := (w - lows) &^ w & highs
		if m == 0 {
			content = content[8:]
			at += 8
			continue
		}
		n := bits.TrailingZeros64(m)>>3 + 1
		content = content[n:]
		out[at+n] = '"'
		at += n + 1
	}
	for _, c := range content {
		out[at] = c
		if at++; c == '"' {
			out[at] = c
			at++
		}
	}
	return out[:at]
}

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// isFormula tells whether a spreadsheet would compute the text instead of showing it.
func isFormula(content []byte) bool {
	r, _ := utf8.DecodeRune(content)
	switch r {
	case '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠':
		return true
	}
	return false
}

// csvHeader writes the columns' names.
func csvHeader(columns []column, guard bool) []byte {
	var dst []byte
	for i, c := range columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendField(dst, []byte(c.header), guard && c.path.Len() > 0 && c.header != "@timestamp")
	}
	if len(dst) == 0 {
		dst = append(dst, `""`...)
	}
	return append(dst, '\n')
}
