package sandbox

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTokens(t *testing.T) {
	c := start(t, Options{Sessions: 20, Seed: 4})
	id, secret := c.tenant.ClientID(), c.tenant.ClientSecret()
	const form = "application/x-www-form-urlencoded"
	login := func(query, body, id, secret string) (int, string) {
		t.Helper()
		req, _ := http.NewRequest("POST", c.url+"/v1/oauth"+query, strings.NewReader(body))
		req.Header.Set("Content-Type", form)
		if id != "" {
			req.SetBasicAuth(id, secret)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var got struct {
			Token   string `json:"access_token"`
			Type    string `json:"token_type"`
			Expires int    `json:"expires_in"`
		}
		json.NewDecoder(resp.Body).Decode(&got)
		if resp.StatusCode == 200 && (got.Expires != 900 || !strings.EqualFold(got.Type, "bearer")) {
			t.Errorf("the token comes as %+v", got)
		}
		return resp.StatusCode, got.Token
	}
	for _, test := range []struct {
		name, query, body, id, secret string
		status                        int
	}{
		{"basic, grant in the form", "", "grant_type=client_credentials", id, secret, 200},
		{"basic, grant in the query", "?grant_type=client_credentials", "", id, secret, 200},
		{"in the form", "", "grant_type=client_credentials&client_id=" + id + "&client_secret=" + secret, "", "", 200},
		{"wrong secret", "", "grant_type=client_credentials", id, "wrong", 401},
		{"wrong id", "", "grant_type=client_credentials", "wrong", secret, 401},
		{"no credentials", "", "grant_type=client_credentials", "", "", 401},
		{"no grant type", "", "", id, secret, 400},
		{"wrong grant type", "", "grant_type=password", id, secret, 400},
	} {
		if status, token := login(test.query, test.body, test.id, test.secret); status != test.status || (token != "") != (status == 200) {
			t.Errorf("%s: status %d, want %d; token %q", test.name, status, test.status, token)
		}
	}

	_, c.token = login("", "grant_type=client_credentials", id, secret)
	c.want(200, "GET", "/v1/sessions", "")
	some, _ := c.items("")
	path := "/v1/sessions/" + some[0].SessionID
	for _, bad := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic " + c.token, c.token} {
		for _, call := range []string{"GET /v1/sessions", "GET " + path, "POST " + path + "/add-note", "GET /v1/other"} {
			method, path, _ := strings.Cut(call, " ")
			c.want(401, method, path, "", "Authorization", bad)
		}
	}

	_, c.token = login("", "grant_type=client_credentials", id+"-reader", secret)
	c.want(200, "GET", path, "")
	c.want(403, "POST", path+"/add-note", `{"noteContent":"x"}`)
	c.want(403, "POST", "/v1/sessions/change-state", `{"ids":["x"],"newState":"OPEN"}`)
	_, c.token = login("", "grant_type=client_credentials", id+"-stranger", secret)
	c.want(403, "GET", "/v1/sessions", "")
	if len(c.session0().Notes) != len(some[0].Notes) {
		t.Error("a refused note was added")
	}
}

// session0 is the first of all sessions, seen past the API.
func (c *caller) session0() facts {
	list, _ := c.items("")
	return list[0]
}

