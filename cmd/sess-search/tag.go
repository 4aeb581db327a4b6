package main

import (
	"bytes"
	"encoding/json"
)

// withTag puts the field first into the object; without a field the object stays as it is.
func withTag(session, field []byte) []byte {
	if len(field) == 0 {
		return session
	}
	line := make([]byte, 0, len(session)+len(field)+1)
	line = append(append(line, '{'), field...)
	if !bytes.Equal(session, []byte("{}")) {
		line = append(line, ',')
	}
	return append(line, session[1:]...)
}

func quote(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
