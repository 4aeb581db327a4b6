package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sess/lib/jsonl"
)

// namesMost bounds the names that are counted apart in one tally; data may have any number.
const namesMost = 20000

// A tally counts by name.
type tally struct {
	counts map[string]int64
	rest   int64             // of names that there was no more room for
	called map[string]string // what to show in place of a name, where there is something
}

func (t *tally) add(name string, n int64) {
	if t.counts == nil {
		t.counts = map[string]int64{}
	}
	if _, ok := t.counts[name]; !ok && len(t.counts) >= namesMost {
		t.rest += n
		return
	}
	t.counts[name] += n
}

// call gives a name that is counted another one to be shown.
func (t *tally) call(name, shown string) {
	if t.called == nil {
		t.called = map[string]string{}
	}
	if len(t.called) < namesMost {
		t.called[name] = shown
	}
}

func (t *tally) merge(o *tally) {
	t.rest += o.rest
	for name, shown := range o.called {
		t.call(name, shown)
	}
	for _, name := range slices.Sorted(maps.Keys(o.counts)) {
		t.add(name, o.counts[name])
	}
}

// top are the names by their counts, the largest first.
func (t *tally) top() []string {
	names := slices.Collect(maps.Keys(t.counts))
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(t.counts[b], t.counts[a]), strings.Compare(a, b))
	})
	return names
}

// counts are what a summary counts.
type counts struct {
	records  int64
	days     map[int64]int64 // days since the epoch
	noDay    int64
	tallies  []tally // one for each of the kind's questions
	severity tally
	state    tally
	events   [len(severityNames)]int64
	open     [len(ages)]int64
}

// ages are how old an open session can be.
var ages = [...]struct {
	label string
	under time.Duration
}{
	{"under a day", 24 * time.Hour}, {"1 to 3 days", 3 * 24 * time.Hour}, {"3 to 7 days", 7 * 24 * time.Hour},
	{"7 to 30 days", 30 * 24 * time.Hour}, {"over 30 days", 1<<63 - 1},
}

// A question is something that a summary ranks by.
type question struct {
	title string
	path  string
	by    []string // names of what to count in each element, where the value is a list; the first there is
}

var questions = map[*schema][]question{
	sessions: {
		{title: "Top actors", path: "actorId"},
		{title: "Top rules", path: "triggeredAlerts", by: []string{"ruleName", "rule_name", "ruleId", "rule_id"}},
		{title: "Top risk indicators", path: "riskIndicators", by: []string{"name", "id"}},
	},
	fileEvents: {
		{title: "By action", path: "event.action"},
		{title: "Top users", path: "user.email"},
		{title: "Top destinations", path: "destination.name"},
		{title: "By destination category", path: "destination.category"},
		{title: "Top risk indicators", path: "risk.indicators", by: []string{"name", "id"}},
	},
}

// places are where the answers to all that a summary of a kind asks are found in a record.
type places struct {
	kind      *schema
	questions []question
	plan      *jsonl.Plan
}

// Of what nothing is known, a summary counts the values of the first fields, and shows those
// that have few.
const (
	fieldsAsked = 20
	valuesFew   = 12
)

// The first paths of a plan; those of the questions follow.
const (
	placeDay = iota
	placeScores
	placeStates
	placeActorName
	placeEvents    // five of them
	placeQuestions = placeEvents + len(severityNames)
)

func newPlaces(first *sample) *places {
	kind := first.kind
	asked := questions[kind]
	if kind == anything {
		for i, c := range first.strangers(nil) {
			if i < fieldsAsked && c.role != identifier && c.role != moment {
				asked = append(asked, question{title: "By " + string(appendSafe(nil, []byte(c.header), false)), path: c.path.String()})
			}
		}
	}
	texts := []string{"beginTime", "scores", "states", "actorName", "noRiskEvents", "lowEvents", "moderateEvents", "highEvents", "criticalEvents"}
	if kind == fileEvents {
		texts[placeDay], texts[placeScores] = "@timestamp", "risk.severity"
	}
	for _, q := range asked {
		texts = append(texts, q.path)
	}
	var paths []jsonl.Path
	for _, t := range texts {
		paths = append(paths, mustPath(t))
	}
	return &places{kind: kind, questions: asked, plan: jsonl.NewPlan(paths, nil)}
}

