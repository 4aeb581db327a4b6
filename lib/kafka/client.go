package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sess/lib/suggest"
)

// A Producer sends records to one topic.
type Producer struct {
	o       Options
	client  *kgo.Client
	single  *kgo.Client // for records over the limit, one at a time; nil until there is one
	limit   int         // largest batch, in bytes before compression
	known   bool        // the limit is the topic's own
	trouble trouble
	counts  counts
}

// Open makes contact: some broker answers, takes our login, has the topic, and a leader of one of
// its partitions can be reached at the address that the cluster gives for it. What is sure to go
// wrong again is reported at once, everything else after the timeout.
func Open(ctx context.Context, o Options) (*Producer, error) {
	if err := checkTopic(o.Topic); err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.RetryFor <= 0 {
		o.RetryFor = DefaultRetryFor
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Producer{o: o, limit: usualLimit}
	var err error
	if p.client, err = p.connect(); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	if err = p.prepare(limited); err == nil {
		return p, nil
	}
	p.Close()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, err
}

func (p *Producer) prepare(ctx context.Context) error {
	if err := p.contact(ctx); err != nil {
		return err
	}
	leaders, err := p.findTopic(ctx)
	if err != nil {
		return err
	}
	if err := p.reach(ctx, leaders); err != nil {
		return err
	}
	p.learnLimit(ctx)
	return nil
}

// connect makes a client for batches up to the present limit, with what else is to be different.
// It does not yet open a connection.
func (p *Producer) connect(more ...kgo.Opt) (*kgo.Client, error) {
	o := &p.o
	options := []kgo.Opt{
		kgo.SeedBrokers(o.Brokers...),
		kgo.DefaultProduceTopicAlways(),
		kgo.DefaultProduceTopic(o.Topic),
		kgo.ClientID(o.ClientID),
		kgo.DisableClientMetrics(),
		kgo.WithLogger(&clientLog{log: o.Log, trouble: &p.trouble}),
		kgo.WithHooks(&p.trouble),
		kgo.DialTimeout(o.Timeout),
		kgo.RequestTimeoutOverhead(max(o.Timeout, time.Second)),
		kgo.MetadataMinAge(time.Second),
		// Delivery bounds what is held and how long, for all partitions together. The client
		// must not give a record up by itself: it cannot tell whether the broker has it.
		kgo.MaxBufferedRecords(math.MaxInt32),
		kgo.UnknownTopicRetries(-1),
		kgo.ProducerBatchMaxBytesFn(func(string) int32 { return int32(p.limit) }),
		kgo.ProducerBatchCompression(append(codecs(o.Compression), kgo.NoCompression())...),
		kgo.RetryBackoffFn(backoff),
	}
	if o.TLS != nil {
		options = append(options, kgo.DialTLSConfig(o.TLS))
	}
	if o.Login != nil {
		options = append(options, kgo.SASL(o.Login))
	}
	client, err := kgo.NewClient(append(options, more...)...)
	if err != nil {
		return nil, usage("", "cannot set up the client: %w", err)
	}
	return client, nil
}

// takesSingles tells whether a record over the limit may still be taken: the limit is a guess, or
// the broker will look at the compressed size. It has the last word then.
func (p *Producer) takesSingles() bool {
	return p.o.MaxSize == 0 && (!p.known || p.o.Compression != "none")
}

// forSingles is the client for records over the limit.
func (p *Producer) forSingles() (*kgo.Client, error) {
	if p.single != nil {
		return p.single, nil
	}
	var err error
	p.single, err = p.connect(kgo.ProducerBatchMaxBytes(largest), kgo.ProducerLinger(0))
	return p.single, err
}

// backoff is how long to wait after so many failures in a row. Brokers that start again are met
// soon, and those that stay away are not hammered.
func backoff(fails int) time.Duration {
	d := 100 * time.Millisecond << min(max(fails-1, 0), 5)
	return min(d, 2*time.Second)
}

// Close ends all connections. What is still on its way is not known to be delivered.
func (p *Producer) Close() {
	for _, c := range p.clients() {
		c.Close()
	}
}

func (p *Producer) clients() []*kgo.Client {
	if p.single == nil {
		return []*kgo.Client{p.client}
	}
	return []*kgo.Client{p.client, p.single}
}

// contact waits until some broker answers.
func (p *Producer) contact(ctx context.Context) error {
	closed := 0
	for {
		err := p.client.Ping(ctx)
		if err == nil {
			return nil
		}
		// The client's own error may be no more than that the time is over.
		last := p.trouble.last()
		if ctx.Err() != nil && last != nil || errors.As(last, new(*Fault)) {
			err = last
		}
		fault, final := explain(err)
		if errors.Is(err, io.EOF) {
			closed++
		}
		if final || closed >= 3 || !pause(ctx, 300*time.Millisecond) {
			var timeout net.Error
			if p.o.TLS != nil && errors.As(err, &timeout) && timeout.Timeout() {
				fault.Help = "a broker that does not speak TLS at this port may just keep silent: leave --tls away"
			}
			return &Fault{Code: fault.Code, Help: fault.Help, Err: fmt.Errorf("cannot reach the brokers at %s: %w", strings.Join(p.o.Brokers, ","), fault.Err)}
		}
	}
}

// findTopic returns the leaders of the topic's partitions, as the addresses that the cluster
// gives for them.
func (p *Producer) findTopic(ctx context.Context) (map[int32]string, error) {
	topic := p.o.Topic
	created := false
	for {
		meta, err := p.metadata(ctx, topic)
		if err != nil {
			return nil, p.about(err)
		}
		err = kerr.ErrorForCode(meta.Topics[0].ErrorCode)
		leaders := map[int32]string{}
		for _, partition := range meta.Topics[0].Partitions {
			for _, b := range meta.Brokers {
				if b.NodeID == partition.Leader {
					leaders[b.NodeID] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
				}
			}
		}
		switch {
		case err == nil && len(leaders) > 0:
			return leaders, nil
		case errors.Is(err, kerr.UnknownTopicOrPartition) && !p.o.CreateTopic:
			return nil, p.noTopic(ctx)
		case errors.Is(err, kerr.UnknownTopicOrPartition) && !created:
			if err := p.createTopic(ctx); err != nil {
				return nil, err
			}
			created = true
		case err != nil && !kerr.IsRetriable(err):
			return nil, p.about(err)
		default:
			if err == nil {
				err = errors.New("no partition has a leader")
			}
			if !pause(ctx, 200*time.Millisecond) {
				return nil, p.about(err)
			}
		}
	}
}

// about names the topic in what went wrong with it.
func (p *Producer) about(err error) error {
	fault, _ := explain(err)
	return &Fault{Code: fault.Code, Help: fault.Help, Err: fmt.Errorf("topic %s: %w", p.o.Topic, fault.Err)}
}

// metadata asks for one topic, or for all where none is named.
func (p *Producer) metadata(ctx context.Context, topics ...string) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, name := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, p.client)
	if err == nil && len(resp.Topics) == 0 && len(topics) > 0 {
		err = errors.New("the broker's answer does not have it")
	}
	return resp, err
}

