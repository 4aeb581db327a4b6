package syslog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestReadFrame(t *testing.T) {
	for in, want := range map[string]struct {
		transaction int
		command     string
		data        string
	}{
		"1 rsp 6 200 OK\n":                        {1, "rsp", "200 OK"},
		"0 serverclose 0\n":                       {0, "serverclose", ""},
		"0 serverclose 0 \n":                      {0, "serverclose", ""},
		"999999999 rsp 3 200\n":                   {999999999, "rsp", "200"},
		"2 rsp 0\n":                               {2, "rsp", ""},
		"1 rsp 25 200 OK\nrelp_version=0\na=\n\n": {1, "rsp", "200 OK\nrelp_version=0\na=\n"},
	} {
		f, err := readFrame(bufio.NewReader(strings.NewReader(in)))
		if err != nil || f.transaction != want.transaction || f.command != want.command || string(f.data) != want.data {
			t.Errorf("%q: got %+v, %v", in, f, err)
		}
	}
	for in, want := range map[string]error{
		"":                                      io.EOF,
		"1":                                     io.ErrUnexpectedEOF,
		"1 rsp":                                 io.ErrUnexpectedEOF,
		"1 rsp 6 200":                           io.ErrUnexpectedEOF,
		"1 rsp 6 200 OK":                        io.ErrUnexpectedEOF,
		"1 rsp 6 200 OKx":                       errNotRELP,
		"x rsp 6 200 OK\n":                      errNotRELP,
		" rsp 6 200 OK\n":                       errNotRELP,
		"1234567890 rsp 0\n":                    errNotRELP,
		"1  rsp 0\n":                            errNotRELP,
		"1 rsp six 200 OK\n":                    errNotRELP,
		"1 rsp 99999999 x\n":                    errNotRELP,
		"1 rsp -1 \n":                           errNotRELP,
		"1 rsp\n6 200 OK\n":                     errNotRELP,
		"HTTP/1.1 400 Bad Request\n":            errNotRELP,
		"\x15\x03\x03\x00\x02\x02F":             errNotRELP,
		"1 " + strings.Repeat("r", 33) + " 0\n": errNotRELP,
	} {
		if f, err := readFrame(bufio.NewReader(strings.NewReader(in))); !errors.Is(err, want) {
			t.Errorf("%q: got %+v, %v, want %v", in, f, err, want)
		}
	}
}

func TestAnswer(t *testing.T) {
	for data, want := range map[string]string{
		"200 OK":          `200 "OK" ""`,
		"200":             `200 "" ""`,
		"500 no\nwindow=": `500 "no" "window="`,
		"200 OK\na=b\nc=": `200 "OK" "a=b\nc="`,
	} {
		code, words, more, err := frame{1, "rsp", []byte(data)}.answer()
		if got := fmt.Sprintf("%d %q %q", code, words, more); err != nil || got != want {
			t.Errorf("%q: got %s, %v, want %s", data, got, err, want)
		}
	}
	for _, data := range []string{"", "20 OK", "2000", "OK", "099 x", "+20 x"} {
		if code, _, _, err := (frame{1, "rsp", []byte(data)}).answer(); err == nil {
			t.Errorf("%q is %d", data, code)
		}
	}
	if got := offers([]byte("relp_version=0\ncommands=syslog,eventlog\n=x\nnothing")); len(got) != 3 || got["commands"] != "syslog,eventlog" {
		t.Errorf("offers %v", got)
	}
}

// What we write is a frame that reads back; what a receiver writes never does harm.
func FuzzRELP(f *testing.F) {
	f.Add([]byte("1 rsp 6 200 OK\n2 rsp 6 200 OK\n0 serverclose 0\n"), []byte("{}"))
	f.Add([]byte("1 rsp 92 200 OK\nrelp_version=0\ncommands=syslog"), []byte(""))
	f.Fuzz(func(t *testing.T, stream, message []byte) {
		r := bufio.NewReader(bytes.NewReader(stream))
		s := &relp{oldest: 1, waiting: 2, answered: make([]bool, 2), token: make(chan struct{}, 1)}
		for n := 0; ; n++ {
			f, err := readFrame(r)
			if err != nil {
				break
			}
			if len(f.data) > maxAnswer || f.command == "" || n > len(stream) {
				t.Fatalf("a frame %+v from %q", f, stream)
			}
			offers(f.data)
			if s.take(f) == nil && s.acks+s.waiting != 2 {
				t.Fatalf("%d acknowledged and %d waiting of 2", s.acks, s.waiting)
			}
		}
		sent := appendFrame(nil, 7, "syslog", append(bytes.Clone(message), '\n'))
		if len(message) <= maxAnswer {
			f, err := readFrame(bufio.NewReader(bytes.NewReader(sent)))
			if err != nil || f.transaction != 7 || f.command != "syslog" || !bytes.Equal(f.data, message) {
				t.Fatalf("%q reads as %+v, %v", sent, f, err)
			}
		}
	})
}

