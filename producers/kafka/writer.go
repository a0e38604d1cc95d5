// Package kafka appends records to a Kafka log so that each is written once in spite of retries.
//
// kafka-go has no idempotent producer, so this one makes its own record batches, with producer id, epoch and sequence
// numbers, and sends them over kafka-go's transport.
//
// A partition has one batch in flight. A batch keeps its partition and its bytes from the first send on: after an error
// that leaves its outcome unknown, Writer sends the same bytes again, and the broker drops a copy. Two things can still
// put a record on the log twice: a caller that appends records again after Append returned an error, and a broker that
// forgot its producers (it lost its data, or the topic was deleted) between two sends of one batch. Consumers count such
// an event once, by its identity.
package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"tidemark/internal/kafka"
	"tidemark/internal/kafka/batch"
	"tidemark/producers"
)

const (
	// DefaultMaxRecordBytes is the default of Config.MaxRecordBytes.
	DefaultMaxRecordBytes = 16 << 20
	// defaultMaxBatchBytes leaves room below the brokers' default limit of 1,048,588 bytes (message.max.bytes).
	defaultMaxBatchBytes = 900_000
	maxBatchRecords      = 50_000
	partitionsTTL        = 5 * time.Second
)

// Config holds the settings of a Writer. Only Conn is required.
type Config struct {
	Conn kafka.Config
	// Compression is "snappy", "lz4", "zstd" or "none". Default "snappy".
	Compression string
	// MaxBatchBytes bounds the records of a batch, uncompressed; a larger record gets a batch of its own, up to
	// MaxRecordBytes. A Writer finds a broker's lower limit by its refusal. At most 64 MiB. For tests. Default 900,000.
	MaxBatchBytes int
	// MaxRecordBytes bounds one record, encoded; Append rejects a larger one. At most 64 MiB. For tests. Default
	// DefaultMaxRecordBytes.
	MaxRecordBytes int
	// InFlight bounds the batches that exist at a time, over all calls of Append. With MaxBatchBytes it bounds memory:
	// each has its records once plain and once compressed. For tests. Default 8.
	InFlight int
	// RetryMin and RetryMax bound the wait before a batch is sent again. For tests. Default 50 ms and 2 s.
	RetryMin, RetryMax time.Duration
	// RequestTimeout bounds one send. For tests. Default 10 s.
	RequestTimeout time.Duration
	Hooks          Hooks
}

// Hooks tell what a Writer does. A nil function is not called. The functions must be safe for concurrent use.
type Hooks struct {
	// Retry is called before a batch is sent again, with the reason.
	Retry func(topic string, partition int32, reason error)
	// Acknowledged is called when the brokers have a batch: with the offset of its first record, -1 if the broker does
	// not tell it, and the indexes of its records, in the order of their offsets, in the records given to Append. The
	// indexes may be read during the call only.
	Acknowledged func(topic string, partition int32, base int64, indexes []int32)
	// Batch is called when the brokers have a batch: with the number of its records and its bytes, compressed, as the
	// brokers store them.
	Batch func(records, bytes int)
}

// withDefaults returns the settings with defaults for what is 0.
func (c Config) withDefaults() (Config, error) {
	c.Compression = cmp.Or(c.Compression, batch.Snappy.String())
	c.MaxBatchBytes = cmp.Or(c.MaxBatchBytes, defaultMaxBatchBytes)
	c.MaxRecordBytes = cmp.Or(c.MaxRecordBytes, DefaultMaxRecordBytes)
	c.InFlight = cmp.Or(c.InFlight, 8)
	c.RequestTimeout = cmp.Or(c.RequestTimeout, 10*time.Second)
	var errs []error
	for _, field := range []struct {
		name        string
		value, most int64
	}{
		{"MaxBatchBytes", int64(c.MaxBatchBytes), 64 << 20}, {"MaxRecordBytes", int64(c.MaxRecordBytes), 64 << 20},
		{"InFlight", int64(c.InFlight), math.MaxInt64}, {"RetryMin", int64(c.RetryMin), math.MaxInt64},
		{"RetryMax", int64(c.RetryMax), math.MaxInt64}, {"RequestTimeout", int64(c.RequestTimeout), math.MaxInt64},
	} {
		switch {
		case field.value < 0:
			errs = append(errs, fmt.Errorf("%s must not be negative", field.name))
		case field.value > field.most:
			errs = append(errs, fmt.Errorf("%s is %d, at most %d is possible", field.name, field.value, field.most))
		}
	}
	return c, errors.Join(errs...)
}

