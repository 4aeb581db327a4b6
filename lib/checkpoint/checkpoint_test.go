package checkpoint

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func newDir(t testing.TB) Dir {
	t.Helper()
	return DirOf(t.TempDir(), "key-42")
}

func sessions(from, to int) []Session {
	var list []Session
	for i := from; i < to; i++ {
		list = append(list, Session{ID: fmt.Sprintf("session-%06d", i), Begin: 1_763_000_000_000 + int64(i)*60_000, Updated: 1_763_000_900_000 + int64(i)})
	}
	return list
}

func create(t testing.TB, d Dir, name string, seen ...Session) *Checkpoint {
	t.Helper()
	c, err := d.Create(name, `{"state":["OPEN"]}`, State{})
	if err != nil {
		t.Fatal(err)
	}
	commit(t, c, seen...)
	return c
}

func commit(t testing.TB, c *Checkpoint, seen ...Session) {
	t.Helper()
	for batch := range slices.Chunk(seen, 50) {
		if err := c.Commit(batch); err != nil {
			t.Fatal(err)
		}
	}
}

func load(t testing.TB, d Dir, name string) *Checkpoint {
	t.Helper()
	c, err := d.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustHold(t testing.TB, c *Checkpoint, seen []Session) {
	t.Helper()
	if c.Len() != len(seen) {
		t.Errorf("it holds %d sessions, not %d", c.Len(), len(seen))
	}
	for _, s := range seen {
		if got, ok := c.Lookup(s.ID); !ok || got != s {
			t.Errorf("session %s: recorded %v as %v", s.ID, ok, got)
		}
	}
}

func TestWhatIsCommittedIsThereAfterwards(t *testing.T) {
	d := newDir(t)
	seen := sessions(0, 120)
	seen[7].ID = "odd \"id\"\n\u2028 <&> \U0001F512"
	seen[8].Begin, seen[8].Updated = 0, 0
	seen[9].Begin = -5
	state := State{Floor: 1, Began: 2, Done: 3, Full: 4, Polled: 5}
	c := create(t, d, "siem", seen...)
	if err := c.SetState(state); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got := load(t, d, "siem")
		mustHold(t, got, seen)
		if got.State() != state || got.query != `{"state":["OPEN"]}` {
			t.Errorf("state %+v, query %s", got.State(), got.query)
		}
		got.forgotten = 1000 // have it written anew
		state.Floor = -10
		if err := got.SetState(state); err != nil {
			t.Fatal(err)
		}
		if err := got.Compact(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestQueryIsKeptLetterByLetter(t *testing.T) {
	d := newDir(t)
	query := `{"actor_id":"a<b>&c\u2028"}`
	if _, err := d.Create("q", query, State{}); err != nil {
		t.Fatal(err)
	}
	c := load(t, d, "q")
	if err := c.Match(query); err != nil {
		t.Error(err)
	}
	var other *OtherQuery
	err := c.Match(`{"state":["OPEN"]}`)
	if !errors.As(err, &other) || other.ExitCode() != 6 || !strings.Contains(err.Error(), "OPEN") || !strings.Contains(err.Error(), "actor_id") {
		t.Errorf("another query: %v", err)
	}
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	d := newDir(t)
	c := create(t, d, "siem", sessions(0, 3)...)
	run, err := d.Hold(t.Context(), "siem", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer run.End()
	tail, err := d.JoinTail("siem")
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Leave()
	c.forgotten = 1000
	if err := c.Compact(); err != nil {
		t.Fatal(err)
	}
	err = filepath.Walk(filepath.Dir(filepath.Dir(d.Path)), func(path string, info os.FileInfo, err error) error {
		if path == filepath.Dir(filepath.Dir(d.Path)) {
			return nil // the test's own
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Any byte of the file that changes is noticed, and nothing is changed in a file that is
// damaged.
func TestEveryFlippedByteIsNoticed(t *testing.T) {
	d := newDir(t)
	c := create(t, d, "siem", sessions(0, 6)...)
	if err := c.SetState(State{Floor: 9}); err != nil {
		t.Fatal(err)
	}
	commit(t, c, sessions(6, 8)...)
	good, err := os.ReadFile(c.path())
	if err != nil {
		t.Fatal(err)
	}
	line := 1
	for i, b := range good {
		for _, flip := range []byte{1, 0x20, 0x80, b ^ '\n', b} {
			if flip == 0 {
				continue
			}
			bad := slices.Clone(good)
			bad[i] ^= flip
			write(t, c.path(), bad)
			_, err := d.Load("siem")
			var damaged *Damaged
			if !errors.As(err, &damaged) || damaged.ExitCode() != 6 || damaged.Hint() == "" {
				t.Fatalf("byte %d (line %d, %q) changed by %#x: %v", i, line, b, flip, err)
			}
			if damaged.Line < line-1 || damaged.Line > line+1 {
				t.Errorf("byte %d in line %d: the message says line %d", i, line, damaged.Line)
			}
			if after, _ := os.ReadFile(c.path()); string(after) != string(bad) {
				t.Fatalf("byte %d: the damaged file was changed", i)
			}
		}
		if b == '\n' {
			line++
		}
	}
}

func TestDamage(t *testing.T) {
	d := newDir(t)
	c := create(t, d, "siem", sessions(0, 120)...)
	text, err := os.ReadFile(c.path())
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	lines := strings.SplitAfter(good, "\n") // the last is empty
	without := func(from, to int) string { return strings.Join(lines[:from], "") + strings.Join(lines[to:], "") }
	for _, tt := range []struct{ name, text, problem string }{
		{"empty", "", "line 1: the header is missing"},
		{"half a header", good[:30], "line 1: the header is missing"},
		{"a line missing", without(40, 41), "line 41: its checksum is wrong"},
		{"half missing in the middle", good[:3000] + good[6000:], "its checksum is wrong"},
		{"two lines exchanged", without(40, 41)[:len(strings.Join(lines[:41], ""))] + lines[40] + without(0, 42), "line 41"},
		{"a line twice", strings.Join(lines[:41], "") + lines[40] + strings.Join(lines[41:], ""), "line 42: its checksum is wrong"},
		{"cut at half", good[:len(good)/2], "the file ends here, and 121 lines were recorded"},
		{"cut at a line's end", without(60, 121), "line 61: the file ends here, and 121 lines were recorded"},
		{"something added", good + "hello\n", "line 122: it does not end with a checksum"},
		{"another format", "1763000000000\n", "line 1"},
		{"a newer version", strings.Replace(good, `"version":1`, `"version":2`, 1), "line 1: it says version 2, and this program knows version 1"},
		{"zeros", strings.Repeat("\x00", 4096), "line 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(t, c.path(), []byte(tt.text))
			_, err := d.Load("siem")
			var damaged *Damaged
			if !errors.As(err, &damaged) {
				if tt.name == "something added" && err == nil {
					return // behind all that was recorded: what a lost line looks like
				}
				t.Fatalf("the error is %v", err)
			}
			if !strings.Contains(err.Error(), tt.problem) || damaged.Hint() == "" {
				t.Errorf("it says %v, hint: %s", err, damaged.Hint())
			}
		})
	}
}

// What the hint of a damaged checkpoint advises works.
func TestRepairKeepsTheLinesBefore(t *testing.T) {
	d := newDir(t)
	seen := sessions(0, 120)
	c := create(t, d, "siem", seen...)
	text, err := os.ReadFile(c.path())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	write(t, c.path(), []byte(strings.Join(lines[:71], "")))
	if err := os.Remove(d.beside("siem", appendLock)); err != nil {
		t.Fatal(err)
	}
	c = load(t, d, "siem")
	mustHold(t, c, seen[:70])
	commit(t, c, seen[70:]...)
	mustHold(t, load(t, d, "siem"), seen)
}

func TestAnotherClientsFile(t *testing.T) {
	d := newDir(t)
	c := create(t, d, "siem", sessions(0, 3)...)
	text, err := os.ReadFile(c.path())
	if err != nil {
		t.Fatal(err)
	}
	other := Dir{Path: filepath.Join(t.TempDir(), "x"), Client: "key-43"}
	if err := other.make(); err != nil {
		t.Fatal(err)
	}
	write(t, other.journal("siem"), text)
	_, err = other.Load("siem")
	var damaged *Damaged
	if !errors.As(err, &damaged) || !strings.Contains(err.Error(), `belongs to the API client "key-42"`) {
		t.Errorf("%v", err)
	}
}

// A process killed while it wrote leaves the beginning of a batch.
func TestTornEndIsDropped(t *testing.T) {
	seen := sessions(0, 70)
	d := newDir(t)
	c := create(t, d, "siem", seen[:50]...)
	before := c.size
	mark, err := os.ReadFile(d.beside("siem", appendLock))
	if err != nil {
		t.Fatal(err)
	}
	commit(t, c, seen[50:]...)
	text, err := os.ReadFile(c.path())
	if err != nil {
		t.Fatal(err)
	}
	for size := before; size < int64(len(text)); size += 1 + size%17 {
		for _, tail := range []string{"", "\x00\x00\x00", "\x00\n\x00\x00\n", "garbage\n"} {
			write(t, c.path(), append(slices.Clone(text[:size]), tail...))
			write(t, d.beside("siem", appendLock), mark)
			whole := 50 + strings.Count(string(text[before:size]), "\n")
			if got, err := d.Look("siem"); err != nil {
				t.Fatalf("cut at %d, then %q: %v", size, tail, err)
			} else {
				mustHold(t, got, seen[:whole])
			}
			got := load(t, d, "siem")
			mustHold(t, got, seen[:whole])
			commit(t, got, seen[whole:]...)
			mustHold(t, load(t, d, "siem"), seen)
		}
	}
}

// What was left behind the end does not come back when less than that is appended.
func TestTornEndIsCutOff(t *testing.T) {
	d := newDir(t)
	c := create(t, d, "siem", sessions(0, 5)...)
	for i, garbage := range []string{strings.Repeat("\x00 garbage\n", 200), strings.Repeat("{", 2000)} {
		text, err := os.ReadFile(c.path())
		if err != nil {
			t.Fatal(err)
		}
		write(t, c.path(), append(text, garbage...))
		c = load(t, d, "siem")
		commit(t, c, sessions(5+i, 6+i)...)
		info, err := os.Stat(c.path())
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() != c.size {
			t.Errorf("%d bytes, %d of them are lines", info.Size(), c.size)
		}
		mustHold(t, load(t, d, "siem"), sessions(0, 6+i))
	}
}

// The last line is dropped when it has lost its end, whoever did that: it costs one session
// printed again.
func TestLastLineMayLoseItsEnd(t *testing.T) {
	d := newDir(t)
	seen := sessions(0, 20)
	c := create(t, d, "siem", seen...)
	text, err := os.ReadFile(c.path())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 5, 60} {
		write(t, c.path(), text[:len(text)-n])
		mustHold(t, load(t, d, "siem"), seen[:19])
		write(t, c.path(), text)
	}
}

func write(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCompactionForgetsWhatLiesBelowTheFloor(t *testing.T) {
	d := newDir(t)
	seen := sessions(0, 1000)
	c := create(t, d, "siem", seen...)
	floor := seen[900].Begin
	if err := c.SetState(State{Floor: floor}); err != nil {
		t.Fatal(err)
	}
	before := c.size
	if err := c.Compact(); err != nil {
		t.Fatal(err)
	}
	if c.size > before/5 {
		t.Errorf("%d bytes became %d", before, c.size)
	}
	mustHold(t, c, seen[900:])
	mustHold(t, load(t, d, "siem"), seen[900:])
	if n := c.Count(0, 0); n != 100 {
		t.Errorf("%d sessions count", n)
	}
	// The next one is worth it only when an eighth has gone.
	size := c.size
	if err := c.SetState(State{Floor: seen[903].Begin}); err != nil {
		t.Fatal(err)
	}
	if err := c.Compact(); err != nil {
		t.Fatal(err)
	}
	if c.size < size {
		t.Error("three lines were worth writing the file anew")
	}
}

// A stage that commits goes on when a search has compacted the journal under it, and the other
// way round.
func TestTwoProcessesAppendAndCompact(t *testing.T) {
	d := newDir(t)
	search := create(t, d, "siem")
	tail := load(t, d, "siem")
	all := sessions(0, 3000)
	random := rand.New(rand.NewPCG(1, 2))
	next, sent := 0, 0
	for next < len(all) {
		n := min(random.IntN(80), len(all)-next)
		switch random.IntN(4) {
		case 0, 1:
			commit(t, tail, all[next:next+n]...)
			next += n
		case 2:
			ahead := all[next:min(next+120, len(all))]
			search.Send(ahead)
			sent = next + len(ahead)
			if err := search.Refresh(); err != nil {
				t.Fatal(err)
			}
			if flying, oldest := search.InFlight(); flying != sent-next || flying > 0 && oldest != all[next].Begin {
				t.Fatalf("%d in flight, the oldest at %d", flying, oldest)
			}
		case 3:
			search.forgotten = 1 << 20
			if err := search.Compact(); err != nil {
				t.Fatal(err)
			}
			if err := search.SetState(State{Polled: int64(next + 1)}); err != nil {
				t.Fatal(err)
			}
		}
		if search.Len() > next {
			t.Fatalf("%d recorded, %d known", next, search.Len())
		}
	}
	mustHold(t, load(t, d, "siem"), all)
	if err := search.Refresh(); err != nil {
		t.Fatal(err)
	}
	mustHold(t, search, all)
}

func TestCounts(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	d := newDir(t)
	c := create(t, d, "siem")
	want := map[string]int64{}
	for i := range 400 {
		s := Session{ID: fmt.Sprint("s", random.IntN(300)), Begin: int64(1 + random.IntN(50))}
		switch {
		case i%10 == 9:
			if _, ok := want[s.ID]; !ok {
				continue
			}
			s.Begin = want[s.ID]
			if err := c.Forgo([]Session{s}); err != nil {
				t.Fatal(err)
			}
			delete(want, s.ID)
			if _, ok := c.Lookup(s.ID); !ok || c.Counted(s.ID) {
				t.Fatal("a session that is gone is still seen, and does not count")
			}
		case i%3 == 0:
			c.Send([]Session{s})
			want[s.ID] = s.Begin
		default:
			if err := c.Commit([]Session{s}); err != nil {
				t.Fatal(err)
			}
			want[s.ID] = s.Begin
		}
		lo, hi := int64(random.IntN(50)), int64(random.IntN(50))
		n := 0
		for _, b := range want {
			if b >= lo && (hi == 0 || b < hi) {
				n++
			}
		}
		if got := c.Count(lo, hi); got != n {
			t.Fatalf("%d sessions from %d to %d, counted %d", n, lo, hi, got)
		}
		if at, newer := c.Split(lo, hi, 5); newer > 0 && (c.Count(at, hi) != newer || newer < 5 || at < lo) {
			t.Fatalf("split at %d, %d newer", at, newer)
		}
	}
}

func TestFullDiskIsKnownBefore(t *testing.T) {
	c := create(t, newDir(t), "siem", sessions(0, 10)...)
	if err := c.Reserve(sessions(10, 60)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(c.path())
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != c.size {
		t.Errorf("the file is %d bytes long, %d were written", info.Size(), c.size)
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"siem", "soc 2", "x_sessions", "ünïcode", "a.b", "-", strings.Repeat("n", 200)} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", ".siem", "a/b", `a\b`, "../x", "a\nb", "a\x00", "\xff", strings.Repeat("n", 201)} {
		err := CheckName(name)
		var usage *usageError
		if !errors.As(err, &usage) || usage.ExitCode() != 2 {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestFolders(t *testing.T) {
	for client, folder := range map[string]string{
		"key-42ab": "key-42ab", "a/../b": "a%2F..%2Fb", "..": "%2E.", "refresh@api.us.code42.com": "refresh@api.us.code42.com",
		"ü%": "%C3%BC%25", "": "",
	} {
		if got := folderName(client); got != folder {
			t.Errorf("client %q has the folder %q", client, got)
		}
		if got := clientName(folder); got != client {
			t.Errorf("the folder %q is of client %q", folder, got)
		}
	}
	getenv := func(env map[string]string) func(string) string { return func(name string) string { return env[name] } }
	for want, env := range map[string]map[string]string{
		filepath.Join("/home/ada", ".incydr", "checkpoints"): {"HOME": "/home/ada"},
		"/srv/checkpoints":                  {"HOME": "/home/ada", "INCYDR_CHECKPOINT_DIR": "/srv/checkpoints"},
		filepath.Join("/home/ada", "feeds"): {"HOME": "/home/ada", "INCYDR_CHECKPOINT_DIR": "~/feeds"},
	} {
		if got, err := Root(getenv(env)); err != nil || got != want {
			t.Errorf("%v: %s, %v", env, got, err)
		}
	}
}

func TestListAndDelete(t *testing.T) {
	root := t.TempDir()
	d := DirOf(root, "key-42")
	create(t, d, "b", sessions(0, 3)...)
	create(t, d, "a")
	create(t, DirOf(root, "a/b"), "c")
	write(t, filepath.Join(d.Path, "vendors"), []byte("1763000000000"))
	if names, err := d.Names(); err != nil || !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("%q, %v", names, err)
	}
	dirs, err := Dirs(root)
	if err != nil || len(dirs) != 2 || dirs[0].Client != "a/b" || dirs[1] != d {
		t.Errorf("%v, %v", dirs, err)
	}
	var missing *Missing
	if err := d.Delete(t.Context(), "bb"); !errors.As(err, &missing) || missing.ExitCode() != 2 {
		t.Errorf("%v", err)
	}
	tail, err := d.JoinTail("b")
	if err != nil {
		t.Fatal(err)
	}
	var inUse *InUse
	if err := d.Delete(t.Context(), "b"); !errors.As(err, &inUse) {
		t.Errorf("deleted under a stage that commits: %v", err)
	}
	if err := tail.Leave(); err != nil {
		t.Fatal(err)
	}
	write(t, d.journal("b"), []byte("damaged"))
	if err := d.Delete(t.Context(), "b"); err != nil {
		t.Errorf("delete a damaged one: %v", err)
	}
	files, err := os.ReadDir(d.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.Contains(f.Name(), "b") && f.Name() != "vendors" {
			t.Errorf("%s is left", f.Name())
		}
	}
}

func TestWhatAKilledCompactionLeftIsRemoved(t *testing.T) {
	d := newDir(t)
	c := create(t, d, "a[1]*", sessions(0, 3)...)
	left, other := filepath.Join(d.Path, ".a[1]*.jsonl123456"), filepath.Join(d.Path, ".a1.jsonl123456")
	write(t, left, nil)
	write(t, other, nil)
	c.forgotten = 1000
	if err := c.Compact(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("it is still there")
	}
	if _, err := os.Stat(other); err != nil {
		t.Error("another checkpoint's is gone")
	}
}

func TestSessionOf(t *testing.T) {
	for record, want := range map[string]Session{
		`{"sessionId":"a","beginTime":5,"lastUpdated":7}`:                     {"a", 5, 7},
		`{"tenant":"x","notes":[{"sessionId":"n"}],"session_id":"b"}`:         {ID: "b"},
		`{"session_id":"b","sessionId":"a","beginTime":null,"lastUpdated":1}`: {ID: "a", Updated: 1},
		` {"sessionId": "\u0061\"" , "beginTime": 12 , "lastUpdated": 1.5}`:   {ID: `a"`, Begin: 12},
	} {
		if got, err := SessionOf([]byte(record)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", record, got, err)
		}
	}
	for _, record := range []string{``, `[]`, `"a"`, `{}`, `{"sessionId":""}`, `{"sessionId":5}`, `{"sessionId":null}`, `{"sessionId":"a"`, `{"sessionId":"a","x":}`} {
		if got, err := SessionOf([]byte(record)); err == nil {
			t.Errorf("%s: %+v", record, got)
		}
	}
}
