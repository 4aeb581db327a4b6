package jsonl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Lookup returns the bytes of the value that the keys lead to, object by object, and nil where
// there is none or the record is not JSON. Of equal keys in one object the last one counts. The
// bytes are part of the record.
func Lookup(record []byte, keys ...string) []byte {
	value := trimSpace(record)
	for _, key := range keys {
		if value = member(value, key); value == nil {
			return nil
		}
	}
	if len(value) == 0 {
		return nil
	}
	return value
}

// member returns the value that an object has for a key.
func member(object []byte, key string) (found []byte) {
	ok := members(object, func(name, value []byte) {
		if keyIs(name, key) {
			found = value
		}
	})
	if !ok {
		return nil
	}
	return found
}

// members calls visit for each member of an object, the name as its raw text without quotes.
// It returns false where the value is no object or not JSON as far as it was read.
func members(object []byte, visit func(name, value []byte)) bool {
	if len(object) == 0 || object[0] != '{' {
		return false
	}
	i := pastSpace(object, 1)
	if i < len(object) && object[i] == '}' {
		return true
	}
	for i < len(object) && object[i] == '"' {
		end := textEnd(object, i+1)
		if end < 0 {
			return false
		}
		name := object[i+1 : end-1]
		start := colonEnd(object, end)
		if start < 0 {
			return false
		}
		if end = valueEnd(object, start, 1); end < 0 {
			return false
		}
		visit(name, object[start:end])
		if i = pastSpace(object, end); i >= len(object) {
			return false
		}
		if object[i] == '}' {
			return true
		}
		if object[i] != ',' {
			return false
		}
		i = pastSpace(object, i+1)
	}
	return false
}

// elements calls visit for each element of a list.
func elements(list []byte, visit func(value []byte)) {
	if len(list) == 0 || list[0] != '[' {
		return
	}
	i := pastSpace(list, 1)
	for i < len(list) && list[i] != ']' {
		end := valueEnd(list, i, 1)
		if end < 0 {
			return
		}
		visit(list[i:end])
		if i = pastSpace(list, end); i >= len(list) || list[i] != ',' {
			return
		}
		i = pastSpace(list, i+1)
	}
}

// Members calls visit for each member of an object with its decoded name, of a very long one the
// beginning and …; it does nothing where the value is no object. The value must be valid JSON.
func Members(object []byte, visit func(name string, value []byte)) {
	members(object, func(raw, value []byte) {
		name, _ := cutKey(raw)
		visit(name, value)
	})
}

// cutKey decodes a member's raw name, of a very long one only the beginning.
func cutKey(raw []byte) (name string, cut bool) {
	if len(raw) <= 6*longKey { // bytes of escape sequences for one of the name
		return keyText(raw), false
	}
	text, _ := AppendTextMost(nil, append([]byte{'"'}, raw[:6*longKey+6]...), longKey)
	return string(text) + "…", true
}

// Elements calls visit for each element of a list; it does nothing where the value is no list.
// The value must be valid JSON.
func Elements(list []byte, visit func(value []byte)) { elements(list, visit) }

// keyIs tells whether a member's raw name stands for key.
func keyIs(raw []byte, key string) bool {
	if string(raw) == key {
		return true
	}
	if bytes.IndexByte(raw, '\\') < 0 && isASCII(raw) {
		return false
	}
	return keyText(raw) == key
}

// keyText decodes a member's raw name.
func keyText(raw []byte) string {
	quoted := make([]byte, 0, len(raw)+2)
	quoted = append(append(append(quoted, '"'), raw...), '"')
	return string(AppendText(nil, quoted))
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func trimSpace(b []byte) []byte {
	b = b[spaceEnd(b, 0):]
	for n := len(b); n > 0 && (b[n-1] == ' ' || b[n-1] == '\n' || b[n-1] == '\t' || b[n-1] == '\r'); n-- {
		b = b[:n-1]
	}
	return b
}

// Int returns the whole number that raw is; false for anything else.
func Int(raw []byte) (int64, bool) {
	if len(raw) > 20 { // more digits than any has
		return 0, false
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil
}

// Valid returns nil where line is one JSON document, and otherwise what is wrong with it. It
// accepts and rejects what encoding/json does.
func Valid(line []byte) error {
	end := valueEnd(line, spaceEnd(line, 0), 0)
	if end >= 0 && spaceEnd(line, end) == len(line) {
		return nil
	}
	return notJSON(line)
}

// notJSON says what is wrong with a line that a scan has refused.
func notJSON(line []byte) error {
	var raw json.RawMessage
	err := json.Unmarshal(line, &raw)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return errors.New("not JSON")
	case strings.Contains(err.Error(), "max depth"):
		return fmt.Errorf("not JSON that can be read: nested more than %d deep", maxDepth)
	case errors.As(err, &syntax) && syntax.Offset < int64(len(line)):
		return fmt.Errorf("not JSON: %w at byte %d", err, syntax.Offset)
	}
	return fmt.Errorf("not JSON: %w", err)
}

// AppendCompact appends src, which is valid, to dst without the white space between its tokens.
// Digits, escapes and the order of fields stay as they are.
func AppendCompact(dst, src []byte) []byte {
	from := 0
	for i := 0; i < len(src); {
		switch c := src[i]; {
		case c == '"':
			i = textEnd(src, i+1)
		case c <= ' ':
			dst = append(dst, src[from:i]...)
			i = spaceEnd(src, i)
			from = i
		default:
			i++
		}
	}
	return append(dst, src[from:]...)
}

// TokenEnd returns the index after the string, number, true, false or null that begins at i of a
// valid document.
func TokenEnd(doc []byte, i int) int {
	if doc[i] == '"' {
		return textEnd(doc, i+1)
	}
	return wordEnd(doc, i)
}

// IsEmpty tells whether a valid value is a list or an object with nothing in it.
func IsEmpty(raw []byte) bool {
	if len(raw) == 0 || raw[0] != '[' && raw[0] != '{' {
		return false
	}
	c := raw[pastSpace(raw, 1)]
	return c == ']' || c == '}'
}
