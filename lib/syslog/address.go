package syslog

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"sess/lib/suggest"
)

// A Protocol is a way to carry messages.
type Protocol string

// The protocols, spelled as an address spells them.
const (
	TCP     Protocol = "TCP"
	TLSTCP  Protocol = "TLS-TCP"
	UDP     Protocol = "UDP"
	RELP    Protocol = "RELP"
	RELPTLS Protocol = "RELP-TLS"
)

// Protocols are all of them.
var Protocols = []string{string(TCP), string(TLSTCP), string(UDP), string(RELP), string(RELPTLS)}

// DefaultPort is where syslog over TCP is expected (RFC 6587 and its registration).
const DefaultPort = 601

// TLS reports whether the protocol is encrypted.
func (p Protocol) TLS() bool { return p == TLSTCP || p == RELPTLS }

// relp reports whether the receiver acknowledges each record.
func (p Protocol) relp() bool { return p == RELP || p == RELPTLS }

// plain is the protocol without TLS, encrypted the one with it.
func (p Protocol) plain() Protocol {
	if p.relp() {
		return RELP
	}
	return TCP
}

func (p Protocol) encrypted() Protocol {
	if p.relp() {
		return RELPTLS
	}
	return TLSTCP
}

// An Address is a receiver: [PROTOCOL:]HOST[:PORT].
type Address struct {
	Protocol Protocol
	Host     string // a name or an IP address, without brackets
	Port     int
}

// addressForm is what every complaint about an address ends with.
const addressForm = "write [PROTOCOL:]HOST[:PORT], as in TLS-TCP:siem.example.com:6514; the protocols are TCP, TLS-TCP, UDP, RELP and RELP-TLS, IPv6 addresses stand in brackets"

// ParseAddress reads an address. The protocol, in any letter case, is TCP where none is given,
// the port 601. The error names the part that is wrong and has exit status 2.
func ParseAddress(s string) (Address, error) {
	bad := func(format string, args ...any) (Address, error) {
		return Address{}, usage(addressForm, "address %q: "+format, append([]any{s}, args...)...)
	}
	a := Address{Protocol: TCP, Port: DefaultPort}
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		f := usage(addressForm, "address %q: it is not a URL", s)
		if near := nearestProtocol(scheme); near != "" {
			f.Help = "write " + near + ":" + strings.TrimRight(rest, "/")
		}
		return Address{}, f
	}
	rest := s
	if word, after, ok := strings.Cut(s, ":"); ok {
		if p, known := protocolOf(word); known {
			a.Protocol, rest = p, after
		} else if !strings.HasPrefix(s, "[") && strings.ContainsAny(after, ":[") && !isIPv6(s) {
			f := usage(addressForm, "address %q: unknown protocol %q: it must be one of %s", s, word, strings.Join(Protocols, ", "))
			if near := nearestProtocol(word); near != "" {
				f.Help = "did you mean " + near + ":" + after + "?"
			}
			return Address{}, f
		}
	}
	if isIPv6(rest) {
		return bad("the IPv6 address needs brackets: [%s]", rest)
	}
	host, port := rest, ""
	if strings.HasPrefix(rest, "[") {
		inner, after, ok := strings.Cut(rest[1:], "]")
		switch {
		case !ok:
			return bad("the bracket is not closed")
		case !isIPv6(inner):
			return bad("%q is not an IPv6 address", inner)
		case after != "" && after[0] != ':':
			return bad("%q after the bracket is not a port", after)
		case after == ":":
			return bad("the port is missing after the colon")
		}
		host, port = inner, strings.TrimPrefix(after, ":")
	} else if h, p, ok := strings.Cut(rest, ":"); ok {
		if p == "" {
			return bad("the port is missing after the colon")
		}
		host, port = h, p
	}
	if port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || strings.ContainsAny(port, "+-") {
			if near := nearestProtocol(host); near != "" && rest == s {
				return Address{}, usage("did you mean "+near+":"+port+"?", "address %q: %q is not a protocol, and %q is not a port", s, host, port)
			}
			return bad("port %q is not a number", port)
		}
		if n < 1 || n > 65535 {
			return bad("port %s is out of range: it must be from 1 to 65535", port)
		}
		a.Port = n
	}
	if complaint := checkHost(host); complaint != "" {
		return bad("%s", complaint)
	}
	a.Host = host
	return a, nil
}

func protocolOf(word string) (Protocol, bool) {
	for _, p := range Protocols {
		if strings.EqualFold(word, p) {
			return Protocol(p), true
		}
	}
	return "", false
}

// nearestProtocol is the protocol that a word may have meant, "" for none.
func nearestProtocol(word string) string {
	switch word = strings.ToUpper(word); word {
	case "TLS", "SSL", "TCPS", "SYSLOG-TLS":
		return string(TLSTCP)
	}
	return suggest.Nearest(word, Protocols)
}

func isIPv6(s string) bool {
	ip, err := netip.ParseAddr(s)
	return err == nil && ip.Is6()
}

// checkHost returns what is wrong with a host name or IPv4 address, "" for nothing.
func checkHost(host string) string {
	if isIPv6(host) {
		return ""
	}
	if host == "" {
		return "the host is missing"
	}
	digits := true
	for _, c := range host {
		switch {
		case c >= '0' && c <= '9', c == '.':
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_':
			digits = false
		case c > 127:
			return "host " + strconv.Quote(host) + ": " + strconv.Quote(string(c)) + " is not ASCII: write an international name in its ASCII form (xn--…)"
		default:
			return "host " + strconv.Quote(host) + ": no host name has " + strconv.Quote(string(c)) + " in it"
		}
	}
	if digits {
		if !strings.Contains(host, ".") {
			return "the host is missing: " + strconv.Quote(host) + " looks like a port"
		}
		if _, err := netip.ParseAddr(host); err != nil {
			return strconv.Quote(host) + " is not an IPv4 address"
		}
	}
	for _, label := range strings.Split(strings.TrimSuffix(host, "."), ".") {
		if label == "" {
			return "host " + strconv.Quote(host) + " has an empty part"
		}
	}
	return ""
}

// dial is the address as the net package takes it.
func (a Address) dial() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// String is the address with nothing left out; ParseAddress reads it back.
func (a Address) String() string { return string(a.Protocol) + ":" + a.dial() }
