package render

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sess/lib/sandbox"
)

// A tenant that means ill: nothing of its data reaches a terminal as more than text, nothing
// overflows, and machines get it whole.
func TestHostileTenant(t *testing.T) {
	items, err := sandbox.New(sandbox.Options{Sessions: 150, Seed: 3, Hostile: true}).Items("")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, item := range items {
		if err := json.Compact(&text, item); err != nil {
			t.Fatal(err)
		}
		text.WriteByte('\n')
	}
	for _, columns := range []string{"", "*", "custom.*,session_id,notes.content,actor_name", "?"} {
		for _, format := range []string{"table", "columns", "rich", "summary"} {
			for _, width := range []int{0, 40, 80, 120, 200} {
				o := Options{Format: format, Columns: columns, Width: width, Terminal: width > 0}
				out, said, err := run(t, o, text.String())
				if err != nil {
					t.Fatalf("%s, %q, %d: %v", format, columns, width, err)
				}
				what := fmt.Sprintf("%s of %q at %d", format, columns, width)
				checkSafe(t, what, out)
				checkSafe(t, what, strings.Join(said, ""))
				if width >= 80 {
					checkFits(t, out, width)
				}
			}
		}
	}
	out, _, err := run(t, Options{Format: "csv", Guard: true}, text.String())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != len(items)+1 {
		t.Fatalf("%d rows of %d sessions, %v", len(rows), len(items), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if isFormula([]byte(cell)) {
				t.Errorf("%q is left for a spreadsheet to compute", cell)
			}
		}
	}
	lines, _, err := run(t, Options{Format: "json-lines"}, text.String())
	if err != nil || lines != text.String() {
		t.Errorf("the JSON lines are not those of the tenant: %v", err)
	}
}
