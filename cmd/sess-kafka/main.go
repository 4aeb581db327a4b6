// Sess-kafka produces JSON lines to a Kafka topic, acknowledged by all replicas.
//
// Each line of standard input becomes one record, byte for byte, and is kept until the brokers
// have it. With --ack each record is printed once they do, in input order, and not before; so
// nothing is lost whichever part of this dies:
//
//	sess-search --checkpoint bus --defer | sess-kafka --ack --brokers k1:9092,k2:9092 incydr.sessions | sess-checkpoint commit bus >/dev/null
//
// The producer is idempotent, so its own retries double nothing and keep the order within a
// partition. With --key actor_id one actor's sessions go to one partition and keep their order.
// Each record has the headers tenant_id and session_id where the session has those fields;
// --header adds others, as in --header tenant=tenant for what sess-search --tag tenant=… put in.
//
// Brokers that go away are waited for: --retry-for says how long they may acknowledge nothing.
// Then, or when the run is stopped, the number of records not known to be delivered is printed.
// No broker at the first contact: exit 1 after --timeout. A record that is larger than the topic
// takes, compressed, ends the run, or is passed over with --oversize skip (exit 3 at the end); with
// --ack it is not printed, so that a checkpoint does not record it.
//
// The password comes from SESS_KAFKA_PASSWORD or --password-file, the token of OAUTHBEARER from
// SESS_KAFKA_TOKEN or --token-file. A file is read again at each login.
//
//	sess-kafka --brokers k1:9093 --tls --sasl SCRAM-SHA-512 --user sess --password-file /run/secrets/kafka incydr.sessions
//
// Azure Event Hubs, whose user is literally $ConnectionString and whose password is that string:
//
//	sess-kafka --brokers NAMESPACE.servicebus.windows.net:9093 --tls --sasl PLAIN --user '$ConnectionString' --password-file FILE --compression none HUB
package main

import (
	"context"
	_ "embed"
	"errors"
	"runtime/debug"
	"strings"

	"sess/lib/cli"
	"sess/lib/cli/metering"
	"sess/lib/jsonl"
	"sess/lib/kafka"
	"sess/lib/metrics"
)

//go:embed main.go
var source string

func main() { cli.Main(cli.Tool{Name: "sess-kafka", Source: source, Setup: setup}) }

// heap is where the collector begins to work harder, in bytes. What is live is less than half of
// it, however much is sent, as long as records are no larger than topics take by default.
// GOMEMLIMIT, where it is set, has the last word.
const heap = 36 << 20

