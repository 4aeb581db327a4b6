package tenant

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"sess/lib/cli"
	"sess/lib/jsonl"
)

// An IDs gives session ids one after the other, from arguments or from lines.
type IDs struct {
	args  []string
	lines *jsonl.Reader // nil: only args
}

// DeclareMaxLine adds --max-line.
func DeclareMaxLine(app *cli.App) *int {
	n := cli.CountVar(app.Flag("max-line", "The longest line taken, in bytes (67108864).").PlaceHolder("BYTES"), 1, 1<<30)
	*n = jsonl.DefaultMaxLine
	return n
}

// NewIDs returns the ids of args, or, where there are none or only "-", those of stdin.
func NewIDs(app *cli.App, args []string, maxLine int) *IDs {
	if !FromStdin(app, args) {
		return &IDs{args: args}
	}
	app.Expect("session ids")
	return ReadIDs(app.Stdin, maxLine)
}

// FromStdin reports whether the arguments, as they were parsed, are none or only "-", of which
// kingpin leaves an empty word.
func FromStdin(app *cli.App, args []string) bool {
	switch len(args) {
	case 0:
		return true
	case 1:
		return args[0] == "-" || args[0] == "" && slices.Contains(app.Args(), "-")
	}
	return false
}

// FileHint is the hint about an unknown id that is the name of a file, "" where it is none.
func FileHint(id string) string {
	info, err := os.Stat(id)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return fmt.Sprintf("%s is a file; what is in it comes from standard input: <%[1]s", shown(id))
}

// shown is an id for people: whatever came in is not for a terminal.
func shown(id string) string {
	if looksLikeID([]byte(id)) {
		return id
	}
	return fmt.Sprintf("%.200q", id)
}

// ReadIDs returns the ids of lines: JSON objects with a sessionId or session_id, or an id by itself.
func ReadIDs(r io.Reader, maxLine int) *IDs {
	return &IDs{lines: jsonl.NewReader(r, maxLine)}
}

// Next returns the next id, and io.EOF after the last. A line that holds none is an error of
// usage that names it.
func (s *IDs) Next() (string, error) {
	if s.lines == nil {
		if len(s.args) == 0 {
			return "", io.EOF
		}
		id := s.args[0]
		s.args = s.args[1:]
		if id == "" {
			return "", cli.WithHint(cli.Usagef("the session id is empty"), "is a variable not set?")
		}
		return id, nil
	}
	line, err := s.lines.Next()
	if err != nil {
		return "", err
	}
	id, err := idOf(bytes.Trim(line, " \t"))
	if err != nil {
		return "", cli.WithHint(cli.Usagef("standard input, line %d: %w", s.lines.Number(), err),
			"each line is a JSON object with a sessionId or session_id, or an id by itself")
	}
	return id, nil
}

func idOf(line []byte) (string, error) {
	switch line[0] {
	case '{':
		if err := jsonl.Valid(line); err != nil {
			return "", err
		}
		for _, key := range []string{"sessionId", "session_id"} {
			switch value := jsonl.Lookup(line, key); {
			case len(value) > 2 && value[0] == '"':
				return jsonl.Text(value), nil
			case value != nil && value[0] != '"' && value[0] != 'n':
				return "", fmt.Errorf("its %s is %.40s, and no session id", key, value)
			}
		}
		return "", errors.New("there is no sessionId and no session_id in it")
	case '"': // as jq prints an id without -r
		if err := jsonl.Valid(line); err != nil {
			return "", err
		}
		line = []byte(jsonl.Text(line))
	}
	if !looksLikeID(line) {
		return "", fmt.Errorf("%.40q is neither JSON nor a session id", line)
	}
	return string(line), nil
}

// looksLikeID takes what ids of any kind are made of: letters, digits and a few signs.
func looksLikeID(text []byte) bool {
	if len(text) == 0 || len(text) > 200 {
		return false
	}
	for _, c := range text {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == ':', c == '=', c == '+', c == '~':
		default:
			return false
		}
	}
	return true
}
