package freeport

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// Nobody is given a port twice, be it here or in another process at the same time.
func TestGet(t *testing.T) {
	const each = 400
	if os.Getenv("FREEPORT_CHILD") != "" {
		for range each {
			port, err := Get()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println("port", port)
		}
		return
	}
	seen := map[string]bool{}
	take := func(port string) {
		if seen[port] {
			t.Errorf("%s was given twice", port)
		}
		seen[port] = true
	}
	for range each {
		port, err := Get()
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		take(fmt.Sprint("port ", port))
	}
	if runtime.GOOS != "linux" {
		return
	}
	// The ports of this process are bound by nobody: that they are given is all that keeps them.
	cmd := exec.Command(os.Args[0], "-test.run=TestGet$")
	cmd.Env = append(os.Environ(), "FREEPORT_CHILD=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "port ") {
			take(strings.TrimSpace(line))
			n++
		}
	}
	if n != each {
		t.Errorf("the other process has got %d ports", n)
	}
}
