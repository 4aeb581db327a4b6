package incydr

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"sess/lib/jsonl"
	"sess/lib/neterror"
)

const (
	// firstContact is how long a server is tried that nothing was ever heard of.
	firstContact = 2 * time.Second
	// badAnswers is how often a server that never gave one good answer may give one that is
	// no answer of this API, before it is taken for something else than the tenant.
	badAnswers = 6
	// The wait before an attempt is tried again doubles from the first to the last.
	firstWait = 200 * time.Millisecond
	lastWait  = 15 * time.Second
	// maxMessage is how much of an answer that says no is read, in bytes.
	maxMessage = 64 << 10
)

// A call is one request to make, as often as it takes.
type call struct {
	method, path string
	query        url.Values
	address      *url.URL // in place of the tenant's address, the path and the query
	header       http.Header
	body         []byte
	forToken     bool                                // it asks for a token, so it carries none
	read         func(*http.Response) error          // reads an answer of 2xx, or any final one where forToken is set
	happened     func(context.Context) (bool, error) // not nil: never repeat the request without asking this whether it took effect
}

// tries are the attempts at one call.
type tries struct {
	call
	client    *Client
	attempts  int
	sent      time.Time // when the last attempt was
	token     string    // that the last attempt carried
	renewed   bool      // a new token was tried
	failing   time.Time // since when attempts fail
	malformed int       // answers in a row that were none of this API's
	unknown   bool      // the last attempt may have taken effect
	now       bool      // try again without a wait
	why       error     // why the last attempt failed
	final     error     // why there is no further one
	stopped   *Stopped  // it would have been made again, had the run not been stopped
}

type triesKey struct{}

// errHappened ends the attempts at a request that turned out to have taken effect.
var errHappened = errors.New("it has taken effect")

// do makes the call until it is answered, until an answer is final, or until the time for
// trying again is over.
func (c *Client) do(ctx context.Context, k call) error {
	t := &tries{call: k, client: c}
	address := k.address
	if address == nil {
		full := *c.settings.URL
		// The path is escaped already: an id may hold a slash.
		if parsed, err := url.Parse(full.Path + k.path); err == nil {
			full.Path, full.RawPath = parsed.Path, parsed.RawPath
		}
		full.RawQuery = k.query.Encode()
		address = &full
	}
	var payload any
	if k.body != nil {
		payload = k.body
	}
	req, err := retryablehttp.NewRequestWithContext(context.WithValue(ctx, triesKey{}, t), k.method, address.String(), payload)
	if err != nil {
		return fmt.Errorf("%s %s: %w", k.method, k.path, err)
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	if k.body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.SetResponseHandler(t.finish)
	again := retryablehttp.Client{
		HTTPClient:   c.http,
		RetryMax:     math.MaxInt,
		CheckRetry:   t.again,
		Backoff:      t.wait,
		PrepareRetry: t.prepare,
		ErrorHandler: func(res *http.Response, err error, _ int) (*http.Response, error) {
			if res != nil {
				res.Body.Close()
			}
			return nil, err
		},
	}
	_, err = again.Do(req)
	switch {
	case err == nil, errors.Is(err, errHappened):
		if !t.forToken {
			c.served.Store(true)
		}
		c.success.Store(int64(time.Since(c.start)))
		c.told.Store(false)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}

// finish reads an answer that is not going to be tried again.
func (t *tries) finish(res *http.Response) error {
	defer res.Body.Close()
	if t.final != nil {
		return t.final
	}
	t.client.pace.accept()
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return t.read(res)
	}
	if t.forToken && res.StatusCode >= 400 {
		return t.read(res)
	}
	return t.statusError(res)
}

func (t *tries) statusError(res *http.Response) *StatusError {
	e := &StatusError{Method: t.method, Path: t.path, Status: res.StatusCode}
	if to := res.Header.Get("Location"); res.StatusCode/100 == 3 && to != "" {
		e.Message = "it sends on to " + clip(t.client.secrets.clean(to)) + "; check INCYDR_URL"
		return e
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxMessage))
	e.Message = clip(t.client.secrets.clean(serverMessage(text)))
	return e
}

// serverMessage finds the message in an answer that says no.
func serverMessage(text []byte) string {
	var says struct {
		Msg, Message     json.RawMessage
		ErrorDescription string `json:"error_description"`
		Error            json.RawMessage
	}
	if codec.Unmarshal(text, &says) == nil {
		for _, raw := range []json.RawMessage{says.Msg, says.Message, json.RawMessage(says.ErrorDescription), says.Error} {
			if s := jsonl.Text(raw); s != "" && s != "null" {
				return s
			}
		}
		return ""
	}
	s := strings.TrimSpace(string(text))
	if strings.HasPrefix(s, "<") {
		return "" // a page for browsers says nothing that the status does not
	}
	return s
}

