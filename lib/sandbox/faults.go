package sandbox

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// A fault is what goes wrong with one request.
type fault int

const (
	internalError  fault = iota // 500
	badGateway                  // 502, with a page of HTML as proxies send it
	unavailable                 // 503
	unavailableNow              // 503, Retry-After: 0
	unavailableSec              // 503, Retry-After: 1
	cutBefore                   // the connection ends before the request is looked at
	cutMiddle                   // the connection ends in the middle of the answer's body
	cutUnseen                   // the same, and nothing in the answer tells how long it was to be
	lost                        // a POST is done, but its answer never arrives
	noFault
)

// faults decides by the seed and the number of the request.
type faults struct {
	seed  uint64
	share float64
	asked atomic.Uint64
}

func (f *faults) next(req *http.Request) fault {
	if f.share <= 0 {
		return noFault
	}
	r := draw(f.seed, aboutFault, f.asked.Add(1))
	if r.Float64() >= f.share {
		return noFault
	}
	fault := fault(r.weighted(10, 10, 10, 8, 8, 16, 16, 4, 18))
	switch {
	case fault == lost && req.Method != "POST":
		return cutBefore
	case fault > cutBefore && req.URL.Path == RefreshPath:
		return cutBefore // a refresh token that is used up with its answer lost could never be replaced
	case fault == cutMiddle && req.Method == "POST" && req.URL.Path != oauthPath,
		fault == cutUnseen && req.Method == "POST":
		return lost // what was changed has no body to cut
	}
	return fault
}

// instead is the answer that takes the place of the right one.
func (f fault) instead() (reply, bool) {
	switch f {
	case internalError:
		return failure(http.StatusInternalServerError, "An unexpected error happened."), true
	case badGateway:
		return reply{status: http.StatusBadGateway, kind: "text/html",
			body: []byte("<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n")}, true
	case unavailable:
		return reply{status: http.StatusServiceUnavailable}, true
	case unavailableNow, unavailableSec:
		out := failure(http.StatusServiceUnavailable, "The service is busy.")
		out.header = []string{"Retry-After", strconv.Itoa(int(f - unavailableNow))}
		return out, true
	}
	return reply{}, false
}

// A limiter allows some requests a minute, and a sixth of them (ten seconds' worth) at once.
type limiter struct {
	bucket  *rate.Limiter // nil: no limit
	refused atomic.Uint64
}

func newLimiter(perMinute int) *limiter {
	if perMinute <= 0 {
		return &limiter{}
	}
	return &limiter{bucket: rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(1, perMinute/6))}
}

type refusal struct {
	reply
	wait time.Duration // what Retry-After says
}

// refuse takes a place for a request, or says when there will be one. Every fourth Retry-After
// is a date (RFC 9110, section 10.2.3), by the tenant's clock.
func (l *limiter) refuse(now time.Time) (refusal, bool) {
	if l.bucket == nil {
		return refusal{}, false
	}
	place := l.bucket.Reserve()
	delay := place.Delay()
	if delay == 0 {
		return refusal{}, false
	}
	place.Cancel()
	seconds := int((delay + time.Second - 1) / time.Second)
	out := failure(http.StatusTooManyRequests, "Too many requests.")
	wait := time.Duration(seconds) * time.Second
	value := strconv.Itoa(seconds)
	if l.refused.Add(1)%4 == 0 {
		at := now.Add(wait + time.Second).Truncate(time.Second)
		wait = at.Sub(now)
		value = at.UTC().Format(http.TimeFormat)
	}
	out.header = []string{"Retry-After", value}
	return refusal{out, wait}, true
}
