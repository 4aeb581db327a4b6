package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"sess/lib/cli"
	"sess/lib/cli/metering"
	"sess/lib/incydr"
	"sess/lib/update"
)

// changeMatching changes what the search options match, after somebody has seen how many that are.
func (o *options) changeMatching(ctx context.Context, rules update.Rules) error {
	switch {
	case len(o.ids) > 0:
		return cli.Usagef("--matching and ids exclude each other")
	case rules.Note != "":
		return cli.WithHint(cli.Usagef("--matching cannot add notes: the API changes only the state of sessions that are not named"),
			"sess-search with the same options | sess-update --state S --note TEXT does both")
	case rules.State == "":
		return cli.WithHint(cli.Usagef("--matching needs --state, the new state"), "the state to look for is --from-state")
	}
	query, err := o.filters.Query()
	if err != nil {
		return err
	}
	client, err := o.tenant.Client()
	if err != nil {
		return err
	}
	o.figures.Collect(metering.Requests(client))
	m := update.Matching{Calls: update.MatchingCalls{Search: client.Search, ChangeStates: client.ChangeStates}, Queries: []incydr.Query{query}}
	if o.filters.AnyAlerts() {
		without := query
		without.Alerts = incydr.WithoutAlerts
		m.Queries = append(m.Queries, without)
	}
	matched, err := m.Count(ctx)
	if err != nil {
		return err
	}
	sessions := fmt.Sprintf("%d sessions", matched)
	if matched == 1 {
		sessions = "1 session"
	}
	switch {
	case narrow(query):
		o.app.Say("%s to change", sessions)
	case o.filters.AnyAlerts():
		o.app.Say("%s to change: ALL there are, as no search option narrows them down", sessions)
	default:
		o.app.Say("%s to change: ALL that have alerts, as no search option narrows them down", sessions)
	}
	out := update.MatchingOutcome{Matched: matched, State: rules.State, DryRun: o.dryRun}
	if matched > 0 && !o.dryRun {
		if err := o.confirm(sessions, rules.State, narrow(query)); err != nil {
			return err
		}
		progress := o.app.Progress("sessions")
		progress.Total(matched)
		out.Err = m.Change(ctx, matched, rules.State, progress.Set)
		progress.Done()
		o.changed.count(matched, out.Err)
	}
	err = out.Err
	if errors.Is(err, context.Canceled) {
		out.Err = errors.New("the run was stopped; some of the sessions may have the new state, and the same command goes on")
	}
	if printed := o.app.Stdout.WriteLine(out.Append(nil)); err == nil {
		err = printed
	}
	return err
}

// narrow tells whether the query leaves any session out, but for those without alerts.
func narrow(q incydr.Query) bool {
	for name, values := range q.Values() {
		if name != "has_alerts" && len(values) > 0 {
			return true
		}
	}
	return q.Alerts == incydr.WithoutAlerts
}

// confirm asks a person, where there is one. Everything at once is not a question to answer
// with one key.
func (o *options) confirm(sessions, state string, narrow bool) error {
	switch {
	case o.yes:
		return nil
	case !narrow:
		return cli.WithHint(cli.Usagef("nothing was changed: without a search option, --matching wants --yes"), "--from-state, --end and the like say which sessions are meant")
	case !o.app.StdinIsTerminal() || !o.app.StderrIsTerminal():
		return cli.Usagef("nothing was changed: where nobody can be asked, --matching wants --yes")
	}
	fmt.Fprintf(o.app.Stderr, "%s: give %s the state %s? [y/N] ", o.app.Name, sessions, state)
	answer, err := bufio.NewReader(o.app.Stdin).ReadString('\n')
	if errors.Is(err, context.Canceled) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return cli.Usagef("nothing was changed")
}
