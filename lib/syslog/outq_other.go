//go:build !linux

package syslog

import (
	"net"
	"time"
)

// What the kernel knows of a connection is asked on Linux only.
func unacknowledged(*net.TCPConn) (n int, ok bool) { return 0, false }

func gone(*net.TCPConn) bool { return false }

func silence(*net.TCPConn) (d time.Duration, ok bool) { return 0, false }

func traceable(*net.TCPConn) bool { return false }

func endedInOrder(*net.TCPConn) bool { return true }
