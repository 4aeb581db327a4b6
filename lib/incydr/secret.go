package incydr

import "log/slog"

// redacted stands wherever a secret would have stood.
const redacted = "[redacted]"

// A Secret is a text that no error, log or %v shows. Its Reveal method gives the text itself.
type Secret struct{ text string }

// NewSecret returns the Secret that holds text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the secret text.
func (s Secret) Reveal() string { return s.text }

// Empty reports whether there is no secret.
func (s Secret) Empty() bool { return s.text == "" }

func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return redacted
}

// GoString is what %#v prints.
func (s Secret) GoString() string { return s.String() }

// LogValue is what a log/slog record shows.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps the secret out of JSON and XML alike.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
