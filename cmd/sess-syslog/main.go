// Sess-syslog sends JSON lines to a syslog receiver and knows which ones were delivered.
//
//	sess-search --start 7d | sess-syslog TLS-TCP:siem.example.com:6514 --certs ca.pem
//	sess-events ID | sess-syslog --message cef UDP:siem.example.com:514
//
// The address is [PROTOCOL:]HOST[:PORT]. The protocol, in any letter case, is TCP (the default),
// TLS-TCP, UDP, RELP or RELP-TLS; the port is 601 where none is given; an IPv6 address stands in
// brackets: TCP:[::1]:514.
//
// Delivered means, with RELP, that the receiver acknowledged the record. With TCP and TLS-TCP: the
// receiver's kernel acknowledged the bytes, we ended our half of the connection, and then the
// receiver ended its own, which it does once it has read everything. So a connection lasts for some
// megabytes or seconds, and another one follows: what a receiver logs as a disconnect is no fault.
// With UDP it means sent, no more.
//
// Each record is kept until it is delivered. When a connection is lost, what is not known to be
// delivered is sent again on the next one, so the receiver may get some records twice. When nothing
// gets through for --retry-for, the exit status is 1, and how many records are in doubt is said.
//
// With --ack each line is printed once it is delivered, and not before, so that a later stage
// records no more than what has arrived:
//
//	sess-search --checkpoint siem --defer | sess-syslog --ack RELP:siem:2514 | sess-checkpoint commit siem >/dev/null
//
// Messages are the lines themselves unless --message asks for a header: rfc5424 with the session's
// id, severity and score as structured data, rfc3164, or cef (docs/cef.md). The time is then the
// record's own (a session's end, an event's @timestamp), and so is the severity: none 6 (info),
// low 5 (notice), moderate 4 (warning), high 3 (err), critical 2 (crit). Raw takes any line; with the
// others one that is no JSON object ends the run with exit status 2, what came before it delivered.
//
// How many records were delivered is said on stderr with --log-level info.
//
// Receivers cut or drop messages that are longer than they are set up for, and no sender hears of
// that. Sessions have a few thousand bytes and more, so raise the receiver's limit and tell it to
// --max-size; docs/syslog.md has settings of rsyslog, syslog-ng, Splunk, QRadar, Sentinel and Elastic.
package main

import (
	"context"
	_ "embed"
	"os"
	"runtime/debug"

	"sess/lib/cli"
	"sess/lib/cli/metering"
	"sess/lib/metrics"
	"sess/lib/syslog"
)

//go:embed main.go
var source string

func main() { cli.Main(cli.Tool{Name: "sess-syslog", Source: source, Setup: setup}) }

// collectAt is by how many percent the memory in use may grow before garbage is collected. Most of
// it is the resend buffer, which costs nothing to look through and would otherwise be paid twice.
// GOGC, where it is set, has the last word.
const collectAt = 25

