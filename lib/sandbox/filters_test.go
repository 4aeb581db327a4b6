package sandbox

import (
	"errors"
	"net/url"
	"slices"
	"sort"
	"strings"
	"testing"
)

// Each filter is held against what the sessions' own bytes say.
func TestFilters(t *testing.T) {
	c := start(t, Options{Sessions: 800, Seed: 2})
	everyone, _ := c.items("alerts=any")
	on := map[string][]string{} // watchlists by actor
	for _, a := range c.tenant.actors {
		on[a.id] = a.watchlists
	}
	mid := everyone[400].BeginTime
	actor := everyone[3].ActorID
	tests := []struct {
		query string
		want  func(f facts) bool
	}{
		{"", nil},
		{"actor_id=" + actor, func(f facts) bool { return f.ActorID == actor }},
		{"on_or_after=" + itoa(int(mid)), func(f facts) bool { return f.BeginTime >= mid }},
		{"before=" + itoa(int(mid)), func(f facts) bool { return f.BeginTime < mid }},
		{"on_or_after=" + itoa(int(mid)) + "&before=" + itoa(int(mid)+1), func(f facts) bool { return f.BeginTime == mid }},
		{"type=STANDARD", func(f facts) bool { return f.Type != "ACCOUNT_TAKE_OVER" }},
		{"type=ACCOUNT_TAKE_OVER", func(f facts) bool { return f.Type == "ACCOUNT_TAKE_OVER" }},
		{"state=OPEN", func(f facts) bool { return f.state() == "OPEN" }},
		{"state=OPEN&state=CLOSED_TP_BENIGN", func(f facts) bool { return f.state() == "OPEN" || f.state() == "CLOSED_TP_BENIGN" }},
		{"severity=3", func(f facts) bool { _, s := f.score(); return s == 3 }},
		{"severity=0&severity=4", func(f facts) bool { _, s := f.score(); return s == 0 || s == 4 }},
		{"rule_id=rule-zip-bulk", func(f facts) bool { return hasRule(f, "rule-zip-bulk") }},
		{"rule_id=rule-zip-bulk&rule_id=rule-departing", func(f facts) bool { return hasRule(f, "rule-zip-bulk") || hasRule(f, "rule-departing") }},
		{"rule_id=nothing", func(facts) bool { return false }},
		{"risk_indicators=zip", func(f facts) bool { return hasIndicator(f, "zip") }},
		{"risk_indicators=zip&risk_indicators=source-code", func(f facts) bool { return hasIndicator(f, "zip") && hasIndicator(f, "source-code") }},
		{"risk_indicators=nothing", func(facts) bool { return false }},
		{"watchlist_id=watchlist-departing", func(f facts) bool { return slices.Contains(on[f.ActorID], "watchlist-departing") }},
		{"content_inspection_status=FOUND", func(f facts) bool { return inspected(f) == "FOUND" }},
		{"content_inspection_status=NOT_FOUND", func(f facts) bool { return inspected(f) == "NOT_FOUND" }},
		{"content_inspection_status=PENDING", func(f facts) bool { return inspected(f) == "PENDING" }},
		{"content_inspection_status=PII_FOUND", func(f facts) bool { return inspected(f) == "FOUND" }},
		{"content_inspection_status=UNPROCESSED", func(f facts) bool { return inspected(f) == "" }},
		{"state=OPEN&severity=2&severity=3&content_inspection_status=FOUND", func(f facts) bool {
			_, s := f.score()
			return f.state() == "OPEN" && (s == 2 || s == 3) && inspected(f) == "FOUND"
		}},
		{"unknown=1&unknown=2", nil},
	}
	for _, test := range tests {
		for _, alerts := range []string{"", "has_alerts=true", "has_alerts=false"} {
			for _, order := range []string{"", "order_by=end_time", "order_by=score"} {
				for _, direction := range []string{"", "sort_direction=ASC", "sort_direction=DESC"} {
					if len(alerts+order+direction) > 0 && test.query != "" && order+direction != "order_by=scoresort_direction=ASC" {
						continue // all orders once, and each filter in two of them
					}
					query := strings.Join([]string{test.query, alerts, order, direction}, "&")
					var want []facts
					for _, f := range everyone {
						if (len(f.TriggeredAlerts) > 0) == (alerts != "has_alerts=false") && (test.want == nil || test.want(f)) {
							want = append(want, f)
						}
					}
					sort.Slice(want, func(i, j int) bool {
						a, b := want[i], want[j]
						if direction != "sort_direction=ASC" {
							a, b = b, a
						}
						x, y := a.EndTime, b.EndTime
						if order == "order_by=score" {
							x, _ = a.score()
							y, _ = b.score()
						}
						if x != y {
							return x < y
						}
						return a.SessionID < b.SessionID
					})
					got := c.search(query)
					if len(got) != len(want) {
						t.Errorf("%s: %d sessions, want %d", query, len(got), len(want))
						continue
					}
					for i := range want {
						if !strings.HasPrefix(got[i], `{"sessionId":"`+want[i].SessionID+`"`) {
							t.Errorf("%s: number %d is %.60s, want %s", query, i, got[i], want[i].SessionID)
							break
						}
					}
					if test.query != "rule_id=nothing" && test.query != "risk_indicators=nothing" && alerts != "has_alerts=false" && len(want) == 0 {
						t.Errorf("%s: the data has no such session", query)
					}
				}
			}
		}
	}
}