// Writer appends records. It is safe for concurrent use.
type Writer struct {
	cfg        Config
	cluster    *kafka.Cluster
	compressor *batch.Compressor
	slots      chan *slot // The free slots.

	mu         sync.Mutex
	partitions map[partitionKey]*partition
}

var _ producers.Log = (*Writer)(nil)

type partitionKey struct {
	topic string
	id    int32
}

// partition is a partition that was written to. The caller that holds turn owns its fields.
type partition struct {
	partitionKey
	turn     chan struct{} // Holds the one token of the sender.
	session  session
	maxBytes int // Of a batch: MaxBatchBytes, or less after the broker refused a batch.
}

// NewWriter checks cfg and returns a Writer. It does not connect: the first Append does.
func NewWriter(cfg Config) (*Writer, error) {
	cfg, err := cfg.withDefaults()
	errs := []error{err, cfg.Conn.Validate()}
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

// Close ends the connections. An Append that is running fails.
func (w *Writer) Close() error { return w.cluster.Close() }

// Partitions returns the number of partitions of a topic, at most 5 s old. A topic that is not there is an error that
// wraps kafka.ErrUnknownTopic and tells how to create it.
func (w *Writer) Partitions(ctx context.Context, topic string) (int, error) {
	backoff := kafka.Backoff{Min: w.cfg.RetryMin, Max: w.cfg.RetryMax}
	notBefore := time.Now().Add(-partitionsTTL)
	var grace kafka.Grace
	for {
		t, err := w.cluster.Topic(ctx, topic, notBefore)
		switch {
		case err == nil && len(t.Partitions) > 0:
			return len(t.Partitions), nil
		case err == nil:
			err = fmt.Errorf("topic %s has no partitions yet", topic)
		case grace.Expired(kafka.IsUnknownTopic(err)):
			return 0, kafka.UnknownTopic(topic)
		case !kafka.Temporary(err):
			return 0, fmt.Errorf("partitions of topic %s: %w", topic, err)
		}
		notBefore = time.Now()
		if ended := backoff.Wait(ctx); ended != nil {
			return 0, fmt.Errorf("partitions of topic %s: %w (last: %w)", topic, ended, err)
		}
	}
}

// AppendError is the error of an Append that did not write all records.
type AppendError struct {
	// Total is the number of records given, Unacknowledged how many of them no broker has acknowledged. Those that were
	// being sent when the context ended may be on the log all the same.
	Total, Unacknowledged int
	// Rejected are the records that the log does not take as they are; they are counted in Unacknowledged.
	Rejected []RejectedRecord
	// Err is the first reason other than Rejected, nil if there is none.
	Err error
}

// RejectedRecord is a record that was refused for its size, and would be refused again.
type RejectedRecord struct {
	Index int // In the records given to Append.
	Size  int // Encoded, in bytes.
	Limit int // The largest size that the topic takes, 0 if unknown.
	Err   error
}

// Error returns the numbers of records and the first reason.
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
	for _, g := range byPartition(records) {
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

// partitionRecords are the records of one partition.
type partitionRecords struct {
	key     partitionKey
	indexes []int32
}

// byPartition returns the indexes of the records of each partition, in their order.
func byPartition(records []producers.Record) []*partitionRecords {
	var (
		groups []*partitionRecords
		topics = map[string]map[int32]*partitionRecords{}
		topic  map[int32]*partitionRecords // Of the previous record.
	)
	for i := range records {
		r := &records[i]
		if i == 0 || r.Topic != records[i-1].Topic {
			if topic = topics[r.Topic]; topic == nil {
				topic = map[int32]*partitionRecords{}
				topics[r.Topic] = topic
			}
		}
		g := topic[r.Partition]
		if g == nil {
			g = &partitionRecords{key: partitionKey{r.Topic, r.Partition}}
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
