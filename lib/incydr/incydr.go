// Package incydr talks to one Incydr tenant: where it lives and who asks (Settings), tokens, a
// transport that rides out what passes (too many requests, a server that fails, cut and garbled
// answers), and one method for each call of the sessions API. A session is the bytes that the
// server gave; the package looks into it only for what a call is about.
//
// It knows nothing of walking a list that changes while it is read (see package search), of
// files, checkpoints and output.
package incydr

import (
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

const (
	// MaxPageSize is the most sessions that the server gives in one page.
	MaxPageSize = 50
	// MaxIDs is the most ids that one ChangeState takes.
	MaxIDs = 100
	// MaxNote is the longest note that the server takes, in characters.
	MaxNote = 2000
	// DefaultRetryFor is how long a call goes on against a server that fails.
	DefaultRetryFor = 5 * time.Minute
	// DefaultConcurrency is how many requests are in flight where nothing else was asked for.
	DefaultConcurrency = 8
)

// Options say how a Client behaves. The zero value is fit for use.
type Options struct {
	Log         *slog.Logger  // nil: nothing is logged
	RetryFor    time.Duration // how long a call goes on against a server that fails; 0: DefaultRetryFor, negative: one attempt
	Rate        int           // requests a minute; 0: as fast as the server allows
	Concurrency int           // requests in flight that connections are kept for; 0: DefaultConcurrency
	UserAgent   string        // NAME/VERSION of the program
}

// A Client makes requests of one tenant. All of its methods may be called at once from many
// goroutines: they share its connections, its token and its pace, so that a pause the server
// asks of one is kept by all.
type Client struct {
	settings  Settings
	http      *http.Client
	log       *slog.Logger
	retryFor  time.Duration
	userAgent string
	pace      *pace
	tokens    *tokens
	secrets   *redactor
	stats     counters
	notes     noteLog
	clock     serverClock
	stall     time.Duration // how long a body may give nothing
	whole     time.Duration // how long an answer may take to arrive
	answer    time.Duration // how long the first attempt's may take to begin
	quiet     time.Duration // how long people are not told that the server fails or does not answer
	told      atomic.Bool   // they have been, since the last good answer
	firstWait time.Duration // before an attempt is tried again for the first time
	reached   atomic.Bool   // some answer came from the tenant
	served    atomic.Bool   // some call of the API was answered as it should be
	success   atomic.Int64  // when the last call was, as nanoseconds since start
	start     time.Time
}

// New returns a Client of the tenant that the settings name.
func New(settings Settings, options Options) *Client {
	c := &Client{
		settings:  settings,
		log:       options.Log,
		retryFor:  options.RetryFor,
		userAgent: options.UserAgent,
		start:     time.Now(),
		stall:     stallTimeout,
		whole:     wholeTimeout,
		answer:    answerTimeout,
		quiet:     quietTime,
		firstWait: firstWait,
	}
	if c.log == nil {
		c.log = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 100}))
	}
	switch {
	case c.retryFor == 0:
		c.retryFor = DefaultRetryFor
	case c.retryFor < 0:
		c.retryFor = 0
	}
	if settings.UserAgentPrefix != "" {
		c.userAgent = settings.UserAgentPrefix + " " + c.userAgent
	}
	concurrency := options.Concurrency
	if concurrency <= 0 {
		concurrency = DefaultConcurrency
	}
	c.secrets = newRedactor(settings)
	c.pace = newPace(options.Rate)
	c.tokens = &tokens{client: c, refresh: settings.RefreshToken}
	c.http = newHTTPClient(c, concurrency)
	return c
}

// PageSize is how many sessions a page holds: MaxPageSize, or fewer where the settings say so.
func (c *Client) PageSize() int {
	if c.settings.PageSize <= 0 {
		return MaxPageSize
	}
	return c.settings.PageSize
}

// token is what the server gave for the credentials.
type token = oauth2.Token
