package sandbox

import (
	"sync"
	"time"
)

// A clock runs as fast as the real one, from wherever it was set.
type clock struct {
	mu    sync.Mutex
	start time.Time // real time, with its monotonic reading, at which the clock was set
	at    time.Time // what it was set to
}

func newClock(at time.Time) *clock {
	c := &clock{start: time.Now()}
	c.at = at
	if at.IsZero() {
		c.at = c.start
	}
	return c
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Add(time.Since(c.start)).Round(0)
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start, c.at = time.Now(), at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Now is the tenant's time.
func (t *Tenant) Now() time.Time { return t.clock.now() }

// SetClock sets the tenant's clock. A session that has been seen stays visible when the clock
// goes back.
func (t *Tenant) SetClock(at time.Time) { t.clock.set(at); t.settle() }

// Advance moves the tenant's clock on.
func (t *Tenant) Advance(d time.Duration) { t.clock.advance(d); t.settle() }
