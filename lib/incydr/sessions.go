package incydr

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"sess/lib/jsonl"
)

// SessionFields are the names of a session's fields that are known here; there may be others.
var SessionFields = []string{
	"sessionId", "tenantId", "actorId", "actorName", "userId", "type", "beginTime", "endTime", "firstObserved", "lastUpdated",
	"contextSummary", "exfiltrationSummary", "noRiskEvents", "lowEvents", "moderateEvents", "highEvents", "criticalEvents",
	"contentInspectionResults", "notes", "riskIndicators", "scores", "states", "triggeredAlerts",
}

// How large an answer may be, in bytes. A server that sends more is not believed to come to
// an end.
const (
	maxPage    = 16 << 20
	maxSession = 16 << 20
	maxEvents  = 32 << 20
)

// maxItems is how many sessions a page may hold. The server gives as many as it is asked for;
// one that gives some more is not quarrelled with.
const maxItems = 1000

// A Page is one answer to a search.
type Page struct {
	Items      [][]byte  // the sessions, each compact on one line, otherwise as the server gave it
	TotalCount int64     // how many sessions match, on all pages together
	Date       time.Time // the server's clock when it answered; zero where it does not say
}

// Search asks for one page of the sessions that match; pages are numbered from 0. A pageSize
// of 0 stands for the settings' page size.
func (c *Client) Search(ctx context.Context, q Query, pageNumber, pageSize int) (*Page, error) {
	if pageSize <= 0 {
		pageSize = c.PageSize()
	}
	page := &Page{}
	err := c.do(ctx, call{
		method: http.MethodGet,
		path:   "/v1/sessions",
		query:  q.page(pageNumber, pageSize),
		read: func(res *http.Response) error {
			list, err := jsonl.ReadPage(res.Body, jsonl.PageShape{Items: "items", Total: "totalCount", MaxBytes: maxPage, MaxItems: maxItems})
			if err != nil {
				return err
			}
			page.Items, page.TotalCount = list.Items, list.Total
			page.Date, _ = http.ParseTime(res.Header.Get("Date"))
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Session returns one session as the server gives it, compact on one line.
func (c *Client) Session(ctx context.Context, id string) ([]byte, error) {
	path, err := sessionPath(id, "")
	if err != nil {
		return nil, err
	}
	var session []byte
	err = c.do(ctx, call{
		method: http.MethodGet,
		path:   path,
		read: func(res *http.Response) error {
			session, err = jsonl.ReadObject(res.Body, maxSession)
			return err
		},
	})
	return session, err
}

// Events are the file events of a session that the server gave.
type Events struct {
	Items      [][]byte // the events, each compact on one line, otherwise as the server gave it
	TotalCount int64    // how many the session has; the server may give fewer
}

// Events returns the file events of one session. The API has no way to ask for those beyond
// the ones it gives.
func (c *Client) Events(ctx context.Context, id string) (Events, error) {
	path, err := sessionPath(id, "/events")
	if err != nil {
		return Events{}, err
	}
	var events Events
	err = c.do(ctx, call{
		method: http.MethodGet,
		path:   path,
		read: func(res *http.Response) error {
			list, err := jsonl.ReadPage(res.Body, jsonl.PageShape{Inside: "queryResult", Items: "fileEvents", Total: "totalCount", MaxBytes: maxEvents})
			if err != nil {
				return err
			}
			events = Events{Items: list.Items, TotalCount: list.Total}
			return nil
		},
	})
	return events, err
}

// sessionPath is the path of one session, whatever its id is made of. An id that would
// make it the path of something else is refused.
func sessionPath(id, rest string) (string, error) {
	if id == "" || id == "." || id == ".." {
		return "", &StatusError{Method: http.MethodGet, Path: "/v1/sessions/{id}" + rest, Status: http.StatusNotFound, Message: fmt.Sprintf("%q is no session id", id)}
	}
	return "/v1/sessions/" + url.PathEscape(id) + rest, nil
}
