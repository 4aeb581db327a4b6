package update

import (
	"bytes"
	"errors"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"sess/lib/jsonl"
)

// A Format is how the rows of an input are written.
type Format string

// The formats. Auto tells the others apart by the first byte: { begins JSON lines.
const (
	Auto      Format = "auto"
	CSV       Format = "csv"
	JSONLines Format = "json-lines"
)

// Formats are the names that a Format may have.
var Formats = []string{string(CSV), string(JSONLines), string(Auto)}

// A Reader gives the rows of an input one after the other.
type Reader struct {
	src     io.Reader
	format  Format
	maxLine int
	rules   Rules
	rows    rowReader
	err     error
}

// A rowReader reads one format. It fills in what the row has, or the Err of a row that cannot
// be read while the ones after it can.
type rowReader interface {
	next() (Row, error)
}

// NewReader returns a Reader of src that applies the rules to each row. Nothing is read before
// the first Next. A line, and a CSV record however many lines it takes, has at most maxLine
// bytes; 0 stands for jsonl.DefaultMaxLine.
func NewReader(src io.Reader, format Format, maxLine int, rules Rules) *Reader {
	if maxLine <= 0 {
		maxLine = jsonl.DefaultMaxLine
	}
	return &Reader{src: src, format: format, maxLine: maxLine, rules: rules}
}

// Next returns the next row. A row that cannot be sent has its Err set and ends nothing. The
// error is io.EOF after the last row; any other means that nothing more can be read.
func (r *Reader) Next() (Row, error) {
	if r.rows == nil && r.err == nil {
		r.err = r.open()
	}
	if r.err != nil {
		return Row{}, r.err
	}
	row, err := r.rows.next()
	if err != nil {
		r.err = err
		return Row{}, err
	}
	r.rules.Apply(&row)
	return row, nil
}

// open finds out how the input is written.
func (r *Reader) open() error {
	src, err := asUTF8(r.src)
	if err != nil {
		return err
	}
	// The line numbers are those of the input, so what is skipped here is read again below.
	head, first, err := peek(src, r.maxLine)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	src = io.MultiReader(bytes.NewReader(head), src)
	if len(first) == 0 {
		return io.EOF
	}
	if first[0] == '[' {
		return &InputError{Problem: "the input is a JSON array, not JSON lines", Advice: "one row a line is needed: jq -c '.[]' FILE | sess-update …"}
	}
	switch {
	case r.format == JSONLines, r.format != CSV && first[0] == '{':
		r.rows = &jsonRows{lines: jsonl.NewReader(src, r.maxLine)}
		return nil
	case first[0] == '{':
		return &InputError{Problem: "the input is JSON, not CSV", Advice: "--format json-lines, or no --format at all, which tells them apart"}
	}
	r.rows, err = newCSVRows(src, first, r.maxLine)
	return err
}

// peek reads up to the end of the first line that is not blank. It returns all that it read,
// and that line without its end.
func peek(src io.Reader, maxLine int) (head, first []byte, err error) {
	buf := make([]byte, 4<<10)
	begin := 0 // of the line looked at
	for {
		n, err := src.Read(buf)
		head = append(head, buf[:n]...)
		for {
			i := bytes.IndexByte(head[begin:], '\n')
			if i < 0 {
				break
			}
			if line := bytes.TrimSpace(head[begin : begin+i]); len(line) > 0 {
				return head, line, nil
			}
			begin += i + 1
		}
		if err != nil {
			return head, bytes.TrimSpace(head[begin:]), err
		}
		if len(head)-begin > maxLine {
			return nil, nil, &jsonl.LineTooLong{Line: 1 + bytes.Count(head[:begin], []byte("\n")), Max: maxLine}
		}
	}
}

// asUTF8 takes the byte order mark off the input, and decodes UTF-16, which spreadsheets call
// "Unicode text".
func asUTF8(src io.Reader) (io.Reader, error) {
	head := make([]byte, 3)
	n, err := io.ReadFull(src, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	head = head[:n]
	whole := io.MultiReader(bytes.NewReader(head), src)
	order, mark := unicode.LittleEndian, unicode.UseBOM
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return src, nil
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		order = unicode.BigEndian
	case n > 1 && head[0] != 0 && head[1] == 0:
		mark = unicode.IgnoreBOM
	case n > 1 && head[0] == 0 && head[1] != 0:
		order, mark = unicode.BigEndian, unicode.IgnoreBOM
	default:
		return whole, nil
	}
	return transform.NewReader(whole, unicode.UTF16(order, mark).NewDecoder()), nil
}
