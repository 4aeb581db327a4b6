package incydr

import (
	"net/url"
	"strconv"
	"strings"
)

// The vocabularies of the API as they are known today; a newer server may know more.
var (
	States                    = []string{"OPEN", "IN_PROGRESS", "CLOSED", "CLOSED_TP", "CLOSED_TP_BENIGN", "CLOSED_FP", "OPEN_NEW_DATA"}
	Severities                = []string{"NO_RISK", "LOW", "MODERATE", "HIGH", "CRITICAL"} // the index is the number that the API uses
	ContentInspectionStatuses = []string{"PENDING", "FOUND", "NOT_FOUND", "PII_FOUND", "PII_NOT_FOUND", "UNPROCESSED"}
	SessionTypes              = []string{"STANDARD", "ACCOUNT_TAKE_OVER"}
	Orders                    = []string{"end_time", "score"}
	Directions                = []string{"desc", "asc"}
)

// AlertFilter says whether a search is for sessions with alerts or for those without. One
// request cannot ask for both.
type AlertFilter int

const (
	WithAlerts    AlertFilter = iota // what the server takes a search for that says nothing
	WithoutAlerts                    // only sessions without alerts
)

// A Query says which sessions a search is for. The zero value is for all that have alerts.
type Query struct {
	ActorID                   string
	OnOrAfter                 int64 // sessions that begin then or later; ms since the epoch, 0: no bound
	Before                    int64 // sessions that begin earlier than that; ms since the epoch, 0: no bound
	Type                      string
	Alerts                    AlertFilter
	RiskIndicators            []string
	States                    []string
	Severities                []int // 0 (no risk) to 4 (critical)
	RuleIDs                   []string
	WatchlistIDs              []string
	ContentInspectionStatuses []string
	OrderBy                   string // end_time or score; "": the server's default, end_time
	Direction                 string // asc or desc; "": the server's default, desc
}

// Values returns the filters as the parameters of a request, without the order.
func (q Query) Values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("actor_id", q.ActorID)
	if q.OnOrAfter != 0 {
		set("on_or_after", strconv.FormatInt(q.OnOrAfter, 10))
	}
	if q.Before != 0 {
		set("before", strconv.FormatInt(q.Before, 10))
	}
	set("type", q.Type)
	set("has_alerts", strconv.FormatBool(q.Alerts == WithAlerts))
	v["risk_indicators"] = q.RiskIndicators
	v["state"] = q.States
	for _, s := range q.Severities {
		v.Add("severity", strconv.Itoa(s))
	}
	v["rule_id"] = q.RuleIDs
	v["watchlist_id"] = q.WatchlistIDs
	v["content_inspection_status"] = q.ContentInspectionStatuses
	return v
}

func (q Query) page(number, size int) url.Values {
	v := q.Values()
	if q.OrderBy != "" {
		v.Set("order_by", strings.ToLower(q.OrderBy))
	}
	if q.Direction != "" {
		v.Set("sort_direction", strings.ToUpper(q.Direction))
	}
	v.Set("page_number", strconv.Itoa(number))
	v.Set("page_size", strconv.Itoa(size))
	return v
}

// OnlyGains reports whether a session that matches the query goes on matching it whatever
// happens to it: its filters are all on what never changes (actor, type, begin time), or on
// having alerts, which a session does not lose.
func (q Query) OnlyGains() bool {
	return q.Alerts == WithAlerts && len(q.RiskIndicators)+len(q.States)+len(q.Severities)+
		len(q.RuleIDs)+len(q.WatchlistIDs)+len(q.ContentInspectionStatuses) == 0
}
