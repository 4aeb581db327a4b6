package syslog

import (
	"bytes"
	"errors"
	"time"

	"sess/lib/jsonl"
)

// kind is what a record is about.
type kind int

const (
	other     kind = iota // neither of the two
	session               // an Incydr session
	fileEvent             // a file event
)

// facts are what the headers of a message need to know of a record.
type facts struct {
	kind     kind
	session  string    // the session's id; an event has one where it was asked for with its session
	event    string    // the event's id
	score    string    // the newest score, as digits
	severity int       // the newest severity, 0 no risk to 4 critical; -1 unknown
	at       time.Time // when it ended or happened; zero where the record does not say
}

// severityWords are the severities of a session by their numbers, and of a file event.
var severityWords = []string{"NO_RISK_INDICATED", "LOW", "MODERATE", "HIGH", "CRITICAL"}

// word is the severity's name, "" where it is unknown.
func (f *facts) word() string {
	if f.severity < 0 || f.severity >= len(severityWords) {
		return ""
	}
	return severityWords[f.severity]
}

// checkObject returns what is wrong with a record that is not one JSON object.
func checkObject(record []byte) error {
	if err := jsonl.Valid(record); err != nil {
		return err
	}
	if bytes.TrimLeft(record, " \t\r\n")[0] != '{' {
		return errors.New("not a JSON object")
	}
	return nil
}

// learn reads the facts from a record that is a JSON object. What is absent, null or of another
// type than expected counts as absent.
func learn(record []byte) facts {
	f := facts{severity: -1}
	var ended, began, happened, inserted time.Time
	var risk []byte
	jsonl.Members(record, func(key string, value []byte) {
		switch key {
		case "sessionId":
			f.session = text(value)
		case "beginTime":
			began = millis(value)
		case "endTime":
			ended = millis(value)
		case "scores":
			score := newest(value)
			f.score = number(jsonl.Lookup(score, "score"))
			if n, ok := jsonl.Int(jsonl.Lookup(score, "severity")); ok && n >= 0 && n < 5 {
				f.severity = int(n)
			}
		case "@timestamp":
			happened = stamp(value)
		case "event":
			f.kind = fileEvent
			f.event = text(jsonl.Lookup(value, "id"))
			inserted = stamp(jsonl.Lookup(value, "inserted"))
		case "risk":
			risk = value
		}
	})
	switch {
	case f.kind == fileEvent || !happened.IsZero():
		f.kind = fileEvent
		f.at = happened
		if f.at.IsZero() {
			f.at = inserted
		}
		f.score = number(jsonl.Lookup(risk, "score"))
		f.severity = -1
		for i, w := range severityWords {
			if text(jsonl.Lookup(risk, "severity")) == w {
				f.severity = i
			}
		}
	case f.session != "":
		f.kind = session
		f.at = ended
		if f.at.IsZero() {
			f.at = began
		}
	}
	return f
}

// newest is the entry of a history with the greatest sourceTimestamp, the last of equals, and nil
// for an empty one.
func newest(list []byte) (entry []byte) {
	var latest int64
	jsonl.Elements(list, func(e []byte) {
		t, _ := jsonl.Int(jsonl.Lookup(e, "sourceTimestamp"))
		if entry == nil || t >= latest {
			entry, latest = e, t
		}
	})
	return entry
}

// text is the text of a JSON string, and "" for anything else.
func text(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	return jsonl.Text(raw)
}

// number is a JSON number as it is written, and "" for anything else.
func number(raw []byte) string {
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		return string(raw)
	}
	return ""
}

// millis is a time in milliseconds since the epoch, zero for anything else or outside the years
// that a timestamp can be written in.
func millis(raw []byte) time.Time {
	n, ok := jsonl.Int(raw)
	if t := time.UnixMilli(n); ok && n > 0 && t.Year() <= 9999 {
		return t
	}
	return time.Time{}
}

// stamp is a time as RFC 3339 writes it, or in milliseconds.
func stamp(raw []byte) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text(raw))
	if err != nil {
		return millis(raw)
	}
	return t
}
