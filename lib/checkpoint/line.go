package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// The journal's lines. Each ends with a checksum (CRC-32C) of itself and of all lines before
// it, so that a byte that changed, a line that is missing and one that moved are all noticed:
//
//	{"version":1,"client":"key-42","query":{…},"generation":"…","floor":0,…,"crc":"9a1b22c3"}
//	{"id":"8a5f…","begin":1763000000000,"updated":1763000900000,"crc":"0c5d1e9f"}
//	{"floor":1762000000000,"began":0,"done":0,"full":0,"polled":1763000000000,"crc":"77f0aa10"}
//
// A later line about a session replaces an earlier one; so does a line about the state.
const version = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	crcKey         = `,"crc":"`
	crcLength      = len(crcKey) + 8 + len(`"}`)
	longestSession = 128 // bytes of a session's line without its id
)

// seal ends a line that begins at from: its checksum, which is returned, and the line's end.
func seal(line []byte, from int, before uint32) ([]byte, uint32) {
	crc := crc32.Update(before, castagnoli, line[from:])
	line = append(line, crcKey...)
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		line = append(line, digits[crc>>shift&15])
	}
	return append(line, '"', '}', '\n'), crc
}

// unseal returns what a line (without its end) says and its checksum.
func unseal(line []byte, before uint32) (body []byte, crc uint32, err error) {
	at := len(line) - crcLength
	if at < 0 || string(line[at:at+len(crcKey)]) != crcKey || !bytes.HasSuffix(line, []byte(`"}`)) {
		return nil, 0, errors.New("it does not end with a checksum")
	}
	body = line[:at]
	crc = crc32.Update(before, castagnoli, body)
	for i, c := range line[at+len(crcKey) : len(line)-2] {
		if c != "0123456789abcdef"[crc>>(28-4*i)&15] {
			return nil, 0, errors.New("its checksum is wrong")
		}
	}
	return body, crc, nil
}

// A header is the journal's first line.
type header struct {
	Version    int             `json:"version"`
	Client     string          `json:"client"`
	Query      json.RawMessage `json:"query"`
	Generation string          `json:"generation"` // of this writing of the file
	stateLine
	Dropped int `json:"dropped"` // sessions that were recorded once and have left the file
}

type stateLine struct {
	Floor  int64 `json:"floor"`
	Began  int64 `json:"began"`
	Done   int64 `json:"done"`
	Full   int64 `json:"full"`
	Polled int64 `json:"polled"`
}

func appendHeader(dst []byte, h header) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // the query is compared letter by letter
	if err := encoder.Encode(h); err != nil {
		return nil, fmt.Errorf("write the header: %w", err)
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("}\n"))...), nil
}

func appendState(dst []byte, s State) []byte {
	for _, field := range []struct {
		key string
		at  int64
	}{{`{"floor":`, s.Floor}, {`,"began":`, s.Began}, {`,"done":`, s.Done}, {`,"full":`, s.Full}, {`,"polled":`, s.Polled}} {
		dst = append(dst, field.key...)
		dst = strconv.AppendInt(dst, field.at, 10)
	}
	return dst
}

func appendEntry(dst []byte, id string, e entry) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendText(dst, id)
	dst = append(dst, `,"begin":`...)
	dst = strconv.AppendInt(dst, e.begin, 10)
	dst = append(dst, `,"updated":`...)
	dst = strconv.AppendInt(dst, e.updated, 10)
	if e.absent {
		dst = append(dst, absentKey...)
	}
	return dst
}

const absentKey = `,"absent":true`

// appendText appends s as a JSON string.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s)
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

var errForm = errors.New("it is neither a session nor a state")

// parseHeader reads a header's body, whose last brace went with the checksum.
func parseHeader(body []byte) (header, error) {
	var h header
	if err := json.Unmarshal(append(bytes.Clone(body), '}'), &h); err != nil {
		return h, fmt.Errorf("it is no header: %w", err)
	}
	return h, nil
}

func parseState(body []byte) (State, error) {
	var s stateLine
	if err := json.Unmarshal(append(bytes.Clone(body), '}'), &s); err != nil {
		return State{}, errForm
	}
	return State(s), nil
}

// parseEntry reads a session's body as appendEntry writes it.
func parseEntry(body []byte) (id string, e entry, err error) {
	rest, ok := bytes.CutPrefix(body, []byte(`{"id":`))
	if !ok {
		return "", e, errForm
	}
	if id, rest, err = cutText(rest); err != nil {
		return "", e, err
	}
	if e.begin, rest, err = cutInt(rest, `,"begin":`); err != nil {
		return "", e, err
	}
	if e.updated, rest, err = cutInt(rest, `,"updated":`); err != nil {
		return "", e, err
	}
	switch string(rest) {
	case "":
	case absentKey:
		e.absent = true
	default:
		return "", e, errForm
	}
	return id, e, nil
}

func cutText(b []byte) (string, []byte, error) {
	if len(b) == 0 || b[0] != '"' {
		return "", nil, errForm
	}
	plain := true
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			plain = false
			i++
		case '"':
			if plain {
				return string(b[1:i]), b[i+1:], nil
			}
			var s string
			if json.Unmarshal(b[:i+1], &s) != nil {
				return "", nil, errForm
			}
			return s, b[i+1:], nil
		}
	}
	return "", nil, errForm
}

func cutInt(b []byte, key string) (int64, []byte, error) {
	rest, ok := bytes.CutPrefix(b, []byte(key))
	if !ok {
		return 0, nil, errForm
	}
	end := 0
	for end < len(rest) && (rest[end] == '-' || rest[end] >= '0' && rest[end] <= '9') {
		end++
	}
	n, err := strconv.ParseInt(string(rest[:end]), 10, 64)
	if err != nil {
		return 0, nil, errForm
	}
	return n, rest[end:], nil
}

// ValidID makes an id one that survives being written as JSON.
func ValidID(id string) string { return strings.ToValidUTF8(id, "\ufffd") }
