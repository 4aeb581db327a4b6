// Package sandbox is an Incydr tenant on this machine: the sessions API over made-up sessions,
// with the moods of a real server (latency, rate limits, faults, late and moving sessions).
//
// It exists so that the tools can be tested and shown without a real tenant. It is written from
// the API's description alone and shares no code with the client packages, so that a misreading
// on one side is not repeated on the other. It persists nothing: the same options give the same
// data, byte for byte.
package sandbox

import (
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what kind of tenant it is. The zero value is an empty tenant that is never slow,
// refuses nobody and whose clock is the real one.
type Options struct {
	Sessions int           // how many there are from the start, visible or not yet
	Seed     uint64        // the same seed gives the same data
	Days     int           // how many days the sessions' begin times span; 0: 90
	Until    time.Time     // where the data ends; zero: the last midnight, UTC
	Now      time.Time     // where the tenant's clock starts; zero: the real time
	Lag      time.Duration // a session shows up as much as this after its end
	Hostile  bool          // data that tries to break what displays it

	Latency   time.Duration // how long each request waits before it is looked at
	Rate      int           // requests a minute before 429; 0: no limit
	Faults    float64       // share of requests that fail by the server's fault, 0 to 1
	TokenLife time.Duration // how long a token is good for; 0: 15 minutes
	Churn     time.Duration // how often something changes by itself; 0: never

	Log *slog.Logger // one line a request at info; nil: none
}

// A Tenant serves the API. It is an http.Handler and safe for concurrent use.
type Tenant struct {
	options Options
	log     *slog.Logger
	clock   *clock
	tokens  *tokens
	limiter *limiter
	faults  *faults
	stats   *counters
	routes  []route
	control []route

	next atomic.Int64 // the clock's reading at which something is due to happen, ms

	mu      sync.RWMutex // guards what follows, and every session
	all     []*session   // by number, visible or not
	byID    map[string]*session
	byEnd   ordered
	byScore ordered
	due     agenda
	churned atomic.Int64 // churn's steps taken
	found   results

	actors []actor
	shares []int // of the actors, as weights
	began  time.Time
}

// New returns a tenant. What it does by itself it does when it is asked something, so that it
// needs no closing.
func New(o Options) *Tenant {
	if o.Days <= 0 {
		o.Days = 90
	}
	if o.Until.IsZero() {
		o.Until = time.Now().UTC().Truncate(24 * time.Hour)
	}
	if o.TokenLife <= 0 {
		o.TokenLife = 15 * time.Minute
	}
	t := &Tenant{
		options: o,
		log:     o.Log,
		clock:   newClock(o.Now),
		tokens:  newTokens(o.Seed, o.TokenLife),
		limiter: newLimiter(o.Rate),
		faults:  &faults{seed: o.Seed, share: o.Faults},
		stats:   newCounters(),
		began:   time.Now(),
		byEnd:   ordered{before: endsBefore},
		byScore: ordered{before: scoresBelow},
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	t.routes = t.apiRoutes()
	t.control = t.controlRoutes()
	t.populate()
	return t
}

// ClientID is the id of the API client that may do everything. With "-reader" after it, changes
// are refused with 403; with "-stranger", everything is.
func (t *Tenant) ClientID() string { return t.tokens.client }

// ClientSecret is the secret of every API client of this tenant.
func (t *Tenant) ClientSecret() string { return t.tokens.secret }

// RefreshToken is the first refresh token; each use of one gives the next.
func (t *Tenant) RefreshToken() string { return t.tokens.first }

const oauthPath = "/v1/oauth"

// RefreshPath is where refresh tokens are exchanged.
const RefreshPath = oauthPath + "/refresh"

// Environ is what a tool needs to find this tenant at the base URL, as NAME=VALUE.
func (t *Tenant) Environ(base string) []string {
	return []string{
		"INCYDR_URL=" + base,
		"INCYDR_API_CLIENT_ID=" + t.ClientID(),
		"INCYDR_API_CLIENT_SECRET=" + t.ClientSecret(),
		"SESS_SANDBOX_URL=" + base,
	}
}

// RefreshEnviron is Environ for a client with a refresh token in place of id and secret.
func (t *Tenant) RefreshEnviron(base string) []string {
	return []string{
		"INCYDR_URL=" + base,
		"INCYDR_REFRESH_TOKEN=" + t.RefreshToken(),
		"INCYDR_REFRESH_URL=" + base + RefreshPath,
		"SESS_SANDBOX_URL=" + base,
	}
}

func clientID(seed uint64) string { return "key-sandbox-" + strconv.FormatUint(seed, 10) }