// counter is the formatter that prints nothing and counts. Each goroutine has one.
type counter struct {
	places  *places
	scanner *jsonl.Scanner
	zone    *time.Location
	now     time.Time
	total   *counts // of all goroutines
	counts
}

func (p *places) counts() counts {
	return counts{days: map[int64]int64{}, tallies: make([]tally, len(p.questions))}
}

// take gives the counts of a chunk away.
func (c *counter) take() func() {
	found := c.counts
	c.counts = c.places.counts()
	return func() { c.total.merge(&found) }
}

func (c *counter) record(dst, line []byte) ([]byte, error) {
	if err := scanObject(c.scanner, line); err != nil {
		return dst, err
	}
	c.records++
	at, known := parseMoment(c.scanner.Value(placeDay))
	if day := dayOf(at, c.zone); known && (len(c.days) < namesMost || c.days[day] > 0) {
		c.days[day]++
	} else {
		c.noDay++
	}
	switch c.places.kind {
	case fileEvents:
		c.severity.add(label(c.scanner.Value(placeScores), "none"), 1)
	case sessions:
		c.session(at, known)
	}
	for i, q := range c.places.questions {
		c.answer(&c.tallies[i], q, c.scanner.Value(placeQuestions+i))
	}
	return dst, nil
}

func (c *counter) session(begin time.Time, known bool) {
	var name string
	if newest, _ := newest(c.scanner.Value(placeScores)); newest != nil {
		s := field(newest, "severity")
		name = label(s, "none")
		if n, ok := jsonl.Int(s); ok && n >= 0 && n < int64(len(severityNames)) {
			name = severityNames[n]
		}
	} else {
		name = "none"
	}
	c.severity.add(name, 1)
	name = "none"
	if newest, _ := newest(c.scanner.Value(placeStates)); newest != nil {
		name = label(stateName(newest), "none")
	}
	c.state.add(name, 1)
	if known && name != "none" && !strings.HasPrefix(name, "CLOSED") {
		for i, a := range ages {
			if c.now.Sub(begin) < a.under {
				c.open[i]++
				break
			}
		}
	}
	for i := range severityNames {
		if n, ok := jsonl.Int(c.scanner.Value(placeEvents + i)); ok && n > 0 {
			c.events[i] += n
		}
	}
}

func (c *counter) answer(t *tally, q question, raw []byte) {
	switch {
	case q.path == "actorId":
		// One actor may have a name in some sessions only, and two may have the same.
		id, name := label(raw, ""), label(c.scanner.Value(placeActorName), "")
		switch {
		case id == "" && name == "":
			id = "none"
		case id == "":
			id = name
		case name != "":
			t.call(id, name)
		}
		t.add(id, 1)
	case len(raw) > 0 && raw[0] == '[':
		seen := map[string]bool{} // an alert of one rule counts once a session
		jsonl.Elements(raw, func(v []byte) {
			name := label(v, "")
			if v[0] == '{' {
				name = label(field(v, q.by...), "")
			}
			if name != "" && !seen[name] && len(seen) < namesMost {
				seen[name] = true
				t.add(name, 1)
			}
		})
	case !isNull(raw):
		t.add(label(raw, "none"), 1)
	}
}

// labelMost is how much of a name is kept, in bytes.
const labelMost = 256

// label is a value as a name that is safe to show.
func label(raw []byte, otherwise string) string {
	if isNull(raw) {
		return otherwise
	}
	text, left := jsonl.AppendTextMost(nil, raw, labelMost)
	text = appendSafe(nil, text, false)
	if left > 0 {
		text = append(text, "…"...)
	}
	if len(text) == 0 {
		return otherwise
	}
	return string(text)
}

func (c *counts) merge(o *counts) {
	c.records += o.records
	c.noDay += o.noDay
	for d, n := range o.days {
		c.days[d] += n
	}
	for i := range c.tallies {
		c.tallies[i].merge(&o.tallies[i])
	}
	c.severity.merge(&o.severity)
	c.state.merge(&o.state)
	for i, n := range o.events {
		c.events[i] += n
	}
	for i, n := range o.open {
		c.open[i] += n
	}
}

