package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func itemsOf(t *testing.T, o Options) [][]byte {
	t.Helper()
	items, err := New(o).Items("")
	if err != nil {
		t.Fatal(err)
	}
	return items
}

func TestSameOptionsGiveTheSameBytes(t *testing.T) {
	o := Options{Sessions: 300, Seed: 7, Until: until, Now: until.Add(time.Hour)}
	first := bytes.Join(itemsOf(t, o), []byte("\n"))
	o.Now = until.Add(400 * 24 * time.Hour)
	if again := bytes.Join(itemsOf(t, o), []byte("\n")); !bytes.Equal(first, again) {
		t.Error("the same options gave other bytes on another day")
	}
	o.Seed = 8
	if other := bytes.Join(itemsOf(t, o), []byte("\n")); bytes.Equal(first, other) {
		t.Error("another seed gave the same bytes")
	}

	// Scripts and documents quote this data: whoever changes it changes this sum with intent.
	const known = "b982006daa841a5d"
	sum := sha256.Sum256(first)
	if got := hex.EncodeToString(sum[:8]); got != known {
		t.Errorf("the data of seed 7 has changed: %s, was %s", got, known)
	}
}

func TestDataIsPlausible(t *testing.T) {
	const n = 3000
	o := Options{Sessions: n, Seed: 1, Until: until, Now: until.Add(time.Hour)}
	items := itemsOf(t, o)
	if len(items) != n {
		t.Fatalf("%d sessions, want %d", len(items), n)
	}
	size, quiet, weekend, overlapping, odd := 0, 0, 0, 0, 0
	ids, actors := map[string]bool{}, map[string]int{}
	states, severities := map[string]int{}, map[int64]int{}
	var earlier facts
	for _, raw := range items {
		size += len(raw)
		if !json.Valid(raw) || !utf8.Valid(raw) || bytes.IndexByte(raw, '\n') >= 0 {
			t.Fatalf("not a line of JSON: %s", raw)
		}
		f := read(t, raw)
		ids[f.SessionID] = true
		actors[f.ActorID]++
		states[f.state()]++
		_, severity := f.score()
		severities[severity]++
		if !(f.BeginTime < f.EndTime && f.EndTime <= f.FirstObserved && f.FirstObserved <= f.LastUpdated && f.LastUpdated < until.UnixMilli()) {
			t.Errorf("times out of order: %s", raw)
		}
		if f.BeginTime < until.Add(-90*24*time.Hour).UnixMilli() {
			t.Errorf("begins before the 90 days: %s", raw)
		}
		if d := f.EndTime - f.BeginTime; d > 12*hour {
			t.Errorf("lasts %d ms: %s", d, raw)
		}
		for _, s := range f.States {
			if s.SourceTimestamp < f.FirstObserved || s.SourceTimestamp > f.LastUpdated {
				t.Errorf("a state out of time: %s", raw)
			}
		}
		for _, s := range f.Scores {
			if s.SourceTimestamp < f.BeginTime || s.SourceTimestamp > f.LastUpdated {
				t.Errorf("a score out of time: %s", raw)
			}
		}
		seen := map[string]bool{}
		for _, i := range f.RiskIndicators {
			if seen[i.ID] {
				t.Errorf("indicator %s twice: %s", i.ID, raw)
			}
			seen[i.ID] = true
		}
		if len(f.TriggeredAlerts) == 0 {
			quiet++
		}
		if d := time.UnixMilli(f.BeginTime).UTC().Weekday(); d == time.Saturday || d == time.Sunday {
			weekend++
		}
		if earlier.BeginTime < f.EndTime && f.BeginTime < earlier.EndTime {
			overlapping++
		}
		earlier = f
		if bytes.Contains(raw, []byte("12345678901234567890.125")) && bytes.Contains(raw, []byte("1E400")) {
			odd++
		}
	}
	within := func(what string, got, lo, hi int) {
		if got < lo || got > hi {
			t.Errorf("%s: %d, want %d to %d", what, got, lo, hi)
		}
	}
	within("distinct ids", len(ids), n, n)
	within("bytes a session", size/n, 2000, 3000)
	within("sessions without alerts", quiet, n*8/100, n*12/100)
	within("sessions that begin on a weekend", weekend, n/100, n*12/100)
	within("sessions that overlap the next", overlapping, n/2, n)
	within("sessions with hard numbers", odd, n/8, n/3)
	within("actors", len(actors), 35, 40)
	for _, name := range stateNames {
		within("sessions in state "+name, states[name], n/100, n)
	}
	for severity := range int64(5) {
		within("sessions of severity "+itoa(int(severity)), severities[severity], n/50, n)
	}
	most := 0
	for _, count := range actors {
		most = max(most, count)
	}
	within("sessions of the busiest actor", most, n/10, n/3)
}

