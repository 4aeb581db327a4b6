package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// until is where the tests' data ends, so that it is the same on any day.
var until = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// A caller talks to a tenant as a client would.
type caller struct {
	t      *testing.T
	tenant *Tenant
	url    string
	token  string
}

func start(t *testing.T, o Options) *caller {
	t.Helper()
	if o.Until.IsZero() {
		o.Until = until
	}
	if o.Now.IsZero() {
		o.Now = until.Add(time.Hour)
	}
	tenant := New(o)
	server := httptest.NewServer(tenant)
	t.Cleanup(server.Close)
	return &caller{t: t, tenant: tenant, url: server.URL, token: tenant.tokens.grant(everything)}
}

type answer struct {
	*http.Response
	body []byte
	err  error // of reading the body
}

// try sends a request; body "" sends none.
func (c *caller) try(method, path, body string, header ...string) (answer, error) {
	c.t.Helper()
	req, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	req.Close = c.tenant.options.Faults > 0 // on a used connection, net/http would try a GET again by itself
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp, b, err}, nil
}

func (c *caller) do(method, path, body string, header ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, body, header...)
	if err == nil {
		err = a.err
	}
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (c *caller) want(status int, method, path, body string, header ...string) answer {
	c.t.Helper()
	a := c.do(method, path, body, header...)
	if a.StatusCode != status {
		c.t.Fatalf("%s %s %s: status %d, want %d: %s", method, path, body, a.StatusCode, status, a.body)
	}
	return a
}

// page is a search's answer.
type page struct {
	Items      []json.RawMessage
	TotalCount int
}

func (c *caller) page(query string) page {
	c.t.Helper()
	var p page
	if err := json.Unmarshal(c.want(200, "GET", "/v1/sessions?"+query, "").body, &p); err != nil {
		c.t.Fatal(err)
	}
	return p
}

// search reads all pages and returns the items in compact form.
func (c *caller) search(query string) (items []string) {
	c.t.Helper()
	for n := 0; ; n++ {
		p := c.page(query + "&page_size=50&page_number=" + itoa(n))
		for _, raw := range p.Items {
			items = append(items, compacted(c.t, raw))
		}
		if len(p.Items) < 50 {
			if len(items) != p.TotalCount {
				c.t.Fatalf("%s: read %d sessions, totalCount is %d", query, len(items), p.TotalCount)
			}
			return items
		}
	}
}

func compacted(t *testing.T, raw []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return b.String()
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// facts is what the tests read of a session: decoded from its bytes alone.
type facts struct {
	SessionID, ActorID, Type                string
	BeginTime, EndTime, FirstObserved       int64
	LastUpdated                             int64
	NoRiskEvents, LowEvents, ModerateEvents int
	HighEvents, CriticalEvents              int
	ContentInspectionResults                *struct{ Status string }
	Notes                                   []struct{ ID, Content string }
	RiskIndicators                          []struct{ ID string }
	TriggeredAlerts                         []struct{ AlertID, RuleID string }
	Scores                                  []struct{ Score, Severity, SourceTimestamp int64 }
	States                                  []struct {
		State           string
		SourceTimestamp int64
	}
}

func (f facts) state() (name string) {
	newest := int64(-1)
	for _, s := range f.States {
		if s.SourceTimestamp > newest {
			newest, name = s.SourceTimestamp, s.State
		}
	}
	return name
}

func (f facts) score() (value, severity int64) {
	newest := int64(-1)
	severity = -1
	for _, s := range f.Scores {
		if s.SourceTimestamp > newest {
			newest, value, severity = s.SourceTimestamp, s.Score, s.Severity
		}
	}
	return value, severity
}

func read(t *testing.T, raw []byte) (f facts) {
	t.Helper()
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return f
}

func (c *caller) items(query string) (list []facts, raw []string) {
	c.t.Helper()
	items, err := c.tenant.Items(query)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, item := range items {
		list = append(list, read(c.t, item))
		raw = append(raw, string(item))
	}
	return list, raw
}

func (c *caller) session(id string) facts {
	c.t.Helper()
	return read(c.t, c.want(200, "GET", "/v1/sessions/"+id, "").body)
}
