package search

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A board is a tenant whose list changes at every request, by a script.
type board struct {
	mu     sync.Mutex
	rows   []*row
	asked  int   // searches
	now    int64 // its clock, ms
	tick   int64 // how far the clock goes at each request, ms
	change func(b *board)
	after  func(b *board, q url.Values)                         // what happens once a request is answered
	answer func(items []string, total int, q url.Values) string // nil: as it is
	ignore bool                                                 // the time filter
	random *rand.Rand                                           // those that end at once come in any order; nil: by their ids
}

type row struct {
	id                  string
	begin, end, updated int64 // an end of 0 is null
	alerts              bool
	state               string
}

func (r *row) String() string {
	end, observed := fmt.Sprint(r.end), r.end
	if r.end == 0 {
		end, observed = "null", r.updated
	}
	return fmt.Sprintf(`{"sessionId":%q,"beginTime":%d,"endTime":%s,"firstObserved":%d,"lastUpdated":%d,"state":%q}`, r.id, r.begin, end, observed, r.updated, r.state)
}

const boardStart = 1_790_000_000_000

func newBoard(n int, r *rand.Rand) *board {
	b := &board{now: boardStart + 1_000_000_000, tick: 1500}
	for i := range n {
		begin := boardStart + r.Int64N(900_000_000)
		end := begin + r.Int64N(50_000_000)
		b.rows = append(b.rows, &row{id: fmt.Sprint("s", i), begin: begin, end: end, updated: end, alerts: r.IntN(5) > 0, state: "OPEN"})
	}
	return b
}

func (b *board) environ(base string) []string {
	return []string{"INCYDR_URL=" + base, "INCYDR_API_CLIENT_ID=a", "INCYDR_API_CLIENT_SECRET=b"}
}

// matching are the rows that a query is for, in its order.
func (b *board) matching(q url.Values) []*row {
	from, _ := strconv.ParseInt(q.Get("on_or_after"), 10, 64)
	to, _ := strconv.ParseInt(q.Get("before"), 10, 64)
	if b.ignore {
		from, to = 0, 0
	}
	var rows []*row
	for _, r := range b.rows {
		if fmt.Sprint(r.alerts) == q.Get("has_alerts") && r.begin >= from && (to == 0 || r.begin < to) &&
			(q.Get("state") == "" || q.Get("state") == r.state) {
			rows = append(rows, r)
		}
	}
	if b.random != nil {
		b.random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	slices.SortStableFunc(rows, func(x, y *row) int {
		n := cmp.Compare(y.end, x.end)
		switch {
		case x.end == 0 || y.end == 0: // those without an end come last
			return n
		case n == 0 && b.random == nil:
			n = strings.Compare(x.id, y.id)
		}
		if q.Get("sort_direction") == "ASC" {
			return -n
		}
		return n
	})
	return rows
}

func (b *board) ids(q url.Values) map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	ids := map[string]bool{}
	for _, r := range b.matching(q) {
		ids[r.id] = true
	}
	return ids
}

func (b *board) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/oauth" {
		fmt.Fprint(w, `{"access_token":"token","expires_in":900}`)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	b.now += b.tick
	if b.change != nil {
		b.change(b)
	}
	q := r.URL.Query()
	number, _ := strconv.Atoi(q.Get("page_number"))
	size, _ := strconv.Atoi(q.Get("page_size"))
	rows := b.matching(q)
	var items []string
	for i := number * size; i < min(len(rows), (number+1)*size); i++ {
		items = append(items, rows[i].String())
	}
	w.Header().Set("Date", time.UnixMilli(b.now).UTC().Format(http.TimeFormat))
	if b.answer != nil {
		fmt.Fprint(w, b.answer(items, len(rows), q))
	} else {
		fmt.Fprint(w, answerOf(items, len(rows)))
	}
	if b.after != nil {
		b.after(b, q)
	}
}

// requests is how many searches were asked for.
func (b *board) requests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked
}

func answerOf(items []string, total int) string {
	return fmt.Sprintf(`{"items":[%s],"totalCount":%d}`, strings.Join(items, ","), total)
}

// touch is a change that the server stamps, as it stamps all.
func (b *board) touch(r *row) { r.updated = b.now }
