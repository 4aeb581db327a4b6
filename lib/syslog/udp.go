package syslog

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// MaxDatagram is the most bytes that a UDP message may have (RFC 5426, section 3.2, over IPv4).
const MaxDatagram = 65507

// A datagrams is what takes the place of a connection for UDP: each message is a datagram of its
// own. A message counts as settled when it was sent; nothing more can be known, except that a
// host with nobody on the port may say so.
type datagrams struct {
	*net.UDPConn
	sent  int  // not yet reported by settled
	heard bool // the host was given time to refuse the last datagram
	tried bool // a first datagram was sent
	taken bool // it was not refused
	err   error
	token chan struct{}
	due   time.Time // when all that was sent would have gone at datagramRate
}

// datagramRate is how many bytes a second are sent. UDP has no way to hold a sender back, and what
// comes faster than a receiver reads is lost in its kernel, whose buffer for it often has 200 KB
// (RFC 5426, section 4.3). burst is how many bytes may follow each other at once.
const (
	datagramRate = 20 << 20
	burst        = 32 << 10
)

// refusalWait is how long a host has to refuse a datagram.
const refusalWait = 100 * time.Millisecond

func dialUDP(ctx context.Context, a Address, timeout time.Duration) (*datagrams, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", a.dial())
	if err != nil {
		return nil, err
	}
	return &datagrams{UDPConn: conn.(*net.UDPConn), token: make(chan struct{}, 1)}, nil
}

// write sends each message. A refusal is heard only after the datagram that it is about, so the
// first one goes alone.
func (d *datagrams) write(b batch, _ time.Duration) error {
	b.each(func(m []byte) {
		if d.err != nil {
			return
		}
		if _, d.err = d.Write(m[:len(m)-1]); d.err != nil {
			return
		}
		d.heard = false
		d.pace(len(m))
		if !d.tried {
			d.tried = true
			if d.err = d.listen(); d.err != nil {
				return
			}
			d.taken = true
		}
		d.sent++
	})
	return d.err
}

// pace waits where sending goes faster than it should.
func (d *datagrams) pace(bytes int) {
	now := time.Now()
	if d.due.Before(now) {
		d.due = now
	}
	d.due = d.due.Add(time.Duration(bytes) * time.Second / datagramRate)
	if ahead := d.due.Sub(now); ahead > burst*time.Second/datagramRate {
		time.Sleep(ahead)
	}
}

// listen gives the host time to refuse the last datagram.
func (d *datagrams) listen() error {
	if d.heard {
		return nil
	}
	d.SetReadDeadline(time.Now().Add(refusalWait))
	for {
		_, err := d.Read(make([]byte, 512))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			d.heard = true
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (d *datagrams) settled() int {
	n := d.sent
	d.sent = 0
	return n
}

func (d *datagrams) changed() <-chan struct{} { return d.token }
func (d *datagrams) down() error              { return d.err }
func (d *datagrams) abandon()                 { d.Close() }
func (d *datagrams) hurry(by time.Time)       { d.SetDeadline(by) }

// finish listens for a late refusal.
func (d *datagrams) finish(how) error {
	defer d.Close()
	if !d.tried {
		return nil
	}
	d.err = d.listen()
	return d.err
}

// lost is how many datagrams are known to be lost: the one before that with which the refusal was
// heard, unless it was the first, which does not count as sent until it was not refused.
func (d *datagrams) lost() int {
	if d.taken && refused(d.err) {
		return 1
	}
	return 0
}

// refused reports whether the host said that nobody listens on the port.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
