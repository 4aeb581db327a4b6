package syslog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// A connection that both sides have ended leaves an entry in the kernel's tables, in the state
// TIME_WAIT, and its socket hears nothing more of it. A reset that comes after the receiver's end
// (who shut its half down and then closed with data unread) removes the entry. So whether it is
// still there a moment later tells whether the end was in order.

// traceable reports whether the kernel says what becomes of a connection that is still up.
func traceable(c *net.TCPConn) bool {
	state, ok := stateOf(c)
	return ok && state == established && keepsTimeWait()
}

// endedInOrder reports whether the kernel remembers a traceable connection as ended on both sides.
func endedInOrder(c *net.TCPConn) bool {
	state, ok := stateOf(c)
	return !ok || state == timeWait || !keepsTimeWait()
}

// The kernel's numbers for states of a connection.
const (
	established = 1
	timeWait    = 6
	noEntry     = 0 // ours, for none
)

// stateOf asks the kernel by netlink (sock_diag(7)) for a connection's state; false where it
// does not answer.
func stateOf(c *net.TCPConn) (state uint8, ok bool) {
	local, remote := c.LocalAddr().(*net.TCPAddr), c.RemoteAddr().(*net.TCPAddr)
	family, from, to := uint8(unix.AF_INET), local.IP.To4(), remote.IP.To4()
	if from == nil || to == nil {
		family, from, to = unix.AF_INET6, local.IP.To16(), remote.IP.To16()
	}
	if from == nil || to == nil {
		return 0, false
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, false
	}
	defer unix.Close(fd)
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1})

	// struct nlmsghdr, then struct inet_diag_req_v2 with its struct inet_diag_sockid.
	const size = 16 + 56
	native, network := binary.NativeEndian, binary.BigEndian
	q := make([]byte, 0, size)
	q = native.AppendUint32(q, size)
	q = native.AppendUint16(q, unix.SOCK_DIAG_BY_FAMILY)
	q = native.AppendUint16(q, unix.NLM_F_REQUEST)
	q = append(q, make([]byte, 8)...) // no sequence number, no port
	q = append(q, family, unix.IPPROTO_TCP, 0, 0)
	q = native.AppendUint32(q, ^uint32(0)) // in any state
	q = network.AppendUint16(q, uint16(local.Port))
	q = network.AppendUint16(q, uint16(remote.Port))
	q = append(append(q, from...), make([]byte, 16-len(from))...)
	q = append(append(q, to...), make([]byte, 16-len(to))...)
	q = native.AppendUint32(q, zoneIndex(remote.Zone))
	q = native.AppendUint64(q, ^uint64(0)) // no cookie
	if err := unix.Sendto(fd, q, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, false
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil || n < 20 {
		return 0, false
	}
	switch native.Uint16(answer[4:]) {
	case unix.SOCK_DIAG_BY_FAMILY:
		return answer[17], true // struct inet_diag_msg: family, state, …
	case unix.NLMSG_ERROR:
		if int32(native.Uint32(answer[16:])) == -int32(unix.ENOENT) {
			return noEntry, true
		}
	}
	return 0, false
}

func zoneIndex(zone string) uint32 {
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	return 0
}

// keepsTimeWait reports whether there is room in the table of such entries, which the system's
// administrator may have made small or none.
func keepsTimeWait() bool {
	most, err := os.ReadFile("/proc/sys/net/ipv4/tcp_max_tw_buckets")
	if err != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return false
	}
	room, err := strconv.Atoi(string(bytes.TrimSpace(most)))
	_, after, found := bytes.Cut(stat, []byte(" tw "))
	used := 0
	n, _ := fmt.Sscan(string(after), &used)
	return err == nil && found && n == 1 && used < room
}
