// Package syslog sends records, JSON objects one a line, to a syslog receiver, and knows of each
// one whether it was delivered. It speaks TCP (RFC 6587), TLS (RFC 5425), UDP (RFC 5426) and
// RELP, with and without TLS; its messages are the line itself, RFC 5424, RFC 3164 or CEF.
//
// A receiver's kernel takes bytes long after the program behind it has died, so a record is kept
// until it is known to be delivered, and sent again when a connection ends without that:
//
//   - RELP: the receiver acknowledged the record.
//   - TCP and TLS: the receiving kernel acknowledged all bytes, we ended our half of the
//     connection, and then the receiver ended its own. A receiver that closes after reading to
//     the end has read everything. So a connection lasts for a few megabytes or seconds, is
//     closed in order, and the next one is opened.
//   - UDP: it was sent. There is nothing more to know.
//
// The package knows nothing of tenants, checkpoints or the command line.
package syslog
