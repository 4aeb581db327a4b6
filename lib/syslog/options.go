package syslog

import (
	"log/slog"
	"time"
)

// What a Sender does where the options do not say.
const (
	DefaultTimeout      = 10 * time.Second
	DefaultRetryFor     = 5 * time.Minute
	DefaultResendBuffer = 16 << 20 // bytes
	MinResendBuffer     = 64 << 10
)

// An Oversize is what happens to a message over the greatest size.
type Oversize string

// What may happen.
const (
	Fail     Oversize = "fail"     // the run ends once everything before it is delivered
	Truncate Oversize = "truncate" // it is cut at a character's boundary
	Skip     Oversize = "skip"     // it is left out and counted
)

// Oversizes are all of them.
var Oversizes = []string{string(Fail), string(Truncate), string(Skip)}

// Options are where records go and how.
type Options struct {
	Address Address
	TLS     TLSOptions

	Format  Format
	Header  Header  // for formats other than Raw
	Framing Framing // for TCP and TLS-TCP; "" for DefaultFraming

	MaxSize  int // of a message in bytes, framing not counted; 0 for no limit, which for UDP is MaxDatagram
	Oversize Oversize
	MaxLine  int // of the input, in bytes; 0 for jsonl.DefaultMaxLine

	Timeout      time.Duration // for a connection, and for a receiver that does nothing
	RetryFor     time.Duration // how long the receiver may fail without a record getting through
	ResendBuffer int           // bytes

	// Delivered is called with the records known to be delivered, a line feed behind each, in the
	// order of the input and each once. Where it is nil, less is done to know it soon.
	Delivered func(records []byte) error

	Log *slog.Logger
}

// A Tally is what became of the records.
type Tally struct {
	Read        int // records of the input
	Delivered   int
	Skipped     int // over the greatest size
	Truncated   int
	Resent      int // sent again after a lost connection; the receiver may have them twice
	Refused     int // datagrams that the host refused after others had been taken; they are lost
	Connections int
}

// Undelivered is how many records are not known to be delivered.
func (t Tally) Undelivered() int { return t.Read - t.Delivered - t.Skipped }

// complete fills in defaults and refuses what contradicts itself.
func (o *Options) complete() error {
	if err := o.TLS.check(o.Address); err != nil {
		return err
	}
	if o.Format != Raw {
		if err := o.Header.check(); err != nil {
			return err
		}
	}
	if o.Framing == "" {
		o.Framing = DefaultFraming(o.Address.Protocol, o.Format)
	}
	if o.Address.Protocol == UDP {
		if o.MaxSize > MaxDatagram {
			return usage("", "--max-size %d: a UDP datagram holds at most %d bytes", o.MaxSize, MaxDatagram)
		}
		if o.MaxSize == 0 {
			o.MaxSize = MaxDatagram
		}
	}
	if o.MaxSize < 0 {
		return usage("", "--max-size %d: it must not be negative", o.MaxSize)
	}
	if o.Timeout <= 0 {
		return usage("", "--timeout must be more than nothing")
	}
	if o.ResendBuffer < MinResendBuffer {
		return usage("", "--resend-buffer %d: it must be at least %d bytes", o.ResendBuffer, MinResendBuffer)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}
