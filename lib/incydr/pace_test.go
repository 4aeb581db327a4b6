package incydr

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// busy lets eight workers make so many requests of a server that is asked through the pace, in
// a time of its own. accept says whether the server lets a request pass, and if not, for how long it
// wants a pause. It returns how long it took and how often the server refused.
func busy(p *pace, requests int, accept func(now time.Time) (ok bool, after time.Duration)) (took time.Duration, refused int) {
	begun := time.Now()
	var mu sync.Mutex
	left := requests
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for {
				mu.Lock()
				if left == 0 {
					mu.Unlock()
					return
				}
				left--
				mu.Unlock()
				for {
					if err := p.wait(context.Background()); err != nil {
						panic(err)
					}
					sent := time.Now()
					time.Sleep(20 * time.Millisecond) // on the way
					mu.Lock()
					ok, after := accept(time.Now())
					if !ok {
						refused++
					}
					mu.Unlock()
					time.Sleep(20 * time.Millisecond) // and back
					if ok {
						p.accept()
						break
					}
					p.refuse(sent, after)
				}
			}
		})
	}
	group.Wait()
	return time.Since(begun), refused
}

// A server with a bucket of ten seconds' worth of requests: all of it is used, and then its
// rate, with few refusals.
func TestPaceFindsABucketsRate(t *testing.T) {
	for _, perMinute := range []int{30, 120, 300, 6000} {
		synctest.Test(t, func(t *testing.T) {
			bucket := rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(perMinute/6, 1))
			const minutes = 5
			requests := minutes * perMinute
			took, refused := busy(newPace(0), requests, func(now time.Time) (bool, time.Duration) {
				place := bucket.ReserveN(now, 1)
				if d := place.DelayFrom(now); d > 0 {
					place.CancelAt(now)
					return false, (d + time.Second - 1).Truncate(time.Second)
				}
				return true, 0
			})
			if best := minutes*time.Minute - 10*time.Second; took > best*13/10 || refused > 40+requests/50 {
				t.Errorf("%d a minute: %d requests took %s, at best %s; %d were refused", perMinute, requests, took, best, refused)
			}
		})
	}
}

// A server whose bucket somebody else has just emptied.
func TestPaceFindsTheRateOfAnEmptyBucket(t *testing.T) {
	for _, perMinute := range []int{30, 120, 1200} {
		synctest.Test(t, func(t *testing.T) {
			bucket := rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(perMinute/6, 1))
			bucket.ReserveN(time.Now(), max(perMinute/6, 1))
			took, refused := busy(newPace(0), 3*perMinute, func(now time.Time) (bool, time.Duration) {
				place := bucket.ReserveN(now, 1)
				if d := place.DelayFrom(now); d > 0 {
					place.CancelAt(now)
					return false, (d + time.Second - 1).Truncate(time.Second)
				}
				return true, 0
			})
			if took > 4*time.Minute || refused > 60 {
				t.Errorf("%d a minute: three minutes' worth took %s; %d were refused", perMinute, took, refused)
			}
		})
	}
}

// A server that counts by the minute on its clock.
func TestPaceFindsAWindowsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		const perMinute = 120
		var minute, n int
		took, refused := busy(newPace(0), 5*perMinute, func(now time.Time) (bool, time.Duration) {
			if m := int(now.Sub(begun) / time.Minute); m != minute {
				minute, n = m, 0
			}
			if n++; n > perMinute {
				return false, time.Duration(minute+1)*time.Minute - now.Sub(begun)
			}
			return true, 0
		})
		if took > 5*time.Minute*13/10 || refused > 60 {
			t.Errorf("it took %s; %d were refused", took, refused)
		}
	})
}

// Once the server allows more, more is sent.
func TestPaceRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(0)
		busy(p, 30, func(time.Time) (bool, time.Duration) { return true, 0 })
		p.refuse(time.Now(), 20*time.Second)
		slow := p.limiter.Limit()
		took, _ := busy(p, 3000, func(time.Time) (bool, time.Duration) { return true, 0 })
		if took > 4*time.Minute {
			t.Errorf("from %.1f a second on it took %s", slow, took)
		}
	})
}

// A rate that was asked for is kept from the first request on, whatever the server allows.
func TestPaceKeepsARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times []time.Time
		took, _ := busy(newPace(120), 121, func(now time.Time) (bool, time.Duration) {
			times = append(times, now)
			return true, 0
		})
		if took < time.Minute || took > 61*time.Second {
			t.Errorf("121 requests at 120 a minute took %s", took)
		}
		for i := 2; i < len(times); i++ {
			if d := times[i].Sub(times[i-1]); d < 499*time.Millisecond {
				t.Fatalf("two requests within %s", d)
			}
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"0": 0, "7": 7 * time.Second, " 30 ": 30 * time.Second, "1.5": 1500 * time.Millisecond,
		"99999999999999999999": maxPause, "1e99": maxPause,
		"Mon, 23 Nov 2026 10:00:20 GMT":    20 * time.Second,
		"Monday, 23-Nov-26 10:00:20 GMT":   20 * time.Second,
		"Mon Nov 23 10:00:20 2026":         20 * time.Second,
		"Mon, 23 Nov 2020 10:00:20 GMT":    0,
		"":                                 -1,
		"-1":                               -1,
		"soon":                             -1,
		"NaN":                              -1,
		"Mon, 23 Nov 2026 10:00:20 +0100 ": -1,
	} {
		got, ok := retryAfter(http.Header{"Retry-After": {text}}, now)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %s, %v", text, got, ok)
		}
	}
	// By the server's own clock, which may be another than ours.
	h := http.Header{"Retry-After": {"Mon, 23 Nov 2026 10:00:20 GMT"}, "Date": {"Mon, 23 Nov 2026 10:00:15 GMT"}}
	if got, ok := retryAfter(h, now.Add(1000*time.Hour)); !ok || got != 5*time.Second {
		t.Errorf("by the server's clock: %s, %v", got, ok)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"0", "120", "1.5", "-3", "9999999999999999999999", "Mon, 23 Nov 2026 10:00:20 GMT", "inf", "0x10"} {
		f.Add(s, "Mon, 23 Nov 2026 10:00:15 GMT")
	}
	f.Fuzz(func(t *testing.T, text, date string) {
		got, ok := retryAfter(http.Header{"Retry-After": {text}, "Date": {date}}, time.Now())
		if got < 0 || got > maxPause || !ok && got != 0 {
			t.Errorf("%q: %s, %v", text, got, ok)
		}
		if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < 1e6 && text[0] != '+' && got != time.Duration(n)*time.Second {
			t.Errorf("%q: %s", text, got)
		}
	})
}
