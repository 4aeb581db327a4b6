package checkpoint

import (
	"errors"
	"fmt"
	"strings"
)

const exitCheckpoint = 6

// InUse reports a checkpoint that another process has in use.
type InUse struct {
	Name   string
	Holder fmt.Stringer
}

func (e *InUse) Error() string {
	return fmt.Sprintf("the checkpoint %q is in use by %v", e.Name, e.Holder)
}

// ExitCode is that of a checkpoint in use.
func (e *InUse) ExitCode() int { return exitCheckpoint }

// Hint says how to wait.
func (e *InUse) Hint() string {
	return "sess-search --wait 5m waits that long for it"
}

// OtherQuery reports a checkpoint that was made for another query.
type OtherQuery struct{ Name, Recorded, Asked string }

func (e *OtherQuery) Error() string {
	return fmt.Sprintf("the checkpoint %q was made by another query: it has %s, and this is %s", e.Name, e.Recorded, e.Asked)
}

// ExitCode is that of a checkpoint made by another query.
func (e *OtherQuery) ExitCode() int { return exitCheckpoint }

// Hint says what to do about it.
func (e *OtherQuery) Hint() string {
	return fmt.Sprintf("give this query a name of its own, or begin anew with it: sess-checkpoint delete %s", shellWord(e.Name))
}

// Damaged reports a journal that cannot be trusted. Nothing has been changed in it.
type Damaged struct {
	Name    string
	Path    string
	Line    int
	Problem error
	advice  string
}

func (e *Damaged) Error() string {
	return fmt.Sprintf("the checkpoint %q cannot be used: %s, line %d: %v", e.Name, e.Path, e.Line, e.Problem)
}

func (e *Damaged) Unwrap() error { return e.Problem }

// ExitCode is that of a damaged checkpoint.
func (e *Damaged) ExitCode() int { return exitCheckpoint }

// Hint says what to do about it.
func (e *Damaged) Hint() string { return e.advice }

// newer and foreign are problems of a header that is whole.
type newer struct{ version int }

func (e *newer) Error() string {
	return fmt.Sprintf("it says version %d, and this program knows version %d", e.version, version)
}

type foreign struct{ client string }

func (e *foreign) Error() string { return fmt.Sprintf("it belongs to the API client %q", e.client) }

// damaged makes the error for the line after those that were read.
func (c *Checkpoint) damaged(problem error) error {
	e := &Damaged{Name: c.name, Path: c.path(), Line: c.lines + 1, Problem: problem}
	name, path := shellWord(c.name), shellWord(c.path())
	anew := fmt.Sprintf("sess-checkpoint delete %s begins anew, and prints everything again", name)
	var n *newer
	var f *foreign
	switch {
	case errors.As(problem, &n):
		e.advice = "use a newer sess, or another name"
	case errors.As(problem, &f):
		e.advice = "use another name, or put back the file that was this client's"
	case c.lines == 0:
		e.advice = "put back a copy of the file, or: " + anew
	default:
		// What is missing after the cut is printed again; nothing is lost.
		e.advice = fmt.Sprintf("to keep what is good: head -n %d %s >%s.good && mv %s.good %s && rm -f %s; or: %s",
			c.lines, path, path, path, path, shellWord(c.dir.beside(c.name, appendLock)), anew)
	}
	return e
}

// Missing reports a name under which there is no checkpoint.
type Missing struct {
	Name  string
	Near  string   // the most similar name there is, or ""
	Known []string // all there are
}

func (e *Missing) Error() string { return fmt.Sprintf("there is no checkpoint %q", e.Name) }

// ExitCode is that of wrong usage.
func (e *Missing) ExitCode() int { return 2 }

// Hint names those that there are.
func (e *Missing) Hint() string {
	switch {
	case e.Near != "":
		return fmt.Sprintf("did you mean %s?", shellWord(e.Near))
	case len(e.Known) == 0:
		return "there are none yet for this API client; sess-search --checkpoint NAME makes one"
	}
	return "there are " + strings.Join(e.Known[:min(len(e.Known), 10)], ", ")
}

type usageError struct{ problem, advice string }

func (e *usageError) Error() string { return e.problem }
func (e *usageError) ExitCode() int { return 2 }
func (e *usageError) Hint() string  { return e.advice }

// shellWord quotes s where a shell would not take it as one plain word.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,/:@%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
