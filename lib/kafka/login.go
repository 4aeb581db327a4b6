package kafka

import (
	"context"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Mechanisms are the ways to log in. (RFC 4616, RFC 5802, RFC 7677, RFC 7628)
var Mechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"}

// Credentials are what a login needs: a user and a password, or a token.
type Credentials struct {
	User   string
	Secret Secret // the password; for OAUTHBEARER the token
}

// A Secret is a word that does not belong into argv: it stands in a file, or was in the
// environment. A file wins, and is read again at each login, so that a token may be replaced
// while a run lasts.
type Secret struct {
	File  string
	Value string
}

func (s Secret) read() (string, error) {
	if s.File == "" {
		return s.Value, nil
	}
	text, err := os.ReadFile(s.File)
	if err != nil {
		return "", usage("", "cannot read %s: %w", s.File, reason(err))
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// Login is the mechanism with the credentials. An error is of exit 2: something is missing.
func Login(mechanism string, c Credentials) (sasl.Mechanism, error) {
	secret, err := c.Secret.read()
	if err != nil {
		return nil, err
	}
	if mechanism == "OAUTHBEARER" {
		if secret == "" {
			return nil, usage("the token comes from --token-file or SESS_KAFKA_TOKEN", "OAUTHBEARER needs a token")
		}
		return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
			token, err := c.Secret.read()
			return oauth.Auth{Token: token}, err
		}), nil
	}
	switch {
	case c.User == "":
		return nil, usage("--user NAME", "%s needs a user", mechanism)
	case secret == "":
		return nil, usage("the password comes from --password-file or SESS_KAFKA_PASSWORD", "%s needs a password", mechanism)
	}
	auth := func() (user, pass string, err error) {
		pass, err = c.Secret.read()
		return c.User, pass, err
	}
	switch mechanism {
	case "PLAIN":
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			user, pass, err := auth()
			return plain.Auth{User: user, Pass: pass}, err
		}), nil
	case "SCRAM-SHA-256":
		return scram.Sha256(func(context.Context) (scram.Auth, error) {
			user, pass, err := auth()
			return scram.Auth{User: user, Pass: pass}, err
		}), nil
	case "SCRAM-SHA-512":
		return scram.Sha512(func(context.Context) (scram.Auth, error) {
			user, pass, err := auth()
			return scram.Auth{User: user, Pass: pass}, err
		}), nil
	}
	return nil, usage("the mechanisms are "+strings.Join(Mechanisms, ", "), "unknown SASL mechanism %q", mechanism)
}
