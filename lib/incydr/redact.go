package incydr

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/oauth2/clientcredentials"
)

// A redactor takes the secrets out of texts: those of the settings and every token that the
// server gave, in each spelling in which they travel.
type redactor struct {
	mu       sync.RWMutex
	settings []string // for good
	tokens   []string // the last few: a process of weeks sees thousands
	replacer *strings.Replacer
}

const tokensKnown = 16

// shortest is the length from which on a text is taken for a secret; anything shorter would
// take half the log away with it.
const shortest = 4

func newRedactor(s Settings) *redactor {
	r := &redactor{}
	secret := s.ClientSecret.Reveal()
	r.settings = append(spellings(secret), spellings(s.RefreshToken.Reveal())...)
	if len(secret) >= shortest {
		for _, pair := range []string{s.ClientID + ":" + secret, url.QueryEscape(s.ClientID) + ":" + url.QueryEscape(secret)} {
			r.settings = append(r.settings, base64.StdEncoding.EncodeToString([]byte(pair)))
		}
	}
	r.build()
	return r
}

// add makes a token known.
func (r *redactor) add(token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.tokens, token) {
		return
	}
	r.tokens = append(r.tokens, spellings(token)...)
	if n := len(r.tokens); n > tokensKnown {
		r.tokens = slices.Clone(r.tokens[n-tokensKnown:])
	}
	r.build()
}

// spellings are the forms in which a secret travels in texts: as it is, in a form, in a path,
// in JSON.
func spellings(secret string) []string {
	if len(secret) < shortest {
		return nil
	}
	quoted, _ := json.Marshal(secret)
	all := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(string(quoted), `"`)}
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *redactor) build() {
	all := slices.Concat(r.settings, r.tokens)
	// The longest first: a secret may be a part of another one's spelling.
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(all))
	for _, form := range all {
		pairs = append(pairs, form, redacted)
	}
	r.replacer = strings.NewReplacer(pairs...)
}

// clean returns s without any secret.
func (r *redactor) clean(s string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.replacer.Replace(s)
}

// headers returns the headers as they may be shown.
func (r *redactor) headers(h http.Header) map[string]string {
	shown := make(map[string]string, len(h))
	for name, values := range h {
		switch http.CanonicalHeaderKey(name) {
		case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "Www-Authenticate":
			shown[name] = redacted
		default:
			shown[name] = r.clean(strings.Join(values, ", "))
		}
	}
	return shown
}

// encodingMatters reports whether id or secret look different once they are encoded for a form.
func encodingMatters(config clientcredentials.Config) bool {
	return url.QueryEscape(config.ClientID) != config.ClientID || url.QueryEscape(config.ClientSecret) != config.ClientSecret
}
