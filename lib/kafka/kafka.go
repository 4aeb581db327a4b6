// Package kafka produces records, JSON objects one a line, to a topic, and knows of each one
// whether the brokers have it. The client is franz-go: idempotent, acknowledged by all in-sync
// replicas, batched and compressed. What this package adds is the promise of a pipeline's stage:
// records are handed on in input order once they are acknowledged and not before, what is held in
// memory is bounded, a cluster that is away is waited for but not for ever, and a record that the
// topic will not take is told from a cluster that will not answer.
//
// It knows nothing of tenants, checkpoints or the command line.
package kafka

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"

	"sess/lib/jsonl"
)

const (
	// DefaultPort is the port of a broker given without one.
	DefaultPort = "9092"
	// DefaultTimeout is how long the first contact with the cluster may take.
	DefaultTimeout = 10 * time.Second
	// DefaultRetryFor is how long to go on while the brokers acknowledge nothing.
	DefaultRetryFor = 5 * time.Minute

	// window is how many bytes of records are held that are not yet acknowledged and handed on,
	// and windowRecords how many records. A record over the window is sent by itself.
	window        = 4 << 20
	windowRecords = 16 << 10

	// usualLimit is the largest batch, in bytes, where the topic's own limit cannot be learnt:
	// a little less than the 1048588 that brokers come with.
	usualLimit = 1_000_012
	// largest is the largest batch that a request may hold, in bytes: brokers come with 100 MiB
	// for all of a request.
	largest = 96 << 20
	// leastLimit is where the search for an unknown limit ends.
	leastLimit = 1 << 10
)

// Options say where records go and how.
type Options struct {
	Brokers     []string       // HOST:PORT, as ParseBrokers gives them
	Topic       string         // which must exist, unless CreateTopic is set
	Key         *jsonl.Path    // the column whose value is a record's key; nil: no keys
	Headers     []Header       // beside the tenant's and the session's id
	TLS         *tls.Config    // nil: no TLS
	Login       sasl.Mechanism // nil: no authentication
	Compression string         // one of Compressions; "": snappy
	CreateTopic bool           // create the topic where it does not exist
	Partitions  int            // of a created topic; 0: what the cluster has for a default
	Replicas    int            // of a created topic; 0: what the cluster has for a default
	MaxSize     int            // largest record in bytes, before compression; 0: what the topic takes
	SkipLarge   bool           // pass over records that are too large, in place of ending there
	Timeout     time.Duration  // for the first contact; 0: DefaultTimeout
	RetryFor    time.Duration  // how long to go on while nothing is acknowledged; 0: DefaultRetryFor
	ClientID    string         // what the brokers' logs call us
	Log         *slog.Logger   // nil: nothing is logged
}

// A Header is a record header that takes its value from a column of the record.
type Header struct {
	Name  string
	Value jsonl.Path
}

// Compressions are the codecs that a batch may be compressed with.
var Compressions = []string{"snappy", "lz4", "zstd", "gzip", "none"}

func codecs(name string) []kgo.CompressionCodec {
	switch name {
	case "none":
		return []kgo.CompressionCodec{kgo.NoCompression()}
	case "gzip":
		return []kgo.CompressionCodec{kgo.GzipCompression()}
	case "lz4":
		return []kgo.CompressionCodec{kgo.Lz4Compression()}
	case "zstd": // since Kafka 2.1
		return []kgo.CompressionCodec{kgo.ZstdCompression(), kgo.Lz4Compression()}
	}
	return []kgo.CompressionCodec{kgo.SnappyCompression()}
}
