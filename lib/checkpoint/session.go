package checkpoint

import (
	"bytes"
	"errors"

	"sess/lib/jsonl"
)

// SessionOf looks into a record for what a checkpoint keeps. The error is for a record that is
// no JSON object or names no session; a begin or an update that is not a whole number is 0.
func SessionOf(record []byte) (Session, error) {
	var s Session
	if err := jsonl.Valid(record); err != nil {
		return s, err
	}
	var other string
	record = bytes.TrimSpace(record)
	jsonl.Members(record, func(name string, value []byte) {
		switch name {
		case "sessionId":
			s.ID = textOf(value)
		case "session_id":
			other = textOf(value)
		case "beginTime":
			s.Begin, _ = jsonl.Int(value)
		case "lastUpdated":
			s.Updated, _ = jsonl.Int(value)
		}
	})
	if s.ID == "" {
		s.ID = other
	}
	if s.ID == "" {
		return s, errors.New(`no "sessionId" in it`)
	}
	return s, nil
}

// textOf is the text of a JSON string, "" for anything else.
func textOf(value []byte) string {
	if len(value) == 0 || value[0] != '"' {
		return ""
	}
	return ValidID(jsonl.Text(value))
}
