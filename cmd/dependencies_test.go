package cmd_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Each module that go.mod requires for ourselves has its line in docs/dependencies.md, and what
// has a line there is required.
func TestDependenciesAreListed(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	doc, module, tools := read("../docs/dependencies.md"), read("../go.mod"), read("../tools/go.mod")
	direct := regexp.MustCompile(`(?m)^\t([\w./-]+) v\S+$`).FindAllStringSubmatch(module, -1)
	if len(direct) < 10 {
		t.Fatalf("go.mod requires %d modules", len(direct))
	}
	for _, m := range direct {
		// One line may be about several modules of a project: "franz-go 1.22, its pkg/kmsg".
		name := strings.TrimPrefix(strings.TrimPrefix(m[1], "github.com/twmb/franz-go/"), "github.com/prometheus/")
		if !strings.Contains(doc, name) {
			t.Errorf("docs/dependencies.md does not list %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\| ([\w-]+\.[\w./-]+)`).FindAllStringSubmatch(doc, -1) {
		if !strings.Contains(module+tools, m[1]) {
			t.Errorf("docs/dependencies.md lists %s, which is not required", m[1])
		}
	}
}
