package sandbox

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A query is a search's filters and order, checked.
type query struct {
	actor         string
	from, to      int64 // of begin times: from ≤ begin < to
	alerts        alertFilter
	kind          string
	indicators    []int // all of them must be there
	states        []bool
	severities    []bool
	rules         []string
	watchlists    []string
	inspection    int // -1: any
	byScore       bool
	ascending     bool
	page, perPage int64
	text          string // what makes two queries the same, but for direction and page
}

type alertFilter int

const (
	withAlerts alertFilter = iota
	withoutAlerts
	anyAlerts // only for the tenant's own use: the API has no such filter
)

// badParameter is the reason of a 400.
type badParameter string

func (e badParameter) Error() string { return string(e) }

func badf(format string, args ...any) error { return badParameter(fmt.Sprintf(format, args...)) }

// once are the parameters that may be given one time only, lists those that may be repeated.
var (
	once = []string{"actor_id", "on_or_after", "before", "type", "has_alerts", "order_by", "sort_direction",
		"content_inspection_status", "page_number", "page_size"}
	lists = []string{"risk_indicators", "state", "severity", "rule_id", "watchlist_id"}
)

var inspectionNames = map[string]int{
	"PENDING": pending, "FOUND": found, "NOT_FOUND": notFound,
	"PII_FOUND": found, "PII_NOT_FOUND": notFound, "UNPROCESSED": unprocessed,
}

// parseQuery reads a search's parameters. What it does not know it tolerates; what it knows and
// cannot be is a badParameter.
func parseQuery(raw string) (*query, error) {
	given, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badf("The query string is malformed.")
	}
	for _, name := range once {
		if n := len(given[name]); n > 1 {
			return nil, badf("Parameter '%s' is given %d times; one is allowed.", name, n)
		}
	}
	for _, name := range slices.Concat(once, lists) {
		if slices.Contains(given[name], "") {
			return nil, badf("Parameter '%s' must not be empty.", name)
		}
	}
	q := &query{to: math.MaxInt64, inspection: -1, perPage: 10}
	if err := q.read(given); err != nil {
		return nil, err
	}
	for _, name := range []string{"order_by", "actor_id", "on_or_after", "before", "type", "has_alerts", "content_inspection_status",
		"risk_indicators", "state", "severity", "rule_id", "watchlist_id"} {
		q.text += strings.Join(given[name], "\x00") + "\x01"
	}
	return q, nil
}

func (q *query) read(given url.Values) (err error) {
	q.actor = given.Get("actor_id")
	number := func(name string, dst *int64, most int64) {
		if v := given.Get(name); v != "" && err == nil {
			*dst, err = strconv.ParseInt(v, 10, 64)
			if err != nil || *dst < 0 || *dst > most {
				err = badf("Parameter '%s' must be a whole number from 0 to %d, not '%s'.", name, most, v)
			}
		}
	}
	oneOf := func(name string, values ...string) (at int) {
		v := given.Get(name)
		if v == "" {
			return 0
		}
		if at = slices.Index(values, v); at < 0 && err == nil {
			err = badf("Parameter '%s' must be one of [%s], not '%s'.", name, strings.Join(values, ", "), v)
		}
		return at
	}
	number("on_or_after", &q.from, math.MaxInt64)
	number("before", &q.to, math.MaxInt64)
	number("page_number", &q.page, math.MaxInt32)
	number("page_size", &q.perPage, 50)
	q.kind = given.Get("type")
	oneOf("type", "STANDARD", "ACCOUNT_TAKE_OVER")
	q.byScore = oneOf("order_by", "end_time", "score") == 1
	q.ascending = oneOf("sort_direction", "DESC", "ASC") == 1
	switch v := given.Get("has_alerts"); strings.ToLower(v) {
	case "", "true":
	case "false":
		q.alerts = withoutAlerts
	default:
		err = firstOf(err, badf("Parameter 'has_alerts' must be true or false, not '%s'.", v))
	}
	if v := given.Get("content_inspection_status"); v != "" {
		status, ok := inspectionNames[v]
		if !ok {
			err = firstOf(err, badf("Parameter 'content_inspection_status' must be one of [PENDING, FOUND, NOT_FOUND], not '%s'.", v))
		}
		q.inspection = status
	}
	for _, v := range given["state"] {
		code := slices.Index(stateNames, v)
		if code < 0 {
			return firstOf(err, badf("Parameter 'state' must be one of [%s], not '%s'.", strings.Join(stateNames, ", "), v))
		}
		q.states = mark(q.states, code, len(stateNames))
	}
	for _, v := range given["severity"] {
		if len(v) != 1 || v[0] < '0' || v[0] > '4' {
			return firstOf(err, badf("Parameter 'severity' must be a whole number from 0 to 4, not '%s'.", v))
		}
		q.severities = mark(q.severities, int(v[0]-'0'), 5)
	}
	for _, v := range given["risk_indicators"] {
		q.indicators = append(q.indicators, slices.IndexFunc(indicators, func(k indicatorKind) bool { return k.id == v }))
	}
	q.rules, q.watchlists = given["rule_id"], given["watchlist_id"]
	return err
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func mark(set []bool, i, n int) []bool {
	if set == nil {
		set = make([]bool, n)
	}
	set[i] = true
	return set
}

// key is the same for two queries that have the same sessions in the same order.
func (q *query) key() string { return q.text + strconv.Itoa(int(q.alerts)) }

// matches tells whether the visible session s is one of those searched for.
func (q *query) matches(t *Tenant, s *session) bool {
	if s.begin < q.from || s.begin >= q.to {
		return false
	}
	if q.alerts != anyAlerts && (len(s.alerts) > 0) != (q.alerts == withAlerts) {
		return false
	}
	if q.actor != "" && t.actors[s.actor].id != q.actor {
		return false
	}
	if q.kind != "" && s.takeOver != (q.kind == "ACCOUNT_TAKE_OVER") {
		return false
	}
	if q.states != nil {
		if code := s.newestState(); code < 0 || !q.states[code] {
			return false
		}
	}
	if q.severities != nil {
		if _, severity := s.newestScore(); severity < 0 || !q.severities[severity] {
			return false
		}
	}
	if q.inspection >= 0 && s.inspection != q.inspection {
		return false
	}
	for _, kind := range q.indicators {
		if !slices.ContainsFunc(s.indicators, func(i indicator) bool { return i.kind == kind }) {
			return false
		}
	}
	if q.rules != nil && !slices.ContainsFunc(s.alerts, func(a alert) bool { return slices.Contains(q.rules, rules[a.rule].id) }) {
		return false
	}
	if q.watchlists != nil && !slices.ContainsFunc(t.actors[s.actor].watchlists, func(w string) bool { return slices.Contains(q.watchlists, w) }) {
		return false
	}
	return true
}

// cut returns the page of the list that the query asks for.
func (q *query) cut(list []*session) []*session {
	n := int64(len(list))
	first := q.page * q.perPage // both fit: at most 2^31 × 50
	last := min(first+q.perPage, n)
	if first >= n {
		return nil
	}
	if q.ascending {
		return list[first:last]
	}
	page := make([]*session, 0, last-first)
	for i := first; i < last; i++ {
		page = append(page, list[n-1-i])
	}
	return page
}
