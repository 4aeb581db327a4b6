package kafka

import (
	"net"
	"strconv"
	"strings"
)

// ParseBrokers reads HOST[:PORT],… into addresses that all have a port.
func ParseBrokers(list string) ([]string, error) {
	var brokers []string
	for _, word := range strings.Split(list, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		broker, err := parseBroker(word)
		if err != nil {
			return nil, err
		}
		brokers = append(brokers, broker)
	}
	if len(brokers) == 0 {
		return nil, usage(addressForms, "no broker in %q", list)
	}
	return brokers, nil
}

const addressForms = "write HOST:PORT,HOST:PORT, with an IPv6 address in brackets: [::1]:9092"

func parseBroker(word string) (string, error) {
	if scheme, _, ok := strings.Cut(word, "://"); ok {
		return "", usage(addressForms, "the broker %q begins with %s://: a broker is a host and a port", word, scheme)
	}
	host, port := word, DefaultPort
	switch {
	case net.ParseIP(word) != nil && strings.Contains(word, ":"): // a bare IPv6 address
	case strings.HasPrefix(word, "[") && strings.HasSuffix(word, "]"):
		host = word[1 : len(word)-1]
	case strings.Contains(word, ":"):
		var err error
		if host, port, err = net.SplitHostPort(word); err != nil {
			return "", usage(addressForms, "the broker %q is not HOST:PORT", word)
		}
	}
	if host == "" || strings.ContainsAny(host, " /[]@") {
		return "", usage(addressForms, "the broker %q has no host that could be one", word)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", usage(addressForms, "the broker %q has the port %q: a port is a number from 1 to 65535", word, port)
	}
	return net.JoinHostPort(host, port), nil
}

// checkTopic refuses names that no broker takes, before any broker is asked.
func checkTopic(name string) error {
	const allowed = "a topic's name has letters, digits, dots, underscores and hyphens, 249 at most"
	legal := func(r rune) bool {
		return r == '.' || r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	bad := strings.IndexFunc(name, func(r rune) bool { return !legal(r) })
	switch {
	case name == "":
		return usage(allowed, "the topic has no name")
	case bad >= 0:
		return usage(allowed, "the topic %q has a character that names cannot have: %q", name, []rune(name[bad:])[0])
	case len(name) > 249 || name == "." || name == "..":
		return usage(allowed, "no topic can be named %q", name)
	}
	return nil
}
