package checkpoint

import (
	"errors"

	jsoniter "github.com/json-iterator/go"

	"sess/lib/jsonl"
)

// SessionOf looks into a record for what a checkpoint keeps. The error is for a record that is
// no JSON object or names no session; a begin or an update that is not a whole number is 0.
func SessionOf(record []byte) (Session, error) {
	iter := jsoniter.ConfigDefault.BorrowIterator(record)
	defer jsoniter.ConfigDefault.ReturnIterator(iter)
	var s Session
	var other string
	if iter.WhatIsNext() != jsoniter.ObjectValue {
		return s, errors.New("it is not a JSON object")
	}
	iter.ReadObjectCB(func(it *jsoniter.Iterator, key string) bool {
		raw := it.SkipAndReturnBytes()
		switch key {
		case "sessionId":
			s.ID = id(raw)
		case "session_id":
			other = id(raw)
		case "beginTime":
			s.Begin, _ = jsonl.Int(trim(raw))
		case "lastUpdated":
			s.Updated, _ = jsonl.Int(trim(raw))
		}
		return true
	})
	if iter.Error != nil {
		return s, errors.New("it is not JSON")
	}
	if s.ID == "" {
		s.ID = other
	}
	if s.ID == "" {
		return s, errors.New(`it has no "sessionId"`)
	}
	return s, nil
}

// id is the text of a JSON string, "" for anything else.
func id(raw []byte) string {
	raw = trim(raw)
	if len(raw) == 0 || raw[0] != '"' {
		return ""
	}
	return validID(jsonl.Text(raw))
}

func trim(raw []byte) []byte {
	for len(raw) > 0 && raw[0] <= ' ' {
		raw = raw[1:]
	}
	return raw
}
