// Package freeport finds loopback ports for servers that tests and benchmarks start, and start
// again: a port that was free when it was looked up is often somebody else's a second later, since
// the kernel gives it to the next connection or to the next one who asks for any.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
)

// The ports that are looked through end where the kernel's own begin, as a rule: its range on
// Linux begins at 32768, elsewhere at 49152 (RFC 6335, section 6).
const first, last = 10000, 32767

var (
	mu    sync.Mutex
	given = map[int]net.Listener{} // the ports, with what keeps other processes from them
)

// Get is a port of 127.0.0.1 that is free for TCP and UDP. It is out of the kernel's own range and
// given to nobody else: not by this process again and, on Linux, not by another one while this
// one runs.
func Get() (int, error) {
	mu.Lock()
	defer mu.Unlock()
	top := last
	if data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		var begin int
		if fmt.Sscan(string(data), &begin); begin > first+1000 {
			top = min(top, begin-1)
		}
	}
	for range 1000 {
		port := first + rand.IntN(top-first+1)
		if _, ok := given[port]; ok || !free(port) {
			continue
		}
		var mark net.Listener
		if runtime.GOOS == "linux" {
			var err error
			if mark, err = net.Listen("unix", fmt.Sprintf("@sess-freeport-%d", port)); err != nil {
				continue
			}
		}
		given[port] = mark
		return port, nil
	}
	return 0, fmt.Errorf("no port of %d to %d is free", first, top)
}

func free(port int) bool {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	return u.Close() == nil
}
