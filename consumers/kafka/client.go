// Package kafka reads records from a Kafka log. kafka-go's ConsumerGroup does the membership in a consumer group; the
// package fetches record batches and administers topics with requests of its own over kafka-go's transport.
//
// kafka-go's Reader is not used: it commits under the wrong generation after a rebalance, returns control records as
// messages, and does not filter aborted transactions. Its Client.Fetch cannot get past a batch without data.
package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tidemark/consumers/ingest"
	"tidemark/consumers/limit"
	"tidemark/internal/kafka"
	"tidemark/schemas"
)

// ErrRecreated is what errors wrap when a topic was deleted and created again: its offsets mean other records now.
var ErrRecreated = errors.New("topic was deleted and created again")

// Config holds the settings of a Client. Only Conn is required.
type Config struct {
	Conn kafka.Config
	// RetryMin and RetryMax bound the wait before a request is sent again. For tests. Default 50 ms and 2 s.
	RetryMin, RetryMax time.Duration
	// RequestTimeout bounds one request. For tests. Default 10 s.
	RequestTimeout time.Duration
	Hooks          Hooks
}

// Hooks tell what a Client does. A nil function is not called. The functions must be safe for concurrent use.
type Hooks struct {
	// Retry is called before a request is sent again, with the reason.
	Retry func(request string, reason error)
}

// withDefaults returns the settings with defaults for what is 0.
func (c Config) withDefaults() (Config, error) {
	c.RequestTimeout = cmp.Or(c.RequestTimeout, 10*time.Second)
	return c, errors.Join(limit.NotNegative("RequestTimeout", c.RequestTimeout), limit.NotNegative("RetryMax", c.RetryMax),
		limit.NotNegative("RetryMin", c.RetryMin))
}

// Client reads a log. It is safe for concurrent use.
type Client struct {
	cfg     Config
	cluster *kafka.Cluster
	// wide is held while a batch that takes much memory is decompressed.
	wide sync.Mutex
}

// NewClient checks cfg and returns a Client. It does not connect: the first request does.
func NewClient(cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	cluster, err := kafka.Open(cfg.Conn)
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, cluster: cluster}, nil
}

// Close ends the connections. Calls that are running fail.
func (c *Client) Close() error { return c.cluster.Close() }

// Topic is one incarnation of a topic.
type Topic struct {
	ID         schemas.TopicID
	Partitions int
}

// Topics asks for topics by their full names. A topic that is not there is an error that wraps kafka.ErrUnknownTopic and
// tells how to create it.
func (c *Client) Topics(ctx context.Context, names []string) (map[string]Topic, error) {
	var topics map[string]Topic
	var grace kafka.Grace
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
	}, func(err error) bool { return grace.Expired(kafka.IsUnknownTopic(err)) })
	if kafka.IsUnknownTopic(err) {
		return nil, c.unknownTopics(ctx, names)
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

// unknownTopics returns an error that names the topics that are not there.
func (c *Client) unknownTopics(ctx context.Context, names []string) error {
	var errs []error
	for _, name := range names {
		if _, err := c.cluster.Topic(ctx, name, time.Now().Add(-time.Second)); kafka.IsUnknownTopic(err) {
			errs = append(errs, kafka.UnknownTopic(name))
		}
	}
	if len(errs) == 0 {
		return kafka.UnknownTopic(names[0])
	}
	return errors.Join(errs...)
}

// Offsets asks for the ends of every partition of a topic.
func (c *Client) Offsets(ctx context.Context, topic string) (map[int32]schemas.Offsets, error) {
	topics, err := c.Topics(ctx, []string{topic})
	if err != nil {
		return nil, err
	}
	offsets := make(map[int32]schemas.Offsets, topics[topic].Partitions)
	for id := range int32(topics[topic].Partitions) {
		var o schemas.Offsets
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

// Scan calls fn for every record of a topic, partition by partition. It ends each partition where the partition ended when
// Scan began. The record is valid during the call. Control records are left out. An error of fn ends the scan.
func (c *Client) Scan(ctx context.Context, topic string, fn func(partition int32, rec ingest.Record) error) error {
	return c.scan(ctx, topic, math.MaxInt64, fn)
}

// ScanLast is Scan of the last n offsets of a topic, of which each partition has its share.
func (c *Client) ScanLast(ctx context.Context, topic string, n int64, fn func(partition int32, rec ingest.Record) error) error {
	return c.scan(ctx, topic, n, fn)
}

func (c *Client) scan(ctx context.Context, topic string, last int64, fn func(partition int32, rec ingest.Record) error) error {
	offsets, err := c.Offsets(ctx, topic)
	if err != nil {
		return err
	}
	for _, partition := range slices.Sorted(maps.Keys(offsets)) {
		o := offsets[partition]
		o.Start = max(o.Start, o.End-last/int64(len(offsets)))
		if err := c.scanPartition(ctx, topic, partition, o, fn); err != nil {
			return fmt.Errorf("scan %s/%d: %w", topic, partition, err)
		}
	}
	return nil
}

func (c *Client) scanPartition(ctx context.Context, topic string, partition int32, o schemas.Offsets, fn func(int32, ingest.Record) error) error {
	source := c.Source(topic, partition, SourceOptions{})
	for from := o.Start; from < o.End; {
		f, err := source.Fetch(ctx, from)
		if errors.Is(err, ingest.ErrBelowStart) {
			from = f.LogStart // Retention removed records while we were reading.
			continue
		}
		if errors.Is(err, ErrDamaged) {
			continue // Fetch returns this a few times at most.
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

// retry calls fn until it succeeds, fails for good, or ctx ends. final, if not nil, reports that a temporary error ends
// the tries.
func (c *Client) retry(ctx context.Context, request string, fn func(context.Context) error, final func(error) bool) error {
	backoff := kafka.Backoff{Min: c.cfg.RetryMin, Max: c.cfg.RetryMax}
	for {
		err := c.once(ctx, fn)
		if err == nil || !kafka.Temporary(err) || final != nil && final(err) {
			return err
		}
		if c.cfg.Hooks.Retry != nil {
			c.cfg.Hooks.Retry(request, err)
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
