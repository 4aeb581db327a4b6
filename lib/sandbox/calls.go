package sandbox

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The API's limits.
const (
	maxNote  = 2000 // characters
	maxIDs   = 100  // of one change-state
	maxSweep = 500  // sessions that one change-states changes
	maxBody  = 1 << 20
)

func (t *Tenant) apiRoutes() []route {
	return []route{
		{method: "POST", path: oauthPath, open: true, handle: t.oauth},
		{method: "POST", path: RefreshPath, open: true, handle: t.refresh},
		{method: "GET", path: "/v1/sessions", handle: t.list},
		{method: "POST", path: "/v1/sessions/change-state", writes: true, handle: t.changeState},
		{method: "POST", path: "/v1/sessions/change-states", writes: true, handle: t.changeStates},
		{method: "GET", path: "/v1/sessions/{id}", handle: t.get},
		{method: "GET", path: "/v1/sessions/{id}/events", handle: t.events},
		{method: "POST", path: "/v1/sessions/{id}/change-state", writes: true, handle: t.changeOne},
		{method: "POST", path: "/v1/sessions/{id}/add-note", writes: true, handle: t.addNote},
	}
}

var done = reply{status: http.StatusNoContent}

// unknownSession is the 404 of a session that is not there: it has no body.
var unknownSession = reply{status: http.StatusNotFound}

// list answers a search with one page.
func (t *Tenant) list(r *http.Request, _ string) reply {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return failure(http.StatusBadRequest, "%v", err)
	}
	t.mu.RLock()
	all := t.search(q)
	page := q.cut(all)
	size := 64
	items := make([][]byte, len(page))
	for i, s := range page {
		items[i] = t.served(s)
		size += len(items[i]) + 1
	}
	t.mu.RUnlock()

	// Members of an object have no order, and clients are to find out here.
	b := make([]byte, 0, size)
	countFirst := q.page%3 == 1
	if countFirst {
		b = append(b, `{"totalCount":`...)
		b = strconv.AppendInt(b, int64(len(all)), 10)
		b = append(b, `, "items" : `...)
	} else {
		b = append(b, `{"items":`...)
	}
	b = append(b, '[')
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, item...)
	}
	b = append(b, ']')
	if !countFirst {
		b = append(b, `,"totalCount":`...)
		b = strconv.AppendInt(b, int64(len(all)), 10)
	}
	return reply{status: http.StatusOK, body: append(b, '}', '\n')}
}

func (t *Tenant) get(_ *http.Request, id string) reply {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := t.lookup(id)
	if s == nil {
		return unknownSession
	}
	return reply{status: http.StatusOK, body: t.served(s)}
}

func (t *Tenant) events(_ *http.Request, id string) reply {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := t.lookup(id)
	if s == nil || len(s.alerts) == 0 {
		return failure(http.StatusNotFound, "There is no session %s, or it has no alerts.", id)
	}
	return reply{status: http.StatusOK, body: t.fileEvents(s)}
}

// stateCode reads a new state.
func stateCode(name string) (int, *reply) {
	if code := slices.Index(stateNames, name); code >= 0 {
		return code, nil
	}
	bad := failure(http.StatusBadRequest, "newState must be one of [%s], not '%s'.", strings.Join(stateNames, ", "), name)
	return 0, &bad
}

