package sandbox

import "time"

// churnDue tells whether a step of churn is to be taken. Steps go by real time, and are taken
// when somebody asks for something: nobody can tell the difference.
func (t *Tenant) churnDue() bool {
	return t.options.Churn > 0 && int64(time.Since(t.began)/t.options.Churn) > t.churned.Load()
}

// churn takes the steps that are due. What each does depends on the seed and its number alone.
// After a long time without a request the older steps are left out. The caller holds the lock.
func (t *Tenant) churn(now int64) {
	if !t.churnDue() {
		return
	}
	steps := int64(time.Since(t.began) / t.options.Churn)
	for n := max(t.churned.Load(), steps-10_000); n < steps; n++ {
		t.step(draw(t.options.Seed, aboutChurn, uint64(n)), now)
	}
	t.churned.Store(steps)
	t.catchUp(now)
}

func (t *Tenant) step(r stream, now int64) {
	switch r.weighted(25, 15, 25, 25, 10) {
	case 0: // a new session that ended about now
		t.add(t.newcomer(now))
		return
	case 1: // one that shows up late, from some time in the last six days
		s := t.newcomer(now)
		s.shift(s.begin - r.within(hour, 6*day))
		t.add(s)
		return
	}
	s := t.someone(r)
	if s == nil {
		return
	}
	c := nothing(now)
	switch r.weighted(30, 45, 25) {
	case 0: // it goes on: its end moves, sometimes to the top of the list
		c.end = min(now, s.end+r.within(minute, 3*hour))
		if r.oneIn(4) {
			c.end = now
		}
	case 1: // somebody works on it
		c.state = r.IntN(len(stateNames))
		c.user = analystID(t.options.Seed, r.IntN(len(analysts)))
	case 2: // new data comes in
		c.score = 1 + r.IntN(12)
		c.alert = r.IntN(len(rules))
	}
	t.change(s, c)
}

// someone is a visible session, half the time a recent one.
func (t *Tenant) someone(r stream) *session {
	n := len(t.byEnd.list)
	if n == 0 {
		return nil
	}
	if r.oneIn(2) {
		return t.byEnd.list[n-1-r.IntN(min(n, 60))]
	}
	return t.byEnd.list[r.IntN(n)]
}
