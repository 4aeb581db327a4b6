package update

import (
	"errors"
	"fmt"
	"io"
)

// Checked is what a look at all rows of an input found.
type Checked struct {
	Rows int
	Bad  int
	Some []Row // the first of those that cannot be sent
}

const someBad = 20

// Check reads all rows and tells which of them cannot be sent. Nothing is kept of the others,
// so that an input may be of any length.
func Check(next func() (Row, error)) (Checked, error) {
	var c Checked
	for {
		row, err := next()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return c, err
		}
		c.Rows++
		if row.Err == nil {
			continue
		}
		if c.Bad++; len(c.Some) < someBad {
			c.Some = append(c.Some, row)
		}
	}
}

// Problem says what is wrong with a row that cannot be sent, on one line.
func (r Row) Problem() string {
	o := Outcome{Row: r, Err: r.Err}
	return fmt.Sprintf("line %d: %s", r.Line, o.Message())
}
