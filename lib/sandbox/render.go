package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// served is the session as the API gives it. The caller holds a lock; the bytes are not to be
// changed.
func (t *Tenant) served(s *session) []byte {
	if b := s.bytes.Load(); b != nil {
		return *b
	}
	b := t.render(s)
	s.bytes.Store(&b)
	return b
}

// compact is the session without white space between its tokens.
func (t *Tenant) compact(s *session) []byte {
	b := t.served(s)
	if s.traits&(pretty|oddSpaces) == 0 {
		return b
	}
	var out bytes.Buffer
	json.Compact(&out, b)
	return out.Bytes()
}

func (t *Tenant) render(s *session) []byte {
	r := draw(t.options.Seed, aboutText, s.number)
	w := &builder{b: make([]byte, 0, 3<<10), escaped: s.traits&escapes != 0}
	a := t.actors[s.actor]
	has := func(bit traits) bool { return s.traits&bit != 0 }

	w.open('{')
	w.text("sessionId", s.id)
	w.text("tenantId", idOf(t.options.Seed, aboutActor, 999))
	w.text("actorId", a.id)
	switch {
	case has(absent):
	case has(nulls):
		w.orNull("actorName", "")
		w.orNull("userId", "")
	default:
		w.text("actorName", t.spoil(s, 1, a.name))
		w.text("userId", a.user)
	}
	switch {
	case s.takeOver:
		w.text("type", "ACCOUNT_TAKE_OVER")
	case !has(absent):
		w.text("type", "STANDARD")
	}
	w.number("beginTime", s.begin)
	w.number("endTime", s.end)
	w.number("firstObserved", s.observed)
	w.number("lastUpdated", s.updated)
	// Both are drawn whether shown or not: what comes after must not change with the session.
	context, exfiltration := t.contextSummary(r), t.exfiltrationSummary(r)
	if !has(absent) {
		w.text("contextSummary", t.spoil(s, 2, context))
	}
	if has(nulls) || len(s.alerts) == 0 {
		w.orNull("exfiltrationSummary", "")
	} else {
		w.text("exfiltrationSummary", t.spoil(s, 3, exfiltration))
	}
	for i, name := range []string{"noRiskEvents", "lowEvents", "moderateEvents", "highEvents", "criticalEvents"} {
		w.number(name, int64(s.events[i]))
	}
	t.inspectionResults(w, s, r)
	if has(unknownFields) {
		t.unknown(w, s, r)
	}
	if t.options.Hostile {
		t.hostileFields(w, s, r)
	}
	t.histories(w, s)
	w.close('}')

	switch {
	case has(pretty):
		var out bytes.Buffer
		json.Indent(&out, w.b, "  ", "  ")
		return out.Bytes()
	case has(oddSpaces):
		return spread(w.b)
	}
	return bytes.Clone(w.b)
}

func (t *Tenant) contextSummary(r stream) string {
	first := r.IntN(len(contexts))
	var parts []string
	for i := range 2 + r.IntN(4) {
		parts = append(parts, fmt.Sprintf(contexts[(first+3*i)%len(contexts)], 2+r.IntN(29)))
	}
	return strings.Join(parts, "; ") + "."
}

func (t *Tenant) exfiltrationSummary(r stream) string {
	first := r.IntN(len(destinations))
	var parts []string
	for i := range 2 + r.IntN(4) {
		parts = append(parts, fmt.Sprintf("%d %s (%d.%d MB) moved to %s",
			2+r.IntN(89), pick(r, fileKinds), r.IntN(900), r.IntN(10), destinations[(first+5*i)%len(destinations)]))
	}
	return strings.Join(parts, ", ")
}

func (t *Tenant) noteText(r stream) string {
	text := strings.ReplaceAll(pick(r, noteTexts), "%d", strconv.Itoa(1000+r.IntN(9000)))
	if t.options.Hostile && r.oneIn(2) {
		text += " " + pick(r, nasty)
	}
	return text
}

