package render

import (
	"bytes"
	"time"

	"sess/lib/jsonl"
)

// Time says how moments are shown.
type Time string

// The ways to show moments. Where none was asked for, formats for people have UTC and CSV has
// what the data has.
const (
	TimeUTC   Time = "utc"
	TimeLocal Time = "local"
	TimeRaw   Time = "raw"
)

// zone is the time zone moments are shown in.
func (t Time) zone() *time.Location {
	if t == TimeLocal {
		return time.Local
	}
	return time.UTC
}

// latest bounds the milliseconds that are taken for a moment: the end of the year 9999.
const latest = 253402300799999

// parseMoment reads a moment as the API writes them: milliseconds since the epoch, or RFC 3339.
func parseMoment(raw []byte) (time.Time, bool) {
	if ms, ok := jsonl.Int(raw); ok {
		return time.UnixMilli(ms), ms > 0 && ms <= latest
	}
	if len(raw) < 2 || len(raw) > 64 || raw[0] != '"' || bytes.IndexByte(raw, '\\') >= 0 {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(raw[1:len(raw)-1]))
	return t, err == nil
}

// appendMoment appends a moment to the minute for people to read; false where raw is none.
func appendMoment(dst, raw []byte, zone *time.Location) ([]byte, bool) {
	t, ok := parseMoment(raw)
	if !ok {
		return dst, false
	}
	return t.In(zone).AppendFormat(dst, "2006-01-02 15:04"), true
}

// appendAge appends how long before now a moment was, in its largest unit.
func appendAge(dst []byte, d time.Duration) []byte {
	units := []struct {
		name string
		size time.Duration
	}{{"y", 365 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}}
	for _, u := range units {
		if d >= u.size {
			dst = appendInt(dst, int64(d/u.size))
			return append(dst, u.name...)
		}
	}
	return append(dst, "now"...)
}

// appendDuration appends how long something took, in its two largest units.
func appendDuration(dst []byte, d time.Duration) []byte {
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
	shown := 0
	for _, u := range units {
		if n := d / u.size; n > 0 || u.size == time.Second && shown == 0 {
			if shown > 0 {
				dst = append(dst, ' ')
			}
			dst = append(appendInt(dst, int64(n)), u.name...)
			d -= n * u.size
			shown++
		}
		if shown == 2 || shown == 1 && d < time.Second {
			break
		}
	}
	return dst
}
