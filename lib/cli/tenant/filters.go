package tenant

import (
	"strconv"
	"strings"

	"sess/lib/cli"
	"sess/lib/incydr"
)

// Filters are the options that say which sessions are meant.
type Filters struct {
	stateFlag  string
	actor      string
	start, end *cli.Time
	kind       *string
	noAlerts   *bool
	anyAlerts  *bool
	indicators []string
	states     []string
	anyState   *bool
	severities *[]string
	rules      []string
	watchlists []string
	inspection *string
	order      *string
	direction  *string
}

// DeclareFilters adds the search options to the tool; the one for states is called stateFlag,
// since --state is something else to a tool that changes it.
func DeclareFilters(app *cli.App, stateFlag string) *Filters {
	f := &Filters{stateFlag: stateFlag, order: new(string), direction: new(string), anyAlerts: new(bool)}
	f.start = cli.TimeVar(app.Flag("start", "Sessions that begin then or later: 2026-11-20, 2026-11-20 13:45:00 (UTC), RFC 3339, epoch milliseconds, or how long ago: 36h, 7d, P5D.").PlaceHolder("T"))
	f.end = cli.TimeVar(app.Flag("end", "Sessions that begin earlier than that.").PlaceHolder("T"))
	cli.TextsVar(app.Flag(stateFlag, "Sessions in this state; may be repeated: "+strings.Join(incydr.States, ", ")+".").PlaceHolder("S").HintOptions(incydr.States...), &f.states)
	f.anyState = app.Flag("any-state", "Leave state names that are unknown here to the server.").Bool()
	words := append([]string{}, incydr.Severities...)
	for i := range incydr.Severities {
		words = append(words, strconv.Itoa(i))
	}
	f.severities = cli.EnumsVar(app.Flag("severity", "Sessions of this severity; may be repeated: NO_RISK, LOW, MODERATE, HIGH, CRITICAL, or 0 to 4.").PlaceHolder("S"), "severity", words...)
	cli.TextVar(app.Flag("actor-id", "Sessions of this actor.").PlaceHolder("ID"), &f.actor)
	f.kind = cli.EnumVar(app.Flag("type", "Sessions of this type: "+strings.Join(incydr.SessionTypes, ", ")+".").PlaceHolder("T"), "type", incydr.SessionTypes...)
	f.noAlerts = app.Flag("no-alerts", "Sessions without alerts, in place of those with.").Bool()
	cli.TextsVar(app.Flag("risk-indicators", "Sessions with these risk indicators: ids, with commas between them.").PlaceHolder("A,B"), &f.indicators)
	cli.TextsVar(app.Flag("rule-id", "Sessions in which this rule raised an alert; may be repeated.").PlaceHolder("ID"), &f.rules)
	cli.TextsVar(app.Flag("watchlist-id", "Sessions of actors on this watchlist; may be repeated.").PlaceHolder("ID"), &f.watchlists)
	f.inspection = cli.EnumVar(app.Flag("content-inspection-status", "Sessions whose content inspection is at this point: PENDING, FOUND, NOT_FOUND.").PlaceHolder("S"), "content inspection status", incydr.ContentInspectionStatuses...)
	return f
}

// DeclareAnyAlerts adds --any-alerts, for tools that can ask for both kinds.
func (f *Filters) DeclareAnyAlerts(app *cli.App) {
	f.anyAlerts = app.Flag("any-alerts", "Sessions with alerts and sessions without.").Bool()
}

// DeclareOrder adds --sort and --direction.
func (f *Filters) DeclareOrder(app *cli.App) {
	f.order = cli.EnumVar(app.Flag("sort", "Order by end_time or score (end_time).").PlaceHolder("ORDER"), "order", incydr.Orders...)
	f.direction = cli.EnumVar(app.Flag("direction", "The latest or highest first (desc), or last (asc).").PlaceHolder("asc|desc"), "direction", incydr.Directions...)
}

// AnyAlerts reports whether sessions with and without alerts are wanted.
func (f *Filters) AnyAlerts() bool { return *f.anyAlerts }

// Given reports whether any filter was given at all.
func (f *Filters) Given() bool {
	q, err := f.Query()
	given := err != nil || *f.anyAlerts || *f.noAlerts
	for name, values := range q.Values() {
		given = given || name != "has_alerts" && len(values) > 0
	}
	return given
}

// Query checks the options together and returns what they ask for.
func (f *Filters) Query() (incydr.Query, error) {
	q := incydr.Query{
		ActorID:      f.actor,
		OnOrAfter:    f.start.Millis(),
		Before:       f.end.Millis(),
		Type:         *f.kind,
		RuleIDs:      f.rules,
		WatchlistIDs: f.watchlists,
		OrderBy:      *f.order,
		Direction:    *f.direction,
	}
	if *f.inspection != "" {
		q.ContentInspectionStatuses = []string{*f.inspection}
	}
	if f.start.Given && f.end.Given && q.OnOrAfter > q.Before {
		return q, cli.Usagef("--start (%s) is later than --end (%s)", f.start, f.end)
	}
	if f.end.Given && q.Before == 0 {
		return q, cli.Usagef("--end is the beginning of 1970: no session begins before")
	}
	if *f.noAlerts {
		if *f.anyAlerts {
			return q, cli.Usagef("--no-alerts and --any-alerts exclude each other")
		}
		q.Alerts = incydr.WithoutAlerts
	}
	for _, list := range f.indicators {
		for _, id := range strings.Split(list, ",") {
			if id = strings.TrimSpace(id); id != "" {
				q.RiskIndicators = append(q.RiskIndicators, id)
			}
		}
	}
	for _, word := range *f.severities {
		n, err := strconv.Atoi(word)
		if err != nil {
			n = index(incydr.Severities, word)
		}
		q.Severities = append(q.Severities, n)
	}
	var err error
	q.States, err = States("--"+f.stateFlag, f.states, *f.anyState)
	return q, err
}

// AnyState reports whether unknown state names are left to the server.
func (f *Filters) AnyState() bool { return *f.anyState }

// States checks the names of states that were given to option, and returns them as the API
// spells them. With any, a name that is unknown here passes.
func States(option string, names []string, any bool) ([]string, error) {
	var states []string
	for _, name := range names {
		state, err := cli.Word("state", name, incydr.States)
		if err != nil {
			if !any {
				return nil, cli.Prefix(option, cli.Listed(option, name, err))
			}
			state = strings.ToUpper(strings.TrimSpace(name))
		}
		states = append(states, state)
	}
	return states, nil
}

func index(words []string, word string) int {
	for i, w := range words {
		if w == word {
			return i
		}
	}
	return -1
}

func itoa(n int) string { return strconv.Itoa(n) }
