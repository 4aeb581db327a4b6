package kafka

import (
	"bytes"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kgo"

	"sess/lib/jsonl"
)

// The headers that a record has where the session has the field.
const (
	tenantHeader  = "tenant_id"
	sessionHeader = "session_id"
)

// A finder looks into lines for what a record needs beside the line itself.
type finder struct {
	scan    *jsonl.Scanner
	keyed   bool
	headers []string // their names, in the order of the plan's paths, after the key's
}

func newFinder(o *Options) *finder {
	f := &finder{keyed: o.Key != nil}
	var paths []jsonl.Path
	if f.keyed {
		paths = append(paths, *o.Key)
	}
	named := func(name string, p jsonl.Path) {
		f.headers = append(f.headers, name)
		paths = append(paths, p)
	}
	named(tenantHeader, jsonl.Path{}.Field("tenantId"))
	named(sessionHeader, jsonl.Path{}.Field("sessionId"))
	for _, h := range o.Headers {
		named(h.Name, h.Value)
	}
	f.scan = jsonl.NewPlan(paths, nil).Scanner()
	return f
}

// An entry is a record on its way, and what became of it.
type entry struct {
	line   []byte // as it was read, and as it is sent
	number int    // of its line
	state  state
	record kgo.Record
}

type state uint8

const (
	waiting   state = iota // handed to the client, or about to be
	delivered              // the brokers have it
	tooLarge               // the broker would not take the batch it was in
	skipped                // too large for the topic
)

// fill makes the record of the entry's line. Where that is not JSON it says so.
func (e *entry) fill(f *finder) error {
	if err := f.scan.Scan(e.line); err != nil {
		return usage("", "line %d: %w", e.number, err)
	}
	e.record = kgo.Record{Value: e.line, Headers: e.record.Headers[:0]}
	next := 0
	if f.keyed {
		e.record.Key = value(f.scan.Value(0))
		next = 1
	}
	for i, name := range f.headers {
		if v := value(f.scan.Value(next + i)); v != nil {
			e.record.Headers = append(e.record.Headers, kgo.RecordHeader{Key: name, Value: v})
		}
	}
	return nil
}

// value is what a column gives for a key or a header: the text of a string, the bytes of
// anything else, nil for null and for what is not there. It is part of the line where it can be.
func value(raw []byte) []byte {
	switch {
	case raw == nil || string(raw) == "null":
		return nil
	case raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0:
		return raw[1 : len(raw)-1]
	}
	return []byte(jsonl.Text(raw))
}

// The parts of a batch beside its records. (Kafka protocol, record batch, magic 2)
const batchOverhead = 65

// size is how many bytes a batch has that holds this record alone, before compression.
func (e *entry) size() int {
	r := &e.record
	n := 1 + 1 + 1 + // attributes, time delta, offset delta
		kbin.VarintLen(int32(len(r.Key))) + len(r.Key) +
		kbin.VarintLen(int32(len(r.Value))) + len(r.Value) +
		kbin.VarintLen(int32(len(r.Headers)))
	for _, h := range r.Headers {
		n += kbin.VarintLen(int32(len(h.Key))) + len(h.Key) + kbin.VarintLen(int32(len(h.Value))) + len(h.Value)
	}
	return batchOverhead + kbin.VarintLen(int32(n)) + n
}
