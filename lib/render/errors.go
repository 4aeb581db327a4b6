package render

import (
	"errors"
	"fmt"
	"strings"

	"sess/lib/jsonl"
	"sess/lib/suggest"
)

// lineError is a line that cannot be shown.
type lineError struct {
	stream string
	line   int
	err    error
}

func (e *lineError) Error() string {
	return fmt.Sprintf("%s, line %d: %s", e.stream, e.line, problem(e.err))
}

// problem is an error in words that are safe to show: a parser's may quote the data.
func problem(err error) string {
	var long *jsonl.LineTooLong
	if errors.As(err, &long) {
		return fmt.Sprintf("longer than %d bytes", long.Max)
	}
	return string(appendSafe(nil, []byte(err.Error()), false))
}

func (e *lineError) Unwrap() error { return e.err }

// ExitCode marks the line as a fault of the input.
func (e *lineError) ExitCode() int { return 2 }

// Hint says what was expected.
func (e *lineError) Hint() string {
	var helps interface{ Hint() string }
	if errors.As(e.err, &helps) {
		return helps.Hint()
	}
	return "the input must be JSON objects, one a line, as sess-search and sess-events print them"
}

// streamError is an input that could not be read to its end.
type streamError struct {
	stream string
	line   int
	err    error
}

func (e *streamError) Error() string {
	var long *jsonl.LineTooLong
	if errors.As(e.err, &long) {
		return fmt.Sprintf("%s, line %d: longer than %d bytes", e.stream, e.line, long.Max)
	}
	return e.err.Error()
}

func (e *streamError) Unwrap() error { return e.err }

var errNotObject = errors.New("JSON, but not an object")

// scanObject scans a line that must be an object.
func scanObject(s *jsonl.Scanner, line []byte) error {
	if err := s.Scan(line); err != nil {
		return err
	}
	if s.Record()[0] != '{' {
		return errNotObject
	}
	return nil
}

// UnknownColumn is a column that neither the schema nor the first records have.
type UnknownColumn struct {
	Name  string
	Kind  string   // what the records are
	Known []string // the columns there are
}

func (e *UnknownColumn) Error() string {
	return fmt.Sprintf("unknown column %q: no %s has it", e.Name, e.Kind)
}

// ExitCode marks it as a fault of the command line.
func (e *UnknownColumn) ExitCode() int { return 2 }

// Hint names the nearest columns.
func (e *UnknownColumn) Hint() string {
	const most = 3
	var near []string
	left := append([]string(nil), e.Known...)
	for len(near) < most {
		n := suggest.Nearest(e.Name, left)
		if n == "" {
			break
		}
		near = append(near, n)
		kept := left[:0]
		for _, k := range left {
			if k != n {
				kept = append(kept, k)
			}
		}
		left = kept
	}
	const list = `--columns "?" lists the columns there are`
	if len(near) == 0 {
		return list
	}
	names := appendSafe(nil, []byte(strings.Join(near, " or ")), false) // they may be the data's
	return "did you mean " + string(names) + "? " + list
}