// setup declares the options and returns what runs after they are parsed.
func setup(app *cli.App) cli.Action {
	var o syslog.Options
	address := app.Arg("address", "The receiver.").PlaceHolder("[PROTOCOL:]HOST[:PORT]").Required().String()
	app.Flag("certs", "For TLS: trust the certificates in this PEM file in place of the system's.").PlaceHolder("FILE").StringVar(&o.TLS.CAFile)
	app.Flag("ignore-cert-validation", "For TLS: trust any certificate; encrypted, but anybody may be the receiver.").BoolVar(&o.TLS.Insecure)
	app.Flag("cert", "For TLS: our own certificate, PEM, for a receiver that asks for one; needs --key.").PlaceHolder("FILE").StringVar(&o.TLS.CertFile)
	app.Flag("key", "The private key of --cert, PEM.").PlaceHolder("FILE").StringVar(&o.TLS.KeyFile)
	message := cli.EnumVar(app.Flag("message", "What a message looks like: raw (the line itself), rfc5424, rfc3164 or cef (raw).").PlaceHolder("FORMAT").Default(string(syslog.Raw)), "message format", syslog.Formats...)
	framing := cli.EnumVar(app.Flag("framing", "How TCP and TLS-TCP tell messages apart: lf, a line feed behind each, or octet, its length before it (octet for rfc5424 over TLS-TCP, otherwise lf).").PlaceHolder("KIND"), "framing", syslog.Framings...)
	facility := app.Flag("facility", "For rfc5424, rfc3164 and cef: the facility, by name or number (user).").PlaceHolder("NAME").Default("user").String()
	severity := app.Flag("severity", "For rfc5424, rfc3164 and cef: the severity, by name or number, or auto, which follows each record's newest score (auto).").PlaceHolder("NAME").Default("auto").String()
	app.Flag("app-name", "For rfc5424 and rfc3164: the application's name (incydr).").PlaceHolder("NAME").Default("incydr").StringVar(&o.Header.AppName)
	app.Flag("hostname", "For rfc5424, rfc3164 and cef: the sender's host name (this machine's).").PlaceHolder("NAME").StringVar(&o.Header.Hostname)
	maxSize := cli.CountVar(app.Flag("max-size", "The most bytes that a message may have, framing not counted; best what the receiver is set up for (no limit; UDP: 65507).").PlaceHolder("BYTES"), 0, 1<<30)
	oversize := cli.EnumVar(app.Flag("oversize", "What happens to a longer one: fail, truncate or skip (fail).").PlaceHolder("WHAT").Default(string(syslog.Fail)), "choice", syslog.Oversizes...)
	timeout := cli.DurationVar(app.Flag("timeout", "How long to wait for a connection, with TLS's and RELP's opening, and for a receiver that does nothing (10s).").PlaceHolder("D").Default(syslog.DefaultTimeout.String()))
	retryFor := cli.DurationVar(app.Flag("retry-for", "How long to go on while nothing gets through to a receiver that was reached before; one that cannot be reached at the start ends the run (5m).").PlaceHolder("D").Default(syslog.DefaultRetryFor.String()))
	resend := cli.CountVar(app.Flag("resend-buffer", "The most bytes kept of what is not known to be delivered, and so sent again after a lost connection (16777216).").PlaceHolder("BYTES").Default("16777216"), syslog.MinResendBuffer, 1<<30)
	ack := app.Flag("ack", "Print each record, as it was read, once it is delivered and not before; takes more care to know it.").Bool()
	maxLine := cli.CountVar(app.Flag("max-line", "The longest line taken, in bytes (67108864).").PlaceHolder("BYTES").Default("67108864"), 1, 1<<30)
	meter := metering.Declare(app)

	return func(ctx context.Context) (err error) {
		if app.Getenv("GOGC") == "" {
			debug.SetGCPercent(collectAt)
		}
		if o.Address, err = syslog.ParseAddress(*address); err != nil {
			return err
		}
		figures, err := meter.Open(metrics.Label{Name: "receiver", Value: o.Address.String()})
		if err != nil {
			return err
		}
		if o.Header.Facility, err = syslog.ParseFacility(*facility); err != nil {
			return err
		}
		if o.Header.Severity, err = syslog.ParseSeverity(*severity); err != nil {
			return err
		}
		if o.Header.Hostname == "" {
			o.Header.Hostname = hostname()
		}
		o.Format, o.Framing, o.Oversize = syslog.Format(*message), syslog.Framing(*framing), syslog.Oversize(*oversize)
		o.MaxSize, o.MaxLine, o.ResendBuffer = *maxSize, *maxLine, *resend
		o.Timeout, o.RetryFor, o.Log = *timeout, *retryFor, app.Log
		if *ack {
			o.Delivered = func(records []byte) error {
				if _, err := app.Stdout.Write(records); err != nil {
					return err
				}
				return app.Stdout.Flush()
			}
		}
		sender, err := syslog.New(o)
		if err != nil {
			return err
		}
		figures.Collect(collect(sender, figures))
		app.Expect("lines")
		err = sender.Send(ctx, app.Stdin)
		report(app, o, sender.Tally())
		return err
	}
}

// hostname is this machine's name, and what RFC 5424 puts for none.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "-"
	}
	return name
}

// collect gives the figures of a sender. Whenever all that was read is delivered, that is a
// success, though the run goes on.
func collect(s *syslog.Sender, file *metrics.File) func(*metrics.Figures) {
	before := 0
	return func(f *metrics.Figures) {
		t := s.Tally()
		f.Set(metrics.Delivered, float64(t.Delivered))
		f.Set(metrics.Undelivered, float64(t.Undelivered()))
		f.Set(metrics.Skipped, float64(t.Skipped))
		if t.Undelivered() == 0 && t.Delivered > before {
			file.Success()
		}
		before = t.Delivered
	}
}

// report logs what became of the records.
func report(app *cli.App, o syslog.Options, t syslog.Tally) {
	done := "delivered"
	if o.Address.Protocol == syslog.UDP {
		done = "sent"
	}
	values := []any{"records", t.Delivered, "of", t.Read, "address", o.Address.String(), "connections", t.Connections}
	for _, v := range []struct {
		name string
		n    int
	}{{"resent", t.Resent}, {"truncated", t.Truncated}, {"skipped", t.Skipped}, {"refused", t.Refused}} {
		if v.n > 0 {
			values = append(values, v.name, v.n)
		}
	}
	app.Log.Info(done, values...)
}
