package main

import "runtime/debug"

// spare has the collector run more often than it does by itself: pages come and go, and what a
// search holds for long is little, so that this costs hardly any time and saves a third of the
// memory. GOGC, where it is set, has the last word.
func spare(gogc string) {
	if gogc == "" {
		debug.SetGCPercent(30)
	}
}
