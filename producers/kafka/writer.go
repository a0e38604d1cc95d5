// Package kafka appends records to a Kafka log so that each is written once in spite of retries.
//
// kafka-go has no idempotent producer, so this one makes its own record batches, with producer id, epoch and sequence
// numbers, and sends them over kafka-go's transport.
//
// A partition has one batch in flight. A batch keeps its partition and its bytes from the first send on: after any error
// that leaves open whether it was written, the same bytes are sent again, and the broker drops what it has. Two things
// can still put a record on the log twice, and both are left to the consumers, which count an event once by its
// identity: a caller that sends records again after Append returned an error, and a broker that forgot its producers
// (it lost its data, or the topic was deleted) between two sends of one batch.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tidemark/internal/kafka"
	"tidemark/internal/kafka/batch"
	"tidemark/producers"
)

// Defaults and limits of Config.
const (
	// DefaultMaxBatchBytes leaves room below the brokers' default limit of 1,048,588 bytes (message.max.bytes).
	DefaultMaxBatchBytes  = 900_000
	DefaultMaxRecordBytes = 16 << 20
	DefaultInFlight       = 8
	DefaultRequestTimeout = 10 * time.Second
	maxBatchRecords       = 50_000
	partitionsTTL         = 5 * time.Second
)

// Config says how records are appended. Only Conn is required.
type Config struct {
	Conn kafka.Config
	// Compression is "snappy" (the default), "lz4", "zstd" or "none".
	Compression string
	// MaxBatchBytes bounds the records of a batch, uncompressed; a record that is larger gets a batch of its own, up to
	// MaxRecordBytes. Default DefaultMaxBatchBytes. A broker's lower limit is found by its refusal.
	MaxBatchBytes  int
	MaxRecordBytes int
	// InFlight bounds the batches that exist at a time, over all calls of Append. With MaxBatchBytes it bounds memory:
	// each has its records once plain and once compressed. Default DefaultInFlight.
	InFlight int
	// RetryMin and RetryMax bound the wait before a batch is sent again. Default 50 ms and 2 s.
	RetryMin, RetryMax time.Duration
	// RequestTimeout bounds one send. Default DefaultRequestTimeout.
	RequestTimeout time.Duration
	// OnRetry, if set, is called before a batch is sent again, with the reason. It must be safe for concurrent use.
	OnRetry func(topic string, partition int32, reason error)
}

func (c *Config) setDefaults() error {
	if c.Compression == "" {
		c.Compression = batch.Snappy.String()
	}
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.MaxBatchBytes, DefaultMaxBatchBytes)
	set(&c.MaxRecordBytes, DefaultMaxRecordBytes)
	set(&c.InFlight, DefaultInFlight)
	if c.RequestTimeout == 0 {
		c.RequestTimeout = DefaultRequestTimeout
	}
	var errs []error
	if c.MaxBatchBytes < 0 || c.MaxBatchBytes > 64<<20 {
		errs = append(errs, fmt.Errorf("kafka batch bytes: %d is not in 1..67108864", c.MaxBatchBytes))
	}
	if c.MaxRecordBytes < 0 || c.MaxRecordBytes > 64<<20 {
		errs = append(errs, fmt.Errorf("kafka record bytes: %d is not in 1..67108864", c.MaxRecordBytes))
	}
	if c.InFlight < 0 {
		errs = append(errs, fmt.Errorf("kafka batches in flight: %d is negative", c.InFlight))
	}
	if c.RetryMin < 0 || c.RetryMax < 0 || c.RequestTimeout < 0 {
		errs = append(errs, errors.New("kafka retry and request times: negative"))
	}
	return errors.Join(errs...)
}

// Writer appends records. It is safe for concurrent use.
type Writer struct {
	cfg        Config
	cluster    *kafka.Cluster
	compressor *batch.Compressor
	slots      chan *slot // the free ones

	mu         sync.Mutex
	partitions map[partitionKey]*partition
}

var _ producers.Log = (*Writer)(nil)

type partitionKey struct {
	topic string
	id    int32
}

// partition is a partition that was written to. Its fields belong to who holds turn.
type partition struct {
	partitionKey
	turn     chan struct{} // holds the one token of the sender
	session  session
	maxBytes int // of a batch: MaxBatchBytes, less where the broker said so
}

// NewWriter checks cfg and returns a Writer. It does not connect: the first Append does.
func NewWriter(cfg Config) (*Writer, error) {
	errs := []error{cfg.setDefaults(), cfg.Conn.Validate()}
	codec, err := batch.ParseCodec(cfg.Compression)
	errs = append(errs, err)
	compressor, err := batch.NewCompressor(codec)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	cluster, err := kafka.Open(cfg.Conn)
	if err != nil {
		return nil, err
	}
	w := &Writer{
		cfg:        cfg,
		cluster:    cluster,
		compressor: compressor,
		slots:      make(chan *slot, cfg.InFlight),
		partitions: map[partitionKey]*partition{},
	}
	for range cfg.InFlight {
		w.slots <- &slot{}
	}
	return w, nil
}

