package suggest

import "testing"

func TestNearest(t *testing.T) {
	states := []string{"OPEN", "IN_PROGRESS", "CLOSED", "CLOSED_TP"}
	for _, c := range []struct {
		word       string
		candidates []string
		want       string
	}{
		{"OPNE", states, "OPEN"},
		{"in-progres", states, "IN_PROGRESS"},
		{"closed_t", states, "CLOSED_TP"},
		{"clo", states, "CLOSED"},
		{"finished", states, ""},
		{"", states, ""},
		{"5", []string{"0", "1"}, ""},
		{"xy", []string{"ab"}, ""},
		{"stat", []string{"start", "state", "sort"}, "state"},
	} {
		if got := Nearest(c.word, c.candidates); got != c.want {
			t.Errorf("%q: %q, want %q", c.word, got, c.want)
		}
	}
}
