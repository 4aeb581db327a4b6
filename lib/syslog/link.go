package syslog

import "time"

// A link is one connection to the receiver, or for UDP what takes its place. All methods but
// hurry are called by one goroutine.
type link interface {
	// write sends a batch and returns once the kernel has it. The receiver may do nothing for
	// as long as the patience before that is an error.
	write(b batch, patience time.Duration) error

	// settled returns how many more of the oldest records written are known to be delivered
	// by now. For a stream there are none before finish.
	settled() int

	// changed holds a token when settled or down may have something new.
	changed() <-chan struct{}

	// down says why the link is of no more use, nil while it is.
	down() error

	// finish returns nil once everything written is known to be delivered. The link is closed
	// afterwards, whatever it returns.
	finish(h how) error

	// abandon closes the link at once.
	abandon()

	// hurry ends every wait at the given time, those under way too.
	hurry(by time.Time)
}

// how says how carefully a link is finished.
type how struct {
	patience time.Duration // how long the receiver may do nothing
	pause    time.Duration // how long the receiver must have been quiet before a stream is closed
	moment   time.Duration // how long after its end the receiver may still say that it was none
	notify   bool          // the receiver is known to end TLS with close_notify, so nothing less will do
}
