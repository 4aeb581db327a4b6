// Package update changes sessions in bulk: rows in, batches out, an outcome for every row.
//
// A row asks for a new state, a note, or both. Rows with the same new state travel together, as
// many to a request as the API takes; a batch that the server refuses is taken apart until the
// ids it is about are found, and all others are done. Rows of one session keep their order.
//
// It knows the rules of rows and nothing of options, of exit codes beyond those of its errors,
// or of how a request is made, paced and tried again: that is package incydr's.
package update

// A Row is one change that is asked for.
type Row struct {
	Line      int    // where it begins in the input, from 1
	SessionID string // whose state it is
	State     string // the new state; "": it stays
	Note      string // the note to add; "": none

	// Again marks a row that is the outcome of an earlier run.
	Again bool
	// Err says why the row cannot be sent. The other fields then hold what could be read.
	Err error
}

// A RowError is what is wrong with a row.
type RowError struct {
	Problem string
	Advice  string // what to do about it, or ""
}

func (e *RowError) Error() string { return e.Problem }

// ExitCode is that of a bad input file.
func (e *RowError) ExitCode() int { return 2 }

// Hint says what to do about it.
func (e *RowError) Hint() string { return e.Advice }

// An InputError is an input that holds no rows, for what it is or for what it lacks.
type InputError struct {
	Problem string
	Advice  string
}

func (e *InputError) Error() string { return e.Problem }

// ExitCode is that of a bad input file.
func (e *InputError) ExitCode() int { return 2 }

// Hint says what to do about it.
func (e *InputError) Hint() string { return e.Advice }
