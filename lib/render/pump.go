package render

import (
	"runtime"
	"sync"

	"sess/lib/jsonl"
)

// A formatter turns records into text. Each goroutine has its own.
type formatter interface {
	// record appends what is shown of the line, a record, to dst.
	record(dst, line []byte) ([]byte, error)
}

// A counting formatter prints nothing before the end: what it has found in a chunk is taken from
// it, and added up in the order of the lines by calling what take returns.
type counting interface {
	take() (add func())
}

// Output is where the text goes. Flush is called whenever no more is at hand for the moment.
type Output interface {
	Write(p []byte) (int, error)
	Flush() error
}

// A pump takes chunks of lines through formatters on several cores and writes the results in
// the order of the lines.
type pump struct {
	chunks *jsonl.Chunks
	names  func(stream int) string
	out    Output
	slots  chan struct{} // bounds the results that wait for their turn
	free   sync.Pool     // of *[]byte

	mu      sync.Mutex
	early   []jsonl.Chunk // taken before the pump began
	next    int           // the place of the next chunk to be written
	ready   map[int]result
	writing bool
	lines   int // of the present stream, in the chunks written
	err     error
}

// A result is what became of a chunk.
type result struct {
	text  *[]byte
	lines int // how many the chunk has, or up to which one it went well
	chunk jsonl.Chunk
	add   func() // nil but for a counting formatter
	err   error
}

// maxKept bounds the results whose memory is used again, in bytes.
const maxKept = 4 << 20

// run takes all chunks through formatters made by the function, and returns the first error in
// the order of the lines: what comes before it has been written.
func (p *pump) run(make_ func() formatter) error {
	workers := max(1, min(runtime.GOMAXPROCS(0), 8))
	p.slots = make(chan struct{}, 2*workers+2)
	p.ready = map[int]result{}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() { p.work(make_()) })
	}
	wg.Wait()
	return p.err
}

func (p *pump) work(f formatter) {
	for {
		p.slots <- struct{}{}
		chunk, ok := p.take()
		if !ok {
			<-p.slots
			return
		}
		text := p.buffer()
		r := result{text: text, chunk: chunk}
		r.lines, r.err = chunk.Each(func(line []byte, _ int) (err error) {
			*text, err = f.record(*text, line)
			return err
		})
		chunk.Done()
		if c, ok := f.(counting); ok {
			r.add = c.take()
		}
		p.deliver(r)
	}
}

func (p *pump) buffer() *[]byte {
	if b, ok := p.free.Get().(*[]byte); ok {
		*b = (*b)[:0]
		return b
	}
	b := make([]byte, 0, 256<<10)
	return &b
}

func (p *pump) take() (jsonl.Chunk, bool) {
	p.mu.Lock()
	if p.err == nil && len(p.early) > 0 {
		defer p.mu.Unlock()
		k := p.early[0]
		p.early = p.early[1:]
		return k, true
	}
	p.mu.Unlock()
	return p.chunks.Next()
}

// deliver writes the results that are due. One goroutine at a time writes; the others leave
// theirs to it.
func (p *pump) deliver(r result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready[r.chunk.Place] = r
	if p.writing {
		return
	}
	p.writing = true
	for p.err == nil {
		r, ok := p.ready[p.next]
		if !ok {
			break
		}
		p.next++
		delete(p.ready, r.chunk.Place)
		last := len(p.ready) == 0
		p.mu.Unlock()
		_, err := p.out.Write(*r.text)
		if err == nil && last {
			err = p.out.Flush()
		}
		if cap(*r.text) <= maxKept {
			p.free.Put(r.text)
		}
		<-p.slots
		p.mu.Lock()
		p.account(r, err)
	}
	p.writing = false
	if p.err != nil {
		p.chunks.Stop()
		for place := range p.ready {
			delete(p.ready, place)
			<-p.slots
		}
	}
}

// account counts the lines of a written result and keeps the first error.
func (p *pump) account(r result, err error) {
	if r.chunk.First {
		p.lines = 0
	}
	p.lines += r.lines
	if r.add != nil {
		r.add()
	}
	switch {
	case err != nil:
		p.err = err
	case r.err != nil:
		p.err = &lineError{stream: p.names(r.chunk.Stream), line: p.lines, err: r.err}
	case r.chunk.Err != nil:
		p.err = &streamError{stream: p.names(r.chunk.Stream), line: p.lines + 1, err: r.chunk.Err}
	}
}
