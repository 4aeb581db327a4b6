package checkpoint

import (
	"slices"
	"sort"
)

// begins are the begin times of sessions, ms since the epoch, to be counted by range. What is
// added is sorted in when somebody asks.
type begins struct {
	sorted []int64
	fresh  []int64
}

func (b *begins) add(at int64) { b.fresh = append(b.fresh, at) }

func (b *begins) remove(at int64) {
	b.settle()
	if i, ok := slices.BinarySearch(b.sorted, at); ok {
		b.sorted = slices.Delete(b.sorted, i, i+1)
	}
}

// settle merges from the end, so that what is newest, as most is, costs no move of the rest.
func (b *begins) settle() {
	if len(b.fresh) == 0 {
		return
	}
	slices.Sort(b.fresh)
	i, j := len(b.sorted)-1, len(b.fresh)-1
	b.sorted = append(b.sorted, b.fresh...)
	for k := len(b.sorted) - 1; j >= 0; k-- {
		if i >= 0 && b.sorted[i] > b.fresh[j] {
			b.sorted[k] = b.sorted[i]
			i--
		} else {
			b.sorted[k] = b.fresh[j]
			j--
		}
	}
	b.fresh = b.fresh[:0]
}

// bounds are the indices of the first that is not below lo and the first that is not below hi.
func (b *begins) bounds(lo, hi int64) (from, to int) {
	b.settle()
	from = sort.Search(len(b.sorted), func(i int) bool { return b.sorted[i] >= lo })
	if hi == 0 {
		return from, len(b.sorted)
	}
	to = sort.Search(len(b.sorted), func(i int) bool { return b.sorted[i] >= hi })
	return from, max(from, to)
}

func (b *begins) count(lo, hi int64) int {
	from, to := b.bounds(lo, hi)
	return to - from
}

func (b *begins) split(lo, hi int64, n int) (at int64, newer int) {
	from, to := b.bounds(lo, hi)
	if n <= 0 || to-from < n {
		return 0, 0
	}
	at = b.sorted[to-n]
	return at, b.count(at, hi)
}

func (b *begins) newest(limit int64) int64 {
	b.settle()
	i := sort.Search(len(b.sorted), func(i int) bool { return b.sorted[i] > limit })
	if i == 0 {
		return 0
	}
	return b.sorted[i-1]
}