func (p *Producer) noTopic(ctx context.Context) error {
	hint := "--create-topic creates it"
	if all, err := p.metadata(ctx); err == nil {
		var names []string
		for _, t := range all.Topics {
			if t.Topic != nil && !t.IsInternal {
				names = append(names, *t.Topic)
			}
		}
		if near := suggest.Nearest(p.o.Topic, names); near != "" {
			hint = "did you mean " + near + "? " + hint
		}
	}
	return usage(hint, "there is no topic %s at %s", p.o.Topic, strings.Join(p.o.Brokers, ","))
}

func (p *Producer) createTopic(ctx context.Context) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = p.o.Topic, -1, -1
	if p.o.Partitions > 0 {
		t.NumPartitions = int32(p.o.Partitions)
	}
	if p.o.Replicas > 0 {
		t.ReplicationFactor = int16(p.o.Replicas)
	}
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, p.client)
	if err == nil && len(resp.Topics) == 1 {
		if err = kerr.ErrorForCode(resp.Topics[0].ErrorCode); errors.Is(err, kerr.TopicAlreadyExists) {
			return nil
		}
		if text := resp.Topics[0].ErrorMessage; err != nil && text != nil && *text != "" {
			err = fmt.Errorf("%w (%s)", err, *text)
		}
	}
	if err != nil {
		fault, _ := explain(err)
		return &Fault{Code: fault.Code, Help: fault.Help, Err: fmt.Errorf("cannot create the topic %s: %w", p.o.Topic, fault.Err)}
	}
	p.o.Log.Info("created the topic", "topic", p.o.Topic)
	return nil
}

