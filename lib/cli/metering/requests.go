package metering

import (
	"strconv"

	"sess/lib/incydr"
	"sess/lib/metrics"
)

// Requests gives the figures of what a client has asked of its tenant.
func Requests(c *incydr.Client) func(*metrics.Figures) {
	return func(f *metrics.Figures) {
		s := c.Stats()
		for status, n := range s.Requests {
			code := "none"
			if status != 0 {
				code = strconv.Itoa(status)
			}
			f.Set(metrics.Requests, float64(n), metrics.Label{Name: "code", Value: code})
		}
		f.Set(metrics.Retries, float64(s.Retries))
		f.Set(metrics.Paused, s.Paused.Seconds())
	}
}
