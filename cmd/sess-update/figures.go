package main

import (
	"sync/atomic"

	"sess/lib/metrics"
)

// changed counts what became of the sessions that were to be changed.
type changed struct{ ok, failed atomic.Int64 }

func (c *changed) count(n int64, err error) {
	if err != nil {
		c.failed.Add(n)
		return
	}
	c.ok.Add(n)
}

func (c *changed) figures(f *metrics.Figures) {
	f.Set(metrics.Rows, float64(c.ok.Load()), metrics.Label{Name: "outcome", Value: "ok"})
	f.Set(metrics.Rows, float64(c.failed.Load()), metrics.Label{Name: "outcome", Value: "failed"})
}
