// Package kafka takes records off a Kafka log: membership in a consumer group through kafka-go's ConsumerGroup, record
// batches through a fetch of its own over kafka-go's transport, and the topics' administration.
//
// kafka-go's Reader is not used: it commits under the wrong generation after a rebalance, gives control records out as
// messages, and does not filter aborted transactions. Its Client.Fetch cannot get past a batch without data.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tidemark/consumers/ingest"
	"tidemark/internal/kafka"
)

// ErrUnknownTopic is what errors wrap when a topic is not there. Reading never creates one.
var ErrUnknownTopic = errors.New("unknown topic")

func unknownTopic(topic string) error {
	return fmt.Errorf("%w %s: run `tidemark migrate` to create it", ErrUnknownTopic, topic)
}

// ErrRecreated is what errors wrap when a topic was deleted and created again: its offsets mean other records now.
var ErrRecreated = errors.New("topic was created anew")

// unknownTopicGrace is how long a topic may be unknown: brokers learn of a new one one after the other.
const unknownTopicGrace = 2 * time.Second

// Config says how to reach the log. Only Conn is required.
type Config struct {
	Conn kafka.Config
	// RetryMin and RetryMax bound the wait before a request is sent again. Default 50 ms and 2 s.
	RetryMin, RetryMax time.Duration
	// RequestTimeout bounds one request. Default 10 s.
	RequestTimeout time.Duration
	// OnRetry, if set, is called before a request is sent again, with the reason. It must be safe for concurrent use.
	OnRetry func(what string, reason error)
}

// Client reads a log. It is safe for concurrent use.
type Client struct {
	cfg     Config
	cluster *kafka.Cluster
	// wide is held while a batch is decompressed that takes much memory.
	wide sync.Mutex
}

// NewClient checks cfg and returns a Client. It does not connect: the first request does.
func NewClient(cfg Config) (*Client, error) {
	if cfg.RetryMin < 0 || cfg.RetryMax < 0 || cfg.RequestTimeout < 0 {
		return nil, errors.New("kafka retry and request times: negative")
	}
	if cfg.RequestTimeout == 0 {
		cfg.RequestTimeout = 10 * time.Second
	}
	cluster, err := kafka.Open(cfg.Conn)
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, cluster: cluster}, nil
}

// Close ends the connections. Calls under way fail.
func (c *Client) Close() error { return c.cluster.Close() }

// Topic is one incarnation of a topic.
type Topic struct {
	ID         [16]byte
	Partitions int
}

// Topics asks for topics by their full names. A topic that is not there is an error that wraps ErrUnknownTopic and says
// how to create it.
func (c *Client) Topics(ctx context.Context, names []string) (map[string]Topic, error) {
	var topics map[string]Topic
	since := time.Now()
	err := c.retry(ctx, "topics", func(ctx context.Context) error {
		found, err := c.cluster.Topics(ctx, names)
		if err != nil {
			return err
		}
		topics = make(map[string]Topic, len(found))
		for name, t := range found {
			if len(t.Partitions) == 0 {
				return fmt.Errorf("topic %s: %w", name, kafkago.UnknownTopicOrPartition)
			}
			topics[name] = Topic{ID: t.ID, Partitions: len(t.Partitions)}
		}
		return nil
	}, func(err error) bool { return kafka.IsUnknownTopic(err) && time.Since(since) > unknownTopicGrace })
	if kafka.IsUnknownTopic(err) {
		return nil, c.missing(ctx, names)
	}
	if err != nil {
		return nil, fmt.Errorf("ask for %d topics: %w", len(names), err)
	}
	return topics, nil
}

// Existing asks for topics by their full names and returns those that are there.
func (c *Client) Existing(ctx context.Context, names []string) (map[string]Topic, error) {
	topics := make(map[string]Topic, len(names))
	for _, name := range names {
		err := c.retry(ctx, "topic "+name, func(ctx context.Context) error {
			found, err := c.cluster.Topic(ctx, name, time.Now())
			if err == nil && len(found.Partitions) > 0 {
				topics[name] = Topic{ID: found.ID, Partitions: len(found.Partitions)}
			}
			return err
		}, kafka.IsUnknownTopic)
		if err != nil && !kafka.IsUnknownTopic(err) {
			return nil, fmt.Errorf("ask for topic %s: %w", name, err)
		}
	}
	return topics, nil
}

