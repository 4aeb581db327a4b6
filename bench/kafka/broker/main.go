// Broker is a Kafka cluster of one process, for benchmarks and tests: franz-go's kfake, which is
// no broker of ours. It prints its address and serves until it is stopped or killed; with --data
// it comes up again with what it had acknowledged.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintf(os.Stderr, "broker: %v\n", err)
		os.Exit(1)
	}
}

func serve() error {
	port := flag.Int("port", 0, "the port to serve at; 0: a free one")
	data := flag.String("data", "", "the `folder` to keep what is acknowledged in, synced at each batch")
	topic := flag.String("topic", "incydr.sessions", "the topic that exists")
	partitions := flag.Int("partitions", 3, "its partitions")
	flag.Parse()

	options := []kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(int32(*partitions), *topic)}
	if *port != 0 {
		options = append(options, kfake.Ports(*port))
	}
	if *data != "" {
		options = append(options, kfake.DataDir(*data), kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return fmt.Errorf("cannot serve at %s: %w", net.JoinHostPort("127.0.0.1", strconv.Itoa(*port)), err)
	}
	defer cluster.Close()
	fmt.Println(cluster.ListenAddrs()[0])

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	return nil
}
