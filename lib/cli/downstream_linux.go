package cli

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// shownDownstream tells whether what is written to f, a pipe, comes to a terminal through the
// programs that read it. Linux shows which files they have open (proc(5)).
func shownDownstream(f *os.File) bool {
	pipe, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
	return err == nil && shownBehind(pipe, map[string]bool{})
}

func shownBehind(pipe string, seen map[string]bool) bool {
	if !strings.HasPrefix(pipe, "pipe:") || seen[pipe] {
		return false
	}
	seen[pipe] = true
	inputs, _ := filepath.Glob("/proc/[0-9]*/fd/0")
	for _, input := range inputs {
		if from, _ := os.Readlink(input); from != pipe {
			continue
		}
		to, _ := os.Readlink(filepath.Join(filepath.Dir(input), "1"))
		if strings.HasPrefix(to, "/dev/pts/") || strings.HasPrefix(to, "/dev/tty") || shownBehind(to, seen) {
			return true
		}
	}
	return false
}
