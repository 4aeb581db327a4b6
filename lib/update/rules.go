package update

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"sess/lib/incydr"
	"sess/lib/suggest"
)

// Rules say what a row must have, and what takes the place of what it has.
type Rules struct {
	State        string // for every row, in place of its own; "": its own
	Note         string // for every row, in place of its own; "": its own
	RequireState bool   // a row without a state is wrong even where it has a note
	AnyState     bool   // states that are unknown here are left to the server
}

// Apply puts the state and the note of the rules into the row and sets the row's Err where it
// cannot be sent.
func (r Rules) Apply(row *Row) {
	if r.State != "" {
		row.State = r.State
	}
	if r.Note != "" {
		row.Note = r.Note
	}
	if row.Err == nil {
		row.Err = r.check(row)
	}
}

func (r Rules) check(row *Row) error {
	switch {
	case row.SessionID == "":
		return &RowError{Problem: "the session id is missing", Advice: "each row names its session in session_id or sessionId"}
	case !utf8.ValidString(row.SessionID) || !utf8.ValidString(row.State) || !utf8.ValidString(row.Note):
		return &RowError{Problem: "the row is not UTF-8 text", Advice: "save the file as CSV UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8 FILE"}
	case strings.ContainsFunc(row.SessionID, unicode.IsControl):
		return &RowError{Problem: fmt.Sprintf("the session id %q holds control characters", row.SessionID)}
	}
	if row.State != "" {
		state, err := State(row.State, r.AnyState)
		if err != nil {
			return err
		}
		row.State = state
	}
	if err := CheckNote(row.Note); err != nil {
		return err
	}
	switch {
	case row.State == "" && r.RequireState:
		return &RowError{Problem: "the state is missing", Advice: "give every row a state, or one state to all with --state"}
	case row.State == "" && row.Note == "":
		return &RowError{Problem: "the row asks for nothing: it has neither a state nor a note", Advice: "give every row a state or a note, or one to all with --state or --note"}
	}
	return nil
}

// CheckNote tells whether a note is short enough to be sent.
func CheckNote(note string) error {
	if n := utf8.RuneCountInString(note); n > incydr.MaxNote {
		return &RowError{Problem: fmt.Sprintf("the note has %d characters; at most %d are possible", n, incydr.MaxNote)}
	}
	return nil
}

// State finds a state of the vocabulary, in any letter case. One that is not there is an error
// that tells what is allowed and what is nearest, or, with any, is left as it is.
func State(name string, any bool) (string, error) {
	for _, s := range incydr.States {
		if strings.EqualFold(s, name) {
			return s, nil
		}
	}
	if any && name != "" {
		return name, nil
	}
	e := &RowError{
		Problem: fmt.Sprintf("unknown state %q: it must be one of %s", name, strings.Join(incydr.States, ", ")),
		Advice:  "--any-state leaves states that a newer server knows to the server",
	}
	if near := suggest.Nearest(name, incydr.States); near != "" {
		e.Advice = "did you mean " + near + "?"
	}
	return "", e
}