// changeState changes some sessions. If one of the ids is unknown the call fails, with some of
// the others done all the same; which, depends on the ids alone.
func (t *Tenant) changeState(r *http.Request, _ string) reply {
	var body struct {
		IDs   []string `json:"ids"`
		State string   `json:"newState"`
	}
	if bad := readBody(r, &body); bad != nil {
		return *bad
	}
	code, bad := stateCode(body.State)
	if bad != nil {
		return *bad
	}
	if n := len(body.IDs); n < 1 || n > maxIDs {
		return failure(http.StatusBadRequest, "ids must hold 1 to %d ids, not %d.", maxIDs, n)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var known []*session
	missing := false
	for _, id := range body.IDs {
		if s := t.lookup(id); s == nil {
			missing = true
		} else if !slices.Contains(known, s) {
			known = append(known, s)
		}
	}
	for _, s := range known {
		if !missing || hash(t.options.Seed, aboutRefusal, s.number)%2 == 0 {
			t.changed(s, code)
		}
	}
	if missing {
		return unknownSession
	}
	return done
}

func (t *Tenant) changeOne(r *http.Request, id string) reply {
	var body struct {
		State string `json:"newState"`
	}
	if bad := readBody(r, &body); bad != nil {
		return *bad
	}
	code, bad := stateCode(body.State)
	if bad != nil {
		return *bad
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.lookup(id)
	if s == nil {
		return unknownSession
	}
	t.changed(s, code)
	return done
}

// changed gives a session a new state, on behalf of the API client. The caller holds the lock.
func (t *Tenant) changed(s *session, code int) {
	c := nothing(t.clock.now().UnixMilli())
	c.state, c.user = code, t.apiUser()
	t.change(s, c)
}

func (t *Tenant) apiUser() string { return analystID(t.options.Seed, len(analysts)) }

// changeStates changes what matches a search, 500 at a time. The continuation token says up to
// which session it has come, in the order of begin times, which never change.
func (t *Tenant) changeStates(r *http.Request, _ string) reply {
	var body struct {
		State string  `json:"newState"`
		Token *string `json:"continuationToken"`
	}
	if bad := readBody(r, &body); bad != nil {
		return *bad
	}
	code, bad := stateCode(body.State)
	if bad != nil {
		return *bad
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return failure(http.StatusBadRequest, "%v", err)
	}
	var from place
	if body.Token != nil && *body.Token != "" {
		if from, err = parsePlace(*body.Token, q); err != nil {
			return failure(http.StatusBadRequest, "%v", err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	matching := slices.Clone(t.search(q))
	slices.SortFunc(matching, func(a, b *session) int { return placeOf(a).compare(placeOf(b)) })
	first, _ := slices.BinarySearchFunc(matching, from, func(s *session, p place) int {
		if placeOf(s).compare(p) <= 0 {
			return -1
		}
		return 1
	})
	rest := matching[first:]
	batch := rest[:min(len(rest), maxSweep)]
	for _, s := range batch {
		t.changed(s, code)
	}
	switch {
	case len(rest) > len(batch):
		token := placeOf(batch[len(batch)-1]).token(q)
		return asJSON(map[string]string{"continuationToken": token})
	case len(matching)%2 == 0:
		return reply{status: http.StatusOK, body: []byte(`{"continuationToken":null}`)}
	}
	return reply{status: http.StatusOK, body: []byte(`{}`)}
}

// A place is a position among the sessions in the order of their begin times.
type place struct {
	begin int64
	id    string
}

func placeOf(s *session) place { return place{s.begin, s.id} }

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.begin, o.begin), strings.Compare(p.id, o.id))
}

// token is the place as a continuation token, good for the same search only.
func (p place) token(q *query) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s %s", p.begin, p.id, q.key()))
}

func parsePlace(token string, q *query) (p place, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	parts := strings.SplitN(string(raw), " ", 3)
	if err == nil && len(parts) == 3 && parts[2] == q.key() {
		p.id = parts[1]
		if p.begin, err = strconv.ParseInt(parts[0], 10, 64); err == nil {
			return p, nil
		}
	}
	return p, badf("continuationToken was not given out for this search.")
}

// addNote adds the note once more each time it is called.
func (t *Tenant) addNote(r *http.Request, id string) reply {
	var body struct {
		Note string `json:"noteContent"`
	}
	if bad := readBody(r, &body); bad != nil {
		return *bad
	}
	if n := utf8.RuneCountInString(body.Note); n < 1 || n > maxNote {
		return failure(http.StatusBadRequest, "noteContent must have 1 to %d characters, not %d.", maxNote, n)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.lookup(id)
	if s == nil {
		return unknownSession
	}
	c := nothing(t.clock.now().UnixMilli())
	c.note, c.user = body.Note, t.apiUser()
	t.change(s, c)
	return done
}

// readBody decodes a JSON body; what it returns is the refusal.
func readBody(r *http.Request, into any) *reply {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		bad := failure(http.StatusUnsupportedMediaType, "Content-Type must be application/json, not '%s'.", kind)
		return &bad
	}
	raw, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err == nil {
		return nil
	}
	bad := failure(http.StatusBadRequest, "The body cannot be read: %v.", err)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		bad = failure(http.StatusRequestEntityTooLarge, "The body is larger than %d bytes.", maxBody)
	}
	return &bad
}
