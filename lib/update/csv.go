package update

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jszwec/csvutil"

	"sess/lib/jsonl"
	"sess/lib/suggest"
)

// What a column or a key is for.
type purpose int

const (
	columnOther purpose = iota
	columnID
	columnState
	columnNote
	columnOK
)

// column tells what a column or key is for by its name, in any letter case and however its
// words are joined: session_id, sessionId, SESSION-ID, "Session ID".
func column(name string) purpose {
	if len(name) > 32 {
		return columnOther
	}
	fold := strings.Map(func(r rune) rune {
		switch r {
		case '_', '-', ' ', '\t', '\u00a0', '\ufeff':
			return -1
		}
		return r
	}, strings.ToLower(name))
	switch fold {
	case "sessionid":
		return columnID
	case "state":
		return columnState
	case "note":
		return columnNote
	case "ok":
		return columnOK
	}
	return columnOther
}

// A record is what csvutil decodes of one line of a table.
type record struct {
	SessionID string `csv:"session_id"`
	State     string `csv:"state"`
	Note      string `csv:"note"`
	OK        string `csv:"ok"`
}

// names are the columns of a record by what they are for.
var names = map[purpose]string{columnID: "session_id", columnState: "state", columnNote: "note", columnOK: "ok"}

// csvRows reads RFC 4180 with what spreadsheets make of it: other separators, a first line
// sep=;, rows of nothing but separators at the end.
type csvRows struct {
	table   *table
	decoder *csvutil.Decoder
	again   bool
}

func newCSVRows(src io.Reader, first []byte, maxLine int) (*csvRows, error) {
	t := newTable(src, maxLine)
	if comma, ok := declared(first); ok {
		t.csv.Comma = comma
		if _, err := t.first(); err != nil {
			return nil, err
		}
	} else {
		t.csv.Comma = separator(string(first))
	}
	fields, err := t.first()
	if err != nil {
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			return nil, &InputError{Problem: fmt.Sprintf("line %d: the header cannot be read: %v", t.line, parse.Err), Advice: headerAdvice}
		}
		return nil, err
	}
	header := append([]string(nil), fields...)
	if err := checkHeader(header); err != nil {
		return nil, err
	}
	rows := &csvRows{table: t}
	for i, name := range header {
		p := column(name)
		rows.again = rows.again || p == columnOK
		if known := names[p]; known != "" {
			header[i] = known
		} else {
			// Whatever other columns are called, they are nobody's.
			header[i] = fmt.Sprintf("column %d", i+1)
		}
	}
	t.columns = len(header)
	rows.decoder, err = csvutil.NewDecoder(t, header...)
	if err != nil {
		return nil, fmt.Errorf("read the CSV header: %w", err)
	}
	return rows, nil
}

const headerAdvice = "the first line names the columns: session_id,state,note"

// checkHeader wants one column for the session, and no column that decides anything twice.
func checkHeader(header []string) error {
	seen := map[purpose]string{}
	for _, name := range header {
		p := column(name)
		if p == columnOther || p == columnOK {
			continue
		}
		if before, twice := seen[p]; twice {
			return &InputError{Problem: fmt.Sprintf("the columns %q and %q of the header are the same to sess-update", before, name), Advice: "rename the one that is not meant"}
		}
		seen[p] = name
	}
	shown := make([]string, 0, 6)
	for i, name := range header {
		if i == 5 {
			shown = append(shown, "…")
			break
		}
		if r := []rune(name); len(r) > 40 {
			name = string(r[:40]) + "…"
		}
		shown = append(shown, fmt.Sprintf("%q", name))
	}
	if strings.ContainsRune(strings.TrimRight(strings.Join(header, " "), "\r"), '\r') {
		return &InputError{Problem: "the lines end with a carriage return alone, as old Macintosh programs wrote them", Advice: "tr '\\r' '\\n' <FILE | sess-update …"}
	}
	if _, ok := seen[columnID]; ok {
		return nil
	}
	e := &InputError{Problem: "the CSV header has no column session_id or sessionId: it is " + strings.Join(shown, ", "), Advice: headerAdvice}
	for _, name := range header {
		if suggest.Nearest(name, []string{"session_id", "sessionId"}) != "" {
			e.Advice = fmt.Sprintf("rename the column %q to session_id", name)
			return e
		}
	}
	if len(header) == 1 {
		e.Advice = "ids alone, one a line, become rows with a header: { echo session_id; cat FILE; } | sess-update --state STATE"
	}
	return e
}

