package sandbox

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A reply is a whole answer, before faults and compression have their way with it.
type reply struct {
	status int
	body   []byte
	kind   string // of the body; "": JSON
	header []string
}

// A route is one call of the API. Its path may have one {id}.
type route struct {
	method, path string
	open         bool // needs no token
	writes       bool
	handle       func(r *http.Request, id string) reply
}

func (r route) String() string { return r.method + " " + r.path }

// match compares a path with the route's, and returns what stands for its {id}.
func (r route) match(path string) (id string, ok bool) {
	before, after, hasID := strings.Cut(r.path, "{id}")
	if !hasID {
		return "", path == r.path
	}
	id, ok = strings.CutPrefix(path, before)
	if ok {
		id, ok = strings.CutSuffix(id, after)
	}
	return id, ok && id != "" && !strings.Contains(id, "/")
}

// find returns the route of a request. Where only the method is wrong, allowed lists the right ones.
func find(routes []route, method, path string) (found *route, id string, allowed []string) {
	for i := range routes {
		if id, ok := routes[i].match(path); ok {
			if routes[i].method == method || routes[i].method == "GET" && method == "HEAD" {
				return &routes[i], id, nil
			}
			if !slices.Contains(allowed, routes[i].method) {
				allowed = append(allowed, routes[i].method)
			}
		}
	}
	return nil, "", allowed
}

// ServeHTTP answers one request.
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", t.clock.now().UTC().Format(http.TimeFormat))
	if strings.HasPrefix(r.URL.Path, "/sandbox/") {
		t.settle()
		write(w, r, t.dispatch(t.control, r))
		return
	}
	began := time.Now()
	name := r.Method + " (no route)"
	if found, _, _ := find(t.routes, r.Method, r.URL.Path); found != nil {
		name = found.String()
	}
	t.stats.begin(name)
	outcome := "cut"
	defer func() {
		t.stats.end(outcome)
		t.log.Info("request", "method", r.Method, "path", r.URL.Path, "outcome", outcome, "ms", time.Since(began).Milliseconds())
	}()
	outcome = t.answer(w, r)
}

// answer serves a request of the API and says how it ended: the status, "cut" or "lost".
func (t *Tenant) answer(w http.ResponseWriter, r *http.Request) string {
	if !pause(r, t.options.Latency) {
		return "gone"
	}
	w.Header().Set("Date", t.clock.now().UTC().Format(http.TimeFormat))
	t.settle()
	if refused, ok := t.limiter.refuse(t.clock.now()); ok {
		t.stats.refused(refused.wait)
		write(w, r, refused.reply)
		return "429"
	}
	fault := t.faults.next(r)
	if broken, ok := fault.instead(); ok {
		if fault == unavailableSec {
			t.stats.refused(time.Second)
		}
		write(w, r, broken)
		return strconv.Itoa(broken.status)
	}
	if fault == cutBefore {
		return cut(w, "cut")
	}
	out := t.dispatch(t.routes, r)
	half := out.body[:len(out.body)/2]
	switch fault {
	case lost:
		return cut(w, "lost")
	case cutMiddle:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(max(1, len(out.body))))
		w.WriteHeader(http.StatusOK)
		w.Write(half)
		http.NewResponseController(w).Flush()
		return cut(w, "cut")
	case cutUnseen:
		return cut(w, "cut", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n", string(half))
	}
	write(w, r, out)
	return strconv.Itoa(out.status)
}

// cut ends the connection where it stands, after some last words. It returns the outcome.
func cut(w http.ResponseWriter, outcome string, last ...string) string {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset
	}
	io.WriteString(conn, strings.Join(last, ""))
	conn.Close()
	return outcome
}

func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// dispatch finds who answers, after the token has been looked at.
func (t *Tenant) dispatch(routes []route, r *http.Request) reply {
	found, id, allowed := find(routes, r.Method, r.URL.Path)
	if strings.HasPrefix(r.URL.Path, "/v1/") && (found == nil || !found.open) {
		role, ok := t.tokens.check(r.Header.Get("Authorization"))
		if !ok {
			return unauthorized("The access token is missing, unknown or expired.")
		}
		if role == stranger || role == reader && (found == nil || found.writes) {
			return failure(http.StatusForbidden, "The API client lacks the permission for this call.")
		}
	}
	if found == nil && allowed != nil {
		out := failure(http.StatusMethodNotAllowed, "Method %s is not supported here.", r.Method)
		out.header = []string{"Allow", strings.Join(allowed, ", ")}
		return out
	}
	if found == nil {
		return failure(http.StatusNotFound, "There is nothing at %s.", r.URL.Path)
	}
	return found.handle(r, id)
}

func failure(status int, format string, args ...any) reply {
	w := &builder{}
	w.open('{')
	w.text("msg", fmt.Sprintf(format, args...))
	w.close('}')
	return reply{status: status, body: w.b}
}

func unauthorized(msg string) reply {
	out := failure(http.StatusUnauthorized, "%s", msg)
	out.header = []string{"WWW-Authenticate", `Bearer realm="sandbox"`}
	return out
}

func asJSON(v any) reply {
	b, err := json.Marshal(v)
	if err != nil {
		return failure(http.StatusInternalServerError, "%v", err)
	}
	return reply{status: http.StatusOK, body: b}
}

var zippers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return z
}}

// write sends a reply, compressed where the client takes that and it is worth it.
func write(w http.ResponseWriter, r *http.Request, out reply) {
	h := w.Header()
	for i := 0; i+1 < len(out.header); i += 2 {
		h.Set(out.header[i], out.header[i+1])
	}
	if out.status == http.StatusNoContent {
		w.WriteHeader(out.status)
		return
	}
	if len(out.body) > 0 {
		kind := out.kind
		if kind == "" {
			kind = "application/json"
		}
		h.Set("Content-Type", kind)
	}
	if len(out.body) > 1024 && takesGzip(r.Header.Get("Accept-Encoding")) {
		var packed bytes.Buffer
		z := zippers.Get().(*gzip.Writer)
		z.Reset(&packed)
		z.Write(out.body)
		z.Close()
		zippers.Put(z)
		out.body = packed.Bytes()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Vary", "Accept-Encoding")
	h.Set("Content-Length", strconv.Itoa(len(out.body)))
	w.WriteHeader(out.status)
	if r.Method != "HEAD" {
		w.Write(out.body)
	}
}

// takesGzip reads an Accept-Encoding header (RFC 9110, section 12.5.3).
func takesGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if name = strings.TrimSpace(name); !strings.EqualFold(name, "gzip") && name != "*" {
			continue
		}
		_, q, weighted := strings.Cut(params, "q=")
		v, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !weighted || err == nil && v > 0
	}
	return false
}
