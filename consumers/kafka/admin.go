package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tidemark/internal/kafka"
	"tidemark/internal/kafka/wire"
)

const (
	keyCreateTopics     = 19
	versionCreateTopics = 4
	keyDeleteTopics     = 20
	versionDeleteTopics = 3
	adminTimeout        = 15 * time.Second
)

// TopicSpec describes a topic to create.
type TopicSpec struct {
	Name        string // The full name.
	Partitions  int
	Replication int               // Replicas; 0 or less leaves the number to the brokers.
	Config      map[string]string // Of the topic, for example "retention.ms".
}

// TopicReport is the result of CreateTopics for one topic.
type TopicReport struct {
	Name    string
	Created bool
	// Partitions is the number of partitions that the topic has, Wanted the number that the TopicSpec asks for. They
	// differ only for a topic that was there before: CreateTopics does not add partitions, since another number moves
	// events to other partitions.
	Partitions, Wanted int
}

// CreateTopics creates the topics that are not there and waits until all are ready. It may be called again at any time.
// The reports are in the order of specs.
func (c *Client) CreateTopics(ctx context.Context, specs []TopicSpec) ([]TopicReport, error) {
	reports := make([]TopicReport, len(specs))
	for i, spec := range specs {
		reports[i] = TopicReport{Name: spec.Name, Wanted: spec.Partitions}
		err := c.retry(ctx, "create topic "+spec.Name, func(ctx context.Context) error {
			err := c.createTopic(ctx, spec)
			if errors.Is(err, kafkago.TopicAlreadyExists) {
				return nil
			}
			reports[i].Created = reports[i].Created || err == nil
			return err
		}, nil)
		if err != nil {
			return reports[:i], fmt.Errorf("create topic %s with %d partitions: %w", spec.Name, spec.Partitions, err)
		}
	}
	for i, spec := range specs {
		if err := c.waitForTopic(ctx, spec.Name, &reports[i]); err != nil {
			return reports[:i], fmt.Errorf("wait for topic %s: %w", spec.Name, err)
		}
	}
	return reports, nil
}

// waitForTopic waits until the brokers list the topic with a leader for each partition.
func (c *Client) waitForTopic(ctx context.Context, name string, report *TopicReport) error {
	return c.retry(ctx, "wait for topic "+name, func(ctx context.Context) error {
		t, err := c.cluster.Topic(ctx, name, time.Now())
		if err != nil {
			return err
		}
		for _, p := range t.Partitions {
			if p.Leader < 0 {
				return kafkago.LeaderNotAvailable
			}
		}
		if len(t.Partitions) == 0 || report.Created && len(t.Partitions) != report.Wanted {
			return kafkago.UnknownTopicOrPartition
		}
		report.Partitions = len(t.Partitions)
		return nil
	}, nil)
}

func (c *Client) createTopic(ctx context.Context, spec TopicSpec) error {
	replication := int16(spec.Replication)
	if spec.Replication <= 0 {
		replication = -1
	}
	b := c.cluster.AppendHeader(nil, keyCreateTopics, versionCreateTopics, false)
	b = wire.AppendArrayLen(b, 1, false)
	b = wire.AppendString(b, spec.Name, false)
	b = wire.AppendInt32(b, int32(spec.Partitions))
	b = wire.AppendInt16(b, replication)
	b = wire.AppendArrayLen(b, 0, false) // assignments
	b = wire.AppendArrayLen(b, len(spec.Config), false)
	for _, key := range slices.Sorted(maps.Keys(spec.Config)) {
		b = wire.AppendString(b, key, false)
		b = wire.AppendString(b, spec.Config[key], false)
	}
	b = wire.AppendInt32(b, int32(adminTimeout/time.Millisecond))
	b = wire.AppendBool(b, false) // Do not only validate.
	return c.admin(ctx, keyCreateTopics, versionCreateTopics, b, func(r *wire.Reader) (kafkago.Error, string) {
		_ = r.String(false)
		return kafkago.Error(r.Int16()), r.String(false)
	})
}

// DeleteTopics deletes topics with all their records, and waits until the brokers no longer list them. A topic that is
// not there is no error.
func (c *Client) DeleteTopics(ctx context.Context, names []string) error {
	for _, name := range names {
		b := c.cluster.AppendHeader(nil, keyDeleteTopics, versionDeleteTopics, false)
		b = wire.AppendArrayLen(b, 1, false)
		b = wire.AppendString(b, name, false)
		b = wire.AppendInt32(b, int32(adminTimeout/time.Millisecond))
		err := c.retry(ctx, "delete topic "+name, func(ctx context.Context) error {
			return c.admin(ctx, keyDeleteTopics, versionDeleteTopics, b, func(r *wire.Reader) (kafkago.Error, string) {
				_ = r.String(false)
				return kafkago.Error(r.Int16()), ""
			})
		}, kafka.IsUnknownTopic)
		if err != nil && !kafka.IsUnknownTopic(err) {
			return fmt.Errorf("delete topic %s: %w", name, err)
		}
		err = c.retry(ctx, "wait for the end of topic "+name, func(ctx context.Context) error {
			_, err := c.cluster.Topic(ctx, name, time.Now())
			if kafka.IsUnknownTopic(err) {
				return nil
			}
			if err == nil {
				err = errStillThere
			}
			return err
		}, nil)
		if err != nil {
			return fmt.Errorf("wait for the end of topic %s: %w", name, err)
		}
	}
	return nil
}

var errStillThere = errors.New("the topic is still listed")

// admin sends a request about one topic to the controller; parse reads the part of the answer about the topic.
func (c *Client) admin(ctx context.Context, key, version int16, request []byte, parse func(*wire.Reader) (kafkago.Error, string)) error {
	request = slices.Clone(request) // A connection of an earlier try may still be writing it.
	kafka.FinishFrame(request, 0)
	e := &kafka.Exchange{Broker: kafka.Controller, Key: key, Version: version, Request: request}
	if err := c.cluster.Do(ctx, e); err != nil {
		return err
	}
	r := wire.NewReader(e.Response)
	r.Int32() // throttle time
	if n := r.ArrayLen(false); n != 1 && r.Err() == nil {
		return fmt.Errorf("the controller answered for %d topics, not 1", n)
	}
	code, message := parse(&r)
	switch {
	case r.Err() != nil:
		return fmt.Errorf("read the controller's answer: %w", r.Err())
	case code != 0 && message != "":
		return fmt.Errorf("%w: %s", code, message)
	case code != 0:
		return code
	}
	return nil
}
