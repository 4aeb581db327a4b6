package syslog

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// unacknowledged is how many bytes the receiving kernel has not acknowledged yet.
func unacknowledged(c *net.TCPConn) (n int, ok bool) {
	control(c, func(fd int) {
		var err error
		n, err = unix.IoctlGetInt(fd, unix.SIOCOUTQ)
		ok = err == nil
	})
	return n, ok
}

// gone reports whether the kernel has given the connection up: it was reset, or ended on both sides.
func gone(c *net.TCPConn) (yes bool) {
	const closed = 7 // TCP_CLOSE of the kernel's states
	control(c, func(fd int) {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		yes = err == nil && info.State == closed
	})
	return yes
}

// silence is how long ago the receiving kernel last acknowledged something or opened its window.
func silence(c *net.TCPConn) (d time.Duration, ok bool) {
	control(c, func(fd int) {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			d, ok = time.Duration(info.Last_ack_recv)*time.Millisecond, true
		}
	})
	return d, ok
}

func control(c *net.TCPConn, f func(fd int)) {
	if raw, err := c.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}