// dayOf is the day of a moment in a zone, in days since the epoch.
func dayOf(t time.Time, zone *time.Location) int64 {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

func date(day int64) time.Time { return time.Unix(day*86400, 0).UTC() }

func (s *show) summary() error {
	first := s.sample(time.Millisecond)
	places := newPlaces(first)
	all := places.counts()
	err := s.pump(first, func() formatter {
		return &counter{places: places, scanner: places.plan.Scanner(), zone: s.Time.zone(), now: s.Now, total: &all, counts: places.counts()}
	})
	if all.records > 0 {
		b := &board{most: 80, colour: s.Colour}
		if s.Width > 0 {
			b.most = min(s.Width, 120)
		}
		b.print(places, &all)
		if _, failed := s.out.Write(b.text); failed != nil {
			return failed
		}
	}
	return err
}

// board is where a summary is drawn.
type board struct {
	text   []byte
	most   int // columns
	colour bool
}

func (b *board) print(p *places, c *counts) {
	kind := p.kind
	what := plural(kind.name, c.records)
	if days := slices.Sorted(maps.Keys(c.days)); len(days) > 0 {
		from, to := days[0], days[len(days)-1]
		if from == to {
			b.line(fmt.Sprintf("%s on %s", what, date(from).Format(time.DateOnly)), bold)
		} else {
			b.line(fmt.Sprintf("%s from %s to %s, %s", what, date(from).Format(time.DateOnly), date(to).Format(time.DateOnly), plural("day", to-from+1)), bold)
		}
		b.days(days, c)
	} else {
		b.line(what, bold)
	}
	if kind == sessions {
		b.bars("By severity", bySeverity(&c.severity), severityStyle)
		b.bars("By state", ranked(&c.state, 12), stateStyle)
		b.bars("Open, by age", byAge(c), nil)
	}
	if kind == fileEvents {
		b.bars("By severity", bySeverity(&c.severity), severityStyle)
	}
	for i, q := range p.questions {
		if few := int64(len(c.tallies[i].counts)); kind == anything && (few > valuesFew || few >= c.records) {
			continue
		}
		b.bars(q.title, ranked(&c.tallies[i], 10), nil)
	}
	if kind == sessions {
		var events []bar
		for i := len(c.events) - 1; i >= 0; i-- {
			if c.events[i] > 0 {
				events = append(events, bar{severityNames[i], c.events[i], false})
			}
		}
		b.bars("Events, by severity", events, severityStyle)
	}
}

func plural(noun string, n int64) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (b *board) line(text string, s style) {
	b.text = append(styled(b.text, []byte(text), s, b.colour), '\n')
}

// A bar is one line of a section.
type bar struct {
	label string
	n     int64
	plain bool // only the number: it stands for many
}

func bySeverity(t *tally) []bar {
	var bars []bar
	known := append([]string{"none", "NO_RISK_INDICATED"}, severityNames[:]...)
	slices.Reverse(known)
	for _, name := range known {
		if n := t.counts[name]; n > 0 {
			bars = append(bars, bar{name, n, false})
		}
	}
	for _, name := range t.top() {
		if !slices.Contains(known, name) && len(bars) < 20 {
			bars = append(bars, bar{name, t.counts[name], false})
		}
	}
	return bars
}

// ranked are the largest of a tally, and what the others come to.
func ranked(t *tally, most int) []bar {
	var bars []bar
	var others, rest int64
	for i, name := range t.top() {
		if i < most {
			shown := name
			if n, ok := t.called[name]; ok {
				shown = n
			}
			bars = append(bars, bar{shown, t.counts[name], false})
			continue
		}
		others++
		rest += t.counts[name]
	}
	switch {
	case t.rest > 0:
		bars = append(bars, bar{fmt.Sprintf("over %d others", others), rest + t.rest, true})
	case others > 0:
		bars = append(bars, bar{plural("other", others), rest, true})
	}
	return bars
}

func byAge(c *counts) []bar {
	var bars []bar
	total := int64(0)
	for i, n := range c.open {
		bars = append(bars, bar{ages[i].label, n, false})
		total += n
	}
	if total == 0 {
		return nil
	}
	return bars
}

// eighths are bars of one to eight eighths of a character.
var eighths = []string{"▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"}

// bars draws a section.
func (b *board) bars(title string, bars []bar, look func(string) style) {
	if len(bars) == 0 {
		return
	}
	b.text = append(b.text, '\n')
	b.line(title, bold)
	labels, numbers, largest := 0, 0, int64(1)
	for _, r := range bars {
		labels = max(labels, width([]byte(r.label)))
		numbers = max(numbers, len(fmt.Sprint(r.n)))
		if !r.plain {
			largest = max(largest, r.n)
		}
	}
	labels = min(labels, max(b.most/2-4, 10))
	room := max(b.most-2-labels-2-numbers-2, 1)
	for _, r := range bars {
		text := shorten([]byte(r.label), labels)
		s := normal
		if look != nil {
			s = look(r.label)
		}
		begin := len(b.text)
		b.text = styled(pad(b.text, 2), text, s, b.colour)
		b.text = pad(b.text, labels-width(text)+2)
		b.text = fmt.Appendf(b.text, "%*d  ", numbers, r.n)
		if !r.plain {
			b.text = b.stroke(b.text, r.n, largest, room, s)
		}
		b.text = endLine(b.text, begin)
	}
}

// stroke draws a bar for n where largest takes the whole room. What is not nothing is seen.
func (b *board) stroke(dst []byte, n, largest int64, room int, s style) []byte {
	if n <= 0 {
		return dst
	}
	parts := max(int(float64(n)/float64(largest)*float64(room*8)+0.5), 1)
	var line []byte
	for ; parts >= 8; parts -= 8 {
		line = append(line, "█"...)
	}
	if parts > 0 {
		line = append(line, eighths[parts-1]...)
	}
	if s == normal || s == dim || s == bold {
		s = blue
	}
	return styled(dst, line, s, b.colour)
}

const (
	barDays   = 14 // as many days are bars; more are a line a month, a character a day
	monthRows = 48 // as many months are shown
)

// days draws how many there were each day.
func (b *board) days(days []int64, c *counts) {
	from, to := days[0], days[len(days)-1]
	if to-from < barDays {
		var bars []bar
		for d := from; d <= to; d++ {
			bars = append(bars, bar{date(d).Format("Mon 2006-01-02"), c.days[d], false})
		}
		b.bars("By day", bars, nil)
	} else {
		b.months(from, to, c)
	}
	if c.noDay > 0 {
		b.line(fmt.Sprintf("  %d without a day", c.noDay), dim)
	}
}

// levels are the heights of a day among the others.
var levels = []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}

