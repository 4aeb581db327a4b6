package main

import (
	"sync/atomic"

	"sess/lib/metrics"
	"sess/lib/search"
)

// printed counts the sessions that have left the process.
type printed struct {
	sessions atomic.Int64
	newest   atomic.Int64 // begin, ms
}

// counting counts what print has printed.
func (p *printed) counting(print func([]search.Session) error) func([]search.Session) error {
	return func(sessions []search.Session) error {
		if err := print(sessions); err != nil {
			return err
		}
		newest := p.newest.Load()
		for _, s := range sessions {
			newest = max(newest, s.Begin)
		}
		p.sessions.Add(int64(len(sessions)))
		p.newest.Store(newest)
		return nil
	}
}

func (p *printed) figures(f *metrics.Figures) {
	f.Set(metrics.Sessions, float64(p.sessions.Load()))
	if newest := p.newest.Load(); newest > 0 {
		f.Set(metrics.Newest, float64(newest)/1000)
	}
}
