package incydr

import (
	"log/slog"
	"net/http"
	"time"
)

// logRequest logs at debug what is about to be sent. Bodies of requests for a token are never
// shown: they are a secret as a whole.
func (c *Client) logRequest(req *http.Request, t *tries) {
	if !c.log.Enabled(req.Context(), slog.LevelDebug) {
		return
	}
	args := []any{"method", req.Method, "url", c.secrets.clean(req.URL.String()), "attempt", t.attempts, "headers", c.secrets.headers(req.Header)}
	if len(t.body) > 0 && !t.forToken {
		args = append(args, "body", c.shown(t.body))
	}
	c.log.Debug("sending", args...)
}

// logAnswer logs one line for each answer at info, and its headers and body at debug.
func (c *Client) logAnswer(b *body) {
	args := []any{"method", b.tries.method, "path", b.tries.path, "status", b.res.StatusCode, "ms", time.Since(b.sent).Milliseconds(), "attempt", b.attempt, "bytes", b.size}
	if b.err != nil {
		args = append(args, "error", c.secrets.clean(b.err.Error()))
	}
	c.log.Info("request", args...)
	if !c.log.Enabled(b.ctx, slog.LevelDebug) {
		return
	}
	args = []any{"method", b.tries.method, "path", b.tries.path, "status", b.res.StatusCode, "proto", b.res.Proto, "headers", c.secrets.headers(b.res.Header)}
	if b.keep {
		args = append(args, "body", c.shown(b.seen))
	}
	c.log.Debug("answer", args...)
}

// shown is a body as the log may show it: without secrets, and only then cut, so that no
// part of one is left over at the end.
func (c *Client) shown(text []byte) string {
	s := c.secrets.clean(string(text))
	if len(s) > shownBody {
		s = s[:shownBody] + "…"
	}
	return s
}
