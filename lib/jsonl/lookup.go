package jsonl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	jsoniter "github.com/json-iterator/go"
)

// Lookup returns the bytes of the value that the keys lead to, object by object, and nil where
// there is none. The bytes are part of the record.
func Lookup(record []byte, keys ...string) []byte {
	iter := jsoniter.ConfigDefault.BorrowIterator(record)
	defer jsoniter.ConfigDefault.ReturnIterator(iter)
	value := record
	for _, key := range keys {
		iter.ResetBytes(value)
		iter.Error = nil
		if iter.WhatIsNext() != jsoniter.ObjectValue {
			return nil
		}
		var found []byte
		iter.ReadObjectCB(func(it *jsoniter.Iterator, field string) bool {
			raw := it.SkipAndReturnBytes()
			if field == key {
				found = raw
			}
			return true
		})
		if found == nil {
			return nil
		}
		value = bytes.TrimSpace(found)
	}
	return value
}

// Text returns the text of a JSON string, decoded, and of anything else its bytes as they are.
func Text(raw []byte) string {
	if len(raw) > 0 && raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return s
		}
	}
	return string(raw)
}

// Int returns the whole number that raw is; false for anything else.
func Int(raw []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil
}

// Valid returns nil where line is one JSON document, and otherwise what is wrong with it.
func Valid(line []byte) error {
	var raw json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return nil
}

// Compact appends src to dst without the white space between its tokens. Digits, escapes and
// the order of fields stay as they are.
func Compact(dst, src []byte) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	if err := json.Compact(buf, src); err != nil {
		return dst, fmt.Errorf("not JSON: %w", err)
	}
	return buf.Bytes(), nil
}
