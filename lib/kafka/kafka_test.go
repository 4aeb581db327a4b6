package kafka

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sess/lib/jsonl"
)

const topic = "incydr.sessions"

// cluster serves one topic of three partitions.
func cluster(t *testing.T, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(3, topic)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func optionsFor(c *kfake.Cluster) Options {
	return Options{Brokers: c.ListenAddrs(), Topic: topic, Timeout: 30 * time.Second, RetryFor: 20 * time.Second}
}

func open(t *testing.T, o Options) *Producer {
	t.Helper()
	p, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func path(t *testing.T, text string) *jsonl.Path {
	t.Helper()
	p, err := jsonl.ParsePath(text)
	if err != nil {
		t.Fatal(err)
	}
	return &p
}

// some makes n sessions of a few actors, with what a record must carry unchanged.
func some(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"sessionId":"s-%d","tenantId":"t-1","actorId":"actor-%d","n":%d,"odd":1.0e+2,"text":"\u00e9é","tenant":"acme"}`, i, i%7, i)
	}
	return lines
}

func reader(lines ...string) *jsonl.Reader {
	return jsonl.NewReader(strings.NewReader(strings.Join(lines, "\n")+"\n"), 0)
}

// kept keeps what is handed on.
type kept struct {
	mu    sync.Mutex
	lines []string
}

func (k *kept) handOn(lines [][]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range lines {
		k.lines = append(k.lines, string(l))
	}
	return nil
}

func (k *kept) all() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.lines...)
}

// consume reads all n records of the topic, each partition in its order.
func consume(t *testing.T, brokers []string, n int) []*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var records []*kgo.Record
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%d of %d records read back: %v", len(records), n, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

func exitCode(err error) int {
	var knows interface{ ExitCode() int }
	switch {
	case err == nil:
		return 0
	case errors.As(err, &knows):
		return knows.ExitCode()
	}
	return 1
}

func hint(err error) string {
	var knows interface{ Hint() string }
	if errors.As(err, &knows) {
		return knows.Hint()
	}
	return ""
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("%s %d is %.200q; want %.200q", what, i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d of %s; want %d", len(got), what, len(want))
	}
}

func TestEachRecordOnceInItsActorsOrder(t *testing.T) {
	t.Parallel()
	for _, codec := range Compressions {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			c := cluster(t)
			o := optionsFor(c)
			o.Compression = codec
			o.Key = path(t, "actor_id")
			o.Headers = []Header{{"tag", *path(t, "tenant")}}
			p := open(t, o)
			lines := some(3000)
			var out kept
			if err := p.Deliver(context.Background(), reader(lines...), out.handOn); err != nil {
				t.Fatal(err)
			}
			same(t, "line handed on", out.all(), lines)
			if s := p.Stats(); s.Delivered != 3000 || s.Undelivered != 0 {
				t.Errorf("counted %+v", s)
			}
			last := map[string]int{}
			seen := map[string]bool{}
			partitions := map[string]int32{}
			for _, r := range consume(t, c.ListenAddrs(), len(lines)) {
				line := string(r.Value)
				n, _ := jsonl.Int(jsonl.Lookup(r.Value, "n"))
				if line != lines[n] || seen[line] {
					t.Fatalf("read back %q, twice: %v", line, seen[line])
				}
				seen[line] = true
				key := string(r.Key)
				if key != fmt.Sprintf("actor-%d", n%7) || header(r, "tenant_id") != "t-1" || header(r, "session_id") != fmt.Sprintf("s-%d", n) || header(r, "tag") != "acme" {
					t.Fatalf("record %d has key %q and headers %v", n, key, r.Headers)
				}
				if before, ok := last[key]; ok && before >= int(n) {
					t.Fatalf("%s: record %d came after %d", key, n, before)
				}
				last[key] = int(n)
				if at, ok := partitions[key]; ok && at != r.Partition {
					t.Fatalf("%s is in partitions %d and %d", key, at, r.Partition)
				}
				partitions[key] = r.Partition
			}
		})
	}
}

// What is not there is no key and no header; what is no text goes as it is written.
func TestKeysAndHeadersOfOddRecords(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o := optionsFor(c)
	o.Key = path(t, "key")
	p := open(t, o)
	lines := []string{`{"key":"a\"b","sessionId":null}`, `{"key":12.50}`, `{"key":null}`, `{}`, `{"key":{"a":1}}`, `"a string"`, `{"key":""}`}
	keys := map[string]string{lines[0]: `a"b`, lines[1]: "12.50", lines[2]: "nil", lines[3]: "nil", lines[4]: `{"a":1}`, lines[5]: "nil", lines[6]: ""}
	if err := p.Deliver(context.Background(), reader(lines...), nil); err != nil {
		t.Fatal(err)
	}
	for _, r := range consume(t, c.ListenAddrs(), len(lines)) {
		key := string(r.Key)
		if r.Key == nil {
			key = "nil"
		}
		if want := keys[string(r.Value)]; key != want {
			t.Errorf("%s has the key %q; want %q", r.Value, key, want)
		}
		if len(r.Headers) != 0 {
			t.Errorf("%s has headers %v", r.Value, r.Headers)
		}
	}
}

func TestNothingIsHandedOnBeforeTheBrokersHaveIt(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	p := open(t, optionsFor(c))
	held := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		c.SleepControl(func() { <-held })
		return nil, nil, false
	})
	var out kept
	done := make(chan error, 1)
	go func() { done <- p.Deliver(context.Background(), reader(some(100)...), out.handOn) }()
	time.Sleep(400 * time.Millisecond)
	if n := len(out.all()); n != 0 {
		t.Errorf("%d records handed on while the broker holds its answer back", n)
	}
	close(held)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := len(out.all()); n != 100 {
		t.Errorf("%d of 100 records handed on", n)
	}
}

