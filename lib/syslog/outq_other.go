//go:build !linux

package syslog

import (
	"net"
	"time"
)

// unacknowledged and silence are known on Linux only.
func unacknowledged(*net.TCPConn) (n int, ok bool) { return 0, false }

func silence(*net.TCPConn) (d time.Duration, ok bool) { return 0, false }
