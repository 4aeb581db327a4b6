// Package suggest finds what somebody meant who mistyped a word. It knows no vocabulary of its own.
package suggest

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Nearest returns the candidate that the word most likely stands for, in any letter case and
// with "-" and "_" taken as one, or "" where none is near: a third of its letters may differ,
// or the candidate begins with the word.
func Nearest(word string, candidates []string) string {
	want := fold(word)
	best, bestDistance := "", len(want)/3+1
	for _, c := range candidates {
		have := fold(c)
		d := levenshtein.ComputeDistance(want, have)
		if d < len(want) && len(want) > 2 && strings.HasPrefix(have, want) {
			d = 1
		}
		if d < bestDistance || d == bestDistance && best == "" {
			best, bestDistance = c, d
		}
	}
	return best
}

func fold(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "-", "_")
}
