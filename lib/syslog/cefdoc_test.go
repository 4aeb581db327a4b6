package syslog

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A row of docs/cef.md says where the value of a key comes from.
type row struct {
	key, label string
	from       []string // the first that is there
	sum        bool     // all of them, added
	value      string   // text, time, number, list, IPv4, …
	most       int      // bytes, 0 for no limit
}

// tables reads the tables of docs/cef.md by their headings.
func tables(t *testing.T) map[string][][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/cef.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][][]string{}
	heading := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if after, ok := strings.CutPrefix(line, "## "); ok {
			heading = after
		}
		if strings.HasPrefix(line, "| ") {
			var cells []string
			for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
				cells = append(cells, strings.TrimSpace(cell))
			}
			found[heading] = append(found[heading], cells)
		}
	}
	for heading, rows := range found {
		found[heading] = rows[1:]
	}
	return found
}

// rowsOf reads one of the tables of keys.
func rowsOf(t *testing.T, table [][]string) (rows []row) {
	t.Helper()
	for _, cells := range table {
		if len(cells) != 5 {
			t.Fatalf("the row %q has %d cells", cells, len(cells))
		}
		r := row{key: strings.Trim(cells[0], "`"), label: strings.Trim(cells[1], "`"), value: cells[3], sum: strings.Contains(cells[2], " + ")}
		for i, part := range strings.Split(cells[2], "`") {
			if i%2 == 1 {
				r.from = append(r.from, part)
			}
		}
		switch n, err := strconv.Atoi(cells[4]); {
		case err == nil:
			r.most = n
		case cells[4] != "" && cells[4] != "never cut":
			t.Fatalf("most bytes of %s: %q", r.key, cells[4])
		}
		rows = append(rows, r)
	}
	return rows
}

// place puts a value into a record by its path: a.b, a[].b (in two entries), a[newest].b, a[first].b.
func place(record map[string]any, path string, values ...any) {
	head, rest, deeper := strings.Cut(path, ".")
	name, which, isList := strings.Cut(strings.TrimSuffix(head, "]"), "[")
	inner := func(old any, v any) any {
		if !deeper {
			return v
		}
		m, ok := old.(map[string]any)
		if !ok {
			m = map[string]any{}
		}
		place(m, rest, v)
		return m
	}
	if !isList {
		if deeper {
			m, ok := record[name].(map[string]any)
			if !ok {
				m = map[string]any{}
			}
			place(m, rest, values...)
			record[name] = m
		} else {
			record[name] = values[0]
		}
		return
	}
	list, _ := record[name].([]any)
	for len(list) < 3 {
		list = append(list, nil)
	}
	switch which {
	case "newest": // in the middle, so that neither end would do
		list[0] = map[string]any{"sourceTimestamp": 1}
		list[1] = inner(list[1], values[0])
		list[1].(map[string]any)["sourceTimestamp"] = 9
		list[2] = map[string]any{"sourceTimestamp": 5}
	case "first": // behind one that has none
		list[0] = map[string]any{}
		list[1] = inner(list[1], values[0])
		list[2] = inner(nil, "not this one")
	default:
		list = list[:0]
		for _, v := range values {
			list = append(list, inner(nil, v))
		}
	}
	record[name] = list
}

// read is the extension of the record's message.
func read(t *testing.T, record map[string]any) map[string]string {
	t.Helper()
	line, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	f := learn(line)
	message := string(appendCEF(nil, line, &f))
	_, ext, ok := splitCEF("x|" + strings.SplitN(message, "|", 8)[7])
	if !ok {
		t.Fatalf("no extension in %q", message)
	}
	return ext
}

