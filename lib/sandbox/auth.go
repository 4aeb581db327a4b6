package sandbox

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A role is what an API client may do.
type role int

const (
	everything role = iota
	reader          // changes are refused
	stranger        // all but getting a token is refused
)

type grant struct {
	role  role
	until time.Time // real time: moving the tenant's clock does not end tokens
}

// tokens are the credentials that are good here. Tokens are not derived from the seed: a tenant
// that was started again knows none of those it gave out before.
type tokens struct {
	client, secret, first string
	life                  time.Duration

	mu      sync.Mutex
	access  map[string]grant
	refresh map[string]bool
}

func newTokens(seed uint64, life time.Duration) *tokens {
	k := &tokens{client: clientID(seed), life: life, access: make(map[string]grant), refresh: make(map[string]bool)}
	h := hash(seed, aboutID, 0)
	k.secret = "sandbox-secret-" + uuid(h, mix(h))
	k.first = "sandbox-refresh-" + uuid(mix(h), h)
	k.refresh[k.first] = true
	return k
}

// login returns the role of an API client, and whether its credentials are right.
func (k *tokens) login(id, secret string) (role, bool) {
	if secret != k.secret {
		return 0, false
	}
	switch strings.TrimPrefix(id, k.client) {
	case "":
		return everything, true
	case "-reader":
		return reader, true
	case "-stranger":
		return stranger, true
	}
	return 0, false
}

// grant makes a new token.
func (k *tokens) grant(r role) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for token, g := range k.access {
		if now.After(g.until) {
			delete(k.access, token)
		}
	}
	token := "sandbox-token-" + rand.Text()
	k.access[token] = grant{r, now.Add(k.life)}
	return token
}

// check looks at an Authorization header (RFC 6750, section 2.1).
func (k *tokens) check(header string) (role, bool) {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return 0, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	g, ok := k.access[strings.TrimSpace(token)]
	return g.role, ok && time.Now().Before(g.until)
}

// exchange uses up a refresh token and returns the next one.
func (k *tokens) exchange(token string) (next string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.refresh[token] {
		return "", false
	}
	delete(k.refresh, token)
	next = "sandbox-refresh-" + rand.Text()
	k.refresh[next] = true
	return next, true
}

// oauth is the client credentials grant (RFC 6749, section 4.4). Credentials come as HTTP basic
// or in the form.
func (t *Tenant) oauth(r *http.Request, _ string) reply {
	r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return failure(http.StatusBadRequest, "The form cannot be read.")
	}
	if v := r.Form.Get("grant_type"); v != "client_credentials" {
		return failure(http.StatusBadRequest, "grant_type must be client_credentials, not '%s'.", v)
	}
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	role, ok := t.tokens.login(id, secret)
	if !ok {
		// RFC 6749, section 2.3.1: both parts may come form-encoded.
		id2, err1 := url.QueryUnescape(id)
		secret2, err2 := url.QueryUnescape(secret)
		if role, ok = t.tokens.login(id2, secret2); !ok || err1 != nil || err2 != nil {
			out := unauthorized("The client credentials are invalid.")
			out.header = []string{"WWW-Authenticate", `Basic realm="sandbox"`}
			return out
		}
	}
	out := asJSON(struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Expires int    `json:"expires_in"` // seconds; 0 would read as never
	}{t.tokens.grant(role), "bearer", max(1, int(t.tokens.life/time.Second))})
	out.header = []string{"Cache-Control", "no-store"}
	return out
}

// refresh exchanges a refresh token for an access token and the next refresh token.
func (t *Tenant) refresh(r *http.Request, _ string) reply {
	var body struct {
		Token string `json:"refreshToken"`
	}
	if bad := readBody(r, &body); bad != nil {
		return *bad
	}
	next, ok := t.tokens.exchange(body.Token)
	if !ok {
		return unauthorized("The refresh token is unknown or was used before.")
	}
	type token struct {
		Value   string `json:"tokenValue"`
		Expires string `json:"expiresAt"`
	}
	now := t.clock.now().UTC()
	return asJSON(struct {
		Access  token `json:"accessToken"`
		Refresh token `json:"refreshToken"`
	}{
		token{t.tokens.grant(everything), now.Add(t.tokens.life).Format(time.RFC3339Nano)},
		token{next, now.Add(30 * 24 * time.Hour).Format(time.RFC3339Nano)},
	})
}
