// Package peak watches how much memory a process takes.
package peak

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Watch begins to look at a process; what it returns ends that and gives the most memory that
// was seen, in bytes. The figure that the system has at the end counts the memory of the process
// that started it as well.
func Watch(pid int) func() int64 {
	most := make(chan int64)
	stop := make(chan struct{})
	go func() {
		var peak int64
		for {
			peak = max(peak, highest(pid))
			select {
			case <-stop:
				most <- peak
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-most
	}
}

func highest(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		if fields := bytes.Fields(lines.Bytes()); len(fields) > 1 && string(fields[0]) == "VmHWM:" {
			kb, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			return kb << 10
		}
	}
	return 0
}