// A line waits for no other: what arrives goes out, though the input goes on.
func TestASingleLineIsDeliveredAtOnce(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	p := open(t, optionsFor(c))
	in, w := io.Pipe()
	got := make(chan string, 1)
	done := make(chan error, 1)
	go func() {
		done <- p.Deliver(context.Background(), jsonl.NewReader(in, 0), func(lines [][]byte) error {
			got <- string(bytes.Join(lines, []byte(",")))
			return nil
		})
	}()
	io.WriteString(w, "{\"a\":1}\n")
	select {
	case line := <-got:
		if line != `{"a":1}` {
			t.Errorf("got %s", line)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing is delivered while the input waits")
	}
	w.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// limited serves a topic that takes batches up to a limit.
func limited(t *testing.T, limit int) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.CreateTopic(topic, 3, map[string]string{"max.message.bytes": fmt.Sprint(limit)}); err != nil {
		t.Fatal(err)
	}
	return c
}

// A topic's limit is known from the broker: the record that just fits goes, the next size does not.
func TestRecordsOverTheTopicsLimit(t *testing.T) {
	t.Parallel()
	const limit = 20_000
	big := func(n int) string { return `{"x":"` + strings.Repeat("x", n-8) + `"}` }
	fits := 0
	for n := limit; n > 0 && fits == 0; n-- {
		if e := (&entry{record: kgo.Record{Value: []byte(big(n))}}); e.size() <= limit {
			fits = n
		}
	}
	lines := []string{`{"n":1}`, big(fits), big(fits + 1), `{"n":4}`, big(50_000), `{"n":6}`}

	t.Run("fail", func(t *testing.T) {
		c := limited(t, limit)
		o := optionsFor(c)
		o.Compression = "none"
		p := open(t, o)
		var out kept
		err := p.Deliver(context.Background(), reader(lines...), out.handOn)
		if exitCode(err) != 1 || !strings.HasPrefix(err.Error(), "line 3: the record has ") || !strings.Contains(hint(err), "--oversize skip") {
			t.Errorf("%d %v: %s", exitCode(err), err, hint(err))
		}
		same(t, "line handed on", out.all(), lines[:2])
		if s := p.Stats(); s.Undelivered != 0 {
			t.Errorf("counted %+v", s)
		}
	})
	t.Run("skip", func(t *testing.T) {
		c := limited(t, limit)
		o := optionsFor(c)
		o.SkipLarge, o.Compression = true, "none"
		p := open(t, o)
		var out kept
		err := p.Deliver(context.Background(), reader(lines...), out.handOn)
		if exitCode(err) != 3 || !strings.HasPrefix(err.Error(), "2 records are skipped") {
			t.Errorf("%d %v", exitCode(err), err)
		}
		same(t, "line handed on", out.all(), []string{lines[0], lines[1], lines[3], lines[5]})
		if s := p.Stats(); s.Skipped != 2 || s.Delivered != 4 {
			t.Errorf("counted %+v", s)
		}
	})
}

// The limit is on what is sent: a record that is over it before compression and not after it is
// taken, in its place among the others. One that stays over it is not.
func TestRecordsThatFitCompressed(t *testing.T) {
	t.Parallel()
	c := limited(t, 20_000)
	o := optionsFor(c)
	o.SkipLarge, o.Key = true, path(t, "key")
	p := open(t, o)
	random := make([]byte, 30_000)
	rand.Read(random)
	var lines, want []string
	for i := range 300 {
		line := fmt.Sprintf(`{"key":"k","n":%d,"x":"%s"}`, i, strings.Repeat("x", 200))
		switch i {
		case 50, 51, 200:
			line = fmt.Sprintf(`{"key":"k","n":%d,"x":"%s"}`, i, strings.Repeat("x", 90_000))
		case 100:
			line = fmt.Sprintf(`{"key":"k","n":%d,"x":"%x"}`, i, random)
		}
		lines = append(lines, line)
		if i != 100 {
			want = append(want, line)
		}
	}
	var out kept
	err := p.Deliver(context.Background(), reader(lines...), out.handOn)
	if exitCode(err) != 3 || !strings.HasPrefix(err.Error(), "1 record is skipped") {
		t.Errorf("%d %v", exitCode(err), err)
	}
	same(t, "line handed on", out.all(), want)
	var got []string
	for _, r := range consume(t, c.ListenAddrs(), len(want)) {
		got = append(got, string(r.Value))
	}
	same(t, "record of the key", got, want)
}

// Where we may not ask for the limit, the broker's refusal teaches it: all that can be delivered is,
// to the byte that just fits.
func TestAnUnknownLimitIsFound(t *testing.T) {
	t.Parallel()
	c := limited(t, 60_000)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	o := optionsFor(c)
	o.Compression = "none"
	o.SkipLarge = true
	p := open(t, o)
	if p.limit != usualLimit {
		t.Fatalf("the limit is known to be %d", p.limit)
	}
	lines := some(5000)
	lines[1000] = `{"sessionId":"large","x":"` + strings.Repeat("x", 59_000) + `"}`
	lines[2000] = `{"sessionId":"larger","x":"` + strings.Repeat("x", 100_000) + `"}`
	lines[3000] = `{"sessionId":"large too","x":"` + strings.Repeat("x", 40_000) + `"}`
	var out kept
	err := p.Deliver(context.Background(), reader(lines...), out.handOn)
	if exitCode(err) != 3 || !strings.HasPrefix(err.Error(), "1 record is skipped") {
		t.Fatal(err)
	}
	rest := append(append([]string(nil), lines[:2000]...), lines[2001:]...)
	same(t, "line handed on", out.all(), rest)
	seen := map[string]int{}
	for _, r := range consume(t, c.ListenAddrs(), len(rest)) {
		seen[string(r.Value)]++
	}
	for _, line := range rest {
		if seen[line] != 1 {
			t.Fatalf("%.100q arrived %d times", line, seen[line])
		}
	}
	if n := stored(c); n != len(rest) {
		t.Errorf("the topic has %d records; want %d", n, len(rest))
	}
}

func TestBadLinesEndTheRunAfterWhatCameBefore(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	p := open(t, optionsFor(c))
	var out kept
	err := p.Deliver(context.Background(), reader(`{"n":1}`, "", `{"n":`, `{"n":3}`), out.handOn)
	if exitCode(err) != 2 || !strings.HasPrefix(err.Error(), "line 3: ") {
		t.Errorf("%d %v", exitCode(err), err)
	}
	same(t, "line handed on", out.all(), []string{`{"n":1}`})
}

func TestALineOverTheReadersLimit(t *testing.T) {
	t.Parallel()
	p := open(t, optionsFor(cluster(t)))
	in := jsonl.NewReader(strings.NewReader(strings.Repeat("x", 300_000)), 1000)
	if err := p.Deliver(context.Background(), in, nil); exitCode(err) != 2 || hint(err) == "" {
		t.Errorf("%d %v", exitCode(err), err)
	}
}

// away serves a cluster whose brokers do not answer produce requests any more once stop is called.
func away(t *testing.T) (c *kfake.Cluster, stop func()) {
	c = cluster(t)
	var mu sync.Mutex
	gone := false
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		if gone {
			return nil, errors.New("gone"), true
		}
		return nil, nil, false
	})
	return c, func() { mu.Lock(); gone = true; mu.Unlock() }
}

