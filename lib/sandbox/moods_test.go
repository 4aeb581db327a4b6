package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fates asks so often and counts how it ends.
func fates(c *caller, n int, ask func() (answer, error)) map[string]int {
	got := map[string]int{}
	for range n {
		a, err := ask()
		switch {
		case err != nil:
			got["no answer"]++
		case a.err != nil:
			got["half"]++
		case a.StatusCode == 503:
			got["503 "+a.Header.Get("Retry-After")]++
		case a.StatusCode == 200 && !json.Valid(a.body):
			got["half, unseen"]++
		default:
			got[strconv.Itoa(a.StatusCode)]++
		}
	}
	return got
}

func TestFaults(t *testing.T) {
	const n = 1000
	o := Options{Sessions: 60, Faults: 0.3, Seed: 5}
	ask := func() map[string]int {
		c := start(t, o)
		return fates(c, n, func() (answer, error) { return c.try("GET", "/v1/sessions?page_size=5", "") })
	}
	got := ask()
	for _, kind := range []string{"500", "502", "503 ", "503 0", "503 1", "no answer", "half", "half, unseen"} {
		if got[kind] == 0 {
			t.Errorf("no %q in %v", kind, got)
		}
	}
	if bad := n - got["200"]; bad < n*25/100 || bad > n*35/100 {
		t.Errorf("%d of %d requests failed, 30%% is wanted", bad, n)
	}
	again := ask()
	for kind, count := range got {
		if again[kind] != count {
			t.Errorf("the same seed: %q %d times, then %d times", kind, count, again[kind])
		}
	}
}

// Where there is no connection to cut, as with HTTP/2, the answer is cut all the same.
func TestFaultsOverHTTP2(t *testing.T) {
	tenant := New(Options{Sessions: 20, Faults: 1, Until: until, Now: until})
	server := httptest.NewUnstartedServer(tenant)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	cuts := 0
	for range 60 {
		resp, err := server.Client().Post(server.URL+"/v1/oauth", "application/x-www-form-urlencoded", nil)
		if err == nil {
			if resp.ProtoMajor != 2 {
				t.Fatalf("spoke %s", resp.Proto)
			}
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err != nil {
			cuts++
		}
	}
	if s := tenant.Stats(); cuts == 0 || s.Statuses["cut"]+s.Statuses["lost"] != cuts {
		t.Errorf("%d answers were cut, the tenant counts %+v", cuts, s.Statuses)
	}
}

// A POST whose answer is lost is done all the same, and counted as lost.
func TestLostAnswers(t *testing.T) {
	c := start(t, Options{Sessions: 5, Faults: 0.5})
	id := c.session0().SessionID
	before := len(c.session0().Notes)
	got := fates(c, 300, func() (answer, error) { return c.try("POST", "/v1/sessions/"+id+"/add-note", `{"noteContent":"x"}`) })
	added := len(c.session0().Notes) - before
	lost := c.tenant.Stats().Statuses["lost"]
	if lost == 0 || added != got["204"]+lost || got["no answer"] <= lost {
		t.Errorf("%d notes were added, %d answers lost, the caller saw %v", added, lost, got)
	}
}

func TestRefreshTokensAreNeverLost(t *testing.T) {
	c := start(t, Options{Faults: 0.7})
	token := c.tenant.RefreshToken()
	for range 200 {
		a, err := c.try("POST", RefreshPath, `{"refreshToken":"`+token+`"}`)
		if err != nil || a.StatusCode >= 500 {
			continue
		}
		var got struct{ RefreshToken struct{ TokenValue string } }
		if a.err != nil || a.StatusCode != 200 || json.Unmarshal(a.body, &got) != nil {
			t.Fatalf("%d %v %s", a.StatusCode, a.err, a.body)
		}
		token = got.RefreshToken.TokenValue
	}
}

func TestOauthIsFaultedToo(t *testing.T) {
	c := start(t, Options{Faults: 0.5})
	got := fates(c, 100, func() (answer, error) {
		return c.try("POST", "/v1/oauth?grant_type=client_credentials", "", "Authorization", "Basic "+basic(c))
	})
	if got["200"] == 0 || got["no answer"] == 0 || got["500"] == 0 {
		t.Errorf("%v", got)
	}
}

func basic(c *caller) string {
	req, _ := http.NewRequest("GET", "/", nil)
	req.SetBasicAuth(c.tenant.ClientID(), c.tenant.ClientSecret())
	return strings.TrimPrefix(req.Header.Get("Authorization"), "Basic ")
}

func TestControlCallsHaveNoMoods(t *testing.T) {
	c := start(t, Options{Sessions: 10, Faults: 1, Rate: 1, Latency: time.Hour})
	c.token = ""
	for range 20 {
		c.want(200, "GET", "/sandbox/clock", "")
		c.want(200, "GET", "/sandbox/items", "")
		c.want(200, "GET", "/sandbox/names", "")
	}
	if s := c.tenant.Stats(); len(s.Requests) != 0 {
		t.Errorf("control calls are counted: %+v", s)
	}
}

func TestRate(t *testing.T) {
	c := start(t, Options{Sessions: 5, Rate: 12}) // a burst of 2, then one every 5 s
	dates := 0
	for i := range 10 {
		a := c.do("GET", "/v1/sessions", "")
		if i < 2 {
			if a.StatusCode != 200 {
				t.Fatalf("request %d: %d", i, a.StatusCode)
			}
			continue
		}
		if a.StatusCode != 429 {
			t.Fatalf("request %d: %d, want 429", i, a.StatusCode)
		}
		after := a.Header.Get("Retry-After")
		seconds, err := strconv.Atoi(after)
		if err != nil {
			dates++
			at, err := http.ParseTime(after)
			now, _ := http.ParseTime(a.Header.Get("Date"))
			if err != nil {
				t.Fatalf("Retry-After: %q", after)
			}
			seconds = int(at.Sub(now) / time.Second)
		}
		if seconds < 1 || seconds > 6 {
			t.Errorf("Retry-After: %q, that is %d s", after, seconds)
		}
	}
	if dates != 2 {
		t.Errorf("%d of 8 refusals gave a date, want 2", dates)
	}
	s := c.tenant.Stats()
	if s.Statuses["429"] != 8 || s.Statuses["200"] != 2 || s.Requests["GET /v1/sessions"] != 10 {
		t.Errorf("%+v", s)
	}
}

func TestTooEarly(t *testing.T) {
	k := newCounters()
	k.begin("x")
	k.refused(time.Hour)
	k.begin("y") // may have been on its way
	if k.now.TooEarly != 0 {
		t.Error("a request on its way counts as too early")
	}
	k.answered = k.answered.Add(-time.Minute)
	k.begin("z")
	k.closed = time.Now()
	k.begin("z")
	if k.now.TooEarly != 1 {
		t.Errorf("%d requests count as too early, want 1", k.now.TooEarly)
	}
}

func TestStats(t *testing.T) {
	c := start(t, Options{Sessions: 30, Latency: 300 * time.Millisecond})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { c.do("GET", "/v1/sessions?page_size=5", "") })
	}
	all.Go(func() { c.do("GET", "/v1/sessions/"+c.session0().SessionID, "") })
	all.Wait()
	var got Stats
	json.Unmarshal(c.want(200, "GET", "/sandbox/stats", "").body, &got)
	if got.Requests["GET /v1/sessions"] != 4 || got.Requests["GET /v1/sessions/{id}"] != 1 || got.Statuses["200"] != 5 || got.MaxInFlight < 2 || got.MaxInFlight > 5 {
		t.Errorf("%+v", got)
	}
	c.want(204, "POST", "/sandbox/stats/reset", "")
	if s := c.tenant.Stats(); len(s.Requests) != 0 || s.MaxInFlight != 0 {
		t.Errorf("after a reset: %+v", s)
	}
}