func hasRule(f facts, id string) bool {
	for _, a := range f.TriggeredAlerts {
		if a.RuleID == id {
			return true
		}
	}
	return false
}

func hasIndicator(f facts, id string) bool {
	for _, i := range f.RiskIndicators {
		if i.ID == id {
			return true
		}
	}
	return false
}

func inspected(f facts) string {
	if f.ContentInspectionResults == nil {
		return ""
	}
	return f.ContentInspectionResults.Status
}

func TestBadParameters(t *testing.T) {
	c := start(t, Options{Sessions: 20})
	for query, says := range map[string]string{
		"state=OPENED":                    "state",
		"state=open":                      "state",
		"state=OPEN&state=":               "state",
		"severity=5":                      "severity",
		"severity=-1":                     "severity",
		"severity=HIGH":                   "severity",
		"severity=3,4":                    "severity",
		"on_or_after=yesterday":           "on_or_after",
		"on_or_after=-1":                  "on_or_after",
		"on_or_after=1.5":                 "on_or_after",
		"before=":                         "before",
		"before=1&before=2":               "before",
		"before=9999999999999999999999":   "before",
		"page_size=51":                    "page_size",
		"page_size=-1":                    "page_size",
		"page_size=ten":                   "page_size",
		"page_number=-1":                  "page_number",
		"page_number=2147483648":          "page_number",
		"has_alerts=both":                 "has_alerts",
		"has_alerts=":                     "has_alerts",
		"order_by=begin_time":             "order_by",
		"sort_direction=desc":             "sort_direction",
		"type=OTHER":                      "type",
		"actor_id=":                       "actor_id",
		"content_inspection_status=MAYBE": "content_inspection_status",
		"content_inspection_status=FOUND&content_inspection_status=PENDING": "content_inspection_status",
		"a=%zz": "malformed",
	} {
		a := c.want(400, "GET", "/v1/sessions?"+query, "")
		var body struct{ Msg string }
		if f := a.body; jsonInto(f, &body) != nil || !strings.Contains(body.Msg, says) {
			t.Errorf("%s: the answer %s does not say %q", query, f, says)
		}
	}
	for _, query := range []string{"page_size=50", "page_size=1", "page_size=0", "page_number=2147483647", "has_alerts=True", "hello=world", "on_or_after=5&before=3"} {
		c.want(200, "GET", "/v1/sessions?"+query, "")
	}
	if p := c.page("page_size=0"); len(p.Items) != 0 || p.TotalCount == 0 {
		t.Errorf("page_size=0 gives %d items of %d", len(p.Items), p.TotalCount)
	}
	if p := c.page(""); len(p.Items) != 10 {
		t.Errorf("a page has %d items where nothing is said, want 10", len(p.Items))
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{"", "state=OPEN&severity=3", "page_size=51", "on_or_after=-1", "a=%zz", "content_inspection_status=FOUND",
		"risk_indicators=zip&rule_id=x&watchlist_id=y&type=STANDARD", "page_number=2147483647&page_size=50", "before=9223372036854775807"} {
		f.Add(seed)
	}
	tenant := New(Options{Sessions: 50, Until: until, Now: until})
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(raw)
		if err != nil {
			if bad := badParameter(""); !errors.As(err, &bad) || q != nil {
				t.Fatalf("%q: %v, %v", raw, q, err)
			}
			return
		}
		given, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatalf("%q was read, although it is malformed", raw)
		}
		if q.perPage < 0 || q.perPage > 50 || q.page < 0 || q.from < 0 || q.to < 0 {
			t.Fatalf("%q: %+v", raw, q)
		}
		if n := len(given["state"]); (n > 0) != (q.states != nil) {
			t.Fatalf("%q: %d states, read as %v", raw, n, q.states)
		}
		if len(q.cut(tenant.search(q))) > int(q.perPage) {
			t.Fatalf("%q: more than a page", raw)
		}
	})
}