// reach opens a connection to each leader. One that answers is enough to begin; where none does,
// the addresses that the cluster gives for itself are not those that we can reach it at.
func (p *Producer) reach(ctx context.Context, leaders map[int32]string) error {
	for {
		answers := make(chan error, len(leaders))
		for id, address := range leaders {
			go func() {
				_, err := p.client.Broker(int(id)).Request(ctx, kmsg.NewPtrApiVersionsRequest())
				if err != nil {
					p.o.Log.Info("a leader cannot be reached", "broker", id, "address", address, "err", err)
					err = fmt.Errorf("%s: %w", address, err)
				}
				answers <- err
			}()
		}
		var last error
		for range leaders {
			if last = <-answers; last == nil {
				return nil
			}
		}
		fault, final := explain(last)
		if final || !pause(ctx, 300*time.Millisecond) {
			return &Fault{Code: fault.Code, Help: "brokers answer at the addresses in their advertised.listeners",
				Err: fmt.Errorf("the leaders of topic %s cannot be reached: %w", p.o.Topic, fault.Err)}
		}
	}
}

// learnLimit asks how large a batch the topic takes. It takes a right that a producer need not
// have; without an answer the limit that brokers come with has to do, until one says otherwise.
func (p *Producer) learnLimit(ctx context.Context) {
	if p.o.MaxSize > 0 {
		p.limit = p.o.MaxSize
		return
	}
	req := kmsg.NewPtrDescribeConfigsRequest()
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType = kmsg.ConfigResourceTypeTopic
	r.ResourceName = p.o.Topic
	r.ConfigNames = []string{"max.message.bytes"}
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(ctx, p.client)
	if err == nil && len(resp.Resources) == 1 {
		err = kerr.ErrorForCode(resp.Resources[0].ErrorCode)
		for _, c := range resp.Resources[0].Configs {
			if c.Name != "max.message.bytes" || c.Value == nil {
				continue
			}
			if n, bad := strconv.Atoi(*c.Value); bad == nil && n >= leastLimit {
				p.limit, p.known = min(n, largest), true
				p.o.Log.Debug("the topic's limit is known", "topic", p.o.Topic, "bytes", n)
				return
			}
		}
	}
	p.o.Log.Debug("the topic's limit is not known", "topic", p.o.Topic, "assumed", p.limit, "err", err)
}

// pause waits, and returns false where ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// trouble remembers what went wrong last, for the day when we give up: the client itself only
// ever says that it is still trying.
type trouble struct {
	mu  sync.Mutex
	err error
	cut map[string]bool // brokers whose last word in a login was to close the connection
}

// OnBrokerConnect implements kgo.HookBrokerConnect.
func (t *trouble) OnBrokerConnect(meta kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cut[broker(meta)] && errors.Is(err, io.EOF) {
		err = loginCut(err)
	}
	t.err = fmt.Errorf("broker %s: %w", broker(meta), err)
}

// OnBrokerE2E implements kgo.HookBrokerE2E.
func (t *trouble) OnBrokerE2E(meta kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	err := e2e.Err()
	t.mu.Lock()
	defer t.mu.Unlock()
	if key == int16(kmsg.SASLAuthenticate) {
		if t.cut == nil {
			t.cut = map[string]bool{}
		}
		t.cut[broker(meta)] = errors.Is(err, io.EOF)
	}
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, net.ErrClosed) {
		t.err = fmt.Errorf("broker %s: %w", broker(meta), err)
	}
}

func broker(meta kgo.BrokerMetadata) string {
	return net.JoinHostPort(meta.Host, strconv.Itoa(int(meta.Port)))
}

func (t *trouble) set(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
}

func (t *trouble) last() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// clear forgets: the brokers have acknowledged something since.
func (t *trouble) clear() { t.set(nil) }

// clientLog hands the client's log on, a level more quietly: it warns of what it then mends.
type clientLog struct {
	log     *slog.Logger
	trouble *trouble
}

// Level implements kgo.Logger.
func (l *clientLog) Level() kgo.LogLevel { return kgo.LogLevelInfo }

// Log implements kgo.Logger.
func (l *clientLog) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	for i := 0; i+1 < len(keyvals); i += 2 {
		if err, ok := keyvals[i+1].(error); ok && keyvals[i] == "err" && l.trouble.last() == nil {
			l.trouble.set(err)
		}
	}
	to := slog.LevelDebug
	if level <= kgo.LogLevelWarn {
		to = slog.LevelInfo
	}
	l.log.Log(context.Background(), to, msg, keyvals...)
}