// What docs/cef.md says of each key is what the code does, and there are no other keys.
func TestDocumentedCEF(t *testing.T) {
	all := tables(t)
	for heading, base := range map[string]map[string]any{
		"Sessions":    {"sessionId": "s-1"},
		"File events": {"event": map[string]any{}},
	} {
		rows := rowsOf(t, all[heading])
		if len(rows) < 20 {
			t.Fatalf("%s: only %d rows", heading, len(rows))
		}
		for _, r := range rows {
			if limit := cefLimits[r.key]; neverCut[r.key] && r.most != 0 || !neverCut[r.key] && r.most != limit {
				t.Errorf("%s: %s is cut at %d bytes, it says at %d", heading, r.key, limit, r.most)
			}
			for i, path := range r.from {
				record := map[string]any{}
				for k, v := range base {
					record[k] = v
				}
				if heading == "File events" {
					record["event"] = map[string]any{}
				}
				want := "a value of " + path
				switch r.value {
				case "text":
					place(record, path, want)
				case "number":
					place(record, path, 4711)
					want = "4711"
				case "text or number":
					place(record, path, 4711)
					want = "4711"
				case "time":
					want = "1795259520000"
					if heading == "Sessions" {
						place(record, path, 1795259520000)
					} else {
						place(record, path, "2026-11-21T11:12:00Z")
					}
				case "list":
					place(record, path, "one", "two")
					want = "one, two"
				case "IPv4":
					want = "192.0.2.7"
					place(record, path, want)
				case "IPv6":
					want = "2001:db8::7"
					place(record, path, want)
				case "sum, always there":
					for n, p := range r.from {
						place(record, p, 1<<n)
					}
					want = fmt.Sprint(1<<len(r.from) - 1)
				default:
					t.Fatalf("%s: a value of %q", r.key, r.value)
				}
				// The earlier of several paths wins over the later.
				if i > 0 && !r.sum {
					if got := read(t, record)[r.key]; got != want {
						t.Errorf("%s: %s alone gives %s=%q, not %q", heading, path, r.key, got, want)
					}
					place(record, r.from[0], "earlier", "earliest")
					if got := read(t, record)[r.key]; !strings.HasPrefix(got, "earlie") {
						t.Errorf("%s: %s wins over %s: %s=%q", heading, path, r.from[0], r.key, got)
					}
					continue
				}
				ext := read(t, record)
				if ext[r.key] != want || ext[r.key+"Label"] != r.label {
					t.Errorf("%s: %s gives %s=%q, label %q; it says %q, label %q", heading, path, r.key, ext[r.key], ext[r.key+"Label"], want, r.label)
				}
				if r.most > 0 && r.value == "text" {
					place(record, path, strings.Repeat("x", r.most+100))
					if got := len(read(t, record)[r.key]); got != r.most {
						t.Errorf("%s: %s has %d bytes of a long value, it says %d", heading, r.key, got, r.most)
					}
				}
			}
		}
		for _, key := range mapped(t, heading) {
			if !slices.ContainsFunc(rows, func(r row) bool { return r.key == key }) {
				t.Errorf("%s: %s is not in the table", heading, key)
			}
		}
	}
}

// mapped are the keys that the code of a table names.
func mapped(t *testing.T, heading string) (keys []string) {
	t.Helper()
	source, err := os.ReadFile("cef.go")
	if err != nil {
		t.Fatal(err)
	}
	function := map[string]string{"Sessions": "session(", "File events": "fileEvent("}[heading]
	_, body, ok := strings.Cut(string(source), "\nfunc (x *extension) "+function)
	body, _, _ = strings.Cut(body, "\n}\n")
	if !ok {
		t.Fatalf("cef.go has no %s", function)
	}
	for _, call := range regexp.MustCompile(`x\.(\w+)\("(\w+)"(?:, "(\w+)", ")?`).FindAllStringSubmatch(body, -1) {
		keys = append(keys, call[2])
		if call[1] == "address" {
			keys = append(keys, call[3])
		}
	}
	return keys
}

// So are the severities.
func TestDocumentedSeverities(t *testing.T) {
	rows := tables(t)["Severity"]
	if len(rows) != len(severityWords)+1 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, word := range severityWords {
		want := []string{"`" + word + "`", strconv.Itoa(i), cefSeverities[i], fmt.Sprintf("%d %s", levels[i], severities[levels[i]])}
		if !slices.Equal(rows[i], want) {
			t.Errorf("it says %q, the code %q", rows[i], want)
		}
	}
}