// Close ends the connections. An Append under way fails.
func (w *Writer) Close() error { return w.cluster.Close() }

// Partitions is the number of partitions of a topic, at most a few seconds old. A topic that is not there is an error.
func (w *Writer) Partitions(ctx context.Context, topic string) (int, error) {
	backoff := kafka.Backoff{Min: w.cfg.RetryMin, Max: w.cfg.RetryMax}
	notBefore := time.Now().Add(-partitionsTTL)
	grace := time.Now().Add(unknownTopicGrace)
	for {
		t, err := w.cluster.Topic(ctx, topic, notBefore)
		switch {
		case err == nil && len(t.Partitions) > 0:
			return len(t.Partitions), nil
		case err == nil:
			err = fmt.Errorf("topic %s has no partitions yet", topic)
		case kafka.IsUnknownTopic(err) && time.Now().After(grace):
			return 0, unknownTopic(topic)
		case !kafka.Temporary(err):
			return 0, fmt.Errorf("partitions of topic %s: %w", topic, err)
		}
		notBefore = time.Now()
		if ended := backoff.Wait(ctx); ended != nil {
			return 0, fmt.Errorf("partitions of topic %s: %w (last: %w)", topic, ended, err)
		}
	}
}

// ErrUnknownTopic is what an error of Append or Partitions wraps when a topic is not there. Topics are never created by
// writing to them.
var ErrUnknownTopic = errors.New("unknown topic")

func unknownTopic(topic string) error {
	return fmt.Errorf("%w %s: run `tidemark migrate` to create it", ErrUnknownTopic, topic)
}

// AppendError says what an Append did not do.
type AppendError struct {
	// Total is the number of records given, Unacknowledged how many of them no broker has acknowledged. Of those, the
	// ones that were under way when the context ended may be on the log all the same.
	Total, Unacknowledged int
	// Rejected are the records that the log can't take as they are; they are counted in Unacknowledged.
	Rejected []RejectedRecord
	// Err is the first reason, nil if there is none but Rejected.
	Err error
}

// RejectedRecord is a record that was refused for itself, and would be again.
type RejectedRecord struct {
	Index int // in the records given to Append
	Size  int // encoded, in bytes
	Limit int // the largest size taken, 0 if unknown
	Err   error
}

// Error says how many records of how many are not acknowledged, and why.
func (e *AppendError) Error() string {
	err := e.Err
	if err == nil && len(e.Rejected) > 0 {
		err = e.Rejected[0].Err
	}
	return fmt.Sprintf("append %d records: %d not acknowledged: %v", e.Total, e.Unacknowledged, err)
}

// Unwrap returns the reasons.
func (e *AppendError) Unwrap() []error {
	var errs []error
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	for _, r := range e.Rejected {
		errs = append(errs, r.Err)
	}
	return errs
}

// Append writes records and returns when the brokers have them all (acks=all): nil means that each is on the log. The
// records may be reused then. Records of one partition are written in their order. It tries until ctx ends; an error is an
// *AppendError.
func (w *Writer) Append(ctx context.Context, records []producers.Record) error {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed = AppendError{Total: len(records)}
	)
	for _, g := range group(records) {
		wg.Go(func() {
			unacknowledged, rejected, err := w.appendTo(ctx, w.partition(g.key), records, g.indexes)
			mu.Lock()
			defer mu.Unlock()
			failed.Unacknowledged += unacknowledged
			failed.Rejected = append(failed.Rejected, rejected...)
			if failed.Err == nil {
				failed.Err = err
			}
		})
	}
	wg.Wait()
	if failed.Unacknowledged > 0 {
		return &failed
	}
	return nil
}

// recordGroup is the records of one partition.
type recordGroup struct {
	key     partitionKey
	indexes []int32
}

// group gives the indexes of the records of each partition, in their order.
func group(records []producers.Record) []*recordGroup {
	var (
		groups []*recordGroup
		topics = map[string]map[int32]*recordGroup{}
		topic  map[int32]*recordGroup // of the previous record
	)
	for i := range records {
		r := &records[i]
		if i == 0 || r.Topic != records[i-1].Topic {
			if topic = topics[r.Topic]; topic == nil {
				topic = map[int32]*recordGroup{}
				topics[r.Topic] = topic
			}
		}
		g := topic[r.Partition]
		if g == nil {
			g = &recordGroup{key: partitionKey{r.Topic, r.Partition}}
			topic[r.Partition] = g
			groups = append(groups, g)
		}
		g.indexes = append(g.indexes, int32(i))
	}
	return groups
}

func (w *Writer) partition(key partitionKey) *partition {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.partitions[key]
	if p == nil {
		p = &partition{partitionKey: key, turn: make(chan struct{}, 1), maxBytes: w.cfg.MaxBatchBytes}
		w.partitions[key] = p
	}
	return p
}
