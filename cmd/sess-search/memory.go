package main

import "runtime/debug"

// heap is how much memory, in bytes, a search takes before it collects more often. Some pages in
// flight and what is known of 100,000 sessions stay below it.
const heap = 28 << 20

// spare bounds the memory that is held for no need. GOMEMLIMIT, where it is set, has the last word.
func spare(limit string) {
	if limit == "" {
		debug.SetMemoryLimit(heap)
	}
}
