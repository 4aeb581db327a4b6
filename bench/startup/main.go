// Startup measures how long each binary takes to print its help, and what sessions adds to the
// pipeline that it runs, with the binaries first on PATH, on a small tenant of its own:
//
//	PATH="$PWD/bin:$PATH" go run ./bench/startup
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

const rounds = 101

func main() {
	sessions, err := exec.LookPath("sessions")
	if err != nil {
		fail(err)
	}
	if os.Getenv("SESS_SANDBOX_URL") == "" {
		self, err := os.Executable()
		if err != nil {
			fail(err)
		}
		again := exec.Command("sess-sandbox", "run", "--sessions", "5", "--", self)
		again.Stdout, again.Stderr = os.Stdout, os.Stderr
		if err := again.Run(); err != nil {
			fail(err)
		}
		return
	}
	entries, err := os.ReadDir(filepath.Dir(sessions))
	if err != nil {
		fail(err)
	}
	bin := filepath.Dir(sessions)
	fmt.Printf("%-34s %9s %9s\n", "ms, of "+fmt.Sprint(rounds)+" runs", "median", "90 %")
	row("true (the cost of a process)", measure("true"))
	for _, e := range entries {
		row(e.Name()+" --help", measure(filepath.Join(bin, e.Name()), "--help"))
	}
	pipeline := measure("sh", "-c", "sess-search --state OPEN | sess-fmt --format csv")
	dispatched := measure("sessions", "search", "--state", "OPEN", "--format", "csv")
	row("sess-search | sess-fmt, by sh", pipeline)
	row("the same, by sessions", dispatched)
	fmt.Printf("%-34s %9.2f\n", "sessions' own cost", ms(median(dispatched)-median(pipeline)))
}

func measure(name string, args ...string) (took []time.Duration) {
	for range rounds {
		begun := time.Now()
		cmd := exec.Command(name, args...)
		if err := cmd.Run(); err != nil {
			fail(fmt.Errorf("%s: %w", name, err))
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "startup:", err)
	os.Exit(1)
}

func median(took []time.Duration) time.Duration { return took[len(took)/2] }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func row(what string, took []time.Duration) {
	fmt.Printf("%-34s %9.2f %9.2f\n", what, ms(median(took)), ms(took[len(took)*9/10]))
}