// months draws a line a month, the newest last.
func (b *board) months(from, to int64, c *counts) {
	largest := int64(1)
	for _, n := range c.days {
		largest = max(largest, n)
	}
	first := date(from)
	month := time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, time.UTC)
	last := date(to)
	skipped := int64(0)
	for all := (last.Year()-month.Year())*12 + int(last.Month()-month.Month()) + 1; all > monthRows; all-- {
		next := month.AddDate(0, 1, 0)
		month = next
	}
	for d, n := range c.days {
		if d < month.Unix()/86400 {
			skipped += n
		}
	}
	b.text = append(b.text, '\n')
	b.line(fmt.Sprintf("By day, %s %d", levels[len(levels)-1], largest), bold)
	if skipped > 0 {
		b.line(fmt.Sprintf("  %d before %s", skipped, month.Format("2006-01")), dim)
	}
	narrow := b.most < 2+7+2+31+2+len(fmt.Sprint(c.records))
	for ; !month.After(last); month = month.AddDate(0, 1, 0) {
		var line []byte
		total := int64(0)
		next := month.AddDate(0, 1, 0).Unix() / 86400
		for d := month.Unix() / 86400; d < next; d++ {
			n := c.days[d]
			total += n
			switch {
			case d < from || d > to:
				line = append(line, ' ')
			case n == 0:
				line = append(line, "·"...)
			default:
				line = append(line, levels[min(int(float64(n)/float64(largest)*8), 7)]...)
			}
		}
		begin := len(b.text)
		b.text = append(pad(b.text, 2), month.Format("2006-01")...)
		b.text = pad(b.text, 2)
		if !narrow {
			b.text = styled(b.text, line, blue, b.colour)
			b.text = pad(b.text, 31-width(line)+2)
		}
		b.text = fmt.Appendf(b.text, "%*d", len(fmt.Sprint(c.records)), total)
		b.text = endLine(b.text, begin)
	}
}
