package update

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"sess/lib/jsonl"
)

// jsonRows reads JSON lines: rows as people write them, sessions as the search prints them,
// outcomes as an earlier run printed them.
type jsonRows struct {
	lines *jsonl.Reader
}

func (r *jsonRows) next() (Row, error) {
	line, err := r.lines.Next()
	if err != nil {
		return Row{}, err
	}
	row := parseJSON(line)
	row.Line = r.lines.Number()
	return row, nil
}

func parseJSON(line []byte) (row Row) {
	line = bytes.TrimSpace(line)
	if !json.Valid(line) {
		row.Err = notJSON(line)
		return row
	}
	if line[0] != '{' {
		row.Err = &RowError{Problem: "the line is not a JSON object", Advice: `a row is {"session_id":"…","state":"…","note":"…"}`}
		return row
	}
	jsonl.Members(line, func(key string, raw []byte) {
		switch column(key) {
		case columnID:
			id, ok := scalar(raw)
			id = strings.TrimSpace(id)
			switch {
			case !ok:
				row.Err = &RowError{Problem: key + " is not a text"}
			case row.SessionID != "" && id != "" && id != row.SessionID:
				row.Err = &RowError{Problem: "the row names two sessions, " + row.SessionID + " and " + id}
			case id != "":
				row.SessionID = id
			}
		case columnState:
			if s, ok := scalar(raw); ok {
				row.State = strings.TrimSpace(s)
			}
		case columnNote:
			if s, ok := scalar(raw); ok {
				row.Note = note(s)
			}
		case columnOK:
			row.Again = true
		}
	})
	return row
}

// scalar is the text of a string, the digits of a number, and "" for null. Lists and objects
// are no text: a session's own fields of that name are not what a row asks for.
func scalar(raw []byte) (string, bool) {
	switch raw[0] {
	case '{', '[':
		return "", false
	case 'n':
		return "", true
	}
	return jsonl.Text(raw), true
}

func notJSON(line []byte) error {
	e := &RowError{Problem: "the line is not JSON"}
	err := jsonl.Valid(line)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		e.Problem += ": " + syntax.Error()
	}
	if len(line) > 0 && (line[0] == '{' || line[0] == '"' || line[0] == '}') {
		e.Advice = "each row is one JSON object on one line; jq -c . writes them so"
	}
	return e
}
