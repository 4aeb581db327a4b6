package checkpoint

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

func TestVendorsFiles(t *testing.T) {
	for _, tt := range []struct {
		name, time, ids string
		want            *Vendor // nil: none
		wrong           bool
	}{
		{name: "both", time: "1763000000000", ids: `["a","b"]`, want: &Vendor{Newest: 1763000000000, IDs: []string{"a", "b"}}},
		{name: "no ids", time: "1763000000000\n", want: &Vendor{Newest: 1763000000000}},
		{name: "a fraction", time: "1763000000000.75", ids: `[]`, want: &Vendor{Newest: 1763000000000}},
		{name: "seconds", time: "1763000000.5", ids: `[]`, want: &Vendor{Newest: 1763000000500}},
		{name: "ids cut off", time: "1763000000000", ids: `["a","b`, want: &Vendor{Newest: 1763000000000, Problem: errors.New("")}},
		{name: "ids of another kind", time: "1763000000000", ids: `[1,2]`, want: &Vendor{Newest: 1763000000000, Problem: errors.New("")}},
		{name: "empty", time: "", ids: `["a"]`},
		{name: "words", time: "yesterday", ids: `["a"]`, wrong: true},
		{name: "negative", time: "-1", wrong: true},
		{name: "too much", time: "1e300", wrong: true},
		{name: "not a number", time: "NaN", wrong: true},
		{name: "a list", time: `["a"]`, wrong: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDir(t)
			if err := d.make(); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(d.Path, "siem"), []byte(tt.time))
			if tt.ids != "" {
				write(t, filepath.Join(d.Path, "siem_sessions"), []byte(tt.ids))
			}
			v, err := d.Vendor("siem")
			if tt.wrong {
				var e *vendorError
				if !errors.As(err, &e) || e.ExitCode() != 6 || e.Hint() == "" {
					t.Fatalf("%v, %v", v, err)
				}
				return
			}
			if err != nil || (v == nil) != (tt.want == nil) {
				t.Fatalf("%+v, %v", v, err)
			}
			if v != nil && (v.Newest != tt.want.Newest || !slices.Equal(v.IDs, tt.want.IDs) || (v.Problem == nil) != (tt.want.Problem == nil)) {
				t.Errorf("%+v", v)
			}
		})
	}
	if v, err := newDir(t).Vendor("siem"); v != nil || err != nil {
		t.Errorf("no files: %v, %v", v, err)
	}
}
