package incydr

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"sess/lib/jsonl"
)

// ChangeState gives 1 to MaxIDs sessions a new state, in one request. Where it fails with a
// StatusError of 404, at least one id is unknown, and any of the others may or may not have
// the new state. It may be repeated: a session that has the state keeps it.
func (c *Client) ChangeState(ctx context.Context, ids []string, state string) error {
	if len(ids) < 1 || len(ids) > MaxIDs {
		return fmt.Errorf("change the state of %d sessions in one request: 1 to %d are possible", len(ids), MaxIDs)
	}
	body, err := codec.Marshal(struct {
		IDs      []string `json:"ids"`
		NewState string   `json:"newState"`
	}{ids, state})
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	return c.do(ctx, call{method: http.MethodPost, path: "/v1/sessions/change-state", body: body, read: acknowledged})
}

// ChangeStates gives the sessions that match the query a new state, on the server, at most 500
// in one call. The token is "" in the first call and what the last call returned in
// each further one; where it returns "", all are done.
func (c *Client) ChangeStates(ctx context.Context, q Query, state, token string) (next string, err error) {
	body, err := codec.Marshal(struct {
		NewState          string `json:"newState"`
		ContinuationToken string `json:"continuationToken,omitempty"`
	}{state, token})
	if err != nil {
		return "", fmt.Errorf("write the request: %w", err)
	}
	err = c.do(ctx, call{
		method: http.MethodPost,
		path:   "/v1/sessions/change-states",
		query:  q.Values(),
		body:   body,
		read: func(res *http.Response) error {
			if res.StatusCode == http.StatusNoContent {
				return nil
			}
			answer, err := jsonl.ReadObject(res.Body, maxSession)
			if err != nil {
				return err
			}
			var fields struct {
				ContinuationToken *string `json:"continuationToken"`
			}
			if err := codec.Unmarshal(answer, &fields); err != nil {
				return &jsonl.MalformedError{Problem: "continuationToken is not a text"}
			}
			if fields.ContinuationToken != nil {
				next = *fields.ContinuationToken
			}
			return nil
		},
	})
	return next, err
}

// AddNote adds a note of at most MaxNote characters to a session. Where the outcome of a
// request is unknown (a connection that broke, a server that failed), it reads the session,
// and sends the note again only where it is not there.
func (c *Client) AddNote(ctx context.Context, id, note string) error {
	path, err := sessionPath(id, "/add-note")
	if err != nil {
		return err
	}
	if n := utf8.RuneCountInString(note); n > MaxNote {
		return &NoteTooLong{Length: n}
	}
	body, err := codec.Marshal(struct {
		NoteContent string `json:"noteContent"`
	}{note})
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	before := 0 // notes like this one that are there already and might be taken for it
	begun := time.Now()
	if c.notes.justAdded(id, note) {
		if before, err = c.notesLike(ctx, id, note, time.Time{}); err != nil {
			return err
		}
		begun = time.Time{}
	}
	err = c.do(ctx, call{
		method: http.MethodPost,
		path:   path,
		body:   body,
		read:   acknowledged,
		happened: func(ctx context.Context) (bool, error) {
			n, err := c.notesLike(ctx, id, note, begun)
			return n > before, err
		},
	})
	if err != nil {
		return err
	}
	c.notes.added(id, note)
	return nil
}

// NoteTooLong is a note over MaxNote characters.
type NoteTooLong struct{ Length int }

func (e *NoteTooLong) Error() string {
	return fmt.Sprintf("the note has %d characters; at most %d are possible", e.Length, MaxNote)
}

// ExitCode is that of wrong usage.
func (e *NoteTooLong) ExitCode() int { return 2 }

// acknowledged reads an answer that says nothing but its status: 204, or a body of no or of any JSON.
// Something else that answers in the tenant's place, like the page of a proxy, has changed nothing.
func acknowledged(res *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, maxEmpty))
	switch text = bytes.TrimSpace(text); {
	case err != nil:
		return err
	case len(text) == 0 || jsonl.Valid(text) == nil:
		return nil
	}
	return &jsonl.MalformedError{Problem: "it is neither empty nor JSON"}
}

// maxEmpty is how long, in bytes, an answer may be that has nothing to say.
const maxEmpty = 64 << 10
