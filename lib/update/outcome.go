package update

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"sess/lib/incydr"
)

// An Outcome is what became of a row.
type Outcome struct {
	Row
	DryRun bool
	Err    error // why it failed; nil: it is done
}

// Status is the HTTP status of the server's refusal; 0 where the server did not refuse.
func (o *Outcome) Status() int {
	var status *incydr.StatusError
	if errors.As(o.Err, &status) {
		return status.Status
	}
	var credentials *incydr.CredentialsError
	if errors.As(o.Err, &credentials) {
		return credentials.Status
	}
	return 0
}

// Message is why the row failed: the server's own words where it has said any.
func (o *Outcome) Message() string {
	switch err := o.Err.(type) {
	case *incydr.StatusError:
		return said(err)
	case *NoteError:
		inner := Outcome{Err: err.Err}
		return fmt.Sprintf(noteFailed, err.State) + inner.Message()
	case *RowError:
		if err.Advice != "" {
			return err.Problem + "; " + err.Advice
		}
	}
	return o.Err.Error()
}

// said is what the server said, or what its status means where it said nothing.
func said(refused *incydr.StatusError) string {
	switch {
	case refused.Message != "":
		return refused.Message
	case refused.Status == http.StatusNotFound:
		return "no such session"
	}
	return "the server answered " + strconv.Itoa(refused.Status) + " " + http.StatusText(refused.Status)
}

// Append adds the outcome to dst as a line of JSON, without the line's end. It is itself a row.
func (o *Outcome) Append(dst []byte) []byte {
	dst = append(dst, `{"line":`...)
	dst = strconv.AppendInt(dst, int64(o.Line), 10)
	dst = appendText(append(dst, `,"session_id":`...), o.SessionID)
	if o.State != "" {
		dst = appendText(append(dst, `,"state":`...), o.State)
	}
	if o.Note != "" {
		dst = appendText(append(dst, `,"note":`...), o.Note)
	}
	return o.appendResult(dst)
}

func (o *Outcome) appendResult(dst []byte) []byte {
	if o.Err == nil {
		dst = append(dst, `,"ok":true`...)
	} else {
		dst = appendText(append(dst, `,"ok":false,"error":`...), o.Message())
		if status := o.Status(); status != 0 {
			dst = append(dst, `,"status":`...)
			dst = strconv.AppendInt(dst, int64(status), 10)
		}
	}
	if o.DryRun {
		dst = append(dst, `,"dry_run":true`...)
	}
	return append(dst, '}')
}

// appendText adds s as a JSON string. What need not be escaped is not.
func appendText(dst []byte, s string) []byte {
	plain := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		return append(append(append(dst, '"'), s...), '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil { // a string can always be encoded
		return append(dst, `""`...)
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