func (t *Tenant) inspectionResults(w *builder, s *session, r stream) {
	if s.inspection == unprocessed {
		if s.traits&absent == 0 {
			w.orNull("contentInspectionResults", "")
		}
		return
	}
	w.object("contentInspectionResults", func() {
		var on []string
		if s.inspection == found {
			on = append(on, pick(r, findings))
			if r.oneIn(2) {
				on = append(on, findings[0])
			}
		}
		w.list("detectedOnAlerts", on...)
		w.text("status", []string{"", "PENDING", "FOUND", "NOT_FOUND"}[s.inspection])
		w.name("eventResults")
		w.open('[')
		for i := range r.IntN(5) {
			w.open('{')
			w.text("eventId", eventID(t.options.Seed, s, i))
			w.list("piiType", on...)
			w.text("status", []string{"", "PENDING", "PII_FOUND", "PII_NOT_FOUND"}[s.inspection])
			w.close('}')
		}
		w.close(']')
	})
}

// unknown writes fields that no description has, and numbers that no float holds.
func (t *Tenant) unknown(w *builder, s *session, r stream) {
	w.object("riskModel", func() {
		w.text("version", "2026.3-β")
		w.name("precise")
		w.raw("12345678901234567890.125")
		w.name("ceiling")
		w.raw("1E400")
		w.name("weights")
		w.raw("[0.1,1.0,-0,-0.0,1e-7,100000000000000000000,[],{}]")
		w.name("nested")
		w.raw(`{"a.b":{"":[null,true,{"c":[[["d"]]]}]},"naïve/key":"caf\u00e9 \/ \ud83d\ude80"}`)
	})
	if r.oneIn(2) {
		w.list("labels", "Größe", "a/b", "\"quoted\"", "tab\there")
	}
	w.number("watchedSince", s.begin-r.Int64N(90*day))
}

// histories writes the lists, each with its oldest entry first unless the session has them the
// other way round.
func (t *Tenant) histories(w *builder, s *session) {
	seed := t.options.Seed
	back := s.traits&newestFirst != 0
	list := func(name string, n int, item func(i int)) {
		w.name(name)
		if n == 0 && s.traits&nulls != 0 {
			w.null()
			return
		}
		w.open('[')
		for i := range n {
			if back {
				i = n - 1 - i
			}
			w.open('{')
			item(i)
			w.close('}')
		}
		w.close(']')
	}
	list("notes", len(s.notes), func(i int) {
		n := s.notes[i]
		w.text("id", idOf(seed, aboutText, s.number<<20|uint64(i)))
		w.text("content", n.text)
		w.number("sourceTimestamp", n.at)
		w.text("userId", n.user)
	})
	list("riskIndicators", len(s.indicators), func(i int) {
		kind := indicators[s.indicators[i].kind]
		w.text("id", kind.id)
		w.text("name", t.spoil(s, 10+uint64(i), kind.name))
		w.number("weight", int64(kind.weight))
		w.number("eventCount", int64(s.indicators[i].count))
	})
	list("scores", len(s.scores), func(i int) {
		w.number("score", int64(s.scores[i].score))
		w.number("severity", int64(s.scores[i].severity))
		w.number("sourceTimestamp", s.scores[i].at)
	})
	list("states", len(s.states), func(i int) {
		e := s.states[i]
		w.text("state", stateNames[e.code])
		if s.traits&oldStates == 0 {
			w.text("stateV2", stateNames[e.code])
		}
		w.number("sourceTimestamp", e.at)
		if e.user != "" || s.traits&absent == 0 {
			w.orNull("userId", e.user)
		}
	})
	list("triggeredAlerts", len(s.alerts), func(i int) {
		e := s.alerts[i]
		w.text("alertId", idOf(seed, aboutText, s.number<<20|uint64(i)|1<<19))
		w.text("ruleId", rules[e.rule].id)
		w.text("ruleName", t.spoil(s, 40+uint64(i), rules[e.rule].name))
		if e.lesson {
			w.text("lessonId", idOf(seed, aboutText, uint64(e.rule)))
		} else if s.traits&absent == 0 {
			w.orNull("lessonId", "")
		}
	})
}
