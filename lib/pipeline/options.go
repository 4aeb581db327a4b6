package pipeline

import "slices"

// The programs that stages are made of.
const (
	search     = "sess-search"
	show       = "sess-show"
	events     = "sess-events"
	update     = "sess-update"
	format     = "sess-fmt"
	syslog     = "sess-syslog"
	checkpoint = "sess-checkpoint"
)

// An Option is an option of a familiar command, and the programs it is handed to.
type Option struct {
	Name  string
	Short rune
	Value string // what stands for its value in the help; "" for a switch
	Many  bool   // each of several counts; else the last one does
	Words string // the vocabulary of its values, "" where anything goes
	Help  string
	To    []string
}

// A Command is one that people know from the vendor's CLI.
type Command struct {
	Name    string
	Help    string
	Example string
	Args    string // what stands for its arguments in the help
	Many    bool   // it takes more than one argument
	Options []Option
}

var (
	tenant = []Option{
		{Name: "retry-for", Value: "D", Help: "How long to go on against a server that fails (5m).", To: []string{search, show, events, update, syslog}},
		{Name: "env-file", Value: "FILE", Help: "Settings from this file in place of .env.", To: []string{search, show, events, update, checkpoint}},
	}
	filters = []Option{
		{Name: "actor-id", Value: "ID", Help: "Only sessions of this actor.", To: []string{search}},
		{Name: "start", Value: "T", Help: "Only sessions that begin at this time or later: a date, a date and time, or how long ago (7d).", To: []string{search}},
		{Name: "end", Value: "T", Help: "Only sessions that begin before this time.", To: []string{search}},
		{Name: "type", Value: "TYPE", Words: "type", Help: "Only sessions of this type.", To: []string{search}},
		{Name: "no-alerts", Help: "Only sessions without alerts; by default, only sessions with alerts.", To: []string{search}},
		{Name: "any-alerts", Help: "Sessions with alerts and without.", To: []string{search}},
		{Name: "risk-indicators", Value: "A,B", Help: "Only sessions with one of these risk indicators.", To: []string{search}},
		{Name: "state", Short: 's', Value: "STATE", Many: true, Words: "state", Help: "Only sessions in this state; may be repeated.", To: []string{search}},
		{Name: "any-state", Help: "Leave it to the server which states there are.", To: []string{search}},
		{Name: "severity", Value: "SEVERITY", Many: true, Words: "severity", Help: "Only sessions of this severity, by name or number; may be repeated.", To: []string{search}},
		{Name: "rule-id", Value: "ID", Many: true, Help: "Only sessions that this alert rule has marked; may be repeated.", To: []string{search}},
		{Name: "watchlist-id", Value: "ID", Many: true, Help: "Only sessions of actors on this watchlist; may be repeated.", To: []string{search}},
		{Name: "content-inspection-status", Value: "STATUS", Words: "status", Help: "Only sessions with this outcome of content inspection.", To: []string{search}},
	}
	walk = []Option{
		{Name: "sort", Value: "ORDER", Words: "order", Help: "Sort by end_time or score.", To: []string{search}},
		{Name: "direction", Value: "DIR", Words: "direction", Help: "desc or asc.", To: []string{search}},
		{Name: "limit", Value: "N", Help: "At most this many sessions.", To: []string{search}},
		{Name: "count", Help: "Print only how many there are.", To: []string{search}},
		{Name: "tag", Value: "KEY=VALUE", Help: "Put this field first into each session.", To: []string{search}},
		{Name: "checkpoint", Value: "NAME", Words: "checkpoint", Help: "Only what this checkpoint has not yet seen.", To: []string{search}},
		{Name: "lookback", Value: "D", Help: "How far back to look for sessions that show up late (7d).", To: []string{search}},
		{Name: "updates", Help: "Print a seen session again when it has changed.", To: []string{search}},
		{Name: "defer", Help: "Commit nothing to the checkpoint.", To: []string{search}},
		{Name: "follow", Value: "INTERVAL", Help: "Search again every so often until stopped.", To: []string{search}},
		{Name: "wait", Value: "D", Help: "Wait that long for a checkpoint in use.", To: []string{search}},
	}
	figures = []Option{
		{Name: "metrics", Value: "FILE", Help: "Keep the figures of the run in this file for Prometheus; with --output, FILE-search and FILE-syslog, before its suffix.", To: []string{search, update, syslog}},
		{Name: "metrics-label", Value: "NAME=VALUE", Many: true, Help: "Add this label to all figures; may be repeated.", To: []string{search, update, syslog}},
	}
	pace = []Option{
		{Name: "concurrency", Value: "N", Help: "Requests in flight.", To: []string{search, show, events, update}},
		{Name: "rate", Value: "N", Help: "Requests a minute; 0: as fast as the server allows.", To: []string{search, show, events, update}},
	}
	looks = []Option{
		{Name: "format", Short: 'f', Value: "FORMAT", Words: "format", Help: "How to print the result; the default is json-lines where INCYDR_USE_RICH=false is set.", To: []string{format}},
		{Name: "columns", Value: "A,B", Help: "Only these columns, dots into objects; JSON formats print all.", To: []string{format}},
		{Name: "no-header", Help: "No line of column names.", To: []string{format}},
		{Name: "time", Value: "ZONE", Words: "zone", Help: "Times in utc, local or raw.", To: []string{format}},
		{Name: "no-pager", Help: "Do not start a pager where the result is longer than the terminal.", To: []string{format}},
		{Name: "csv-guard", Help: "Defuse what a spreadsheet would take for a formula.", To: []string{format}},
	}
	sending = []Option{
		{Name: "output", Value: "ADDRESS", Help: "Send to a syslog server, [PROTOCOL:]HOST[:PORT], in place of printing.", To: []string{syslog}},
		{Name: "certs", Value: "FILE", Help: "The CA certificates that the syslog server's is checked with.", To: []string{syslog}},
		{Name: "ignore-cert-validation", Help: "Take any certificate of the syslog server.", To: []string{syslog}},
		{Name: "cert", Value: "FILE", Help: "A client certificate for the syslog server.", To: []string{syslog}},
		{Name: "key", Value: "FILE", Help: "The client certificate's key.", To: []string{syslog}},
		{Name: "message", Value: "FORMAT", Words: "message", Help: "What a syslog message looks like: raw, rfc5424, rfc3164 or cef.", To: []string{syslog}},
		{Name: "framing", Value: "KIND", Words: "framing", Help: "lf or octet.", To: []string{syslog}},
		{Name: "facility", Value: "NAME", Help: "The syslog facility.", To: []string{syslog}},
		{Name: "app-name", Value: "NAME", Help: "The syslog application name.", To: []string{syslog}},
		{Name: "hostname", Value: "NAME", Help: "The host name in syslog messages.", To: []string{syslog}},
		{Name: "max-size", Value: "BYTES", Help: "The largest syslog message.", To: []string{syslog}},
		{Name: "oversize", Value: "WHAT", Words: "oversize", Help: "What to do with a larger one: fail, truncate or skip.", To: []string{syslog}},
		{Name: "timeout", Value: "D", Help: "How long to wait for the syslog server (10s).", To: []string{syslog}},
		{Name: "resend-buffer", Value: "BYTES", Help: "How much is kept until it is known to be delivered.", To: []string{syslog}},
		{Name: "ack", Help: "Print each record once the syslog server has it.", To: []string{syslog}},
	}
	changes = []Option{
		{Name: "state", Short: 's', Value: "STATE", Words: "state", Help: "The new state.", To: []string{update}},
		{Name: "note", Value: "TEXT", Help: "A note to add, at most 2000 characters.", To: []string{update}},
		{Name: "any-state", Help: "Leave it to the server which states there are.", To: []string{update}},
		{Name: "repeat-notes", Help: "Add a note even where the session has got the same one of late.", To: []string{update}},
		{Name: "dry-run", Help: "Check every row and send nothing.", To: []string{update}},
	}
	rows = []Option{
		{Name: "format", Short: 'f', Value: "FORMAT", Words: "rows", Help: "What the file is: csv, json-lines or auto (auto: by its first byte).", To: []string{update}},
	}
	// logging is taken by every program, ours included, which declares it for itself.
	logging = []Option{
		{Name: "log-level", Value: "LEVEL"},
		{Name: "log-file", Value: "FILE"},
		{Name: "log-stderr"},
	}
)

