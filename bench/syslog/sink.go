package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// startSink starts a sink and returns where it listens, by protocol.
func startSink(dir string) (addresses map[string]string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(self, "-sink", dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	stop = func() { cmd.Process.Kill(); cmd.Wait() }
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return nil, nil, err
	}
	addresses = map[string]string{}
	for _, address := range strings.Fields(line) {
		protocol, _, _ := strings.Cut(address, ":")
		addresses[protocol] = address
	}
	return addresses, stop, nil
}

// sink listens for each protocol, prints where, and throws away what it reads.
func sink(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "localhost-*.pem"))
	if err != nil || len(names) == 0 {
		return fmt.Errorf("no certificate in %s", dir)
	}
	pair, err := tls.LoadX509KeyPair(names[0], filepath.Join(dir, "localhost.key"))
	if err != nil {
		return err
	}
	conf := &tls.Config{Certificates: []tls.Certificate{pair}}
	ends := make(chan error)
	var where []string
	for protocol, serve := range map[string]func(net.Conn){
		"TCP":     discard,
		"TLS-TCP": func(c net.Conn) { discard(tls.Server(c, conf)) },
		"RELP":    acknowledge,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		where = append(where, fmt.Sprintf("%s:%s", protocol, l.Addr()))
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					ends <- err
					return
				}
				go serve(c)
			}
		}()
	}
	fmt.Println(strings.Join(where, " "))
	return <-ends
}

func discard(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 256<<10)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// acknowledge is the receiver's side of RELP: it answers each command once it has read it.
func acknowledge(c net.Conn) {
	defer c.Close()
	r, w := bufio.NewReaderSize(c, 256<<10), bufio.NewWriterSize(c, 1<<10) // librelp answers one by one
	for {
		number, err1 := r.ReadString(' ')
		command, err2 := r.ReadString(' ')
		n, err3 := length(r)
		if err := errors.Join(err1, err2, err3); err != nil {
			return
		}
		switch command {
		case "open ":
			answer := "200 OK\nrelp_version=0\ncommands=syslog"
			fmt.Fprintf(w, "%srsp %d %s\n", number, len(answer), answer)
		default:
			w.WriteString(number)
			w.WriteString("rsp 6 200 OK\n")
		}
		if _, err := r.Discard(n); err != nil {
			return
		}
		if r.Buffered() == 0 {
			if w.Flush() != nil {
				return
			}
		}
	}
}

// length reads the length of a frame's data and the space or line feed after it, and returns how
// much of the frame is left.
func length(r *bufio.Reader) (n int, err error) {
	for {
		c, err := r.ReadByte()
		switch {
		case err != nil:
			return 0, err
		case c == ' ':
			return n + 1, nil
		case c == '\n':
			return 0, nil
		}
		n = 10*n + int(c-'0')
	}
}
