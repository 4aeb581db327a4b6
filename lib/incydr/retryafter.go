package incydr

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxPause bounds what a server may ask for, so that no sum of times overflows.
const maxPause = 365 * 24 * time.Hour

// retryAfter reads the Retry-After of an answer: seconds or a date (RFC 9110, section 10.2.3).
// A date is held against the server's own Date where there is one, since this machine's clock
// may be wrong. It returns false where the header is absent or says nothing of use.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0, false
	}
	if strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(maxPause/time.Second) {
			return maxPause, true
		}
		return time.Duration(seconds) * time.Second, true
	}
	// Some servers send fractions, which the RFC does not have.
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds >= 0) {
			return 0, false
		}
		return time.Duration(min(seconds, maxPause.Seconds()) * float64(time.Second)), true
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), maxPause), true
}
