package syslog

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sess/lib/suggest"
)

// A Format is what a message looks like.
type Format string

// The formats.
const (
	Raw     Format = "raw"     // the record itself
	RFC5424 Format = "rfc5424" // the record after a header with structured data
	RFC3164 Format = "rfc3164" // the record after the header of BSD syslog
	CEF     Format = "cef"     // the record's main fields in the Common Event Format
)

// Formats are all of them.
var Formats = []string{string(Raw), string(RFC5424), string(RFC3164), string(CEF)}

// A Header is what the formats other than Raw put before the record.
type Header struct {
	Facility int    // 0 to 23 (RFC 5424, section 6.2.1)
	Severity int    // 0 to 7, or SeverityOfRecord
	AppName  string // at most 48 printable ASCII characters
	Hostname string // at most 255
}

// SeverityOfRecord makes the severity of each message follow the record's newest score.
const SeverityOfRecord = -1

// facilities by their numbers, as rsyslog and logger(1) call them.
var facilities = []string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
	"ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

var severities = []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

var severityAliases = map[string]int{"emergency": 0, "panic": 0, "critical": 2, "error": 3, "warn": 4, "information": 6, "informational": 6}

// ParseFacility reads a facility's name or number.
func ParseFacility(s string) (int, error) {
	return nameOrNumber("facility", s, facilities, nil)
}

// ParseSeverity reads a severity's name or number, or auto for SeverityOfRecord.
func ParseSeverity(s string) (int, error) {
	if strings.EqualFold(s, "auto") {
		return SeverityOfRecord, nil
	}
	return nameOrNumber("severity", s, severities, severityAliases)
}

func nameOrNumber(what, s string, names []string, aliases map[string]int) (int, error) {
	for n, name := range names {
		if strings.EqualFold(s, name) {
			return n, nil
		}
	}
	if n, ok := aliases[strings.ToLower(s)]; ok {
		return n, nil
	}
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n < len(names) && s[0] != '+' && s[0] != '-' {
		return n, nil
	}
	hint := ""
	if near := suggest.Nearest(strings.ToLower(s), names); near != "" {
		hint = "did you mean " + near + "?"
	}
	return 0, usage(hint, "unknown %s %q: it must be a number from 0 to %d or one of %s", what, s, len(names)-1, strings.Join(names, ", "))
}

// check returns what is wrong with the header, nil for nothing.
func (h Header) check() error {
	for _, field := range []struct {
		name, value string
		most        int
	}{{"app name", h.AppName, 48}, {"host name", h.Hostname, 255}} {
		if field.value == "" || len(field.value) > field.most {
			return usage("", "%s %q: it must have 1 to %d characters", field.name, field.value, field.most)
		}
		if i := strings.IndexFunc(field.value, func(r rune) bool { return r <= ' ' || r > '~' }); i >= 0 {
			return usage("", "%s %q: only printable ASCII characters without spaces are allowed (RFC 5424, section 6)", field.name, field.value)
		}
	}
	return nil
}

// An encoder turns records into messages.
type encoder struct {
	format Format
	header Header
	now    func() time.Time // for records that do not say when they happened
}

// append appends the record's message, without framing. Raw takes any line as it is.
func (e *encoder) append(dst, record []byte) ([]byte, error) {
	if e.format == Raw {
		return append(dst, record...), nil
	}
	if err := checkObject(record); err != nil {
		return dst, err
	}
	f := learn(record)
	if f.at.IsZero() {
		f.at = e.now()
	}
	switch e.format {
	case RFC5424:
		return append(e.header5424(dst, &f), record...), nil
	case RFC3164:
		dst = e.header3164(dst, &f)
		dst = append(dst, e.header.AppName...)
		return append(append(dst, ": "...), record...), nil
	case CEF:
		return appendCEF(e.header3164(dst, &f), record, &f), nil
	}
	return dst, fmt.Errorf("unknown message format %q", e.format)
}

// levels are the severities of syslog for the five of a session: a session without risk is
// information, a critical one is critical; nothing Incydr reports is an emergency of the system.
var levels = []int{6, 5, 4, 3, 2}

// priority appends <facility * 8 + severity>.
func (e *encoder) priority(dst []byte, f *facts) []byte {
	level := e.header.Severity
	if level == SeverityOfRecord {
		level = 6
		if f.severity >= 0 {
			level = levels[f.severity]
		}
	}
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, int64(e.header.Facility*8+level), 10)
	return append(dst, '>')
}

// structuredID names our structured data. 32473 is the enterprise number reserved for
// documentation (RFC 5612): the project has none of its own.
const structuredID = "incydr@32473"

// header5424 appends all that stands before the message (RFC 5424, section 6). There is no byte
// order mark: receivers pass it on as a part of the JSON.
func (e *encoder) header5424(dst []byte, f *facts) []byte {
	dst = e.priority(dst, f)
	dst = append(dst, "1 "...)
	dst = f.at.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	dst = append(dst, ' ')
	dst = append(dst, e.header.Hostname...)
	dst = append(dst, ' ')
	dst = append(dst, e.header.AppName...)
	dst = append(dst, " - "...)
	dst = append(dst, [...]string{"-", "session", "file-event"}[f.kind]...)
	dst = append(dst, ' ')
	if f.session == "" && f.event == "" && f.word() == "" && f.score == "" {
		return append(dst, "- "...)
	}
	dst = append(dst, "["+structuredID...)
	for _, p := range []struct{ name, value string }{
		{"sessionId", f.session}, {"eventId", f.event}, {"severity", f.word()}, {"score", f.score},
	} {
		if p.value != "" {
			dst = append(dst, ' ')
			dst = append(dst, p.name...)
			dst = append(dst, '=', '"')
			dst = appendParam(dst, p.value)
			dst = append(dst, '"')
		}
	}
	return append(dst, "] "...)
}

// appendParam appends a parameter's value: ", \ and ] escaped with a backslash (RFC 5424, section
// 6.3.3), control characters, which some receivers stumble over, left out, bad UTF-8 replaced.
func appendParam(dst []byte, value string) []byte {
	for _, r := range value {
		switch {
		case r == '"', r == '\\', r == ']':
			dst = append(dst, '\\', byte(r))
		case r < ' ', r == 0x7f:
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// header3164 appends priority, time and host as BSD syslog has them (RFC 3164, section 4.1). The
// time is local and has no year; receivers take it for their own zone.
func (e *encoder) header3164(dst []byte, f *facts) []byte {
	dst = e.priority(dst, f)
	dst = f.at.Local().AppendFormat(dst, time.Stamp)
	dst = append(dst, ' ')
	dst = append(dst, e.header.Hostname...)
	return append(dst, ' ')
}
