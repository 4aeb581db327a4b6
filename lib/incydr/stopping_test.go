package incydr

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// After the stop an answer under way is still waited for, and nothing more is sent: no retry,
// no look for what became of a note, no request that was waiting for its turn.
func TestNothingIsSentAfterTheStop(t *testing.T) {
	stop, end := context.WithCancel(context.Background())
	var asked atomic.Int32
	arrived, release := make(chan struct{}), make(chan struct{})
	_, settings := tenant(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			close(arrived)
			<-release
		}
		if r.URL.Path == "/v1/sessions/fails/add-note" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	c := New(settings, Options{})
	ctx := SendUntil(context.Background(), stop)

	answered := make(chan error)
	go func() { answered <- c.ChangeState(ctx, []string{"a"}, "OPEN") }()
	<-arrived
	end()
	if err := c.ChangeState(ctx, []string{"b"}, "OPEN"); attempts(err) != 0 {
		t.Errorf("a request after the stop: %v", err)
	}
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("the request under way: %v", err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("%d requests were sent, not 1", n)
	}
}

func TestNothingIsTriedAgainAfterTheStop(t *testing.T) {
	stop, end := context.WithCancel(context.Background())
	var asked atomic.Int32
	_, settings := tenant(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		end()
		w.WriteHeader(http.StatusBadGateway)
	})
	err := New(settings, Options{RetryFor: time.Minute}).AddNote(SendUntil(context.Background(), stop), "a", "note")
	if attempts(err) != 1 || !strings.Contains(err.Error(), "502") {
		t.Errorf("error = %v", err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("%d requests were sent, not 1", n)
	}
}

// attempts is how many were made of a call that was stopped; -1 where it was not.
func attempts(err error) int {
	var stopped *Stopped
	if !errors.As(err, &stopped) {
		return -1
	}
	return stopped.Attempts
}