// setup declares the options and returns what runs after they are parsed.
func setup(app *cli.App) cli.Action {
	brokers := app.Flag("brokers", "The brokers to make contact with, the port 9092 where none is given (SESS_KAFKA_BROKERS).").PlaceHolder("HOST:PORT,…").String()
	key := app.Flag("key", "The column whose value is the record's key, as in actor_id.").PlaceHolder("PATH").String()
	headers := app.Flag("header", "Add a header with a column's value; may be repeated.").PlaceHolder("NAME=PATH").Strings()
	ack := app.Flag("ack", "Print each record, as it was read, once the brokers have it and not before, in input order.").Bool()
	compression := cli.EnumVar(app.Flag("compression", "How batches are compressed: "+strings.Join(kafka.Compressions, ", ")+" (snappy).").PlaceHolder("CODEC").Default("snappy"), "compression", kafka.Compressions...)
	oversize := cli.EnumVar(app.Flag("oversize", "What happens to a record larger than the topic takes: fail or skip (fail).").PlaceHolder("fail|skip").Default("fail"), "choice", "fail", "skip")
	maxSize := cli.CountVar(app.Flag("max-size", "The largest record to send, in bytes before compression, in place of what the topic takes.").PlaceHolder("BYTES"), 1024, 1<<29)
	create := app.Flag("create-topic", "Create the topic where it does not exist.").Bool()
	partitions := cli.CountVar(app.Flag("partitions", "Partitions of a created topic (the cluster's default).").PlaceHolder("N"), 1, 1_000_000)
	replicas := cli.CountVar(app.Flag("replicas", "Replicas of a created topic (the cluster's default).").PlaceHolder("N"), 1, 100)
	timeout := cli.DurationVar(app.Flag("timeout", "How long the first contact may take (10s).").PlaceHolder("D").Default("10s"))
	retryFor := cli.DurationVar(app.Flag("retry-for", "How long to go on while the brokers acknowledge nothing (5m).").PlaceHolder("D").Default("5m"))
	useTLS := app.Flag("tls", "Speak TLS.").Bool()
	var trust kafka.Trust
	app.Flag("certs", "For TLS: trust the certificates in this PEM file in place of the system's.").PlaceHolder("FILE").StringVar(&trust.Authorities)
	app.Flag("ignore-cert-validation", "For TLS: trust any certificate; encrypted, but anybody may be the broker.").BoolVar(&trust.Unverified)
	app.Flag("cert", "For TLS: our own certificate, PEM, for brokers that ask for one; needs --cert-key.").PlaceHolder("FILE").StringVar(&trust.Certificate)
	app.Flag("cert-key", "The private key of --cert, PEM.").PlaceHolder("FILE").StringVar(&trust.Key)
	mechanism := cli.EnumVar(app.Flag("sasl", "Log in: "+strings.Join(kafka.Mechanisms, ", ")+".").PlaceHolder("MECHANISM"), "SASL mechanism", kafka.Mechanisms...)
	user := app.Flag("user", "The user to log in as.").PlaceHolder("NAME").String()
	passwordFile := app.Flag("password-file", "The file with the password (or SESS_KAFKA_PASSWORD).").PlaceHolder("FILE").String()
	tokenFile := app.Flag("token-file", "The file with the token (or SESS_KAFKA_TOKEN).").PlaceHolder("FILE").String()
	maxLine := cli.CountVar(app.Flag("max-line", "The longest line taken, in bytes (67108864).").PlaceHolder("BYTES"), 1, 1<<30)
	meter := metering.Declare(app)
	topic := app.Arg("topic", "The topic.").Required().String()

	return func(ctx context.Context) error {
		if app.Getenv("GOMEMLIMIT") == "" {
			debug.SetMemoryLimit(heap)
		}
		figures, err := meter.Open(metrics.Label{Name: "topic", Value: *topic})
		if err != nil {
			return err
		}
		o := kafka.Options{
			Topic: *topic, Compression: *compression, SkipLarge: *oversize == "skip", MaxSize: *maxSize,
			CreateTopic: *create, Partitions: *partitions, Replicas: *replicas,
			Timeout: *timeout, RetryFor: *retryFor, ClientID: "sess-kafka", Log: app.Log,
		}
		if *brokers == "" {
			*brokers = app.Getenv("SESS_KAFKA_BROKERS")
		}
		if *brokers == "" {
			return cli.WithHint(cli.Usagef("--brokers is missing"), "--brokers HOST:PORT,… names some brokers of the cluster; they know the others")
		}
		if o.Brokers, err = kafka.ParseBrokers(*brokers); err != nil {
			return err
		}
		if !*create && (*partitions > 0 || *replicas > 0) {
			return cli.Usagef("--partitions and --replicas are for --create-topic")
		}
		if *key != "" {
			path, err := jsonl.ParsePath(*key)
			if err != nil {
				return cli.Prefix("--key", err)
			}
			o.Key = &path
		}
		for _, h := range *headers {
			name, path, ok := strings.Cut(h, "=")
			if !ok || name == "" {
				return cli.Usagef("--header: %q is not NAME=PATH", h)
			}
			column, err := jsonl.ParsePath(path)
			if err != nil {
				return cli.Prefix("--header", err)
			}
			o.Headers = append(o.Headers, kafka.Header{Name: name, Value: column})
		}
		switch {
		case *useTLS:
			if o.TLS, err = trust.Config(); err != nil {
				return err
			}
		case trust != (kafka.Trust{}):
			return cli.Usagef("--certs, --ignore-cert-validation, --cert and --cert-key are for --tls")
		}
		switch {
		case *mechanism != "":
			c := kafka.Credentials{User: *user, Secret: kafka.Secret{File: *passwordFile, Value: app.Getenv("SESS_KAFKA_PASSWORD")}}
			if *mechanism == "OAUTHBEARER" {
				c.Secret = kafka.Secret{File: *tokenFile, Value: app.Getenv("SESS_KAFKA_TOKEN")}
			}
			if o.Login, err = kafka.Login(*mechanism, c); err != nil {
				return err
			}
		case *user != "" || *passwordFile != "" || *tokenFile != "":
			return cli.Usagef("--user, --password-file and --token-file are for --sasl")
		}
		return deliver(ctx, app, o, figures, *maxLine, *ack)
	}
}

// deliver sends standard input and tells how it went.
func deliver(ctx context.Context, app *cli.App, o kafka.Options, figures *metrics.File, maxLine int, ack bool) error {
	producer, err := kafka.Open(ctx, o)
	if err != nil {
		return err
	}
	defer producer.Close()
	figures.Collect(collect(producer, figures))
	var handOn func([][]byte) error
	if ack {
		handOn = func(lines [][]byte) error {
			for _, line := range lines {
				if err := app.Stdout.WriteLine(line); err != nil {
					return err
				}
			}
			return app.Stdout.Flush()
		}
	}
	app.Expect("JSON lines")
	err = producer.Deliver(ctx, jsonl.NewReader(app.Stdin, maxLine), handOn)
	s := producer.Stats()
	app.Log.Info("done", "delivered", s.Delivered, "bytes", s.Bytes, "skipped", s.Skipped, "undelivered", s.Undelivered)
	if s.Undelivered > 0 && errors.Is(err, context.Canceled) {
		app.Say("stopped: %d not known to be delivered", s.Undelivered)
	}
	return err
}

// collect gives the figures of a producer. Whenever all that was read is delivered, that is a
// success, though the run goes on.
func collect(p *kafka.Producer, file *metrics.File) func(*metrics.Figures) {
	before := int64(0)
	return func(f *metrics.Figures) {
		s := p.Stats()
		f.Set(metrics.Delivered, float64(s.Delivered))
		f.Set(metrics.Undelivered, float64(s.Undelivered))
		f.Set(metrics.Skipped, float64(s.Skipped))
		if s.Undelivered == 0 && s.Delivered > before {
			file.Success()
		}
		before = s.Delivered
	}
}
