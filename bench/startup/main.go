// Startup measures how long each binary takes to print its help, and what sessions adds to the
// pipeline that it runs. It is run under a sandbox, with the binaries first on PATH:
//
//	PATH="$PWD/bin:$PATH" sess-sandbox run --sessions 5 -- go run ./bench/startup bin
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
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: startup BIN")
		os.Exit(2)
	}
	bin := os.Args[1]
	entries, err := os.ReadDir(bin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "startup:", err)
		os.Exit(1)
	}
	fmt.Printf("%-34s %9s %9s\n", "ms, of "+fmt.Sprint(rounds)+" runs", "median", "90 %")
	row("true (the cost of a process)", measure("true"))
	for _, e := range entries {
		row(e.Name()+" --help", measure(filepath.Join(bin, e.Name()), "--help"))
	}
	if os.Getenv("INCYDR_URL") == "" {
		return
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
			fmt.Fprintf(os.Stderr, "startup: %s: %v\n", name, err)
			os.Exit(1)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took
}

func median(took []time.Duration) time.Duration { return took[len(took)/2] }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func row(what string, took []time.Duration) {
	fmt.Printf("%-34s %9.2f %9.2f\n", what, ms(median(took)), ms(took[len(took)*9/10]))
}