// missing names the topics that are not there.
func (c *Client) missing(ctx context.Context, names []string) error {
	var errs []error
	for _, name := range names {
		if _, err := c.cluster.Topic(ctx, name, time.Now().Add(-time.Second)); kafka.IsUnknownTopic(err) {
			errs = append(errs, unknownTopic(name))
		}
	}
	if len(errs) == 0 {
		return unknownTopic(names[0])
	}
	return errors.Join(errs...)
}

// Offsets are the ends of a partition: Start is its first offset, End the one that the next record gets.
type Offsets struct{ Start, End int64 }

// Offsets asks for the ends of every partition of a topic.
func (c *Client) Offsets(ctx context.Context, topic string) (map[int32]Offsets, error) {
	topics, err := c.Topics(ctx, []string{topic})
	if err != nil {
		return nil, err
	}
	offsets := make(map[int32]Offsets, topics[topic].Partitions)
	for id := range int32(topics[topic].Partitions) {
		var o Offsets
		err := c.retry(ctx, "offsets", func(ctx context.Context) error {
			var err error
			o, err = c.listOffsets(ctx, topic, id)
			return err
		}, nil)
		if err != nil {
			return nil, fmt.Errorf("offsets of %s/%d: %w", topic, id, err)
		}
		offsets[id] = o
	}
	return offsets, nil
}

// Scan calls fn for every record of a topic, partition by partition, from its first to the end that it has when Scan
// gets there. The record is valid during the call. Control records are left out. An error of fn ends the scan.
func (c *Client) Scan(ctx context.Context, topic string, fn func(partition int32, rec ingest.Record) error) error {
	offsets, err := c.Offsets(ctx, topic)
	if err != nil {
		return err
	}
	for _, partition := range slices.Sorted(maps.Keys(offsets)) {
		if err := c.scanPartition(ctx, topic, partition, offsets[partition], fn); err != nil {
			return fmt.Errorf("scan %s/%d: %w", topic, partition, err)
		}
	}
	return nil
}

func (c *Client) scanPartition(ctx context.Context, topic string, partition int32, o Offsets, fn func(int32, ingest.Record) error) error {
	source := c.Source(topic, partition, SourceOptions{})
	for from := o.Start; from < o.End; {
		f, err := source.Fetch(ctx, from)
		if errors.Is(err, ingest.ErrBelowStart) {
			from = f.LogStart // Retention removed records while we were reading.
			continue
		}
		if errors.Is(err, ErrDamaged) {
			continue // Its Fetch says that a few times at most.
		}
		if err != nil {
			return err
		}
		for _, rec := range f.Records {
			if rec.Offset >= o.End {
				return nil
			}
			if rec.Control {
				continue
			}
			if err := fn(partition, rec); err != nil {
				return err
			}
		}
		if f.Next == from && f.HighWatermark <= from {
			return nil // What is left belongs to an open transaction.
		}
		from = f.Next
	}
	return nil
}

// retry calls fn until it succeeds, fails for good, or ctx ends. give, if not nil, makes a temporary error final.
func (c *Client) retry(ctx context.Context, what string, fn func(context.Context) error, give func(error) bool) error {
	backoff := kafka.Backoff{Min: c.cfg.RetryMin, Max: c.cfg.RetryMax}
	for {
		err := c.once(ctx, fn)
		if err == nil || !kafka.Temporary(err) || give != nil && give(err) {
			return err
		}
		if c.cfg.OnRetry != nil {
			c.cfg.OnRetry(what, err)
		}
		if ended := backoff.Wait(ctx); ended != nil {
			return fmt.Errorf("%w (last: %w)", ended, err)
		}
	}
}

func (c *Client) once(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	return fn(ctx)
}
