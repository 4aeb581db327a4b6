package sandbox

import "time"

const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// How busy the hours of a day and the days of a week are, of 100.
var (
	hourly = [24]int{3, 2, 2, 2, 3, 6, 14, 40, 78, 95, 100, 92, 70, 84, 96, 98, 90, 74, 42, 22, 16, 12, 8, 5}
	daily  = [7]int{12, 92, 100, 97, 95, 84, 20} // from Sunday
)

// traits are the oddities of one session's bytes, a bit each.
type traits uint16

const (
	newestFirst   traits = 1 << iota // histories run backwards
	unknownFields                    // fields that no description has, and hard numbers
	escapes                          // \u00e9 and \/ where é and / would do
	pretty                           // served with line breaks and indents
	oddSpaces                        // served with tabs and CRLF
	nulls                            // null where a value could be
	absent                           // optional fields left out
	oldStates                        // stateV2 left out
	hugeField                        // hostile tenants only
)

// populate makes the tenant's sessions, those of the past visible at once.
func (t *Tenant) populate() {
	o := t.options
	t.actors = actorsOf(o.Seed)
	for _, a := range t.actors {
		t.shares = append(t.shares, a.share)
	}
	t.all = make([]*session, 0, o.Sessions)
	t.byID = make(map[string]*session, o.Sessions)
	until := o.Until.UnixMilli()
	for n := range o.Sessions {
		t.add(t.generate(uint64(n), until-int64(o.Days)*day, until))
	}
	t.catchUp(t.clock.now().UnixMilli())
}

// blank is the session of that number without times, and what the rest is drawn from.
func (t *Tenant) blank(number uint64) (*session, stream) {
	r := draw(t.options.Seed, aboutSession, number)
	return &session{
		number:   number,
		id:       idOf(t.options.Seed, aboutSession, number),
		actor:    r.weighted(t.shares...),
		takeOver: r.oneIn(40),
	}, r
}

// generate makes the session of that number, somewhere between from and until. All that the
// histories tell of lies before until, but for a session that shows up after it.
func (t *Tenant) generate(number uint64, from, until int64) *session {
	s, r := t.blank(number)
	for {
		s.begin = r.within(from, until-10*minute)
		at := time.UnixMilli(s.begin).UTC()
		if r.IntN(10_000) < hourly[at.Hour()]*daily[at.Weekday()] {
			break
		}
	}
	s.end = s.begin + duration(r)
	if s.end >= until {
		s.end = s.begin + r.within(1, until-s.begin-1)
	}
	s.observed = s.end + t.late(r)
	s.updated = s.observed
	t.fill(s, r)
	t.foretell(s, r, until)
	return s
}

// duration is how long a session lasts: minutes to hours, mostly an hour or two.
func duration(r stream) int64 {
	switch r.weighted(20, 45, 25, 10) {
	case 0:
		return r.within(2*minute, 20*minute)
	case 1:
		return r.within(20*minute, 2*hour)
	case 2:
		return r.within(2*hour, 5*hour)
	}
	return r.within(5*hour, 11*hour)
}

// late is how long after its end a session shows up: a third at once or nearly so, a third
// anywhere, a third at the very end of the lag.
func (t *Tenant) late(r stream) int64 {
	lag := t.options.Lag.Milliseconds()
	thousandths := []int64{r.within(0, 50), r.within(0, 1000), r.within(900, 1000)}[r.IntN(3)]
	return lag / 1000 * thousandths
}

// fill draws everything about the session that is known when it shows up.
func (t *Tenant) fill(s *session, r stream) {
	severity := r.weighted(8, 34, 31, 19, 8)
	if r.oneIn(10) {
		severity = min(severity, 2)
	} else {
		for range 1 + r.weighted(60, 25, 10, 5) {
			s.alerts = append(s.alerts, alert{rule: min(r.IntN(len(rules)), r.IntN(len(rules))), lesson: r.oneIn(5)})
		}
	}
	for i := range s.events {
		if i < severity {
			s.events[i] = int(r.Int64N(1 + r.Int64N(40)))
		}
	}
	s.events[severity] = 1 + r.IntN(12)
	if r.oneIn(60) {
		s.events[severity] += 150 + r.IntN(600)
	}
	s.inspection = r.weighted(40, 10, 22, 28)
	first := r.IntN(len(indicators))
	for i := range 4 + r.IntN(6) {
		s.indicators = append(s.indicators, indicator{(first + 5*i) % len(indicators), 1 + r.IntN(30)})
	}
	t.grade(s, r, severity)
	if len(s.alerts) > 0 || r.oneIn(2) {
		s.states = append(s.states, state{at: s.observed, code: open})
	}
	for i, n := range []int{8, 5, 10, 12, 16, 9, 9, 12, 60} {
		if r.oneIn(n) {
			s.traits |= 1 << i
		}
	}
}

// grade gives the session its scores, the last one of the wanted severity.
func (t *Tenant) grade(s *session, r stream, severity int) {
	if severity == 0 && r.oneIn(3) {
		return
	}
	ranges := [5][2]int64{{0, 0}, {1, 3}, {4, 6}, {7, 8}, {9, 34}}
	steps := 1 + r.IntN(4)
	for i := range steps {
		grade := max(0, severity-(steps-1-i))
		at := s.begin + (s.end-s.begin)*int64(i+1)/int64(steps)
		s.scores = append(s.scores, score{at, int(r.within(ranges[grade][0], ranges[grade][1])), grade})
	}
}

// foretell draws what analysts and new data will do to the session, as far as it lies before until.
func (t *Tenant) foretell(s *session, r stream, until int64) {
	at := s.observed
	then := func(c change, wait int64) {
		at += wait
		c.at = at
		if at < until {
			s.future = append(s.future, c)
		}
	}
	who := func() string { return analystID(t.options.Seed, r.IntN(len(analysts))) }
	if r.oneIn(6) {
		c := nothing(0)
		c.note, c.user = t.noteText(r), who()
		then(c, r.within(10*minute, 20*hour))
	}
	if r.IntN(100) < 62 {
		if r.IntN(100) < 55 {
			c := nothing(0)
			c.state, c.user = inProgress, who()
			then(c, r.within(5*minute, 2*day))
		}
		if r.IntN(100) < 80 {
			c := nothing(0)
			c.state, c.user = []int{closed, closedTP, closedFP, closedTPBenign}[r.weighted(45, 15, 28, 12)], who()
			if r.oneIn(5) {
				c.note = t.noteText(r)
			}
			then(c, r.within(2*minute, 5*day))
		}
	}
	if r.oneIn(14) {
		c := nothing(0)
		c.state = openNewData
		c.score = 1 + r.IntN(12)
		if len(s.alerts) > 0 {
			c.alert = r.IntN(len(rules))
		}
		then(c, r.within(hour, 3*day))
	}
}

// shift moves a session that nobody has seen so that it begins at the given time.
func (s *session) shift(begin int64) {
	by := begin - s.begin
	s.begin += by
	s.end += by
	for i := range s.scores {
		s.scores[i].at += by
	}
}

// newcomer makes the next session, which shows up at the moment now and ended about then.
// The caller holds the lock.
func (t *Tenant) newcomer(now int64) *session {
	s, r := t.blank(uint64(len(t.all)))
	length := duration(r)
	s.begin = now - length - r.Int64N(10*minute)
	s.end = s.begin + length
	s.observed, s.updated = now, now
	t.fill(s, r)
	return s
}
