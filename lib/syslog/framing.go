package syslog

import "strconv"

// A Framing tells a receiver on a stream where a message ends (RFC 6587). UDP and RELP have
// frames of their own.
type Framing string

// The framings.
const (
	LF    Framing = "lf"    // a line feed after each message (RFC 6587, section 3.4.2)
	Octet Framing = "octet" // the message's length in bytes and a space before it (section 3.4.1)
)

// Framings are all of them.
var Framings = []string{string(LF), string(Octet)}

// DefaultFraming is octet counting where RFC 5425 demands it, for RFC 5424 messages over TLS,
// and otherwise line feeds, which every receiver takes.
func DefaultFraming(p Protocol, f Format) Framing {
	if p == TLSTCP && f == RFC5424 {
		return Octet
	}
	return LF
}

// appendOctets appends the message in octet counting.
func appendOctets(dst, message []byte) []byte {
	dst = strconv.AppendInt(dst, int64(len(message)), 10)
	dst = append(dst, ' ')
	return append(dst, message...)
}
