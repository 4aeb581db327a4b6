package incydr

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// tenant serves the token endpoint, and handler for everything else.
func tenant(t *testing.T, handler http.HandlerFunc) (*httptest.Server, Settings) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/oauth", func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if id != "key-1" || secret != "s3cret%/+" || r.FormValue("grant_type") != "client_credentials" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"access_token":"tok-abcdef","token_type":"bearer","expires_in":900}`)
	})
	mux.HandleFunc("/", handler)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return server, Settings{URL: u, ClientID: "key-1", ClientSecret: NewSecret("s3cret%/+"), PageSize: MaxPageSize}
}

func TestSearchPage(t *testing.T) {
	_, settings := tenant(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer tok-abcdef" {
			t.Errorf("Authorization = %q", r.Header.Get("Authorization"))
		}
		if got := r.URL.Query().Encode(); got != "has_alerts=true&page_number=2&page_size=7&severity=3&severity=4&state=OPEN" {
			t.Errorf("query = %s", got)
		}
		fmt.Fprint(w, "{\"items\": [ {\"sessionId\": \"a\",\n \"n\": 1.50, \"s\":\"\\u00e9 x\"} ], \"totalCount\": 101}")
	})
	page, err := New(settings, Options{}).Search(context.Background(), Query{States: []string{"OPEN"}, Severities: []int{3, 4}}, 2, 7)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) != 1 || string(page.Items[0]) != `{"sessionId":"a","n":1.50,"s":"\u00e9 x"}` || page.TotalCount != 101 || page.Date.IsZero() {
		t.Errorf("page = %q, %d, %v", page.Items, page.TotalCount, page.Date)
	}
}

func TestStatusIsFinal(t *testing.T) {
	for _, status := range []int{400, 403, 404} {
		calls := 0
		_, settings := tenant(t, func(w http.ResponseWriter, r *http.Request) {
			calls++
			w.WriteHeader(status)
			fmt.Fprint(w, `{"msg":"no\nsuch\u202e thing"}`)
		})
		_, err := New(settings, Options{}).Session(context.Background(), "x/y")
		var says *StatusError
		if !errors.As(err, &says) || says.Status != status || says.Message != "no such thing" || says.Path != "/v1/sessions/x%2Fy" {
			t.Errorf("%d: error = %v", status, err)
		}
		if calls != 1 {
			t.Errorf("%d: asked %d times", status, calls)
		}
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	u, _ := url.Parse("http://127.0.0.1:1")
	begun := time.Now()
	_, err := New(Settings{URL: u, ClientID: "a", ClientSecret: NewSecret("secret")}, Options{}).Session(context.Background(), "a")
	var unreachable *Unreachable
	if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "http://127.0.0.1:1") {
		t.Errorf("error = %v", err)
	}
	if d := time.Since(begun); d > 9*time.Second {
		t.Errorf("took %s", d)
	}
}

// quick is New with a client that hardly waits before it tries again.
func quick(settings Settings, options Options) *Client {
	c := New(settings, options)
	c.firstWait = 10 * time.Millisecond
	return c
}