// The input need not end, nor another line come, for the run to give up.
func TestGivesUpAndCounts(t *testing.T) {
	t.Parallel()
	c, stop := away(t)
	o := optionsFor(c)
	o.RetryFor = 1500 * time.Millisecond
	p := open(t, o)
	in, w := io.Pipe()
	defer w.Close()
	arrived := make(chan struct{}, 100)
	done := make(chan error, 1)
	go func() {
		done <- p.Deliver(context.Background(), jsonl.NewReader(in, 0), func([][]byte) error { arrived <- struct{}{}; return nil })
	}()
	io.WriteString(w, "{\"n\":1}\n")
	<-arrived
	stop()
	io.WriteString(w, "{\"n\":2}\n{\"n\":3}\n")
	select {
	case err := <-done:
		if exitCode(err) != 1 || !strings.HasPrefix(err.Error(), "2 records are not known to be delivered: ") || !strings.Contains(err.Error(), "for 1.5s") {
			t.Errorf("%d %v", exitCode(err), err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it never gives up")
	}
	if s := p.Stats(); s.Delivered != 1 || s.Undelivered != 2 {
		t.Errorf("counted %+v", s)
	}
}

// What arrived behind something that did not is delivered, and handed on at the end.
func TestHandsOnWhatArrivedBehindAGap(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	p := open(t, func() Options {
		o := optionsFor(c)
		o.RetryFor, o.Key = 1500*time.Millisecond, path(t, "actorId")
		return o
	}())
	lines := some(50)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Partitions: []int32{partitionOf(lines[0])}, Err: kerr.NotEnoughReplicas, Count: -1})
	var out kept
	err := p.Deliver(context.Background(), reader(lines...), out.handOn)
	s := p.Stats()
	if exitCode(err) != 1 || s.Undelivered == 0 || s.Delivered == 0 || s.Delivered+s.Undelivered != 50 {
		t.Errorf("%v, counted %+v", err, s)
	}
	if got := out.all(); int64(len(got)) != s.Delivered || got[0] == lines[0] {
		t.Errorf("handed on %d, counted %+v", len(got), s)
	}
}

