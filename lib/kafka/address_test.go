package kafka

import (
	"strings"
	"testing"
)

func TestParseBrokers(t *testing.T) {
	for list, want := range map[string]string{
		"k1":                    "k1:9092",
		"k1:9093, k2":           "k1:9093 k2:9092",
		"[::1]":                 "[::1]:9092",
		"::1":                   "[::1]:9092",
		"[fe80::1%eth0]:9094,":  "[fe80::1%eth0]:9094",
		"10.0.0.1:1":            "10.0.0.1:1",
		"a.b-c.example.com:443": "a.b-c.example.com:443",
	} {
		got, err := ParseBrokers(list)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v; want %s", list, got, err, want)
		}
	}
	for list, want := range map[string]string{
		"":                 `no broker in ""`,
		" , ":              `no broker in " , "`,
		"k1:http":          `the broker "k1:http" has the port "http"`,
		"k1:0":             `the port "0"`,
		"k1:65536":         `the port "65536"`,
		"k1,k2:":           `the broker "k2:" has the port ""`,
		":9092":            `the broker ":9092" has no host`,
		"SASL_SSL://k1:1":  `begins with SASL_SSL://`,
		"user@k1":          `no host`,
		"[::1":             `is not HOST:PORT`,
		"k1/topic":         `no host`,
		"[]:9092":          `no host`,
		"k1 k2":            `no host`,
		"k1:9092:9092":     `is not HOST:PORT`,
		"[::1]9092":        `is not HOST:PORT`,
		"kafka://k1:9092/": `begins with kafka://`,
	} {
		got, err := ParseBrokers(list)
		if err == nil || exitCode(err) != 2 || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want %s", list, got, err, want)
		}
	}
}

func FuzzParseBrokers(f *testing.F) {
	for _, s := range []string{"k1:9092,k2", "[::1]:9092", "::1,", "a:b", "[x]:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		brokers, err := ParseBrokers(list)
		if err != nil {
			if exitCode(err) != 2 {
				t.Errorf("%q: exit %d", list, exitCode(err))
			}
			return
		}
		again, err := ParseBrokers(strings.Join(brokers, ","))
		if err != nil || strings.Join(again, ",") != strings.Join(brokers, ",") {
			t.Errorf("%q gives %q, and that gives %q, %v", list, brokers, again, err)
		}
	})
}

func TestTopicNames(t *testing.T) {
	for _, name := range []string{"a", "incydr.sessions", "A_b-1", strings.Repeat("x", 249)} {
		if err := checkTopic(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "a b", "a/b", "é", strings.Repeat("x", 250)} {
		if err := checkTopic(name); exitCode(err) != 2 {
			t.Errorf("%q: %v", name, err)
		}
	}
}
