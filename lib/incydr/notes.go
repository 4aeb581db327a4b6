package incydr

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"sess/lib/jsonl"
)

// noteSlack covers that the server's Date says whole seconds only.
const noteSlack = 2 * time.Second

// A noteLog remembers for a short while which notes this process added, so that the same note
// added to the same session again is not taken for the first one.
type noteLog struct {
	mu     sync.Mutex
	recent map[string]time.Time
	oldest time.Time
}

func noteKey(id, note string) string { return id + "\x00" + note }

func (l *noteLog) added(id, note string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.recent == nil || now.Sub(l.oldest) > 10*noteSlack {
		kept := map[string]time.Time{}
		for key, at := range l.recent {
			if now.Sub(at) < 5*noteSlack {
				kept[key] = at
			}
		}
		l.recent, l.oldest = kept, now
	}
	l.recent[noteKey(id, note)] = now
}

func (l *noteLog) justAdded(id, note string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.recent[noteKey(id, note)]
	return ok && time.Since(at) < 5*noteSlack
}

// notesLike counts the notes of a session that have this content and are not older than since, a
// moment of this machine's clock that is held against the server's. A note that does not say
// counts, and with a zero since all do.
func (c *Client) notesLike(ctx context.Context, id, note string, since time.Time) (int, error) {
	session, err := c.Session(ctx, id)
	if err != nil {
		return 0, err
	}
	var notes []struct {
		Content         string `json:"content"`
		SourceTimestamp *int64 `json:"sourceTimestamp"`
	}
	if raw := jsonl.Lookup(session, "notes"); raw != nil {
		if err := codec.Unmarshal(raw, &notes); err != nil {
			return 0, fmt.Errorf("read the notes of session %s: %w", id, err)
		}
	}
	// Only now, when the session's own answer told the server's time.
	oldest := int64(0)
	if !since.IsZero() {
		if at, ok := c.clock.at(since); ok {
			since = at
		}
		oldest = since.Add(-noteSlack).UnixMilli()
	}
	n := 0
	for _, have := range notes {
		if sameNote(have.Content, note) && (have.SourceTimestamp == nil || *have.SourceTimestamp >= oldest) {
			n++
		}
	}
	return n, nil
}

// HasNote reports whether a session got this very note, from whomever, within the last while,
// by the server's clock.
func (c *Client) HasNote(ctx context.Context, id, note string, within time.Duration) (bool, error) {
	n, err := c.notesLike(ctx, id, note, time.Now().Add(-within))
	return n > 0, err
}

// sameNote compares notes as a server may have tidied them.
func sameNote(a, b string) bool {
	tidy := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return tidy(a) == tidy(b)
}
