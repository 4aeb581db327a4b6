//go:build !windows

package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// atEnd reports whether what is written to the file next goes behind all that it holds.
func atEnd(file *os.File, size int64) bool {
	flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return false
	}
	if flags&unix.O_APPEND != 0 {
		return true
	}
	at, err := file.Seek(0, 1)
	return err == nil && at == size
}

// reopen opens a file for reading that is open for writing.
func reopen(file *os.File) (*os.File, error) {
	return os.Open(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
}
