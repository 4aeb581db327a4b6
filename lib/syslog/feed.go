package syslog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"sess/lib/jsonl"
)

// A feed turns the input into messages and puts them into the spool.
type feed struct {
	*Options
	spool *spool
	in    io.Reader
	count func(func(*Tally))
}

// Read shows the spool what there is before it may wait for more.
func (f *feed) Read(p []byte) (int, error) {
	f.spool.Show()
	return f.in.Read(p)
}

// run reads to the end of the input, to a line that is no record, or until the context ends.
func (f *feed) run(ctx context.Context) error {
	e := &encoder{format: f.Format, header: f.Header, now: time.Now}
	r := jsonl.NewReader(f, f.MaxLine)
	var message []byte
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if f.Format == Raw {
			message = record
		} else if message, err = e.append(message[:0], record); err != nil {
			return usage("", "line %d: %w", r.Number(), err)
		}
		if f.MaxSize > 0 && len(message) > f.MaxSize {
			switch f.Oversize {
			case Skip:
				f.count(func(t *Tally) { t.Skipped++ })
				f.Log.Warn("record left out: too large", "line", r.Number(), "bytes", len(message), "most", f.MaxSize)
				continue
			case Truncate:
				f.count(func(t *Tally) { t.Truncated++ })
				message = cutBytes(message, f.MaxSize)
			default:
				return f.tooLarge(r.Number(), len(message))
			}
		}
		if err := f.spool.Put(ctx, message, record); err != nil {
			return err
		}
	}
}

func (f *feed) tooLarge(line, size int) error {
	what := "--max-size"
	hint := "--oversize truncate cuts such messages, --oversize skip leaves them out"
	if f.Address.Protocol == UDP && f.MaxSize == MaxDatagram {
		what = "a UDP datagram"
		hint += "; TCP, TLS-TCP and RELP carry any size"
	}
	return failed(hint, "line %d: %w", line, fmt.Errorf("the message has %d bytes, %s allows %d", size, what, f.MaxSize))
}

// cutBytes is the beginning of a message, at most n bytes and never half a character.
func cutBytes(b []byte, n int) []byte {
	for i := n; i >= 0 && i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			return b[:i]
		}
	}
	return b[:n] // not UTF-8
}
