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
	best, bestDistance := "", float64(len(want)/3+1)
	for _, c := range candidates {
		have := fold(c)
		d := float64(levenshtein.ComputeDistance(want, have))
		switch {
		case len(want) > 2 && strings.HasPrefix(have, want):
			d = min(d, 0.5)
		case d > 0 && d >= float64(len(want)):
			continue // nothing of the word is left
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