func TestTheClockCanBeMoved(t *testing.T) {
	c := start(t, Options{Sessions: 200, Now: until.Add(-50 * 24 * time.Hour)})
	now := func(a answer) time.Time {
		t.Helper()
		var got struct{ Now int64 }
		if err := json.Unmarshal(a.body, &got); err != nil {
			t.Fatal(err)
		}
		return time.UnixMilli(got.Now)
	}
	near := func(got, want time.Time) {
		t.Helper()
		if d := got.Sub(want); d < 0 || d > time.Minute {
			t.Errorf("the clock reads %v, want %v", got, want)
		}
	}
	few := c.page("").TotalCount
	near(now(c.want(200, "GET", "/sandbox/clock", "")), until.Add(-50*24*time.Hour))
	near(now(c.want(200, "POST", "/sandbox/clock", `{"advance":"2d"}`)), until.Add(-48*24*time.Hour))
	near(now(c.want(200, "POST", "/sandbox/clock", `{"advance":"36h"}`)), until.Add(-48*24*time.Hour+36*time.Hour))
	near(now(c.want(200, "POST", "/sandbox/clock", `{"now":`+itoa(int(until.UnixMilli()))+`}`)), until)
	all := c.page("").TotalCount
	if few >= all || few == 0 {
		t.Errorf("%d sessions at first, %d in the end", few, all)
	}
	c.want(200, "POST", "/sandbox/clock", `{"now":1000000}`)
	if again := c.page("").TotalCount; again != all {
		t.Errorf("%d sessions after the clock went back, were %d", again, all)
	}
	for _, bad := range []string{"", "{}", `{"advance":"soon"}`, `{"now":1,"advance":"1h"}`, `{"now":"x"}`} {
		c.want(400, "POST", "/sandbox/clock", bad)
	}
}

