package incydr

import (
	"sync"
	"time"
)

// Stats count what a Client has done so far.
type Stats struct {
	Requests map[int]int64 // by the status of the answer; 0: no answer
	Retries  int64         // requests that were made again
	Tokens   int64         // tokens that were asked for
	Paused   time.Duration // how long the server had all requests wait
}

type counters struct {
	mu sync.Mutex
	s  Stats
}

func (c *counters) request(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.s.Requests == nil {
		c.s.Requests = map[int]int64{}
	}
	c.s.Requests[status]++
}

func (c *counters) retry() {
	c.mu.Lock()
	c.s.Retries++
	c.mu.Unlock()
}

func (c *counters) token() {
	c.mu.Lock()
	c.s.Tokens++
	c.mu.Unlock()
}

func (c *counters) paused(d time.Duration) {
	c.mu.Lock()
	c.s.Paused += d
	c.mu.Unlock()
}

// Stats returns the counts up to now.
func (c *Client) Stats() Stats {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	s := c.stats.s
	s.Requests = make(map[int]int64, len(c.stats.s.Requests))
	for status, n := range c.stats.s.Requests {
		s.Requests[status] = n
	}
	return s
}