// partitionOf is where the record of a line goes by its actor.
func partitionOf(line string) int32 {
	key := jsonl.Text(jsonl.Lookup([]byte(line), "actorId"))
	p := kgo.StickyKeyPartitioner(nil).ForTopic(topic).Partition(&kgo.Record{Key: []byte(key)}, 3)
	return int32(p)
}

func TestStoppedInTime(t *testing.T) {
	t.Parallel()
	c, stop := away(t)
	stop()
	p := open(t, optionsFor(c))
	ctx, cancel := context.WithCancel(context.Background())
	in, w := io.Pipe()
	defer w.Close()
	done := make(chan error, 1)
	go func() { done <- p.Deliver(ctx, jsonl.NewReader(in, 0), nil) }()
	io.WriteString(w, "{\"n\":1}\n{\"n\":2}\n")
	time.Sleep(300 * time.Millisecond)
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) || p.Stats().Undelivered != 2 {
			t.Errorf("%v, counted %+v", err, p.Stats())
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it does not stop")
	}
}

func TestAReaderThatIsGoneEndsTheRun(t *testing.T) {
	t.Parallel()
	p := open(t, optionsFor(cluster(t)))
	gone := errors.New("gone")
	in, w := io.Pipe()
	defer w.Close()
	done := make(chan error, 1)
	go func() {
		done <- p.Deliver(context.Background(), jsonl.NewReader(in, 0), func([][]byte) error { return gone })
	}()
	io.WriteString(w, "{\"n\":1}\n")
	select {
	case err := <-done:
		if err != gone {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on for nobody")
	}
}

// A broker that does not answer, or a reader that does not read, holds up the input: no more than
// the window is taken from it.
func TestTheWindowHoldsUpTheInput(t *testing.T) {
	t.Parallel()
	c, stop := away(t)
	p := open(t, optionsFor(c))
	stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	line := `{"x":"` + strings.Repeat("x", 4000) + "\"}\n"
	var taken countingReader
	taken.r = strings.NewReader(strings.Repeat(line, 3000))
	done := make(chan error, 1)
	go func() { done <- p.Deliver(ctx, jsonl.NewReader(&taken, 0), nil) }()
	n := 0
	for before := -1; n != before || n < window/2; n = taken.count() {
		before = n
		time.Sleep(500 * time.Millisecond)
	}
	if n < window || n > window+1<<20 {
		t.Errorf("%d bytes were taken from the input; the window is %d", n, window)
	}
	cancel()
	<-done
}

type countingReader struct {
	r  io.Reader
	mu sync.Mutex
	n  int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p[:min(len(p), 8<<10)])
	c.mu.Lock()
	c.n += n
	c.mu.Unlock()
	return n, err
}