// Commands are the familiar commands with all their options.
var Commands = []Command{
	{
		Name: "search", Help: "Search sessions.", Example: "sessions search --severity HIGH --start 7d",
		Options: slices.Concat(filters, walk, looks, sending, pace, tenant, figures),
	},
	{
		Name: "show", Help: "Show a session in full.", Example: "sessions show SESSION_ID",
		Args: "SESSION_ID", Many: true,
		Options: slices.Concat(looks, pace, tenant),
	},
	{
		Name: "show-events", Help: "Show the file events of a session's alerts.", Example: "sessions show-events SESSION_ID --format csv",
		Args: "SESSION_ID", Many: true,
		Options: slices.Concat(looks, []Option{{Name: "with-session", Help: "Put the session's id first into each event.", To: []string{events}}}, sending, pace, tenant),
	},
	{
		Name: "update", Help: "Change a session's state, add a note, or both.", Example: "sessions update SESSION_ID --state CLOSED --note 'known backup'",
		Args: "SESSION_ID", Many: true,
		Options: slices.Concat(changes, pace, tenant, figures),
	},
	{
		Name: "bulk-update-state", Help: "Change the state of every session of a CSV or JSON lines file.", Example: "sessions bulk-update-state triaged.csv --state CLOSED_FP",
		Args:    "FILE",
		Options: slices.Concat(changes, rows, pace, tenant, figures),
	},
}

// Find returns the command of that name.
func Find(name string) (Command, bool) {
	for _, c := range Commands {
		if c.Name == name {
			return c, true
		}
	}
	return Command{}, false
}

// option returns the command's option of that name, one that every program has included.
func (c Command) option(name string) (Option, bool) {
	for _, o := range slices.Concat(c.Options, logging) {
		if o.Name == name {
			return o, true
		}
	}
	return Option{}, false
}

// short returns the command's option of that letter.
func (c Command) short(letter rune) (Option, bool) {
	for _, o := range c.Options {
		if o.Short == letter {
			return o, true
		}
	}
	return Option{}, false
}
