package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
)

// dateForms is what every message about a bad date says.
const dateForms = "write 2026-11-20, 2026-11-20 13:45:00 (UTC), RFC 3339, epoch milliseconds, or how long ago: 36h, 7d, P5D"

// ParseTime reads a date of the command line: a day or a day and a time in UTC, RFC 3339 with
// any offset, milliseconds since the epoch, or a duration before now.
func ParseTime(s string, now time.Time) (time.Time, error) {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.DateOnly, time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04:05", time.RFC3339Nano, "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, strings.ToUpper(s)); err == nil { // RFC 3339, section 5.6: t and z may be small
			return t, inRange(s, t)
		}
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && (len(s) >= 9 || ms == 0) {
		if ms >= 1e9 && ms < 1e10 { // a day of early 1970: everything is later
			return time.Time{}, WithHint(Usagef("%q is in seconds, and dates are milliseconds", s), "write "+s+"000")
		}
		t := time.UnixMilli(ms)
		return t, inRange(s, t)
	}
	if d, err := ParseDuration(s); err == nil {
		t := now.Add(-d)
		return t, inRange(s, t)
	}
	return time.Time{}, &coded{err: fmt.Errorf("%q is not a date", s), code: ExitUsage, hint: dateForms}
}

// inRange refuses what the API has no milliseconds for.
func inRange(s string, t time.Time) error {
	if t.UnixMilli() < 0 || t.Year() > 9999 {
		return Usagef("the date %q lies outside 1970 to 9999", s)
	}
	return nil
}

var (
	isoDuration  = regexp.MustCompile(`^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)
	daysDuration = regexp.MustCompile(`^(?:(\d+)w)?(?:(\d+)d)?(.*)$`)
)

// ParseDuration reads 90s, 36h, 1h30m, 7d, 2w, 1d12h and the ISO 8601 forms P5D, P1W, PT36H.
func ParseDuration(s string) (time.Duration, error) {
	bad := &coded{err: fmt.Errorf("%q is not a duration", s), code: ExitUsage, hint: "write 90s, 15m, 36h, 7d or P5D"}
	part := func(n string, unit time.Duration) (time.Duration, bool) {
		if n == "" {
			return 0, true
		}
		v, err := strconv.ParseInt(n, 10, 64)
		const most = int64(1<<63 - 1)
		return time.Duration(v) * unit, err == nil && v <= most/int64(unit)/8
	}
	sum := func(parts []string, units ...time.Duration) (time.Duration, bool) {
		var d time.Duration
		for i, unit := range units {
			p, ok := part(parts[i], unit)
			if !ok {
				return 0, false
			}
			d += p
		}
		return d, true
	}
	const day = 24 * time.Hour
	if m := isoDuration.FindStringSubmatch(strings.ToUpper(s)); m != nil && len(s) > 2 && !strings.HasSuffix(strings.ToUpper(s), "T") {
		if d, ok := sum(m[1:], 7*day, day, time.Hour, time.Minute, time.Second); ok {
			return d, nil
		}
		return 0, bad
	}
	m := daysDuration.FindStringSubmatch(s)
	d, ok := sum(m[1:], 7*day, day)
	if !ok || s == "" {
		return 0, bad
	}
	if m[3] != "" {
		clock, err := time.ParseDuration(m[3])
		if err != nil || clock < 0 {
			return 0, bad
		}
		d += clock
	}
	return d, nil
}

// Time is an option that takes a date. Millis is 0 where it was not given.
type Time struct {
	Given bool
	time.Time
}

// Millis is the date in milliseconds since the epoch, 0 where none was given.
func (t *Time) Millis() int64 {
	if !t.Given {
		return 0
	}
	return t.UnixMilli()
}

// Set implements kingpin.Value.
func (t *Time) Set(s string) error {
	parsed, err := ParseTime(s, time.Now())
	if err != nil {
		return err
	}
	t.Given, t.Time = true, parsed
	return nil
}

// String implements kingpin.Value.
func (t *Time) String() string {
	if !t.Given {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// TimeVar makes flag take a date.
func TimeVar(flag *kingpin.FlagClause) *Time {
	t := new(Time)
	named(flag, t)
	return t
}

type duration struct{ d *time.Duration }

func (v duration) Set(s string) error {
	d, err := ParseDuration(s)
	if err == nil {
		*v.d = d
	}
	return err
}

func (v duration) String() string { return v.d.String() }

// DurationVar makes flag take a duration, days and ISO 8601 included.
func DurationVar(flag *kingpin.FlagClause) *time.Duration {
	d := new(time.Duration)
	named(flag, duration{d})
	return d
}
