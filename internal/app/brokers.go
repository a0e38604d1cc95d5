package app

import (
	"context"
	"errors"
	"fmt"

	"tidemark/consumers/audit"
	"tidemark/consumers/health"
	"tidemark/consumers/ingest"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/internal/kafka"
	"tidemark/schemas"
)

// auditLog shows an audit the brokers' view of the namespace's topics. It is for one audit.
type auditLog struct {
	client    *consumerkafka.Client
	namespace string
	source    *consumerkafka.Source // the one that was read last
	name      string                // of its topic
	partition int32
}

var (
	_ audit.Log     = (*auditLog)(nil)
	_ audit.Records = (*auditLog)(nil)
)

// Fetch implements audit.Records.
func (l *auditLog) Fetch(ctx context.Context, topic string, partition int32, from int64) (ingest.Fetch, error) {
	name := schemas.TopicName(l.namespace, topic)
	if l.source == nil || name != l.name || partition != l.partition {
		l.source, l.name, l.partition = l.client.Source(name, partition, consumerkafka.SourceOptions{}), name, partition
	}
	return l.source.Fetch(ctx, from)
}

// Topic implements audit.Log.
func (l *auditLog) Topic(ctx context.Context, topic string) (audit.Topic, error) {
	name := schemas.TopicName(l.namespace, topic)
	topics, err := l.client.Topics(ctx, []string{name})
	if errors.Is(err, kafka.ErrUnknownTopic) {
		return audit.Topic{}, nil
	}
	if err != nil {
		return audit.Topic{}, err
	}
	offsets, err := l.client.Offsets(ctx, name)
	if err != nil {
		return audit.Topic{}, fmt.Errorf("list the partitions: %w", err)
	}
	return audit.Topic{ID: topics[name].ID, Partitions: offsets}, nil
}

// healthLog shows a health.Reporter the brokers' view of the namespace's topics.
type healthLog struct{ log *auditLog }

var _ health.Log = healthLog{}

// Topic implements health.Log.
func (l healthLog) Topic(ctx context.Context, topic string) (health.Topic, error) {
	listed, err := l.log.Topic(ctx, topic)
	return health.Topic(listed), err
}