func (c *countingReader) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// stored is how many records the topic has.
func stored(c *kfake.Cluster) (n int) {
	for _, p := range c.PartitionInfos(topic) {
		n += int(p.HighWatermark)
	}
	return n
}

// Some of these errors are said of batches that the broker has appended: sent again, they must not
// be there twice.
func TestErrorsThatRetryingMends(t *testing.T) {
	t.Parallel()
	for _, fault := range []*kerr.Error{kerr.NotEnoughReplicas, kerr.NotLeaderForPartition, kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, kerr.UnknownTopicOrPartition} {
		t.Run(fault.Message, func(t *testing.T) {
			t.Parallel()
			c := cluster(t)
			p := open(t, optionsFor(c))
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: fault, Count: 2})
			lines := some(500)
			var out kept
			if err := p.Deliver(context.Background(), reader(lines...), out.handOn); err != nil {
				t.Fatal(err)
			}
			same(t, "line handed on", out.all(), lines)
			seen := map[string]int{}
			for _, r := range consume(t, c.ListenAddrs(), len(lines)) {
				seen[string(r.Value)]++
			}
			if len(seen) != len(lines) {
				t.Errorf("%d of %d lines arrived", len(seen), len(lines))
			}
			if n := stored(c); n != len(lines) {
				t.Errorf("the topic has %d records of %d lines", n, len(lines))
			}
		})
	}
}

func TestErrorsThatNothingMends(t *testing.T) {
	t.Parallel()
	for fault, code := range map[*kerr.Error]int{
		kerr.TopicAuthorizationFailed:   4,
		kerr.ClusterAuthorizationFailed: 4,
		kerr.InvalidRecord:              1,
		kerr.UnsupportedCompressionType: 1,
	} {
		t.Run(fault.Message, func(t *testing.T) {
			t.Parallel()
			c := cluster(t)
			p := open(t, optionsFor(c))
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: fault, Count: -1})
			err := p.Deliver(context.Background(), reader(some(5)...), nil)
			if exitCode(err) != code || !strings.HasPrefix(err.Error(), "5 records are not known to be delivered: topic "+topic+": ") || hint(err) == "" {
				t.Errorf("%d %v: %s", exitCode(err), err, hint(err))
			}
		})
	}
}

func TestFirstContact(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	const nobody = "127.0.0.1:1"
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mute.Close() })
	for _, tt := range []struct {
		name   string
		change func(*Options)
		code   int
		err    []string
		hint   string
	}{
		{"nobody listens", func(o *Options) { o.Brokers, o.Timeout = []string{nobody}, 3*time.Second }, 1, []string{"cannot reach the brokers at " + nobody + ": connection refused"}, ""},
		{"nobody answers", func(o *Options) { o.Brokers, o.Timeout = []string{mute.Addr().String()}, time.Second }, 1, []string{"cannot reach the brokers at " + mute.Addr().String()}, ""},
		{"no such host", func(o *Options) { o.Brokers = []string{"no-such-host.invalid:9092"} }, 1, []string{"cannot reach the brokers at no-such-host.invalid:9092: cannot resolve the name no-such-host.invalid: no such host"}, ""},
		{"no such topic", func(o *Options) { o.Topic = "incydr.session" }, 2, []string{"there is no topic incydr.session at "}, "did you mean incydr.sessions? --create-topic creates it"},
		{"no topic's name", func(o *Options) { o.Topic = "a topic" }, 2, []string{`the topic "a topic" has a character`}, "letters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := optionsFor(c)
			tt.change(&o)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // would end it otherwise
			defer cancel()
			_, err := Open(ctx, o)
			if exitCode(err) != tt.code || !strings.Contains(hint(err), tt.hint) {
				t.Errorf("%d %v: %s", exitCode(err), err, hint(err))
			}
			for _, want := range tt.err {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
		})
	}
}

// One broker of the list is enough.
func TestABrokerThatIsAwayAtFirst(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o := optionsFor(c)
	o.Brokers = append([]string{"127.0.0.1:1"}, o.Brokers...)
	p := open(t, o)
	if err := p.Deliver(context.Background(), reader(some(10)...), nil); err != nil {
		t.Error(err)
	}
}

func TestCreateTopic(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o := optionsFor(c)
	o.Topic, o.CreateTopic, o.Partitions = "new.topic", true, 5
	p := open(t, o)
	if err := p.Deliver(context.Background(), reader(some(10)...), nil); err != nil {
		t.Fatal(err)
	}
	if n := len(c.PartitionInfos("new.topic")); n != 5 {
		t.Errorf("the topic has %d partitions", n)
	}
}
