package incydr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"sess/lib/jsonl"
)

// tokenLife is how long a token lasts where the server does not say.
const tokenLife = 900 * time.Second

// maxToken is the largest answer with a token, in bytes.
const maxToken = 1 << 20

// tokens hold the access token that all requests share. It is renewed shortly before it
// expires, by one request, for which everybody who needs a token waits.
type tokens struct {
	client *Client

	mu       sync.Mutex
	access   string
	renewAt  time.Time
	renewing *renewal
	refused  error  // the server's last word on the credentials
	refresh  Secret // what the next token is exchanged for, where there is no file of them; used by one renewal at a time
}

type renewal struct {
	done chan struct{}
	err  error
}

// get returns a token that is good for now.
func (t *tokens) get(ctx context.Context) (string, error) {
	for {
		t.mu.Lock()
		if t.refused != nil {
			defer t.mu.Unlock()
			return "", t.refused
		}
		if t.access != "" && time.Now().Before(t.renewAt) {
			defer t.mu.Unlock()
			return t.access, nil
		}
		r, mine := t.renewing, false
		if r == nil {
			r, mine = &renewal{done: make(chan struct{})}, true
			t.renewing = r
		}
		t.mu.Unlock()
		if mine {
			t.renew(ctx, r)
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		// Where the one that asked was called off, the next one asks.
		if r.err != nil && (mine || !errors.Is(r.err, errCalledOff)) {
			return "", r.err
		}
	}
}

// good reports whether a token that was got earlier is still the one to use.
func (t *tokens) good(access string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.access == access && time.Now().Before(t.renewAt)
}

// spoil makes the next get ask for a new token, unless somebody did already.
func (t *tokens) spoil(access string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.access == access {
		t.access = ""
	}
}

// errCalledOff ends a renewal whose request was cancelled, which says nothing to the others
// that wait for it.
var errCalledOff = errors.New("called off")

func (t *tokens) renew(ctx context.Context, r *renewal) {
	var got *token
	var err error
	if t.refresh.Empty() {
		got, err = t.client.credentials(ctx)
	} else {
		got, err = t.exchange(ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	defer close(r.done)
	t.renewing = nil
	if err != nil {
		var refused *CredentialsError
		if errors.As(err, &refused) {
			t.refused = err
		} else if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", errCalledOff, ctx.Err())
		}
		r.err = err
		return
	}
	life := tokenLife
	if !got.Expiry.IsZero() {
		life = max(time.Until(got.Expiry), time.Second) // clocks may disagree
	}
	t.access = got.AccessToken
	t.renewAt = time.Now().Add(life - min(life/5, time.Minute))
}

// exchange gets a token for the refresh token that is good now.
func (t *tokens) exchange(ctx context.Context) (got *token, err error) {
	c := t.client
	err = c.settings.refreshed.exchange(ctx, t.refresh, func(with Secret) (string, error) {
		c.secrets.add(with.Reveal())
		if got, err = c.refresh(ctx, with); err != nil {
			return "", err
		}
		if got.RefreshToken != "" {
			t.refresh = NewSecret(got.RefreshToken)
		}
		return got.RefreshToken, nil
	}, func(err error) {
		c.log.Warn(err.Error(), "hint", "the next process needs a new INCYDR_REFRESH_TOKEN")
	})
	return got, err
}

// CredentialsError is the server's refusal to give a token.
type CredentialsError struct {
	Path    string
	Status  int
	Message string
}

func (e *CredentialsError) Error() string {
	s := fmt.Sprintf("the server refused the credentials: POST %s: %d %s", e.Path, e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// ExitCode is that of refused credentials.
func (e *CredentialsError) ExitCode() int { return 4 }

// Hint says what to check.
func (e *CredentialsError) Hint() string {
	return "check INCYDR_API_CLIENT_ID and INCYDR_API_CLIENT_SECRET (or INCYDR_REFRESH_TOKEN), and that INCYDR_URL is the tenant they are for"
}

// credentials asks for a token with the client's id and secret (RFC 6749, section 4.4).
func (c *Client) credentials(ctx context.Context) (*token, error) {
	address := c.settings.URL.JoinPath("/v1/oauth")
	// The vendor's description has the grant type in the query, the RFC has it in the body;
	// oauth2 puts it there.
	address.RawQuery = "grant_type=client_credentials"
	config := clientcredentials.Config{
		ClientID:     c.settings.ClientID,
		ClientSecret: c.settings.ClientSecret.Reveal(),
		TokenURL:     address.String(),
		AuthStyle:    oauth2.AuthStyleInHeader,
	}
	got, err := c.askToken(ctx, config, false)
	var refused *CredentialsError
	if errors.As(err, &refused) && refused.Status == http.StatusUnauthorized && encodingMatters(config) {
		got, err = c.askToken(ctx, config, true)
	}
	return got, err
}

// askToken makes one request for a token. The RFC (section 2.3.1) encodes id and secret as in a
// form before they go into the Authorization header; the vendor's own documentation does not,
// and a secret with a % in it shows the difference.
func (c *Client) askToken(ctx context.Context, config clientcredentials.Config, encoded bool) (*token, error) {
	transport := roundTripper(func(req *http.Request) (*http.Response, error) {
		if !encoded {
			req.SetBasicAuth(config.ClientID, config.ClientSecret)
		}
		return c.tokenAnswer(req, "access_token")
	})
	got, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: transport}))
	var says *oauth2.RetrieveError
	if errors.As(err, &says) {
		message := says.ErrorDescription
		if message == "" {
			message = serverMessage(says.Body)
		}
		if message == "" {
			message = says.ErrorCode
		}
		return nil, c.tokenRefused(c.settings.URL.Path+"/v1/oauth", says.Response.StatusCode, message)
	}
	if err != nil {
		return nil, unwrapURL(err)
	}
	c.secrets.add(got.AccessToken)
	return got, nil
}

// refresh exchanges the refresh token for a token and the next refresh token.
func (c *Client) refresh(ctx context.Context, with Secret) (*token, error) {
	body, err := codec.Marshal(map[string]string{"refreshToken": with.Reveal()})
	if err != nil {
		return nil, fmt.Errorf("write the request for a token: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.settings.RefreshURL.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask for a token: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.tokenAnswer(req, "accessToken")
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read the token: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, c.tokenRefused(c.settings.RefreshURL.Path, res.StatusCode, serverMessage(answer))
	}
	type half struct {
		TokenValue string          `json:"tokenValue"`
		ExpiresAt  json.RawMessage `json:"expiresAt"`
	}
	var both struct {
		AccessToken  half `json:"accessToken"`
		RefreshToken half `json:"refreshToken"`
	}
	if err := codec.Unmarshal(answer, &both); err != nil || both.AccessToken.TokenValue == "" {
		return nil, errors.New("ask for a token: the answer holds no accessToken.tokenValue")
	}
	c.secrets.add(both.AccessToken.TokenValue)
	c.secrets.add(both.RefreshToken.TokenValue)
	got := &token{AccessToken: both.AccessToken.TokenValue, RefreshToken: both.RefreshToken.TokenValue}
	if expires, ok := instant(both.AccessToken.ExpiresAt); ok {
		now := time.Now()
		if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
			now = date
		}
		got.Expiry = time.Now().Add(expires.Sub(now))
	}
	return got, nil
}

// instant reads a time that is RFC 3339 or a count of seconds or milliseconds since the epoch.
func instant(raw json.RawMessage) (time.Time, bool) {
	text := jsonl.Text(raw)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		if n < 1e11 {
			return time.Unix(n, 0), true
		}
		return time.UnixMilli(n), true
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	return at, err == nil
}

func (c *Client) tokenRefused(path string, status int, message string) error {
	message = c.secrets.clean(clip(message))
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return &CredentialsError{Path: path, Status: status, Message: message}
	}
	return &StatusError{Method: http.MethodPost, Path: path, Status: status, Message: message}
}

// tokenAnswer sends a request for a token as often as it takes, and returns the answer with its
// body read; an answer with status 200 is a JSON object that has the field.
func (c *Client) tokenAnswer(req *http.Request, field string) (*http.Response, error) {
	c.stats.token()
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, fmt.Errorf("write the request for a token: %w", err)
		}
	}
	answer := &http.Response{Request: req}
	err := c.do(req.Context(), call{
		method:   req.Method,
		address:  req.URL,
		path:     req.URL.Path,
		header:   req.Header,
		body:     body,
		forToken: true,
		read: func(res *http.Response) error {
			var text []byte
			var err error
			if res.StatusCode == http.StatusOK {
				if text, err = jsonl.ReadObject(res.Body, maxToken); err != nil {
					return err
				}
				if jsonl.Lookup(text, field) == nil {
					return &jsonl.MalformedError{Problem: "it has no " + field}
				}
			} else if text, err = io.ReadAll(io.LimitReader(res.Body, maxMessage)); err != nil {
				return err
			}
			answer.Status, answer.StatusCode, answer.Header = res.Status, res.StatusCode, res.Header.Clone()
			answer.Header.Set("Content-Type", "application/json") // it was looked at
			answer.Body = io.NopCloser(bytes.NewReader(text))
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
