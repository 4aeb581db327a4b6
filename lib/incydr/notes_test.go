package incydr

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// pinboard is a tenant with one session whose notes are kept. fate says what becomes of each
// request to add one.
type pinboard struct {
	mu    sync.Mutex
	notes []map[string]any
	asked int
	ahead time.Duration // its clock, before ours
	fate  func(n int) fate
}

type fate int

const (
	done    fate = iota // and answered
	lost                // done, and the connection breaks before the answer
	cutOff              // not done, the connection breaks
	failed              // not done, 500
	failing             // done, but 500
	busy429             // not done, 429
	busy503             // not done, 503 with Retry-After
	posed               // not done, a proxy's page with status 200
)

func (p *pinboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now().Add(p.ahead)
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	if r.Method == "GET" {
		json.NewEncoder(w).Encode(map[string]any{"sessionId": "a", "notes": p.notes})
		return
	}
	p.asked++
	what := p.fate(p.asked)
	if what == done || what == lost || what == failing {
		var body struct{ NoteContent string }
		json.NewDecoder(r.Body).Decode(&body)
		p.notes = append(p.notes, map[string]any{"id": fmt.Sprint(p.asked), "content": body.NoteContent + " ", "sourceTimestamp": now.UnixMilli()})
	}
	switch what {
	case done:
		w.WriteHeader(204)
	case lost, cutOff:
		panic(http.ErrAbortHandler)
	case failed, failing:
		w.WriteHeader(500)
	case posed:
		fmt.Fprint(w, "<html>Please log in</html>")
	case busy429:
		w.WriteHeader(429)
	case busy503:
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(503)
	}
}

// Whatever becomes of the requests, the note is there once in the end.
func TestANoteIsAddedOnce(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, -1000 * time.Hour, 1000 * time.Hour} {
		for _, fates := range [][]fate{
			{done}, {lost}, {cutOff, done}, {failed, done}, {failing}, {busy429, done}, {busy503, done}, {posed, done}, {posed, lost},
			{cutOff, failed, lost}, {failed, busy503, cutOff, failing}, {busy429, lost},
		} {
			if ahead != 0 && len(fates) != 1 {
				continue // the clocks matter to what was lost
			}
			t.Run(fmt.Sprint(ahead, fates), func(t *testing.T) {
				t.Parallel()
				p := &pinboard{ahead: ahead, fate: func(n int) fate { return fates[min(n, len(fates))-1] }}
				_, settings := tenant(t, p.ServeHTTP)
				c := quick(settings, Options{})
				for round := 1; round <= 2; round++ {
					// The same note once more is a second note, and not taken for the first.
					if err := c.AddNote(t.Context(), "a", "swept"); err != nil {
						t.Fatal(err)
					}
					if len(p.notes) != round {
						t.Fatalf("%d notes after %d calls", len(p.notes), round)
					}
					p.mu.Lock()
					p.asked = 0
					p.mu.Unlock()
				}
			})
		}
	}
}

// A note like it from long ago is not taken for the one that was sent.
func TestAnOldNoteIsAnotherOne(t *testing.T) {
	p := &pinboard{fate: func(n int) fate { return []fate{cutOff, done}[min(n, 2)-1] }}
	p.notes = []map[string]any{{"content": "swept", "sourceTimestamp": time.Now().Add(-time.Hour).UnixMilli()}}
	_, settings := tenant(t, p.ServeHTTP)
	if err := quick(settings, Options{}).AddNote(t.Context(), "a", "swept"); err != nil || len(p.notes) != 2 {
		t.Errorf("%v, %d notes", err, len(p.notes))
	}
}

func TestWhatIsNotKnownIsSaid(t *testing.T) {
	p := &pinboard{fate: func(int) fate { return failed }}
	_, settings := tenant(t, p.ServeHTTP)
	err := New(settings, Options{RetryFor: -1}).AddNote(t.Context(), "a", "swept")
	if err == nil || !strings.Contains(err.Error(), "whether the note was added is not known") {
		t.Errorf("%v", err)
	}
}

// What answers in the tenant's place has changed nothing, whatever its status.
func TestAPageIsNoAnswerToAChange(t *testing.T) {
	for _, answer := range []string{"", " \n", "null", "{}", `{"ok":true}`} {
		handler, n := script(text("<html>Please log in</html>"), text("OK"), text(answer))
		_, settings := tenant(t, handler)
		if err := quick(settings, Options{}).ChangeState(t.Context(), []string{"a"}, "CLOSED"); err != nil || n.Load() != 3 {
			t.Errorf("%q: %v after %d requests", answer, err, n.Load())
		}
	}
	_, settings := tenant(t, text("<html>Please log in</html>"))
	var bad *BadAnswer
	if err := quick(settings, Options{}).ChangeState(t.Context(), []string{"a"}, "CLOSED"); !errors.As(err, &bad) {
		t.Errorf("pages only: %v", err)
	}
}

func TestNotesAreMeasuredInCharacters(t *testing.T) {
	_, settings := tenant(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	c := New(settings, Options{})
	if err := c.AddNote(t.Context(), "a", strings.Repeat("ü", 2000)); err != nil {
		t.Errorf("2000 characters: %v", err)
	}
	var long *NoteTooLong
	if err := c.AddNote(t.Context(), "a", strings.Repeat("ü", 2001)); !errors.As(err, &long) || long.Length != 2001 {
		t.Errorf("2001 characters: %v", err)
	}
}

func TestIDsStayInTheirPlace(t *testing.T) {
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { paths = append(paths, r.RequestURI) }))
	defer server.Close()
	_, settings := tenant(t, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.RequestURI)
		w.WriteHeader(404)
	})
	c := New(settings, Options{})
	for _, id := range []string{"", ".", "..", "a/../b", "a?b#c", "ä %2e"} {
		var says *StatusError
		if _, err := c.Session(t.Context(), id); !errors.As(err, &says) || says.Status != 404 {
			t.Errorf("%q: %v", id, err)
		}
	}
	if got, want := fmt.Sprint(paths), "[/v1/sessions/a%2F..%2Fb /v1/sessions/a%3Fb%23c /v1/sessions/%C3%A4%20%252e]"; got != want {
		t.Errorf("asked for %s", got)
	}
}

func TestChangeStatesGoesOn(t *testing.T) {
	for body, want := range map[string]string{`{"continuationToken":null}`: "", `{}`: "", `{"continuationToken":"next"}`: "next"} {
		_, settings := tenant(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.URL.RawQuery; got != "has_alerts=true&state=OPEN" {
				t.Errorf("query %s", got)
			}
			var sent map[string]string
			if json.NewDecoder(r.Body).Decode(&sent); sent["newState"] != "CLOSED" || sent["continuationToken"] != "before" {
				t.Errorf("sent %v", sent)
			}
			fmt.Fprint(w, body)
		})
		next, err := New(settings, Options{}).ChangeStates(t.Context(), Query{States: []string{"OPEN"}}, "CLOSED", "before")
		if err != nil || next != want {
			t.Errorf("%s: %q, %v", body, next, err)
		}
	}
}
