package syslog

import (
	"errors"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]Address{
		"siem":                      {TCP, "siem", 601},
		"siem.example.com":          {TCP, "siem.example.com", 601},
		"siem:514":                  {TCP, "siem", 514},
		"TCP:siem":                  {TCP, "siem", 601},
		"tcp:siem:5000":             {TCP, "siem", 5000},
		"TLS-TCP:siem:6514":         {TLSTCP, "siem", 6514},
		"tls-Tcp:10.0.0.1":          {TLSTCP, "10.0.0.1", 601},
		"udp:localhost:514":         {UDP, "localhost", 514},
		"RELP:siem:2514":            {RELP, "siem", 2514},
		"relp-tls:siem":             {RELPTLS, "siem", 601},
		"[::1]":                     {TCP, "::1", 601},
		"[::1]:514":                 {TCP, "::1", 514},
		"UDP:[fe80::1%eth0]:514":    {UDP, "fe80::1%eth0", 514},
		"TLS-TCP:[2001:db8::7]":     {TLSTCP, "2001:db8::7", 601},
		"10.1.2.3:65535":            {TCP, "10.1.2.3", 65535},
		"a_b-c.example.:1":          {TCP, "a_b-c.example.", 1},
		"udp":                       {TCP, "udp", 601},
		"xn--grsse-mua.example:601": {TCP, "xn--grsse-mua.example", 601},
	} {
		got, err := ParseAddress(in)
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", in, got, err, want)
			continue
		}
		again, err := ParseAddress(got.String())
		if err != nil || again != got {
			t.Errorf("%q is written as %q, which reads as %+v, %v", in, got, again, err)
		}
	}
}

func TestParseAddressErrors(t *testing.T) {
	for in, want := range map[string]struct{ message, hint string }{
		"":                    {"the host is missing", "PROTOCOL"},
		"TCP:":                {"the host is missing", ""},
		":514":                {"the host is missing", ""},
		"514":                 {`the host is missing: "514" looks like a port`, ""},
		"TCP:514":             {`the host is missing: "514" looks like a port`, ""},
		"siem:":               {"the port is missing after the colon", ""},
		"TCP:siem:":           {"the port is missing after the colon", ""},
		"siem:0":              {"port 0 is out of range", ""},
		"siem:65536":          {"port 65536 is out of range", ""},
		"siem:+514":           {`port "+514" is not a number`, ""},
		"siem:syslog":         {`port "syslog" is not a number`, ""},
		"UPD:siem:514":        {`unknown protocol "UPD"`, "did you mean UDP:siem:514?"},
		"SSL:siem:514":        {`unknown protocol "SSL": it must be one of TCP, TLS-TCP, UDP, RELP, RELP-TLS`, "did you mean TLS-TCP:siem:514?"},
		"QUIC:siem:514":       {`unknown protocol "QUIC": it must be one of TCP, TLS-TCP, UDP, RELP, RELP-TLS`, "write [PROTOCOL:]HOST[:PORT]"},
		"tls-tpc:siem":        {`"tls-tpc" is not a protocol`, "did you mean TLS-TCP:siem?"},
		"::1":                 {"the IPv6 address needs brackets: [::1]", ""},
		"TCP:2001:db8::1":     {"the IPv6 address needs brackets: [2001:db8::1]", ""},
		"[::1":                {"the bracket is not closed", ""},
		"[::1]514":            {`"514" after the bracket is not a port`, ""},
		"[::1]:":              {"the port is missing after the colon", ""},
		"[10.0.0.1]:514":      {`"10.0.0.1" is not an IPv6 address`, ""},
		"10.0.0:514":          {`"10.0.0" is not an IPv4 address`, ""},
		"10.0.0.256":          {`"10.0.0.256" is not an IPv4 address`, ""},
		"a..b":                {`host "a..b" has an empty part`, ""},
		"si em:514":           {`host "si em": no host name has " " in it`, ""},
		"größe:514":           {`"ö" is not ASCII: write an international name`, ""},
		"tcp://siem:514":      {"it is not a URL", "write TCP:siem:514"},
		"tls://siem:6514/":    {"it is not a URL", "write TLS-TCP:siem:6514"},
		"syslog://siem:514":   {"it is not a URL", "write [PROTOCOL:]HOST[:PORT], as in"},
		"TLS:siem:6514":       {`unknown protocol "TLS"`, "did you mean TLS-TCP:siem:6514?"},
		"tls:siem":            {`"tls" is not a protocol`, "did you mean TLS-TCP:siem?"},
		"siem/path":           {`no host name has "/" in it`, ""},
		"TCP:siem:514:extra":  {`port "514:extra" is not a number`, ""},
		"TLS-TCP:siem:6514\n": {"is not a number", ""},
	} {
		a, err := ParseAddress(in)
		if err == nil {
			t.Errorf("%q: read as %+v", in, a)
			continue
		}
		var f *Fault
		if !errors.As(err, &f) || f.ExitCode() != 2 {
			t.Errorf("%q: not a usage fault: %v", in, err)
			continue
		}
		if !strings.Contains(err.Error(), want.message) || !strings.Contains(f.Hint(), want.hint) || f.Hint() == "" {
			t.Errorf("%q: got %q, hint %q, want %q, %q", in, err, f.Hint(), want.message, want.hint)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"siem", "TLS-TCP:siem:6514", "[::1]:514", "udp:[fe80::1%eth0]", "tcp://x", "::1", "a:b:c", "TCP:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			if a != (Address{}) {
				t.Errorf("%q: an error and %+v", s, a)
			}
			return
		}
		if a.Host == "" || a.Port < 1 || a.Port > 65535 {
			t.Errorf("%q read as %+v", s, a)
		}
		again, err := ParseAddress(a.String())
		if err != nil || again != a {
			t.Errorf("%q read as %+v, written as %q, read as %+v, %v", s, a, a, again, err)
		}
	})
}
