package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The control calls have no counterpart in a real tenant. They need no token, are not counted,
// and neither latency, rate nor faults concern them.
func (t *Tenant) controlRoutes() []route {
	return []route{
		{method: "GET", path: "/sandbox/clock", handle: t.showClock},
		{method: "POST", path: "/sandbox/clock", handle: t.moveClock},
		{method: "GET", path: "/sandbox/stats", handle: func(*http.Request, string) reply { return asJSON(t.Stats()) }},
		{method: "POST", path: "/sandbox/stats/reset", handle: func(*http.Request, string) reply {
			t.ResetStats()
			return done
		}},
		{method: "GET", path: "/sandbox/items", handle: t.showItems},
		{method: "GET", path: "/sandbox/names", handle: t.showNames},
		{method: "POST", path: "/sandbox/sessions", handle: t.addSessions},
	}
}

func (t *Tenant) showClock(*http.Request, string) reply {
	return asJSON(map[string]int64{"now": t.Now().UnixMilli()})
}

func (t *Tenant) moveClock(r *http.Request, _ string) reply {
	var body struct {
		Now     *int64 `json:"now"`
		Advance string `json:"advance"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return failure(http.StatusBadRequest, "The body cannot be read: %v.", err)
	}
	switch {
	case body.Now != nil && body.Advance == "":
		t.SetClock(time.UnixMilli(*body.Now))
	case body.Now == nil && body.Advance != "":
		d, err := parseDuration(body.Advance)
		if err != nil {
			return failure(http.StatusBadRequest, "advance must be a duration like 12h or 7d, not '%s'.", body.Advance)
		}
		t.Advance(d)
	default:
		return failure(http.StatusBadRequest, `The body must be {"now": milliseconds} or {"advance": "12h"}.`)
	}
	return t.showClock(r, "")
}

func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		return time.Duration(n * float64(24*time.Hour)), err
	}
	return time.ParseDuration(text)
}

// showItems gives what the right answer to a search is: with the parameters of GET /v1/sessions
// but pages, and alerts=any|true|false in place of has_alerts.
func (t *Tenant) showItems(r *http.Request, _ string) reply {
	items, err := t.Items(r.URL.RawQuery)
	if err != nil {
		return failure(http.StatusBadRequest, "%v", err)
	}
	var b []byte
	for _, item := range items {
		b = append(append(b, item...), '\n')
	}
	return reply{status: http.StatusOK, body: b, kind: "application/x-ndjson"}
}

// Items returns the visible sessions that match a query string, as compact JSON, in its order.
// It takes the parameters of GET /v1/sessions but pages, and alerts=any|true|false (any where
// left out) in place of has_alerts. They are the bytes of the session as it is now, for good.
func (t *Tenant) Items(rawQuery string) ([][]byte, error) {
	t.settle()
	q, err := parseQuery(rawQuery)
	if err != nil {
		return nil, err
	}
	given, _ := url.ParseQuery(rawQuery) // parseQuery has seen it
	alerts := given.Get("alerts")
	if alerts == "" {
		alerts = strings.ToLower(given.Get("has_alerts"))
	}
	filter, ok := map[string]alertFilter{"": anyAlerts, "any": anyAlerts, "true": withAlerts, "false": withoutAlerts}[alerts]
	if !ok {
		return nil, badf("alerts must be any, true or false, not '%s'.", alerts)
	}
	q.alerts = filter
	q.page, q.perPage = 0, 1<<31
	t.mu.RLock()
	defer t.mu.RUnlock()
	page := q.cut(t.search(q))
	items := make([][]byte, len(page))
	for i, s := range page {
		items[i] = t.compact(s)
	}
	return items, nil
}

func (t *Tenant) addSessions(r *http.Request, _ string) reply {
	body := struct {
		Count int   `json:"count"`
		Begin int64 `json:"begin"`
	}{Count: 1}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil && err != io.EOF || body.Count < 0 || body.Count > 1_000_000 {
		return failure(http.StatusBadRequest, `The body must be {"count": N} or {"count": N, "begin": milliseconds}.`)
	}
	var begin time.Time
	if body.Begin != 0 {
		begin = time.UnixMilli(body.Begin)
	}
	return asJSON(map[string][]string{"sessionIds": t.Add(body.Count, begin)})
}

// showNames lists the ids that the filters take.
func (t *Tenant) showNames(*http.Request, string) reply {
	type entry struct {
		ID         string   `json:"id"`
		Name       string   `json:"name"`
		Watchlists []string `json:"watchlists,omitempty"`
	}
	out := map[string][]entry{}
	for _, a := range t.actors {
		out["actors"] = append(out["actors"], entry{a.id, a.name, a.watchlists})
	}
	for _, k := range indicators {
		out["riskIndicators"] = append(out["riskIndicators"], entry{ID: k.id, Name: k.name})
	}
	for _, r := range rules {
		out["rules"] = append(out["rules"], entry{ID: r.id, Name: r.name})
	}
	for _, l := range watchlists {
		out["watchlists"] = append(out["watchlists"], entry{ID: l.id, Name: l.name})
	}
	return asJSON(out)
}

// Stats count what the API was asked and how it answered. Control calls are left out.
type Stats struct {
	Requests    map[string]int `json:"requests"` // by method and route: "GET /v1/sessions/{id}"
	Statuses    map[string]int `json:"statuses"` // by status; "cut" and "lost" for answers that did not arrive whole
	MaxInFlight int            `json:"maxInFlight"`
	TooEarly    int            `json:"tooEarly"` // requests that came while a Retry-After had still to run, but for those already on their way
}

type counters struct {
	mu       sync.Mutex
	now      Stats
	inFlight int
	answered time.Time // the last answer with a Retry-After to wait for
	closed   time.Time // until when it asks for silence
}

// underWay is how long after such an answer another request may have been sent before it was read.
const underWay = 200 * time.Millisecond

func newCounters() *counters {
	c := &counters{}
	c.reset()
	return c
}

func (c *counters) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = Stats{Requests: map[string]int{}, Statuses: map[string]int{}, MaxInFlight: c.inFlight}
}

func (c *counters) begin(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Requests[name]++
	c.inFlight++
	c.now.MaxInFlight = max(c.now.MaxInFlight, c.inFlight)
	if now := time.Now(); now.Before(c.closed) && now.After(c.answered.Add(underWay)) {
		c.now.TooEarly++
	}
}

func (c *counters) end(outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Statuses[outcome]++
	c.inFlight--
}

func (c *counters) refused(wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = time.Now()
	c.closed = c.answered.Add(wait)
}

// Stats returns the counts so far.
func (t *Tenant) Stats() Stats {
	t.stats.mu.Lock()
	defer t.stats.mu.Unlock()
	out := t.stats.now
	out.Requests, out.Statuses = copied(out.Requests), copied(out.Statuses)
	return out
}

// ResetStats begins to count anew.
func (t *Tenant) ResetStats() { t.stats.reset() }

func copied(m map[string]int) map[string]int {
	out := make(map[string]int, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