// The bytes that are served are not always compact, and histories do not always run forwards:
// a client that counts on either is to find out here.
func TestServedBytesAreUnkind(t *testing.T) {
	c := start(t, Options{Sessions: 400})
	var spaced, backwards, escaped, countFirst int
	for n := range 7 {
		body := c.want(200, "GET", "/v1/sessions?page_size=50&page_number="+itoa(n), "").body
		if bytes.HasPrefix(body, []byte(`{"totalCount"`)) {
			countFirst++
		}
		var p page
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatal(err)
		}
		for _, raw := range p.Items {
			if compacted(t, raw) != string(raw) {
				spaced++
			}
			if f := read(t, raw); len(f.States) > 1 && f.States[0].SourceTimestamp > f.States[1].SourceTimestamp {
				backwards++
			}
			if bytes.Contains(raw, []byte(`\u00`)) {
				escaped++
			}
		}
	}
	if spaced == 0 || backwards == 0 || escaped == 0 || countFirst == 0 {
		t.Errorf("spaced %d, backwards %d, escaped %d, count first %d: none may be 0", spaced, backwards, escaped, countFirst)
	}
}

func TestHostileDataIsValidAndHostile(t *testing.T) {
	o := Options{Sessions: 300, Seed: 3, Hostile: true, Until: until, Now: until}
	items := itemsOf(t, o)
	all := string(bytes.Join(items, []byte("\n")))
	for _, raw := range items {
		if !json.Valid(raw) || !utf8.Valid(raw) {
			t.Fatalf("invalid JSON: %.2000q", raw)
		}
		for _, b := range raw {
			if b < 0x20 {
				t.Fatalf("a bare control character: %.2000q", raw)
			}
		}
	}
	for _, bad := range []string{`\u001b[2J`, `=cmd|`, "\u202e", "\u2066", "\u200b", `\n`, `\ud800 and \udfff`, "<script>", "\u009b", "\x7f", `\u0000`, `msg=x`, "\u2028"} {
		if !strings.Contains(all, bad) {
			t.Errorf("nowhere in the data: %q", bad)
		}
	}
	longest := 0
	for _, raw := range items {
		longest = max(longest, len(raw))
	}
	if longest < 100<<10 {
		t.Errorf("the largest session has %d bytes; one of 100 KiB is wanted", longest)
	}
}

func TestSessionsShowUpOnTheirTime(t *testing.T) {
	const n = 500
	for _, lag := range []time.Duration{0, 6 * time.Hour, 48 * time.Hour} {
		c := start(t, Options{Sessions: n, Days: 10, Lag: lag, Now: until.Add(-10 * 24 * time.Hour)})
		seen, nearTheEnd := 0, 0
		for range 30 {
			now := c.tenant.Now()
			list, _ := c.items("")
			if len(list) < seen {
				t.Fatalf("lag %v: %d sessions are visible, there were %d", lag, len(list), seen)
			}
			seen = len(list)
			nearTheEnd = 0
			for _, f := range list {
				late := f.FirstObserved - f.EndTime
				if f.FirstObserved > c.tenant.Now().UnixMilli() || f.LastUpdated > c.tenant.Now().UnixMilli() {
					t.Fatalf("lag %v: at %v a session of the future is visible: %+v", lag, now, f)
				}
				if late < 0 || late > lag.Milliseconds() {
					t.Fatalf("lag %v: a session shows up %d ms after its end", lag, late)
				}
				if late > lag.Milliseconds()*9/10 {
					nearTheEnd++
				}
			}
			c.tenant.Advance(12 * time.Hour)
		}
		if seen != n {
			t.Errorf("lag %v: %d of %d sessions have shown up", lag, seen, n)
		}
		if lag > 0 && nearTheEnd < n/5 {
			t.Errorf("lag %v: only %d sessions are nearly as late as can be", lag, nearTheEnd)
		}
	}
}

// However the clock gets there, the data is the same.
func TestTheClocksWayDoesNotMatter(t *testing.T) {
	o := Options{Sessions: 600, Lag: 30 * time.Hour, Until: until, Now: until.Add(-90 * 24 * time.Hour)}
	jump, walk := New(o), New(o)
	end := until.Add(100 * time.Hour)
	for d := 30 * 24 * time.Hour; d > 0; d -= 7 * time.Hour {
		walk.SetClock(until.Add(-d))
	}
	walk.SetClock(end)
	jump.SetClock(end)
	for _, query := range []string{"", "order_by=score"} {
		a, _ := walk.Items(query)
		b, _ := jump.Items(query)
		if !bytes.Equal(bytes.Join(a, nil), bytes.Join(b, nil)) || len(a) != o.Sessions {
			t.Errorf("%q: a walk and a jump to the same time differ (%d and %d sessions)", query, len(a), len(b))
		}
	}
}