func (r *csvRows) next() (Row, error) {
	for {
		var rec record
		err := r.decoder.Decode(&rec)
		row := Row{Line: r.table.line, Again: r.again}
		var parse *csv.ParseError
		switch {
		case err == nil:
			if blank(r.decoder.Record()) {
				continue
			}
			// The fields share the memory of their whole line.
			row.SessionID = strings.Clone(strings.TrimSpace(rec.SessionID))
			row.State = strings.Clone(strings.TrimSpace(rec.State))
			row.Note = strings.Clone(note(rec.Note))
			row.Err = r.table.ragged
			return row, nil
		case errors.As(err, &parse):
			row.Err = badRecord(parse)
			return row, nil
		}
		return Row{}, err
	}
}

// badRecord says what is wrong with a record in the words of who wrote it.
func badRecord(parse *csv.ParseError) error {
	if errors.Is(parse.Err, csv.ErrQuote) && parse.Line > parse.StartLine {
		return &RowError{
			Problem: fmt.Sprintf("a quote opens here and is not closed as CSV wants it; lines %d to %d were taken for its field", parse.StartLine, parse.Line),
			Advice:  `a quote within a quoted field is written twice: "he said ""no"""`,
		}
	}
	return &RowError{
		Problem: fmt.Sprintf("the line is not CSV: %v at column %d", parse.Err, parse.Column),
		Advice:  `a field with quotes is quoted as a whole, and each of its quotes is written twice: "he said ""no"""`,
	}
}

// note is a note as it is sent. Nothing but white space is none.
func note(s string) string {
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return s
}

func blank(fields []string) bool {
	for _, f := range fields {
		if strings.TrimSpace(f) != "" {
			return false
		}
	}
	return true
}

// separators are those that spreadsheets save with, the likeliest first.
var separators = []rune{',', ';', '\t', '|'}

// separator finds the one by which the header falls into columns one of which is the session's.
func separator(header string) rune {
	best, most := ',', 0
	for _, comma := range separators {
		r := csv.NewReader(strings.NewReader(header))
		r.Comma, r.LazyQuotes = comma, true
		fields, _ := r.Read()
		for _, f := range fields {
			if column(f) == columnID && (len(fields) > 1 || comma == ',') {
				return comma
			}
		}
		if len(fields) > most {
			best, most = comma, len(fields)
		}
	}
	return best
}

// declared reads the line sep=; by which some spreadsheets say how what follows is separated.
func declared(line []byte) (rune, bool) {
	line = bytes.Trim(line, "\" \r\ufeff")
	rest, ok := bytes.CutPrefix(bytes.ToLower(line), []byte("sep="))
	if !ok {
		return ',', false
	}
	if len(rest) == 0 {
		return '\t', true // the tab was trimmed off with the white space
	}
	comma := rune(rest[0])
	return comma, len(rest) == 1 && comma != '"' && comma != '=' && (comma > ' ' || comma == '\t')
}

// A table is the records of a CSV text, at csvutil's disposal. It keeps the line at which the last
// one began, and makes all of them as wide as the header.
type table struct {
	csv     *csv.Reader
	source  *limited
	line    int
	columns int // of the header; 0 before it is known
	ragged  error
}

func newTable(src io.Reader, maxLine int) *table {
	source := &limited{src: src, max: maxLine}
	r := csv.NewReader(source)
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	return &table{csv: r, source: source}
}

// Read implements csvutil.Reader.
func (t *table) Read() ([]string, error) {
	t.source.record, t.ragged = 0, nil
	t.source.line = t.line + 1
	fields, err := t.csv.Read()
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		t.line = parse.StartLine
		return nil, err
	case err != nil:
		return nil, err
	}
	t.line, _ = t.csv.FieldPos(0)
	if t.columns > 0 && len(fields) != t.columns {
		fields = t.fit(fields)
	}
	return fields, nil
}

// first returns the first record that is not blank.
func (t *table) first() ([]string, error) {
	for {
		fields, err := t.Read()
		if err != nil || !blank(fields) {
			return fields, err
		}
	}
}

// fit makes a record as wide as the header. Blank fields too many say nothing; any other
// difference may mean that the fields have moved, so that none of them can be trusted.
func (t *table) fit(fields []string) []string {
	if len(fields) > t.columns && blank(fields[t.columns:]) {
		return fields[:t.columns]
	}
	if !blank(fields) {
		t.ragged = &RowError{Problem: fmt.Sprintf("the row has %d fields, the header %d", len(fields), t.columns), Advice: "a field that holds the separator must be quoted"}
	}
	fixed := make([]string, t.columns)
	copy(fixed, fields)
	return fixed
}

// limited ends a record that does not come to an end: one quote too many makes all the rest of
// the input one field.
type limited struct {
	src    io.Reader
	max    int
	record int // bytes read since the record began
	line   int
}

func (l *limited) Read(p []byte) (int, error) {
	if l.record > l.max {
		return 0, &jsonl.LineTooLong{Line: l.line, Max: l.max}
	}
	n, err := l.src.Read(p)
	l.record += n
	return n, err
}