// relpServer answers each connection of a receiver by what it is told: serve gets the commands
// after open, and answers them.
func relpServer(t *testing.T, serve func(connection int, c *relpConn)) Address {
	t.Helper()
	a := receiver(t, func(n int, c *net.TCPConn) { serveRELP(n, c, serve) })
	a.Protocol = RELP
	return a
}

func serveRELP(n int, c net.Conn, serve func(connection int, c *relpConn)) {
	r := &relpConn{c, bufio.NewReader(c)}
	if f, err := r.next(); err == nil && f.command == "open" {
		r.say("%d rsp 30 200 OK\nrelp_version=0\ncommands=syslog\n\n", f.transaction)
		serve(n, r)
	}
}

type relpConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *relpConn) next() (frame, error) { return readFrame(c.r) }

func (c *relpConn) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if head, data, ok := strings.Cut(text, " rsp 30 "); ok { // the length is filled in
		data = strings.TrimSuffix(data, "\n")
		text = fmt.Sprintf("%s rsp %d %s\n", head, len(data), data)
	}
	io.WriteString(c, text)
}

// Answers out of turn count with those before them; a session that ends without an answer has
// its records sent again.
func TestRELPAcknowledgements(t *testing.T) {
	got := make(chan string, 1000)
	address := relpServer(t, func(n int, c *relpConn) {
		var held []int
		for k := 0; ; k++ {
			f, err := c.next()
			if err != nil {
				return
			}
			switch {
			case f.command == "close":
				c.say("%d rsp 0\n0 serverclose 0\n", f.transaction)
				return
			case n == 0 && k == 40: // everything but the third is answered, then the server dies
				return
			case n == 0 && k == 2:
				got <- fmt.Sprintf("%d:%s", n, f.data)
			case n == 1 && k%4 != 3: // four at a time, backwards
				got <- fmt.Sprintf("%d:%s", n, f.data)
				held = append(held, f.transaction)
			default:
				got <- fmt.Sprintf("%d:%s", n, f.data)
				c.say("%d rsp 6 200 OK\n", f.transaction)
				for i := len(held) - 1; i >= 0; i-- {
					c.say("%d rsp 6 200 OK\n", held[i])
				}
				held = nil
			}
		}
	})
	var in bytes.Buffer
	for i := range 82 {
		fmt.Fprintf(&in, `{"n":%d}`+"\n", i)
	}
	o := standard(address)
	var acked bytes.Buffer
	o.Delivered = func(r []byte) error { acked.Write(r); return nil }
	want := in.String()
	tally, err := send(t, &in, o)
	if err != nil {
		t.Fatal(err)
	}
	if acked.String() != want {
		t.Errorf("handed on %q", acked.String())
	}
	if tally.Delivered != 82 || tally.Resent != 80 || tally.Connections != 2 {
		t.Errorf("tally %+v: the two before the gap are not sent again, and all others are", tally)
	}
}

// After the last transaction number comes 1.
func TestRELPNumbersWrap(t *testing.T) {
	s := &relp{next: maxTransaction - 1, oldest: maxTransaction - 1, token: make(chan struct{}, 1)}
	var numbers []int
	for range 4 {
		if !s.claim() {
			t.Fatal("no place in the window")
		}
		numbers = append(numbers, s.number())
	}
	if fmt.Sprint(numbers) != "[999999998 999999999 1 2]" {
		t.Fatalf("numbers %v", numbers)
	}
	for _, n := range []int{1, 999999998, 2, 999999999} {
		if err := s.take(frame{n, "rsp", []byte("200 OK")}); err != nil {
			t.Fatalf("%d: %v", n, err)
		}
	}
	if s.settled() != 4 || s.oldest != 3 {
		t.Errorf("oldest %d", s.oldest)
	}
	if err := s.take(frame{3, "rsp", []byte("200 OK")}); err == nil {
		t.Error("an answer to nothing passes")
	}
}

// A receiver that refuses records is failing: it is tried for as long as failures are, and told.
func TestRELPRefusal(t *testing.T) {
	address := relpServer(t, func(n int, c *relpConn) {
		for {
			f, err := c.next()
			if err != nil {
				return
			}
			c.say("%d rsp 16 500 disk is full\n", f.transaction)
		}
	})
	o := standard(address)
	o.RetryFor = 300 * time.Millisecond
	tally, err := send(t, strings.NewReader("{}\n{}\n"), o)
	if err == nil || !strings.Contains(err.Error(), `2 records are not known to be delivered`) || !strings.Contains(err.Error(), `the receiver answered 500 "disk is full"`) {
		t.Errorf("got %v", err)
	}
	if tally.Delivered != 0 || tally.Undelivered() != 2 {
		t.Errorf("tally %+v", tally)
	}
}
