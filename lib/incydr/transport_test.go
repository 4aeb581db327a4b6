package incydr

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sess/lib/freeport"
)

// script answers each request for a session in turn as the steps say; the last one stays.
func script(steps ...http.HandlerFunc) (http.HandlerFunc, *atomic.Int32) {
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		i := int(n.Add(1)) - 1
		steps[min(i, len(steps)-1)](w, r)
	}, &n
}

func good(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"sessionId":"a"}`) }

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"msg":"answer %d"}`, code)
	}
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
}

func cut(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

func short(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	fmt.Fprint(w, `{"sessionId":`)
}

// packed answers with a stream of gzip that has lost its last n bytes and got others for them.
func packed(n int, others string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		fmt.Fprint(z, `{"sessionId":"a","notes":"`+strings.Repeat("many words ", 100)+`"}`)
		z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(append(b.Bytes()[:b.Len()-n], others...))
	}
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	for name, fault := range map[string]http.HandlerFunc{
		"500": status(500), "502": status(502), "503": status(503), "504": status(504), "408": status(408),
		"429 at once": status(429, "Retry-After", "0"), "503 at once": status(503, "Retry-After", "0"),
		"a cut connection": cut, "a short body": short, "half a document": text(`{"sessionId":"a`), "HTML": text("<html>"), "nothing": text(""),
		"half of gzip": packed(20, ""), "gzip of another sum": packed(8, "12345678"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, n := script(fault, fault, good)
			_, settings := tenant(t, handler)
			session, err := quick(settings, Options{}).Session(t.Context(), "a")
			if err != nil || string(session) != `{"sessionId":"a"}` || n.Load() != 3 {
				t.Errorf("%s, %v after %d requests", session, err, n.Load())
			}
		})
	}
}

func TestItGivesUpInTime(t *testing.T) {
	t.Parallel()
	handler, n := script(status(500))
	_, settings := tenant(t, handler)
	begun := time.Now()
	_, err := New(settings, Options{RetryFor: time.Second}).Session(t.Context(), "a")
	var gaveUp *GaveUp
	if !errors.As(err, &gaveUp) || !strings.Contains(err.Error(), "500 Internal Server Error: answer 500") || n.Load() < 2 {
		t.Errorf("%v after %d requests", err, n.Load())
	}
	if d := time.Since(begun); d < 500*time.Millisecond || d > 10*time.Second {
		t.Errorf("it took %s", d)
	}
	_, err = New(settings, Options{RetryFor: -1}).Session(t.Context(), "a")
	if !errors.As(err, &gaveUp) || gaveUp.Attempts != 1 {
		t.Errorf("one attempt: %v", err)
	}
}

// A server that never gave one good answer is something else than the tenant; the default of
// five minutes is no time to wait for that.
func TestItIsNotTheTenant(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ body, want string }{
		"HTML":     {"<html>Please log in", "it is HTML, a page for a browser, and not JSON"},
		"half":     {`{"items":[{"sessionId":"a"`, "it ends in the middle, after 26 bytes"},
		"no total": {`{"items":[]}`, "it has no totalCount"},
		"garbage":  {strings.Repeat("\x00\xff\x17garbage", 20<<20), "it is not a JSON object"},
		"endless":  {`{"items":[{"a":"` + strings.Repeat("x", 40<<20), "the answer does not come to an end: it is longer than 16 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, settings := tenant(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, test.body) })
			_, err := quick(settings, Options{RetryFor: 20 * time.Second}).Search(t.Context(), Query{}, 0, 50)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %.300v", err)
			}
		})
	}
}

