package render

import (
	"errors"
	"time"

	"sess/lib/jsonl"
)

const (
	sampleRecords = 1000
	sampleBytes   = 2 << 20
)

// A sample is the beginning of the input, looked at before anything is printed.
type sample struct {
	chunks  []jsonl.Chunk // what was taken for it
	records [][]byte      // valid objects, up to the first line that is none
	all     bool          // there is no more input than this
	kind    *schema
}

var errEnough = errors.New("enough")

// takeSample takes chunks until they have a thousand records, or are large, or the input ends;
// or until patience has passed since the first record, where it is not 0.
func takeSample(chunks *jsonl.Chunks, patience time.Duration) *sample {
	s := &sample{kind: anything}
	scanner := jsonl.NewPlan(nil, nil).Scanner()
	var until time.Time
	for bytes := 0; bytes < sampleBytes; {
		if !until.IsZero() && !chunks.Wait(time.Until(until)) {
			break
		}
		k, ok := chunks.Next()
		if !ok {
			s.all = true
			break
		}
		if bytes += len(k.Lines); len(k.Lines) < sampleBytes {
			k = k.Keep()
		}
		s.chunks = append(s.chunks, k)
		_, err := k.Each(func(line []byte, _ int) error {
			if err := scanObject(scanner, line); err != nil {
				return err
			}
			if s.records = append(s.records, scanner.Record()); len(s.records) == sampleRecords {
				return errEnough
			}
			return nil
		})
		if err != nil || k.Err != nil {
			break
		}
		if until.IsZero() && patience > 0 && len(s.records) > 0 {
			until = time.Now().Add(patience)
		}
	}
	if len(s.records) > 0 {
		s.kind = kindOf(s.records[0])
	}
	return s
}

// leaf is a place in the sample's records that holds a value, and the first such value.
type leaf struct {
	path    jsonl.Path
	example []byte
}

// leaves lists what the records have below a path: the members of objects, those of objects
// within them, and of lists of objects, the members of the elements. Lists are leaves unless
// the path leads to them.
func (s *sample) leaves(below jsonl.Path, deep bool) []leaf {
	var found []leaf
	index := map[string]int{}
	note := func(p jsonl.Path, v []byte) {
		id := p.String()
		i, ok := index[id]
		if !ok {
			i = len(found)
			index[id] = i
			found = append(found, leaf{path: p})
		}
		if found[i].example == nil && !isNull(v) && string(v) != "[]" && string(v) != `""` {
			found[i].example = v
		}
	}
	var walk func(p jsonl.Path, object []byte)
	walk = func(p jsonl.Path, object []byte) {
		jsonl.Members(object, func(name string, v []byte) {
			at := p.Field(name)
			if deep && v[0] == '{' && at.Len() < 20 {
				walk(at, v)
				return
			}
			if len(found) < 10*sampleRecords {
				note(at, v)
			}
		})
	}
	for _, r := range s.records {
		v := jsonl.Find(r, below)
		switch {
		case v == nil:
		case v[0] == '{':
			walk(below, v)
		case v[0] == '[':
			jsonl.Elements(v, func(e []byte) { walk(below, e) })
		}
	}
	return found
}
