package incydr

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzhttp"
)

// How long the steps of one attempt may take. A slow line is no fault as long as something
// arrives, within reason.
const (
	dialTimeout   = 8 * time.Second
	answerTimeout = 30 * time.Second // of a first attempt
	stallTimeout  = 30 * time.Second
	wholeTimeout  = 5 * time.Minute
	quietTime     = 10 * time.Second // before people are told what is waited for
)

// newTransport returns what carries requests: HTTP/2, gzip, connections kept for as many requests as
// are in flight, proxies from the environment.
func newTransport(conf *tls.Config, concurrency int) http.RoundTripper {
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     conf,
		TLSHandshakeTimeout: dialTimeout,
		ForceAttemptHTTP2:   true,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
		MaxIdleConns:        concurrency + 2,
		MaxIdleConnsPerHost: concurrency + 2,
		IdleConnTimeout:     90 * time.Second,
	}
	// With the standard library's gzip a whole search takes an eighth more processor time.
	return gzhttp.Transport(t, gzhttp.TransportEnableZstd(false))
}

// newHTTPClient returns the HTTP client below all requests.
func newHTTPClient(c *Client, concurrency int) *http.Client {
	return &http.Client{
		Transport: &attempt{client: c, base: newTransport(&tls.Config{MinVersion: tls.VersionTLS12}, concurrency)},
		// A redirect within the tenant is followed for what only reads. Any other is an answer that
		// somebody should look at: following it would carry the request, and perhaps a
		// secret, to where nobody sent it.
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			first := via[0]
			if len(via) > 5 || first.Method != http.MethodGet || !sameOrigin(first.URL, req.URL) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

// An attempt is the round trip of one request that is sent once: it waits for its turn, carries a token,
// is logged and counted.
type attempt struct {
	client *Client
	base   http.RoundTripper
}

func (a *attempt) RoundTrip(in *http.Request) (*http.Response, error) {
	c := a.client
	t := in.Context().Value(triesKey{}).(*tries)
	ctx, cancel := context.WithCancelCause(in.Context())
	req := in.Clone(ctx)
	wait, forget := sending(ctx)
	defer forget()
	if err := a.admit(wait, t, req); err != nil {
		cancel(nil)
		return nil, err
	}
	t.attempts++
	t.sent = time.Now()
	c.logRequest(req, t)
	patience := t.patience()
	silence := time.AfterFunc(patience, func() { cancel(errSilent) })
	notice := time.AfterFunc(c.quiet, func() { t.tell("waiting for the server", fmt.Errorf("%w for %v", errSilent, c.quiet)) })
	res, err := a.base.RoundTrip(req)
	silence.Stop()
	notice.Stop()
	if err != nil {
		if errors.Is(context.Cause(ctx), errSilent) {
			err = fmt.Errorf("%w within %v", errSilent, patience.Round(100*time.Millisecond))
		}
		cancel(nil)
		c.stats.request(0)
		c.log.Info("request", "method", req.Method, "path", t.path, "status", 0, "ms", time.Since(t.sent).Milliseconds(), "attempt", t.attempts, "error", c.secrets.clean(err.Error()))
		return nil, err
	}
	c.reached.Store(true)
	c.stats.request(res.StatusCode)
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		c.clock.set(date, time.Now())
	}
	whole := time.AfterFunc(c.whole, func() { cancel(errEndless) })
	res.Body = &body{ReadCloser: res.Body, ctx: ctx, cancel: cancel, whole: whole, client: c, tries: t, res: res, sent: t.sent, attempt: t.attempts,
		keep: !t.forToken && c.log.Enabled(ctx, slog.LevelDebug)}
	return res, nil
}

// admit gives the request its token and waits until it may be sent.
func (a *attempt) admit(ctx context.Context, t *tries, req *http.Request) (err error) {
	c := a.client
	if !t.forToken {
		if t.token, err = c.tokens.get(ctx); err != nil {
			return &tokenFailure{stopCause(ctx, err)}
		}
	}
	if err = c.pace.wait(ctx); err != nil {
		return stopCause(ctx, err)
	}
	for !t.forToken && !c.tokens.good(t.token) { // it got old while the server wanted a pause
		if t.token, err = c.tokens.get(ctx); err != nil {
			return &tokenFailure{stopCause(ctx, err)}
		}
		if err = c.pace.sleepUntil(ctx); err != nil {
			return stopCause(ctx, err)
		}
	}
	if !t.forToken && sameOrigin(req.URL, c.settings.URL) {
		req.Header.Set("Authorization", "Bearer "+t.token)
	}
	return nil
}

// A tokenFailure ends a request that could not get a token. The tokens have gone on for as
// long as it makes sense already.
type tokenFailure struct{ err error }

func (e *tokenFailure) Error() string { return e.err.Error() }
func (e *tokenFailure) Unwrap() error { return e.err }

// errSilent is a server that takes a request and does not answer.
var errSilent = errors.New("no answer")

// errStalled is a body of which nothing more arrived.
var errStalled = errors.New("the answer stopped in the middle, and nothing more arrived")

// errEndless is a body that goes on for ever, bit by bit.
var errEndless = errors.New("the answer does not come to an end")

// shownBody is how much of a body the log shows at most, in bytes.
const shownBody = 16 << 10

// A body is the body of an answer that ends by itself where nothing more arrives, and that is
// logged when it is closed.
type body struct {
	io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	whole   *time.Timer
	client  *Client
	tries   *tries
	res     *http.Response
	sent    time.Time
	attempt int
	size    int64
	keep    bool
	seen    []byte
	err     error
	closed  atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	timer := time.AfterFunc(b.client.stall, func() { b.cancel(errStalled) })
	n, err := b.ReadCloser.Read(p)
	timer.Stop()
	b.size += int64(n)
	if b.keep && len(b.seen) < 2*shownBody {
		b.seen = append(b.seen, p[:n]...)
	}
	if err != nil && err != io.EOF {
		if cause := context.Cause(b.ctx); errors.Is(cause, errStalled) || errors.Is(cause, errEndless) {
			err = cause
		}
		b.err = err
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.whole.Stop()
	b.cancel(nil)
	if b.closed.Swap(true) {
		return err
	}
	b.client.logAnswer(b)
	return err
}

// A serverClock knows the server's time from the Date of its answers, to about a second.
type serverClock struct {
	offset atomic.Pointer[time.Duration]
}

func (s *serverClock) set(date, now time.Time) {
	d := date.Sub(now)
	s.offset.Store(&d)
}

// at returns the server's time at a moment of this machine's clock; false where no answer
// told yet.
func (s *serverClock) at(local time.Time) (time.Time, bool) {
	d := s.offset.Load()
	if d == nil {
		return time.Time{}, false
	}
	return local.Add(*d), true
}