func TestTokensEnd(t *testing.T) {
	c := start(t, Options{TokenLife: time.Nanosecond})
	c.want(401, "GET", "/v1/sessions", "")
	if other := start(t, Options{}); other.tenant.ClientSecret() == c.tenant.ClientSecret() {
		c.token = other.token
		c.want(401, "GET", "/v1/sessions", "") // the same tenant, started again, knows no tokens
	} else {
		t.Error("the same seed gives other credentials")
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	c := start(t, Options{Sessions: 5})
	type token struct {
		TokenValue string
		ExpiresAt  time.Time
	}
	exchange := func(value string) (access, refresh token) {
		t.Helper()
		var got struct{ AccessToken, RefreshToken token }
		if err := json.Unmarshal(c.want(200, "POST", RefreshPath, `{"refreshToken":"`+value+`"}`, "Authorization", "").body, &got); err != nil {
			t.Fatal(err)
		}
		return got.AccessToken, got.RefreshToken
	}
	access, next := exchange(c.tenant.RefreshToken())
	c.token = access.TokenValue
	c.want(200, "GET", "/v1/sessions", "")
	if d := access.ExpiresAt.Sub(c.tenant.Now()); d < 14*time.Minute || d > 15*time.Minute {
		t.Errorf("the access token expires in %v", d)
	}
	c.want(401, "POST", RefreshPath, `{"refreshToken":"`+c.tenant.RefreshToken()+`"}`)
	_, third := exchange(next.TokenValue)
	c.want(401, "POST", RefreshPath, `{"refreshToken":"`+next.TokenValue+`"}`)
	exchange(third.TokenValue)
	c.want(401, "POST", RefreshPath, `{}`)
}

func TestRoutes(t *testing.T) {
	c := start(t, Options{Sessions: 50})
	withAlerts, _ := c.items("alerts=true")
	without, _ := c.items("alerts=false")
	id := withAlerts[0].SessionID
	c.want(200, "GET", "/v1/sessions/"+id, "")
	c.want(200, "GET", "/v1/sessions/"+without[0].SessionID, "")
	c.want(404, "GET", "/v1/sessions/unknown", "")
	c.want(404, "GET", "/v1/sessions/"+id+"/other", "")
	c.want(404, "GET", "/v1/other", "")
	c.want(404, "GET", "/", "")
	c.want(404, "GET", "/v1/sessions/unknown/events", "")
	c.want(404, "GET", "/v1/sessions/"+without[0].SessionID+"/events", "")
	for _, call := range []string{"DELETE /v1/sessions", "POST /v1/sessions", "PUT /v1/sessions/" + id, "GET /v1/oauth", "GET /v1/sessions/" + id + "/add-note", "POST /sandbox/items"} {
		method, path, _ := strings.Cut(call, " ")
		if a := c.want(405, method, path, ""); a.Header.Get("Allow") == "" {
			t.Errorf("%s: 405 without Allow", call)
		}
	}
	c.want(415, "POST", "/v1/sessions/"+id+"/add-note", `{"noteContent":"x"}`, "Content-Type", "text/plain")
	c.want(400, "POST", "/v1/sessions/"+id+"/add-note", `{"noteContent":`)
	c.want(413, "POST", "/v1/sessions/"+id+"/add-note", `{"noteContent":"`+strings.Repeat("x", maxBody)+`"}`)
}

func TestAnswersCarryTheTenantsDate(t *testing.T) {
	at := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	c := start(t, Options{Sessions: 5, Now: at})
	for _, path := range []string{"/v1/sessions", "/v1/other", "/v1/sessions?state=X", "/sandbox/clock"} {
		date, err := http.ParseTime(c.do("GET", path, "").Header.Get("Date"))
		if err != nil || date.Sub(at) < 0 || date.Sub(at) > time.Minute {
			t.Errorf("%s: the date is %v (%v)", path, date, err)
		}
	}
}

func TestGzip(t *testing.T) {
	c := start(t, Options{Sessions: 50})
	plain := c.want(200, "GET", "/v1/sessions?page_size=50", "", "Accept-Encoding", "identity")
	packed := c.want(200, "GET", "/v1/sessions?page_size=50", "", "Accept-Encoding", "br;q=1.0, gzip;q=0.8, *;q=0.1")
	if plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" || len(packed.body) >= len(plain.body) {
		t.Fatalf("%v, %v", plain.Header, packed.Header)
	}
	z, err := gzip.NewReader(strings.NewReader(string(packed.body)))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || string(b) != string(plain.body) {
		t.Errorf("the compressed answer differs: %v", err)
	}
	for header, want := range map[string]bool{"": false, "gzip": true, "GZIP": true, "*": true, "gzip;q=0": false, "gzip; q=0.0": false, "deflate, br": false, "x-gzip": false} {
		if got := takesGzip(header); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func TestChangeState(t *testing.T) {
	c := start(t, Options{Sessions: 300})
	before, _ := c.items("alerts=any")
	ids := func(list []facts) string {
		var quoted []string
		for _, f := range list {
			quoted = append(quoted, `"`+f.SessionID+`"`)
		}
		return strings.Join(quoted, ",")
	}
	change := func(status int, ids, state string) {
		t.Helper()
		c.want(status, "POST", "/v1/sessions/change-state", fmt.Sprintf(`{"ids":[%s],"newState":"%s"}`, ids, state))
	}
	change(204, ids(before[:100]), "CLOSED_TP_BENIGN")
	for i, old := range before[:101] {
		f := c.session(old.SessionID)
		changed := f.state() == "CLOSED_TP_BENIGN" && len(f.States) == len(old.States)+1 && f.LastUpdated > old.LastUpdated
		same := len(f.States) == len(old.States) && f.LastUpdated == old.LastUpdated
		if i < 100 && !changed || i == 100 && !same {
			t.Errorf("session %d: %+v became %+v", i, old, f)
		}
	}
	if got := len(c.search("state=CLOSED_TP_BENIGN")) + len(c.search("has_alerts=false&state=CLOSED_TP_BENIGN")); got < 100 {
		t.Errorf("%d sessions are found in their new state", got)
	}

	change(400, "", "OPEN")
	change(400, ids(before[:101]), "OPEN")
	change(400, ids(before[:1]), "OPENED")
	change(400, ids(before[:1]), "")
	change(400, "1", "OPEN")

	// One unknown id: refused, and done in part.
	change(404, `"unknown",`+ids(before[100:150]), "CLOSED_FP")
	a := c.want(404, "POST", "/v1/sessions/change-state", `{"ids":["unknown"],"newState":"OPEN"}`)
	if len(a.body) != 0 {
		t.Errorf("the 404 has the body %q", a.body)
	}
	did := 0
	for _, old := range before[100:150] {
		if f := c.session(old.SessionID); len(f.States) > len(old.States) {
			did++
		}
	}
	if did == 0 || did == 50 {
		t.Errorf("%d of the 50 known sessions were changed; some, but not all, is wanted", did)
	}

	// Named twice in one call, it changes once; called again, it changes again.
	one := before[200]
	change(204, ids([]facts{one, one}), "IN_PROGRESS")
	c.want(204, "POST", "/v1/sessions/"+one.SessionID+"/change-state", `{"newState":"CLOSED"}`)
	if f := c.session(one.SessionID); len(f.States) != len(one.States)+2 || f.state() != "CLOSED" {
		t.Errorf("%+v became %+v", one, f)
	}
	c.want(404, "POST", "/v1/sessions/unknown/change-state", `{"newState":"CLOSED"}`)
	c.want(400, "POST", "/v1/sessions/"+one.SessionID+"/change-state", `{"newState":"X"}`)
}

// Many changes in one millisecond still have a newest one, and it is the last.
func TestTheLastChangeIsTheNewest(t *testing.T) {
	c := start(t, Options{Sessions: 40})
	list, _ := c.items("")
	for _, f := range list {
		s := c.tenant.byID[f.SessionID]
		for i := range 50 {
			c.tenant.changed(s, i%len(stateNames))
			if s.newestState() != i%len(stateNames) {
				t.Fatalf("after change %d the newest state is another: %+v", i, s.states)
			}
		}
		if got := read(t, c.tenant.compact(s)).state(); got != stateNames[49%len(stateNames)] {
			t.Fatalf("the bytes say %s: %+v", got, s.states)
		}
	}
}

func TestChangeStates(t *testing.T) {
	c := start(t, Options{Sessions: 3000})
	open := len(c.search("state=OPEN"))
	quiet := len(c.search("state=OPEN&has_alerts=false"))
	if open < 600 {
		t.Fatalf("only %d open sessions", open)
	}
	token, calls := "", 0
	for done := false; !done; calls++ {
		body := `{"newState":"CLOSED"}`
		if token != "" {
			body = `{"newState":"CLOSED","continuationToken":"` + token + `"}`
			c.want(400, "POST", "/v1/sessions/change-states?state=CLOSED", body) // another search's token
		}
		left := c.page("state=OPEN").TotalCount
		var got struct{ ContinuationToken *string }
		if err := json.Unmarshal(c.want(200, "POST", "/v1/sessions/change-states?state=OPEN", body).body, &got); err != nil {
			t.Fatal(err)
		}
		if now := c.page("state=OPEN").TotalCount; left-now != min(left, 500) {
			t.Errorf("call %d changed %d sessions of %d", calls, left-now, left)
		}
		if done = got.ContinuationToken == nil; !done {
			token = *got.ContinuationToken
		}
	}
	if want := (open + 499) / 500; calls != want {
		t.Errorf("%d calls for %d sessions, want %d", calls, open, want)
	}
	if left := c.page("state=OPEN").TotalCount; left != 0 {
		t.Errorf("%d open sessions are left", left)
	}
	if got := c.page("state=OPEN&has_alerts=false").TotalCount; got != quiet {
		t.Errorf("of the sessions without alerts %d are open, were %d", got, quiet)
	}
	// Without a filter on the state, what was changed still matches: the token alone moves on.
	total, calls := c.page("").TotalCount, 0
	for token = ""; ; calls++ {
		var got struct{ ContinuationToken string }
		json.Unmarshal(c.want(200, "POST", "/v1/sessions/change-states", `{"newState":"OPEN","continuationToken":"`+token+`"}`).body, &got)
		if token = got.ContinuationToken; token == "" {
			break
		}
	}
	if want := (total+499)/500 - 1; calls != want || c.page("state=OPEN").TotalCount != total {
		t.Errorf("%d calls, want %d; %d of %d are open", calls, want, c.page("state=OPEN").TotalCount, total)
	}
	c.want(400, "POST", "/v1/sessions/change-states?severity=9", `{"newState":"OPEN"}`)
	c.want(400, "POST", "/v1/sessions/change-states", `{"newState":"X"}`)
	c.want(400, "POST", "/v1/sessions/change-states", `{"newState":"OPEN","continuationToken":"x"}`)
}

func TestAddNote(t *testing.T) {
	c := start(t, Options{Sessions: 30})
	for _, old := range first(c.items("")) {
		path := "/v1/sessions/" + old.SessionID + "/add-note"
		c.want(400, "POST", path, `{"noteContent":"`+strings.Repeat("é", 2001)+`"}`)
		c.want(400, "POST", path, `{"noteContent":""}`)
		c.want(400, "POST", path, `{}`)
		long := strings.Repeat("é", 1999) + "🚀"
		c.want(204, "POST", path, `{"noteContent":"`+long+`"}`)
		c.want(204, "POST", path, `{"noteContent":"twice\n"}`)
		c.want(204, "POST", path, `{"noteContent":"twice\n"}`)
		f := c.session(old.SessionID)
		var contents, ids []string
		for _, n := range f.Notes {
			contents = append(contents, n.Content)
			if slices.Contains(ids, n.ID) {
				t.Errorf("two notes of one id: %+v", f.Notes)
			}
			ids = append(ids, n.ID)
		}
		slices.Sort(contents)
		if len(f.Notes) != len(old.Notes)+3 || !slices.Contains(contents, long) || f.LastUpdated <= old.LastUpdated {
			t.Errorf("%+v became %+v", old, f)
		}
		// Nothing else of the session has changed.
		f.Notes, f.LastUpdated = old.Notes, old.LastUpdated
		if !reflect.DeepEqual(f, old) {
			t.Errorf("%+v became %+v", old, f)
		}
	}
	c.want(404, "POST", "/v1/sessions/unknown/add-note", `{"noteContent":"x"}`)
}

func first[A, B any](a A, _ B) A { return a }

func TestEvents(t *testing.T) {
	c := start(t, Options{Sessions: 120})
	list, _ := c.items("alerts=true")
	more := 0
	for _, f := range list {
		body := c.want(200, "GET", "/v1/sessions/"+f.SessionID+"/events", "").body
		var got struct {
			QueryResult struct {
				FileEvents  []map[string]any
				TotalCount  int
				NextPgToken *string
				Problems    []any
			}
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		q := got.QueryResult
		if want := f.NoRiskEvents + f.LowEvents + f.ModerateEvents + f.HighEvents + f.CriticalEvents; q.TotalCount != want {
			t.Errorf("totalCount %d, the session says %d", q.TotalCount, want)
		}
		if len(q.FileEvents) != min(q.TotalCount, 100) || (q.NextPgToken != nil) != (q.TotalCount > 100) {
			t.Errorf("%d events of %d, next %v", len(q.FileEvents), q.TotalCount, q.NextPgToken)
		}
		if q.TotalCount > len(q.FileEvents) {
			more++
		}
		for _, e := range q.FileEvents {
			for _, name := range []string{"@timestamp", "destination", "event", "file", "git", "process", "report", "responseControls", "risk", "source", "user"} {
				if e[name] == nil {
					t.Fatalf("an event without %s: %v", name, e)
				}
			}
		}
		if again := c.want(200, "GET", "/v1/sessions/"+f.SessionID+"/events", "").body; string(again) != string(body) {
			t.Error("the same call gives other events")
		}
	}
	if more == 0 {
		t.Error("no session has more events than are given")
	}
}