// again decides whether to try again after an attempt that got an answer or failed. It is
// also asked once more after the answer was read.
func (t *tries) again(ctx context.Context, res *http.Response, err error) (bool, error) {
	if t.final != nil {
		return false, t.final
	}
	why := t.why
	more, err := t.decide(ctx, res, err)
	if !more {
		t.final = err
	}
	if errors.Is(t.why, errStopped) {
		t.why = why
	}
	if t.stop(ctx, more, err) {
		return false, t.stopped
	}
	return more, err
}

func (t *tries) decide(ctx context.Context, res *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	t.now, t.unknown = false, false
	if err != nil {
		return t.afterError(unwrapURL(err))
	}
	status := res.StatusCode
	pause, asked := retryAfter(res.Header, time.Now())
	switch {
	case status == http.StatusUnauthorized && !t.forToken && !t.renewed:
		t.renewed, t.now = true, true
		t.client.tokens.spoil(t.token)
		t.why = t.statusError(res)
		return true, nil
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && asked:
		t.why = t.statusError(res)
		t.unknown = status != http.StatusTooManyRequests
		return t.throttled(status, pause, asked)
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		t.why = t.statusError(res)
		t.unknown, t.renewed, t.malformed = true, false, 0
		return t.inTime(0, false)
	}
	return false, nil
}

// throttled keeps all requests of the process back for as long as the server asks for, or for a little
// while where it does not say.
func (t *tries) throttled(status int, pause time.Duration, asked bool) (bool, error) {
	c := t.client
	t.renewed, t.malformed = false, 0
	if !asked {
		pause = backoff(t.attempts+1, time.Second)
	}
	if pause > c.retryFor {
		t.why = fmt.Errorf("%w; it asks for a pause of %s", t.why, pause)
	}
	again, err := t.inTime(pause, true)
	if !again {
		return again, err
	}
	longer := time.Duration(0)
	if status == http.StatusTooManyRequests {
		longer = c.pace.refuse(t.sent, pause)
	} else {
		longer = c.pace.pause(pause)
	}
	if longer > 0 {
		c.stats.paused(longer)
		c.log.Info("pausing all requests", "ms", pause.Milliseconds(), "status", status, "path", t.path)
	}
	t.now = true // the pause is the wait
	return true, nil
}

// afterError decides what to do after an attempt without an answer, or with one that could not be read.
func (t *tries) afterError(err error) (bool, error) {
	var (
		status *StatusError
		token  *tokenFailure
		bad    *jsonl.MalformedError
		large  *jsonl.TooLargeError
	)
	switch {
	case errors.As(err, &token):
		return false, token.err
	case errors.As(err, &status):
		return false, err
	case errors.As(err, &large):
		return false, &BadAnswer{Method: t.method, Path: t.path, What: "the answer does not come to an end", Err: err}
	case hopeless(err):
		return false, &Unreachable{Address: t.origin(), Err: err}
	}
	t.why = neterror.InWords(err)
	t.unknown = true
	if errors.As(err, &bad) {
		t.why = &BadAnswer{Method: t.method, Path: t.path, What: "the answer is not what this API gives", Err: bad}
		t.malformed++
		if t.malformed >= badAnswers && !t.client.served.Load() {
			return false, fmt.Errorf("%w (%d times in a row)", t.why, t.malformed)
		}
	}
	if notSent(err) {
		t.unknown = false
		if !t.client.reached.Load() {
			return t.introduce()
		}
	}
	return t.inTime(0, false)
}

// introduce goes on for a moment with a server that nothing was heard of yet: it may be about
// to start. More often its address is wrong.
func (t *tries) introduce() (bool, error) {
	if t.failing.IsZero() {
		t.failing = time.Now()
	}
	if time.Since(t.sent) > firstContact || time.Since(t.failing) > min(firstContact, t.client.retryFor) {
		return false, &Unreachable{Address: t.origin(), Err: t.why}
	}
	return true, nil
}

// origin is the address of the server that is asked, without the path.
func (t *tries) origin() string {
	u := t.address
	if u == nil {
		u = t.client.settings.URL
	}
	return u.Scheme + "://" + u.Host
}

