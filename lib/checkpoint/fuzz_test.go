package checkpoint

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Whatever stands in the file, reading it ends, and what it accepts can be written and read
// again.
func FuzzJournal(f *testing.F) {
	d := newDir(f)
	c := create(f, d, "siem", sessions(0, 5)...)
	if err := c.SetState(State{Floor: 1, Full: 2}); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(c.path())
	if err != nil {
		f.Fatal(err)
	}
	lines := bytes.SplitAfter(good, []byte("\n"))
	f.Add(good)
	f.Add(good[:len(good)-10])
	f.Add(lines[0])
	f.Add([]byte(`{"version":1}`))
	read := func(text []byte) (*Checkpoint, error) {
		c := &Checkpoint{journal: journal{dir: Dir{Path: "nowhere", Client: d.Client}, name: "siem"}, sessions: map[string]entry{}, inFlight: map[string]bool{}}
		return c, c.read(bytes.NewReader(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := read(text)
		if err != nil {
			return
		}
		if c.size+c.torn != int64(len(text)) {
			t.Fatalf("%d bytes, of them %d whole lines and %d torn", len(text), c.size, c.torn)
		}
		b := c.newBatch()
		for _, s := range sessions(0, 3) {
			b.session(s.ID, entry{begin: s.Begin})
		}
		again, err := read(append(text[:c.size:c.size], b.text...))
		if err != nil {
			t.Fatalf("what was appended to it cannot be read: %v", err)
		}
		if again.Len() < max(c.Len(), 3) || again.lines != c.lines+3 {
			t.Fatalf("%d sessions, then 3 more, are %d", c.Len(), again.Len())
		}
	})
}

// A line is read as it was written, and only so.
func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"id":"a","begin":1,"updated":-2`))
	f.Add([]byte(`{"id":"\u0000\"","begin":1,"updated":2,"absent":true`))
	f.Add([]byte(`{"floor":1,"began":2,"done":3,"full":4,"polled":5`))
	f.Add([]byte(`{"version":1,"client":"c","query":{},"generation":"00"`))
	f.Fuzz(func(t *testing.T, body []byte) {
		line, crc := seal(bytes.Clone(body), 0, 7)
		got, gotCRC, err := unseal(line[:len(line)-1], 7)
		if err != nil || gotCRC != crc || !bytes.Equal(got, body) {
			t.Fatalf("sealed and unsealed: %q, %v", got, err)
		}
		if id, e, err := parseEntry(body); err == nil {
			if id2, e2, err := parseEntry(appendEntry(nil, id, e)); err != nil || e2 != e || id2 != ValidID(id) {
				t.Fatalf("%q, %+v written and read: %q, %+v, %v", id, e, id2, e2, err)
			}
		}
		if s, err := parseState(body); err == nil {
			if s2, err := parseState(appendState(nil, s)); err != nil || s2 != s {
				t.Fatalf("%+v written and read: %+v, %v", s, s2, err)
			}
		}
		parseHeader(body)
		SessionOf(body)
	})
}

func FuzzVendor(f *testing.F) {
	f.Add([]byte("1763000000000"), []byte(`["a","b"]`))
	f.Add([]byte("1763000000.25"), []byte(`[null]`))
	f.Fuzz(func(t *testing.T, time, ids []byte) {
		d := newDir(t)
		if err := d.make(); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(d.Path, "siem"), time)
		write(t, filepath.Join(d.Path, "siem_sessions"), ids)
		v, err := d.Vendor("siem")
		if err != nil || v == nil {
			return
		}
		c, err := d.Create("siem", "{}", State{Floor: v.Newest}, v.Sessions()...)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Load("siem"); err != nil || got.Len() != c.Len() || got.Count(0, 0) != 0 {
			t.Fatalf("taken over and read: %v", err)
		}
	})
}
