package metrics

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// rules is where the alerts on our figures are.
var rules = filepath.Join("..", "..", "deploy", "prometheus")

// An alert on a figure that nobody writes never fires.
func TestRulesAreAboutFiguresThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, m := range catalogue {
		known[m.name] = true
	}
	for _, name := range []string{"sess.rules.yml", "sess.rules.test.yml"} {
		text, err := os.ReadFile(filepath.Join(rules, name))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`\bsess_[a-z_]+`).FindAllString(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s has no figure of ours", name)
		}
		for _, figure := range found {
			if !known[figure] {
				t.Errorf("%s asks for %s, which nobody writes", name, figure)
			}
		}
	}
}

// Each alert fires when it should, and none where all is well, says Prometheus' own tool.
func TestRulesFire(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("promtool is not installed")
		}
		t.Skip("promtool is not installed; it comes with Prometheus")
	}
	for _, args := range [][]string{{"check", "rules", "sess.rules.yml"}, {"test", "rules", "sess.rules.test.yml"}} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = rules
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