// While the server wants a pause nobody sends, however many wait, and whoever was refused.
func TestAPauseIsForAll(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]http.HandlerFunc{
		"seconds": status(429, "Retry-After", "1"),
		"503":     status(503, "Retry-After", "1"),
		"date": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", "Mon, 23 Nov 2026 10:00:00 GMT")
			status(429, "Retry-After", "Mon, 23 Nov 2026 10:00:01 GMT")(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var refused atomic.Pointer[time.Time]
			var n, early atomic.Int32
			_, settings := tenant(t, func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == 20 {
					now := time.Now()
					refused.Store(&now)
					refusal(w, r)
					return
				}
				good(w, r)
			})
			c := New(settings, Options{})
			// What was on its way when the refusal arrived may go on. Calls that begin after it, and
			// the refused one, wait.
			type knows struct{}
			sent := c.http.Transport.(*attempt)
			base := sent.base
			sent.base = roundTripper(func(req *http.Request) (*http.Response, error) {
				again := req.Context().Value(triesKey{}).(*tries).attempts > 1
				at := refused.Load()
				if at != nil && (again || req.Context().Value(knows{}) == true) && time.Since(*at) < time.Second {
					early.Add(1)
				}
				return base.RoundTrip(req)
			})
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					for range 10 {
						if _, err := c.Session(context.WithValue(t.Context(), knows{}, c.Stats().Paused > 0), "a"); err != nil {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			if n := early.Load(); n > 0 {
				t.Errorf("%d requests were sent during the pause", n)
			}
			if n.Load() != 81 {
				t.Errorf("%d requests", n.Load())
			}
			if s := c.Stats(); s.Paused < 900*time.Millisecond || s.Paused > 3*time.Second || s.Retries != 1 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

func TestAPauseLongerThanTheTime(t *testing.T) {
	_, settings := tenant(t, status(429, "Retry-After", "3600"))
	begun := time.Now()
	_, err := New(settings, Options{RetryFor: time.Minute}).Session(t.Context(), "a")
	if err == nil || !strings.Contains(err.Error(), "it asks for a pause of 1h0m0s") || time.Since(begun) > 30*time.Second {
		t.Errorf("%v after %s", err, time.Since(begun))
	}
}

func TestAStalledBodyIsTriedAgain(t *testing.T) {
	handler, n := script(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"sessionId":`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}, good)
	_, settings := tenant(t, handler)
	c := quick(settings, Options{})
	c.stall = 100 * time.Millisecond
	if _, err := c.Session(t.Context(), "a"); err != nil || n.Load() != 2 {
		t.Errorf("%v after %d requests", err, n.Load())
	}
}

func TestABodyThatDripsForEver(t *testing.T) {
	handler, n := script(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			fmt.Fprint(w, " ")
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	})
	_, settings := tenant(t, handler)
	c := quick(settings, Options{RetryFor: 300 * time.Millisecond})
	c.whole = 100 * time.Millisecond
	_, err := c.Session(t.Context(), "a")
	if err == nil || !strings.Contains(err.Error(), "the answer does not come to an end") || n.Load() < 2 {
		t.Errorf("%v after %d requests", err, n.Load())
	}
}

// A server that takes requests and never answers is told of, tried for as long as was asked, and named.
func TestASilentServer(t *testing.T) {
	t.Parallel()
	silent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-silent }))
	defer server.Close()
	defer close(silent)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := New(Settings{URL: u, ClientID: "a", ClientSecret: NewSecret("secret")}, Options{RetryFor: 700 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil))})
	c.firstWait, c.answer, c.quiet = time.Millisecond, 150*time.Millisecond, 50*time.Millisecond
	begun := time.Now()
	_, err = c.Session(t.Context(), "a")
	var gaveUp *GaveUp
	if !errors.As(err, &gaveUp) || gaveUp.Attempts < 3 || !strings.HasPrefix(err.Error(), "POST "+server.URL+"/v1/oauth: tried ") || !strings.Contains(err.Error(), ": no answer within ") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begun); took < 500*time.Millisecond || took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := strings.Count(log.String(), `level=WARN msg="waiting for the server" server=`+server.URL); n != 1 {
		t.Errorf("told %d times:\n%s", n, &log)
	}
}

// A server that was there and is gone for a while is waited for; one that never was is not.
func TestARestartIsRiddenOut(t *testing.T) {
	t.Parallel()
	handler, _ := script(good)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/oauth", text(`{"access_token":"tok-restart","expires_in":900}`))
	mux.HandleFunc("/", handler)
	port, err := freeport.Get()
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	listen := func() *http.Server {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: mux}
		go s.Serve(l)
		return s
	}
	server := listen()
	c := New(Settings{URL: &url.URL{Scheme: "http", Host: address}, ClientID: "a", ClientSecret: NewSecret("secret")}, Options{})
	if _, err := c.Session(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	server.Close()
	failed := make(chan error, 1)
	go func() {
		_, err := c.Session(t.Context(), "a")
		failed <- err
	}()
	select {
	case err := <-failed:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(firstContact + time.Second):
	}
	server = listen()
	defer server.Close()
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

func TestARedirectElsewhereIsNotFollowed(t *testing.T) {
	var leaked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked.Add(1)
		good(w, r)
	}))
	defer elsewhere.Close()
	handler, _ := script(status(307, "Location", elsewhere.URL+"/v1/sessions/a"))
	_, settings := tenant(t, handler)
	_, err := New(settings, Options{}).Session(t.Context(), "a")
	if err == nil || !strings.Contains(err.Error(), "it sends on to "+elsewhere.URL) || leaked.Load() > 0 {
		t.Errorf("%v; %d requests arrived there", err, leaked.Load())
	}
	handler, n := script(status(307, "Location", "/v1/sessions/b"), good)
	_, settings = tenant(t, handler)
	if _, err := New(settings, Options{}).Session(t.Context(), "a"); err != nil || n.Load() != 2 {
		t.Errorf("within the tenant: %v", err)
	}
}

func TestCancelledWhileItWaits(t *testing.T) {
	_, settings := tenant(t, status(429, "Retry-After", "60"))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := New(settings, Options{}).Session(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(begun))
	}
}

// Nothing that is logged, at the level that shows most, holds the secret or a token; nor do errors.
func TestNothingSecretIsShown(t *testing.T) {
	const secret, access = `s3cr"t%/+&`, "tok-%d-Zm9v=="
	var tokens atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/oauth", func(w http.ResponseWriter, r *http.Request) {
		n := tokens.Add(1)
		w.Header().Set("Set-Cookie", fmt.Sprintf("session="+access, n))
		if n == 2 {
			w.WriteHeader(500)
		}
		fmt.Fprintf(w, `{"access_token":"`+access+`","token_type":"bearer","expires_in":900}`, n)
	})
	handler, _ := script(status(500), status(401), func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400) // a server that says what it got
		fmt.Fprintf(w, `{"msg":%q}`, "bad header "+r.Header.Get("Authorization")+" for "+secret)
	})
	mux.HandleFunc("/", handler)
	server := httptest.NewServer(mux)
	defer server.Close()
	u, _ := url.Parse(server.URL)
	var out bytes.Buffer
	settings := Settings{URL: u, ClientID: "key-1", ClientSecret: NewSecret(secret)}
	c := New(settings, Options{Log: slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	_, err := c.Session(t.Context(), "a")
	c.log.Info("settings", "secret", settings.ClientSecret, "all", settings)
	fmt.Fprintf(&out, "%v %+v %#v %s", settings, settings, settings, settings.ClientSecret)
	fmt.Fprintln(&out, err)
	shown := out.String()
	if !strings.Contains(shown, "bad header Bearer [redacted] for [redacted]") {
		t.Errorf("the answer is not shown: %s", shown)
	}
	for _, hidden := range append(spellings(secret), strconv.Quote(secret), "a2V5LTE6", fmt.Sprintf(access, 1), fmt.Sprintf(access, 2), fmt.Sprintf(access, 3), "Zm9v") {
		if strings.Contains(shown, hidden) {
			t.Errorf("%q is shown in %s", hidden, shown)
		}
	}
	for _, line := range []string{`"msg":"sending"`, `"headers":`, `"status":401`, `"msg":"trying again"`, `"attempt":2`} {
		if !strings.Contains(shown, line) {
			t.Errorf("%s is not logged", line)
		}
	}
}

func TestOneLineARequest(t *testing.T) {
	handler, _ := script(status(500), good)
	_, settings := tenant(t, handler)
	var out bytes.Buffer
	c := New(settings, Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
	if _, err := c.Session(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"msg=request method=POST path=/v1/oauth status=200 ms=",
		"msg=request method=GET path=/v1/sessions/a status=500 ms=",
		`msg="trying again" method=GET path=/v1/sessions/a attempt=2`,
		"msg=request method=GET path=/v1/sessions/a status=200 ms=",
	} {
		if strings.Count(out.String(), want) != 1 {
			t.Errorf("not once %s:\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 4 {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
}

// One connection carries all requests where the server speaks HTTP/2, and answers come compressed.
func TestHTTP2AndGzip(t *testing.T) {
	var connections, compressed atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/oauth" {
			fmt.Fprint(w, `{"access_token":"token"}`)
			return
		}
		if r.ProtoMajor != 2 {
			t.Errorf("a request over %s", r.Proto)
		}
		if r.Header.Get("Accept-Encoding") == "gzip" {
			compressed.Add(1)
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			fmt.Fprint(z, `{"sessionId":"a"}`)
			z.Close()
			return
		}
		good(w, r)
	}))
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	u, _ := url.Parse(server.URL)
	c := New(Settings{URL: u, ClientID: "a", ClientSecret: NewSecret("secret")}, Options{RetryFor: -1})
	if _, err := c.Session(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	connections.Store(0)
	trusted := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	c.http.Transport.(*attempt).base = newTransport(&tls.Config{RootCAs: trusted}, 8)
	for range 3 {
		eight(t, c)
	}
	if connections.Load() != 1 || compressed.Load() != 24 {
		t.Errorf("%d connections, %d compressed answers", connections.Load(), compressed.Load())
	}
}
