package neterror

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestInWords(t *testing.T) {
	refused := os.NewSyscallError("connect", syscall.ECONNREFUSED)
	host := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Addr: host, Err: err} }
	for _, c := range []struct {
		err  error
		want string
	}{
		{dial(refused), "connection refused"},
		{dial(os.ErrDeadlineExceeded), "no answer to an attempt to connect"},
		{dial(&net.DNSError{Err: "no such host", Name: "nowhere.example", Server: "10.0.0.1:53", IsNotFound: true}), "cannot resolve the name nowhere.example: no such host"},
		{dial(&net.DNSError{Err: "server misbehaving", Name: "nowhere.example", Server: "10.0.0.1:53"}), "cannot resolve the name nowhere.example: server misbehaving"},
		{&net.OpError{Op: "proxyconnect", Net: "tcp", Err: dial(refused)}, "cannot reach the proxy: connection refused"},
		{fmt.Errorf("read the answer: %w", &net.OpError{Op: "read", Net: "tcp", Source: host, Addr: host, Err: os.NewSyscallError("read", syscall.ECONNRESET)}), "read the answer: connection reset by peer"},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")}, "remote error: tls: certificate required"},
		{errors.New("no answer"), "no answer"},
	} {
		got := InWords(c.err)
		if got.Error() != c.want || !errors.Is(got, c.err) {
			t.Errorf("%v: %v; want %s", c.err, got, c.want)
		}
	}
}
