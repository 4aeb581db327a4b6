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
		{Name: "retry-for", Value: "D", Help: "How long to go on against a server that fails: 30s, 5m, 2h; 0: ask once (INCYDR_RETRY_FOR; 5m).", To: []string{search, show, events, update, syslog}},
		{Name: "env-file", Value: "FILE", Help: "Take settings from this file in place of .env; one file a tenant. The environment still comes first.", To: []string{search, show, events, update, checkpoint}},
	}
	filters = []Option{
		{Name: "actor-id", Value: "ID", Help: "Sessions of this actor.", To: []string{search}},
		{Name: "start", Value: "T", Help: "Sessions that begin then or later: 2026-11-20, 2026-11-20 13:45:00 (UTC), RFC 3339, epoch milliseconds, or how long ago: 36h, 7d, P5D.", To: []string{search}},
		{Name: "end", Value: "T", Help: "Sessions that begin earlier than that.", To: []string{search}},
		{Name: "type", Value: "T", Words: "type", Help: "Sessions of this type: STANDARD, ACCOUNT_TAKE_OVER.", To: []string{search}},
		{Name: "no-alerts", Help: "Sessions without alerts, in place of those with.", To: []string{search}},
		{Name: "any-alerts", Help: "Sessions with alerts and sessions without.", To: []string{search}},
		{Name: "risk-indicators", Value: "A,B", Help: "Sessions with these risk indicators: ids, with commas between them.", To: []string{search}},
		{Name: "state", Short: 's', Value: "S", Many: true, Words: "state", Help: "Sessions in this state; may be repeated: OPEN, IN_PROGRESS, CLOSED, CLOSED_TP, CLOSED_TP_BENIGN, CLOSED_FP, OPEN_NEW_DATA.", To: []string{search}},
		{Name: "any-state", Help: "Leave state names that are unknown here to the server.", To: []string{search}},
		{Name: "severity", Value: "S", Many: true, Words: "severity", Help: "Sessions of this severity; may be repeated: NO_RISK, LOW, MODERATE, HIGH, CRITICAL, or 0 to 4.", To: []string{search}},
		{Name: "rule-id", Value: "ID", Many: true, Help: "Sessions in which this rule raised an alert; may be repeated.", To: []string{search}},
		{Name: "watchlist-id", Value: "ID", Many: true, Help: "Sessions of actors on this watchlist; may be repeated.", To: []string{search}},
		{Name: "content-inspection-status", Value: "S", Words: "status", Help: "Sessions whose content inspection is at this point: PENDING, FOUND, NOT_FOUND.", To: []string{search}},
	}
	walk = []Option{
		{Name: "sort", Value: "ORDER", Words: "order", Help: "Order by end_time or score (end_time).", To: []string{search}},
		{Name: "direction", Value: "asc|desc", Words: "direction", Help: "The latest or highest first (desc), or last (asc).", To: []string{search}},
		{Name: "limit", Value: "N", Help: "Print at most so many.", To: []string{search}},
		{Name: "count", Help: "Print only how many there are.", To: []string{search}},
		{Name: "tag", Value: "KEY=VALUE", Help: "Put this field first into each session, to tell merged streams apart.", To: []string{search}},
		{Name: "checkpoint", Value: "NAME", Words: "checkpoint", Help: "Print only what this checkpoint has not seen yet, and record it there; the first search under a name makes it.", To: []string{search}},
		{Name: "lookback", Value: "D", Help: "With --checkpoint: how late after its begin a session may show up (7d).", To: []string{search}},
		{Name: "updates", Help: "With --checkpoint: print a session again when its lastUpdated has changed.", To: []string{search}},
		{Name: "defer", Help: "With --checkpoint: leave recording to sess-checkpoint commit, at the end of the pipeline.", To: []string{search}},
		{Name: "follow", Value: "INTERVAL", Help: "With --checkpoint: search again this often until stopped: 60s, 5m.", To: []string{search}},
		{Name: "wait", Value: "D", Help: "With --checkpoint: wait this long for one that is in use.", To: []string{search}},
	}
	figures = []Option{
		{Name: "metrics", Value: "FILE", Help: "Keep the figures of this run, and of those before it, in this file for Prometheus' textfile collector; with --output in two, FILE-search and FILE-syslog, before its suffix.", To: []string{search, update, syslog}},
		{Name: "metrics-label", Value: "NAME=VALUE", Many: true, Help: "Add this label to all of them, as in tenant=acme; may be repeated.", To: []string{search, update, syslog}},
	}
	pace = []Option{
		{Name: "concurrency", Value: "N", Help: "How many requests are in flight at once, 1 to 64 (8; 4 for changes).", To: []string{search, show, events, update}},
		{Name: "rate", Value: "N", Help: "How many requests to make a minute; 0: as fast as the server allows (0).", To: []string{search, show, events, update}},
	}
	looks = []Option{
		{Name: "format", Short: 'f', Value: "FORMAT", Words: "format", Help: "The format: table, csv, columns, rich, json-pretty, json-lines or summary (table, and rich for show; json-lines where INCYDR_USE_RICH=false is set).", To: []string{format}},
		{Name: "columns", Value: "A,B.C,D.*", Help: `The columns, with commas between them: session_id, states.-1.state, event.*; "?" lists them.`, To: []string{format}},
		{Name: "no-header", Help: "Leave the line of column names out.", To: []string{format}},
		{Name: "time", Value: "utc|local|raw", Words: "zone", Help: "How to show times: utc, local or raw (utc; in CSV, raw).", To: []string{format}},
		{Name: "no-pager", Help: "Do not page through what is longer than the screen.", To: []string{format}},
		{Name: "csv-guard", Help: "Put a ' before text that a spreadsheet would take for a formula.", To: []string{format}},
	}
	sending = []Option{
		{Name: "output", Value: "ADDRESS", Help: "Send to a syslog server, [PROTOCOL:]HOST[:PORT], in place of printing.", To: []string{syslog}},
		{Name: "certs", Value: "FILE", Help: "For TLS: trust the certificates in this PEM file in place of the system's.", To: []string{syslog}},
		{Name: "ignore-cert-validation", Help: "For TLS: trust any certificate; encrypted, but anybody may be the receiver.", To: []string{syslog}},
		{Name: "cert", Value: "FILE", Help: "For TLS: our own certificate, PEM, for a receiver that asks for one; needs --key.", To: []string{syslog}},
		{Name: "key", Value: "FILE", Help: "The private key of --cert, PEM.", To: []string{syslog}},
		{Name: "message", Value: "FORMAT", Words: "message", Help: "What a message looks like: raw (the line itself), rfc5424, rfc3164 or cef (raw).", To: []string{syslog}},
		{Name: "framing", Value: "KIND", Words: "framing", Help: "How TCP and TLS-TCP tell messages apart: lf, a line feed behind each, or octet, its length before it (octet for rfc5424 over TLS-TCP, otherwise lf).", To: []string{syslog}},
		{Name: "facility", Value: "NAME", Help: "For rfc5424, rfc3164 and cef: the facility, by name or number (user).", To: []string{syslog}},
		{Name: "app-name", Value: "NAME", Help: "For rfc5424 and rfc3164: the application's name (incydr).", To: []string{syslog}},
		{Name: "hostname", Value: "NAME", Help: "For rfc5424, rfc3164 and cef: the sender's host name (this machine's).", To: []string{syslog}},
		{Name: "max-size", Value: "BYTES", Help: "The most bytes that a message may have, framing not counted; best what the receiver is set up for (no limit; UDP: 65507).", To: []string{syslog}},
		{Name: "oversize", Value: "WHAT", Words: "oversize", Help: "What happens to a longer one: fail, truncate or skip (fail).", To: []string{syslog}},
		{Name: "timeout", Value: "D", Help: "How long to wait for a connection, with TLS's and RELP's opening, and for a receiver that does nothing (10s).", To: []string{syslog}},
		{Name: "resend-buffer", Value: "BYTES", Help: "The most bytes kept of what is not known to be delivered, and so sent again after a lost connection (16777216).", To: []string{syslog}},
		{Name: "ack", Help: "Print each record, as it was read, once it is delivered and not before; takes more care to know it.", To: []string{syslog}},
	}
	changes = []Option{
		{Name: "state", Short: 's', Value: "S", Words: "state", Help: "The new state, in place of each row's: OPEN, IN_PROGRESS, CLOSED, CLOSED_TP, CLOSED_TP_BENIGN, CLOSED_FP, OPEN_NEW_DATA.", To: []string{update}},
		{Name: "note", Value: "TEXT", Help: "The note to add, in place of each row's; at most 2000 characters.", To: []string{update}},
		{Name: "any-state", Help: "Leave state names that are unknown here to the server.", To: []string{update}},
		{Name: "repeat-notes", Help: "Add a note even where the session got the same one within the last day.", To: []string{update}},
		{Name: "dry-run", Help: "Check every row and send nothing.", To: []string{update}},
	}
	rows = []Option{
		{Name: "format", Short: 'f', Value: "FORMAT", Words: "rows", Help: "How the rows are written: csv, json-lines, or auto, which tells by the first byte (auto).", To: []string{update}},
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
		Options: slices.Concat(looks, []Option{{Name: "with-session", Help: `Put "sessionId" first into each event.`, To: []string{events}}}, sending, pace, tenant),
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
