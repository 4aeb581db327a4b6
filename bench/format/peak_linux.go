package main

import (
	"os"
	"syscall"
)

// peak is the most memory that the process had at one time, in bytes.
func peak(s *os.ProcessState) int64 {
	if usage, ok := s.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss * 1024
	}
	return 0
}
