package syslog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// A spool is driven at random against a plain list that does the same.
func TestSpoolAgainstModel(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		keep := seed%2 == 0
		s := newSpool(32<<10, keep)
		var messages, records [][]byte // put
		settled, taken := 0, 0
		var printed bytes.Buffer
		put := func() {
			n := rng.IntN(300)
			if rng.IntN(30) == 0 {
				n = 9 << 10 // longer than a chunk
			}
			m := bytes.Repeat([]byte{byte('a' + rng.IntN(26))}, 1+n)
			r := m
			if rng.IntN(3) == 0 {
				r = fmt.Appendf(nil, "record %d", len(messages))
			}
			if s.held > 0 && s.held+len(m)+len(r)+2+recordCost > s.limit {
				return
			}
			if err := s.Put(t.Context(), m, r); err != nil {
				t.Fatal(err)
			}
			messages, records = append(messages, m), append(records, r)
		}
		for range 3000 {
			switch rng.IntN(6) {
			case 0, 1, 2:
				put()
			case 3:
				s.Show()
				b := s.Take(1 + rng.IntN(4000))
				b.each(func(m []byte) {
					if !bytes.Equal(m, append(bytes.Clone(messages[taken]), '\n')) {
						t.Fatalf("seed %d: message %d is %.20q, want %.20q", seed, taken, m, messages[taken])
					}
					taken++
				})
			case 4:
				n := rng.IntN(taken - settled + 1)
				if err := s.Settle(n, func(r []byte) error { printed.Write(r); return nil }); err != nil {
					t.Fatal(err)
				}
				settled += n
			case 5:
				if rng.IntN(5) == 0 {
					if again := s.Rewind(); again != taken-settled {
						t.Fatalf("seed %d: %d to send again, want %d", seed, again, taken-settled)
					}
					taken = settled
				}
			}
		}
		for {
			s.Show()
			b := s.Take(1 << 20)
			if b.count() == 0 {
				break
			}
			taken += b.count()
		}
		if taken != len(messages) {
			t.Fatalf("seed %d: took %d of %d", seed, taken, len(messages))
		}
		s.Settle(taken-settled, func(r []byte) error { printed.Write(r); return nil })
		want := []byte{}
		if keep {
			want = append(bytes.Join(records, []byte("\n")), '\n')
		}
		if !bytes.Equal(printed.Bytes(), want) {
			t.Fatalf("seed %d: printed %d bytes, want %d", seed, printed.Len(), len(want))
		}
		if s.Held() != 0 {
			t.Fatalf("seed %d: %d bytes held by an empty spool", seed, s.Held())
		}
	}
}

// A full spool makes the input wait until something is settled or the wait is ended.
func TestSpoolWaitsForRoom(t *testing.T) {
	s := newSpool(8<<10, false)
	line := bytes.Repeat([]byte("x"), 1000)
	done := make(chan error)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for range 100 {
			if err := s.Put(ctx, line, line); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for taken := 0; taken < 50; {
		<-s.ready
		for {
			b := s.Take(1 << 20)
			if b.count() == 0 {
				break
			}
			if held := s.Held(); held > 8<<10 {
				t.Fatalf("%d bytes held, over the limit", held)
			}
			taken += b.count()
			s.Settle(b.count(), nil)
		}
	}
	stop := errors.New("stop")
	time.AfterFunc(10*time.Millisecond, func() { cancel(stop) })
	if err := <-done; !errors.Is(err, stop) {
		t.Fatalf("the input ended with %v", err)
	}
}
