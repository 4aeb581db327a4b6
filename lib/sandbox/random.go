package sandbox

import "math/rand/v2"

// Everything random is drawn from a stream that is named by the seed, a subject and a number,
// so that the bytes of one session depend on nothing but these. Only integer draws are used:
// they are the same on every machine.

type subject uint64

const (
	aboutSession subject = iota + 1 // times, counts, histories
	aboutText                       // words and odd fields
	aboutSpoil                      // what a hostile tenant puts in
	aboutEvents                     // its file events
	aboutActor
	aboutID
	aboutChurn
	aboutFault
	aboutRefusal
)

// mix scatters x over all 64 bits (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func hash(seed uint64, about subject, n uint64) uint64 {
	return mix(mix(mix(seed)^uint64(about)) ^ n)
}

// A stream is a source of random choices.
type stream struct{ *rand.Rand }

func draw(seed uint64, about subject, n uint64) stream {
	h := hash(seed, about, n)
	return stream{rand.New(rand.NewPCG(h, mix(h)))}
}

// within returns a number from lo to hi, both included.
func (s stream) within(lo, hi int64) int64 { return lo + s.Int64N(hi-lo+1) }

// oneIn tells true once in n times.
func (s stream) oneIn(n int) bool { return s.IntN(n) == 0 }

// weighted returns an index, each as often as its weight says.
func (s stream) weighted(weights ...int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	x := s.IntN(sum)
	for i, w := range weights {
		if x -= w; x < 0 {
			return i
		}
	}
	return len(weights) - 1
}

func pick[T any](s stream, list []T) T { return list[s.IntN(len(list))] }

// uuid is an identifier in the usual form, made of the two numbers.
func uuid(a, b uint64) string {
	const digits = "0123456789abcdef"
	id := make([]byte, 36)
	at := 0
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			id[at] = '-'
			at++
		}
		half := a
		if i >= 16 {
			half = b
		}
		id[at] = digits[half>>(60-4*(i%16))&15]
		at++
	}
	return string(id)
}

func idOf(seed uint64, about subject, n uint64) string {
	a := hash(seed, about, n)
	return uuid(a, mix(a^uint64(aboutID)))
}
