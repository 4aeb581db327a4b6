package incydr

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"sess/lib/jsonl"
)

// StatusError is an answer that says no.
type StatusError struct {
	Method, Path string
	Status       int
	Message      string // the server's own words, on one line, or ""
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s %s: the server answered %d %s", e.Method, e.Path, e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// ExitCode tells refused credentials from everything else.
func (e *StatusError) ExitCode() int {
	if e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden {
		return 4
	}
	return 1
}

// Hint says what to do about refused credentials.
func (e *StatusError) Hint() string {
	switch e.Status {
	case http.StatusUnauthorized:
		return "check INCYDR_API_CLIENT_ID and INCYDR_API_CLIENT_SECRET, and that INCYDR_URL is the tenant they are for"
	case http.StatusForbidden:
		return "the API client lacks a permission; the Incydr console shows and changes what it may do"
	}
	return ""
}

// Unreachable is a server that nothing was ever heard of.
type Unreachable struct {
	Address string
	Err     error
}

func (e *Unreachable) Error() string {
	return fmt.Sprintf("cannot reach %s: %v", e.Address, e.Err)
}

func (e *Unreachable) Unwrap() error { return e.Err }

// Hint says where the address comes from.
func (e *Unreachable) Hint() string {
	return "the address is that of INCYDR_URL; a proxy is taken from HTTPS_PROXY and NO_PROXY"
}

// GaveUp is a call that did not succeed within the time it was given.
type GaveUp struct {
	Method, Path string // the server's address before it, where nothing was ever heard of it
	Attempts     int
	After        time.Duration
	Err          error // what failed last
}

func (e *GaveUp) Error() string {
	times := "once"
	if e.Attempts > 1 {
		times = fmt.Sprintf("%d times in %s", e.Attempts, e.After.Round(100*time.Millisecond))
	}
	return fmt.Sprintf("%s %s: tried %s: %v", e.Method, e.Path, times, e.Err)
}

func (e *GaveUp) Unwrap() error { return e.Err }

// Hint names the option that sets the time.
func (e *GaveUp) Hint() string {
	return "--retry-for sets how long to go on against a server that fails"
}

// BadAnswer is an answer that is not what the API gives: cut off, not JSON, without end.
type BadAnswer struct {
	Method, Path string
	What         string // what it seems to be
	Err          error
}

func (e *BadAnswer) Error() string {
	return fmt.Sprintf("%s %s: %s: %v", e.Method, e.Path, e.What, e.Err)
}

func (e *BadAnswer) Unwrap() error { return e.Err }

// Hint says what can be done about pages that are as large as that for a reason.
func (e *BadAnswer) Hint() string {
	var large *jsonl.TooLargeError
	if errors.As(e.Err, &large) {
		return "INCYDR_PAGE_SIZE asks for smaller pages, should the sessions be as large as that"
	}
	return "check INCYDR_URL, and whether a proxy answers in the server's place"
}
