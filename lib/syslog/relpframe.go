package syslog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// RELP, the Reliable Event Logging Protocol, is a stream of frames in both directions:
//
//	TXNR SP COMMAND SP DATALEN [SP DATA] LF
//
// The client numbers its commands; the server answers each with a frame of the same number whose
// command is rsp and whose data is a code, 200 for yes, and words for people. Of what the server
// may say by itself there is only serverclose, numbered 0.

// maxTransaction is the highest transaction number; 1 follows it.
const maxTransaction = 999_999_999

// maxAnswer is the longest data, in bytes, that is taken from a receiver.
const maxAnswer = 64 << 10

// A frame is what a receiver says.
type frame struct {
	transaction int
	command     string
	data        []byte
}

// errNotRELP says that the other side speaks something else.
var errNotRELP = errors.New("the receiver does not speak RELP")

// readFrame reads the next frame; its data is valid until the next call.
func readFrame(r *bufio.Reader) (f frame, err error) {
	number, after, err := word(r, 9)
	if err != nil {
		return f, err
	}
	if f.transaction, err = strconv.Atoi(number); err != nil || after != ' ' {
		return f, errNotRELP
	}
	if f.command, after, err = word(r, 32); err != nil {
		return f, cutShort(err)
	}
	if f.command == "" || after != ' ' {
		return f, errNotRELP
	}
	length, after, err := word(r, 9)
	if err != nil {
		return f, cutShort(err)
	}
	n, err := strconv.Atoi(length)
	if err != nil || n > maxAnswer || n > 0 && after != ' ' {
		return f, errNotRELP
	}
	switch {
	case n == 0 && after == '\n':
		return f, nil
	case n < r.Size(): // the usual: nothing is copied
		f.data, err = r.Peek(n + 1)
		r.Discard(len(f.data))
	default:
		f.data = make([]byte, n+1)
		_, err = io.ReadFull(r, f.data)
	}
	if err != nil {
		return frame{}, cutShort(err)
	}
	if f.data[n] != '\n' {
		return frame{}, errNotRELP
	}
	f.data = f.data[:n]
	return f, nil
}

// word reads up to most letters and digits and the byte after them.
func word(r *bufio.Reader, most int) (string, byte, error) {
	var buf [32]byte
	for n := 0; ; n++ {
		c, err := r.ReadByte()
		if err != nil {
			if n > 0 {
				err = cutShort(err)
			}
			return "", 0, err
		}
		letter := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter {
			return string(buf[:n]), c, nil
		}
		if n == most {
			return "", 0, errNotRELP
		}
		buf[n] = c
	}
}

// cutShort is the error of a stream that ends inside a frame.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// answer reads a response's data: a code, words for people, and behind a line feed what else the
// command asked for.
func (f frame) answer() (code int, words string, more []byte, err error) {
	head, more, _ := bytes.Cut(f.data, []byte("\n"))
	digits, rest, _ := bytes.Cut(head, []byte(" "))
	if f.command != "rsp" || len(digits) != 3 {
		return 0, "", nil, errNotRELP
	}
	if code, err = strconv.Atoi(string(digits)); err != nil || code < 100 {
		return 0, "", nil, errNotRELP
	}
	return code, string(rest), more, nil
}

// offers reads the name=value lines of the answer to an open.
func offers(data []byte) map[string]string {
	all := map[string]string{}
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		if name, value, _ := bytes.Cut(line, []byte("=")); len(name) > 0 {
			all[string(name)] = string(value)
		}
	}
	return all
}

// appendFrame appends a command with its data; the data ends in the frame's own line feed.
func appendFrame(dst []byte, transaction int, command string, dataLF []byte) []byte {
	dst = strconv.AppendInt(dst, int64(transaction), 10)
	dst = append(dst, ' ')
	dst = append(dst, command...)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(len(dataLF)-1), 10)
	if len(dataLF) > 1 {
		dst = append(dst, ' ')
	}
	return append(dst, dataLF...)
}

// refusal is a receiver's answer other than 200.
func refusal(code int, words string) error {
	return fmt.Errorf("the receiver answered %d %s", code, printable(words))
}

// printable is what a receiver said, fit for a terminal and not too long.
func printable(s string) string {
	return strconv.Quote(cut(s, 100))
}