// patience is how long the server may take to begin its answer: longer with each attempt, and not
// much longer than the time for all of them, where there is to be more than one.
func (t *tries) patience() time.Duration {
	d := t.client.answer
	if t.attempts > 1 {
		d *= 2
	}
	if left, limited := t.left(); limited {
		d = min(d, max(left, t.client.answer/3))
	}
	return d
}

// left is how much of the time for trying again is left. limited is false where only one attempt
// is to be made.
func (t *tries) left() (left time.Duration, limited bool) {
	if t.failing.IsZero() {
		return t.client.retryFor, t.client.retryFor > 0
	}
	return t.client.retryFor - time.Since(t.failing), t.client.retryFor > 0
}

// inTime reports whether there is time for one more attempt after a pause. A server that holds this call
// back while it serves others of the process does not fail.
func (t *tries) inTime(pause time.Duration, throttled bool) (bool, error) {
	now := time.Now()
	if t.failing.IsZero() {
		t.failing = now
		if !throttled && !t.sent.IsZero() {
			t.failing = t.sent
		}
	}
	since := t.failing
	if served := t.client.start.Add(time.Duration(t.client.success.Load())); throttled && served.After(since) {
		since = served
	}
	if now.Sub(since)+pause > t.client.retryFor || t.client.retryFor == 0 {
		return false, t.giveUp()
	}
	if now.Sub(since) >= t.client.quiet && !throttled {
		t.tell("the server fails, trying again", t.why)
	}
	return true, nil
}

// tell tells people what the program waits for, once until the next good answer.
func (t *tries) tell(what string, why error) {
	c := t.client
	if !c.told.Swap(true) {
		c.log.Warn(what, "server", t.origin(), "path", t.path, "because", c.secrets.clean(why.Error()), "retry_for", c.retryFor)
	}
}

func (t *tries) giveUp() error {
	err := t.why
	var bad *BadAnswer
	if errors.As(err, &bad) {
		err = fmt.Errorf("%s: %w", bad.What, bad.Err)
	}
	var status *StatusError
	if errors.As(err, &status) {
		err = errors.New(strings.TrimPrefix(err.Error(), status.Method+" "+status.Path+": "))
	}
	if t.unknown && t.happened != nil {
		err = fmt.Errorf("%w; whether the note was added is not known", err)
	}
	path := t.path
	if !t.client.reached.Load() {
		path = t.origin() + path
	}
	return &GaveUp{Method: t.method, Path: path, Attempts: t.attempts, After: time.Since(t.failing), Err: err}
}

// wait is how long to wait before the next attempt.
func (t *tries) wait(_, _ time.Duration, _ int, _ *http.Response) time.Duration {
	t.client.stats.retry()
	d := time.Duration(0)
	if !t.now {
		d = backoff(t.attempts, t.client.firstWait)
		if left, limited := t.left(); limited && !t.failing.IsZero() {
			d = min(d, max(left, 0)) // the last attempt is made when the time is over
		}
	}
	why := ""
	if t.why != nil {
		why = t.client.secrets.clean(t.why.Error())
	}
	t.client.log.Info("trying again", "method", t.method, "path", t.path, "attempt", t.attempts+1, "wait_ms", d.Milliseconds(), "because", why)
	return d
}

// backoff is a random time up to first doubled with each attempt, and at least half of it.
func backoff(attempts int, first time.Duration) time.Duration {
	d := lastWait
	if attempts = max(attempts-1, 0); attempts < 16 {
		d = min(first<<attempts, lastWait)
	}
	return d/2 + rand.N(d/2+1)
}

// prepare asks, before a request is repeated that must not take effect twice, whether it
// already did.
func (t *tries) prepare(req *http.Request) error {
	if !t.unknown || t.happened == nil {
		return nil
	}
	happened, err := t.happened(req.Context())
	if err != nil {
		return fmt.Errorf("%s %s: its outcome is not known (%w), and looking for it failed: %w", t.method, t.path, t.why, err)
	}
	if happened {
		t.client.log.Info("the request had taken effect", "method", t.method, "path", t.path)
		return errHappened
	}
	return nil
}

// unwrapURL takes the address off an error of net/http: what failed is named by the caller,
// and a query need not be.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// notSent reports whether the request cannot have left: there was no connection to the server.
func notSent(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	var dns *net.DNSError
	return errors.As(err, &dns)
}

// hopeless reports whether an attempt failed for a reason that stays.
func hopeless(err error) bool {
	var (
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		header    tls.RecordHeaderError
	)
	return errors.As(err, &verify) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &header) ||
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}