func TestSessionsCanBeAdded(t *testing.T) {
	c := start(t, Options{Sessions: 100})
	before := len(first(c.items("alerts=any")))
	var got struct{ SessionIDs []string }
	a := c.want(200, "POST", "/sandbox/sessions", `{"count":40}`)
	if json.Unmarshal(a.body, &got) != nil || len(got.SessionIDs) != 40 {
		t.Fatalf("%s", a.body)
	}
	for _, id := range got.SessionIDs {
		if f := c.session(id); f.FirstObserved > c.tenant.Now().UnixMilli() || f.EndTime > f.FirstObserved || f.EndTime < until.UnixMilli()-hour {
			t.Errorf("%+v", f)
		}
	}
	begin := until.Add(-72 * time.Hour).UnixMilli()
	a = c.want(200, "POST", "/sandbox/sessions", `{"count":2,"begin":`+itoa(int(begin))+`}`)
	json.Unmarshal(a.body, &got)
	if f := c.session(got.SessionIDs[1]); f.BeginTime != begin || f.FirstObserved < until.UnixMilli() {
		t.Errorf("%+v", f)
	}
	if n := len(first(c.items("alerts=any"))); n != before+42 {
		t.Errorf("%d sessions, want %d", n, before+42)
	}
	c.want(400, "POST", "/sandbox/sessions", `{"count":-1}`)
}

// Each step of churn leaves the orders in order and every session whole.
func TestChurnKeepsTheHouse(t *testing.T) {
	c := start(t, Options{Sessions: 400})
	tenant := c.tenant
	before, _ := c.items("alerts=any")
	moved, changed := 0, 0
	for n := range uint64(3000) {
		tenant.clock.advance(time.Second)
		now := tenant.clock.now().UnixMilli()
		tenant.mu.Lock()
		tenant.step(draw(1, aboutChurn, n), now)
		tenant.catchUp(now)
		tenant.mu.Unlock()
	}
	after, _ := c.items("alerts=any")
	if len(after) != len(tenant.all) || len(after) < 1000 {
		t.Errorf("%d sessions of %d are listed", len(after), len(tenant.all))
	}
	byID := map[string]facts{}
	for i, f := range after {
		byID[f.SessionID] = f
		if i > 0 && f.EndTime > after[i-1].EndTime {
			t.Fatalf("out of order at %d", i)
		}
		if f.BeginTime > f.EndTime || f.EndTime > tenant.Now().UnixMilli() {
			t.Errorf("%+v", f)
		}
	}
	scored, _ := c.items("alerts=any&order_by=score")
	for i := 1; i < len(scored); i++ {
		a, _ := scored[i-1].score()
		if b, _ := scored[i].score(); b > a {
			t.Fatalf("out of order at %d", i)
		}
	}
	for _, old := range before {
		f := byID[old.SessionID]
		if f.BeginTime != old.BeginTime {
			t.Errorf("%+v became %+v", old, f)
		}
		if f.EndTime > old.EndTime {
			moved++
		}
		if f.LastUpdated > old.LastUpdated {
			changed++
		}
	}
	if moved == 0 || changed < 200 || moved >= changed {
		t.Errorf("%d sessions go on, %d changed", moved, changed)
	}
}

func TestChurnHappensByItself(t *testing.T) {
	c := start(t, Options{Sessions: 100, Churn: time.Microsecond})
	before := len(c.tenant.all)
	for range 1000 {
		if c.page(""); len(first(c.items(""))) > before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("nothing happens")
}

// Everything at once; what it tests shows under the race detector.
func TestManyAtOnce(t *testing.T) {
	c := start(t, Options{Sessions: 300, Churn: 5 * time.Millisecond, Faults: 0.05, Lag: time.Hour})
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for n := range 15 {
				list, err := c.tenant.Items("alerts=any&order_by=" + []string{"score", "end_time"}[n%2])
				if err != nil || len(list) < 300 {
					t.Errorf("%d sessions: %v", len(list), err)
					return
				}
				var f facts
				json.Unmarshal(list[(worker*15+n)%len(list)], &f)
				c.try("GET", "/v1/sessions?page_size=50&state=OPEN&page_number="+itoa(n), "")
				c.try("POST", "/v1/sessions/change-state", `{"ids":["`+f.SessionID+`"],"newState":"CLOSED"}`)
				c.try("POST", "/v1/sessions/"+f.SessionID+"/add-note", `{"noteContent":"x"}`)
				c.try("GET", "/v1/sessions/"+f.SessionID+"/events", "")
				c.try("POST", "/sandbox/clock", `{"advance":"1m"}`)
				c.tenant.Add(1, time.Time{})
				c.tenant.Stats()
			}
		})
	}
	all.Wait()
}
