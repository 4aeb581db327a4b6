package render

import (
	"sess/lib/jsonl"
)

// card shows a record by itself: its fields below each other, its histories as small tables.
type card struct {
	cells  cells
	most   int
	colour bool
}

func (f *card) record(dst, line []byte) ([]byte, error) {
	if err := jsonl.Valid(line); err != nil {
		return dst, err
	}
	jsonl.Members(line, func(name string, v []byte) {
		dst = styled(dst, appendSafe(nil, []byte(jsonl.Fold(name)), false), bold, f.colour)
		dst = append(dst, ": "...)
		dst, _ = f.cells.append(dst, roleOf([]string{jsonl.Fold(name)}), v)
		dst = append(dst, '\n')
	})
	return append(dst, '\n'), nil
}
