package checkpoint

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestOneRunAtATime(t *testing.T) {
	d := newDir(t)
	run, err := d.Hold(t.Context(), "siem", 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Hold(t.Context(), "siem", 0)
	var inUse *InUse
	if !errors.As(err, &inUse) || inUse.ExitCode() != 6 {
		t.Fatalf("a second run: %v", err)
	}
	holder := inUse.Holder.(Holder)
	if holder.PID != os.Getpid() || time.Since(holder.Since) > time.Minute || !strings.Contains(err.Error(), "UTC") {
		t.Errorf("held by %+v: %v", holder, err)
	}
	if by, used := d.InUse("siem"); !used || by.PID != os.Getpid() {
		t.Errorf("in use: %v by %v", used, by)
	}
	if other, err := d.Hold(t.Context(), "another", 0); err != nil {
		t.Errorf("another name: %v", err)
	} else {
		other.End()
	}
	var ended atomic.Bool
	go func() {
		time.Sleep(50 * time.Millisecond)
		ended.Store(true)
		run.End()
	}()
	second, err := d.Hold(t.Context(), "siem", time.Minute)
	if err != nil || !ended.Load() {
		t.Fatalf("waiting for the first to end: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := d.Hold(ctx, "siem", time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped while waiting: %v", err)
	}
	second.End()
	if _, used := d.InUse("siem"); used {
		t.Error("in use after its end")
	}
}

// Who only looks does not make a search believe that the checkpoint is in use.
func TestLookingDoesNotHold(t *testing.T) {
	d := newDir(t)
	first, err := d.Hold(t.Context(), "siem", 0)
	if err != nil {
		t.Fatal(err)
	}
	first.End()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			d.InUse("siem")
		}
	}()
	for range 200 {
		run, err := d.Hold(t.Context(), "siem", 0)
		if err != nil {
			t.Fatal(err)
		}
		run.End()
	}
	stop()
	<-done
}

func TestTails(t *testing.T) {
	d := newDir(t)
	if d.HasTail("siem") {
		t.Error("a tail where none was ever")
	}
	a, err := d.JoinTail("siem")
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.JoinTail("siem")
	if err != nil {
		t.Fatal(err)
	}
	a.Leave()
	if !d.HasTail("siem") {
		t.Error("the second tail is not noticed")
	}
	b.Leave()
	if d.HasTail("siem") {
		t.Error("a tail where none is left")
	}
}
