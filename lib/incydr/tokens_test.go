package incydr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// issuer gives tokens that last so many seconds, and takes only those that it gave and did not revoke.
type issuer struct {
	t      *testing.T
	life   string // the expires_in, as it is written
	mu     sync.Mutex
	asked  int
	good   map[string]bool
	served atomic.Int32
	deny   atomic.Bool
	slow   time.Duration
}

func (s *issuer) settings() Settings {
	s.good = map[string]bool{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/oauth", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(s.slow)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked++
		token := fmt.Sprintf("token-%d", s.asked)
		s.good[token] = true
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"bearer","expires_in":%s}`, token, s.life)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		ok := s.good[r.Header.Get("Authorization")[len("Bearer "):]]
		s.mu.Unlock()
		if !ok || s.deny.Load() {
			w.WriteHeader(401)
			return
		}
		s.served.Add(1)
		good(w, r)
	})
	server := httptest.NewServer(mux)
	s.t.Cleanup(server.Close)
	u, _ := url.Parse(server.URL)
	return Settings{URL: u, ClientID: "a", ClientSecret: NewSecret("secret")}
}

func (s *issuer) revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.good)
}

func eight(t *testing.T, c *Client) {
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := c.Session(t.Context(), "a"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// However many wait for a token, one request gets it: the first, one after it expired, one
// after it was revoked.
func TestOneTokenForAll(t *testing.T) {
	t.Parallel()
	s := &issuer{t: t, life: "200", slow: 50 * time.Millisecond}
	c := New(s.settings(), Options{})
	begun := time.Now()
	eight(t, c)
	if s.asked != 1 {
		t.Errorf("%d tokens at first", s.asked)
	}
	const renewed = 160 * time.Second // before it expires
	if at := c.tokens.renewAt; at.Before(begun.Add(renewed)) || at.After(time.Now().Add(renewed)) {
		t.Errorf("it is to be renewed after %v", at.Sub(begun))
	}
	c.tokens.renewAt = time.Now()
	eight(t, c)
	if s.asked != 2 {
		t.Errorf("%d tokens after the first expired", s.asked)
	}
	s.revoke()
	eight(t, c)
	if s.asked != 3 {
		t.Errorf("%d tokens after the second was revoked", s.asked)
	}
	if got := c.Stats().Tokens; got != 3 {
		t.Errorf("stats say %d", got)
	}
}

func TestARefusalStays(t *testing.T) {
	s := &issuer{t: t, life: "900"}
	c := New(s.settings(), Options{})
	s.deny.Store(true)
	_, err := c.Session(t.Context(), "a")
	var says *StatusError
	if !errors.As(err, &says) || says.ExitCode() != 4 || s.asked != 2 {
		t.Errorf("%v after %d tokens", err, s.asked)
	}
	_, settings := tenant(t, good)
	settings.ClientSecret = NewSecret("wrong")
	_, err = New(settings, Options{}).Session(t.Context(), "a")
	var refused *CredentialsError
	if !errors.As(err, &refused) || refused.ExitCode() != 4 || refused.Status != 401 {
		t.Errorf("wrong secret: %v", err)
	}
}

// A server that follows RFC 6749, section 2.3.1, gets what it expects on the second try.
func TestEncodedCredentials(t *testing.T) {
	var asked int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/oauth" {
			good(w, r)
			return
		}
		asked++
		if _, secret, _ := r.BasicAuth(); secret != "a%25b" {
			w.WriteHeader(401)
			return
		}
		fmt.Fprint(w, `{"access_token":"token"}`)
	}))
	defer server.Close()
	u, _ := url.Parse(server.URL)
	if _, err := New(Settings{URL: u, ClientID: "a", ClientSecret: NewSecret("a%b")}, Options{}).Session(t.Context(), "a"); err != nil || asked != 2 {
		t.Errorf("%v after %d", err, asked)
	}
}

// Several processes at once, and those that come after them, go on from the token that the last
// one got; where it cannot be kept, that is said before the next process fails.
func TestRefreshTokensAreShared(t *testing.T) {
	var mu sync.Mutex
	next, used := "refresh-0", 0
	mux := http.NewServeMux()
	mux.HandleFunc("POST /refresh", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var body struct{ RefreshToken string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.RefreshToken != next {
			w.WriteHeader(401)
			return
		}
		used++
		next = fmt.Sprintf("refresh-%d", used)
		fmt.Fprintf(w, `{"accessToken":{"tokenValue":"token"},"refreshToken":{"tokenValue":%q}}`, next)
	})
	mux.HandleFunc("/", good)
	server := httptest.NewServer(mux)
	defer server.Close()
	home := t.TempDir()
	var log bytes.Buffer
	process := func() error {
		settings, err := LoadSettings("", []string{"INCYDR_URL=" + server.URL, "INCYDR_REFRESH_URL=" + server.URL + "/refresh", "INCYDR_REFRESH_TOKEN=refresh-0", "HOME=" + home})
		if err != nil {
			return err
		}
		_, err = New(settings, Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}).Session(t.Context(), "a")
		return err
	}
	for range 3 {
		var g errgroup.Group
		for range 4 {
			g.Go(process)
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if used != 12 || log.Len() > 0 {
		t.Errorf("used %d; %s", used, &log)
	}
	files, _ := filepath.Glob(filepath.Join(home, ".incydr", "refresh-tokens", "*"))
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	// What is in the file is of no use: the setting's own is tried.
	next = "refresh-0"
	if err := process(); err != nil {
		t.Error(err)
	}
	home = t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".incydr"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	next = "refresh-0"
	if err := process(); err != nil || strings.Count(log.String(), "cannot keep the refresh token") != 1 {
		t.Errorf("%v; %s", err, &log)
	}
	var refused *CredentialsError
	if err := process(); !errors.As(err, &refused) {
		t.Errorf("error %v", err)
	}
}

// Each refresh token is good once, and each answer brings the next.
func TestRefreshTokens(t *testing.T) {
	next, used := "refresh-0", 0
	mux := http.NewServeMux()
	mux.HandleFunc("POST /refresh", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ RefreshToken string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.RefreshToken != next || r.Header.Get("Authorization") != "" {
			w.WriteHeader(400)
			return
		}
		used++
		next = fmt.Sprintf("refresh-%d", used)
		expires := fmt.Sprintf("%q", time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano))
		if used == 2 {
			expires = fmt.Sprint(time.Now().Add(time.Hour).UnixMilli())
		}
		fmt.Fprintf(w, `{"accessToken":{"tokenValue":"token-%d","expiresAt":%s},"refreshToken":{"tokenValue":%q,"expiresAt":null}}`, used, expires, next)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-%d", used) {
			w.WriteHeader(401)
			return
		}
		good(w, r)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	env := []string{"INCYDR_URL=" + server.URL, "incydr_refresh_url=" + server.URL + "/refresh", "INCYDR_REFRESH_TOKEN=refresh-0"}
	settings, err := LoadSettings("", env)
	if err != nil {
		t.Fatal(err)
	}
	c := New(settings, Options{})
	for range 3 {
		for range 2 {
			if _, err := c.Session(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
		if life := time.Until(c.tokens.renewAt); life < 50*time.Minute || life > time.Hour {
			t.Errorf("to be renewed in %s", life)
		}
		c.tokens.spoil(c.tokens.access)
	}
	if used != 3 {
		t.Errorf("used %d", used)
	}
	next = "lost"
	var refused *CredentialsError
	if _, err := c.Session(t.Context(), "a"); !errors.As(err, &refused) {
		t.Errorf("error %v", err)
	}
}
