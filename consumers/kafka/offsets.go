package kafka

import (
	"context"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tidemark/internal/kafka"
	"tidemark/internal/kafka/wire"
	"tidemark/schemas"
)

const (
	keyListOffsets     = 2
	versionListOffsets = 4
	latest             = -1 // The timestamps that stand for the ends.
	earliest           = -2
	noReplica          = -1
	unknownEpoch       = -1
)

// leader is the node to ask for a partition.
func (c *Client) leader(ctx context.Context, topic string, partition int32, notBefore time.Time) (int32, schemas.TopicID, error) {
	t, err := c.cluster.Topic(ctx, topic, notBefore)
	if err != nil {
		return 0, schemas.TopicID{}, err
	}
	if partition < 0 || int(partition) >= len(t.Partitions) {
		return 0, t.ID, fmt.Errorf("partition %d of %d: %w", partition, len(t.Partitions), kafkago.UnknownTopicOrPartition)
	}
	if l := t.Partitions[partition].Leader; l >= 0 {
		return l, t.ID, nil
	}
	return 0, t.ID, kafkago.LeaderNotAvailable
}

// listOffsets asks the leader of a partition for both its ends.
func (c *Client) listOffsets(ctx context.Context, topic string, partition int32) (schemas.Offsets, error) {
	node, _, err := c.leader(ctx, topic, partition, time.Now().Add(-time.Second))
	if err != nil {
		return schemas.Offsets{}, err
	}
	start, err := c.listOffset(ctx, node, topic, partition, earliest)
	if err != nil {
		return schemas.Offsets{}, err
	}
	end, err := c.listOffset(ctx, node, topic, partition, latest)
	return schemas.Offsets{Start: start, End: end}, err
}

func (c *Client) listOffset(ctx context.Context, node int32, topic string, partition int32, timestamp int64) (int64, error) {
	b := c.cluster.AppendHeader(nil, keyListOffsets, versionListOffsets, false)
	b = wire.AppendInt32(b, noReplica)
	b = wire.AppendInt8(b, 0) // Read uncommitted: the end of the log, not of what is committed.
	b = wire.AppendArrayLen(b, 1, false)
	b = wire.AppendString(b, topic, false)
	b = wire.AppendArrayLen(b, 1, false)
	b = wire.AppendInt32(b, partition)
	b = wire.AppendInt32(b, unknownEpoch)
	b = wire.AppendInt64(b, timestamp)
	kafka.FinishFrame(b, 0)
	e := &kafka.Exchange{Broker: node, Key: keyListOffsets, Version: versionListOffsets, Request: b}
	if err := c.cluster.Do(ctx, e); err != nil {
		return 0, fmt.Errorf("list offsets: %w", err)
	}
	r := wire.NewReader(e.Response)
	r.Int32() // throttle time
	if n := r.ArrayLen(false); n != 1 && r.Err() == nil {
		return 0, fmt.Errorf("list offsets: the broker answered for %d topics, not 1", n)
	}
	_ = r.String(false)
	if n := r.ArrayLen(false); n != 1 && r.Err() == nil {
		return 0, fmt.Errorf("list offsets: the broker answered for %d partitions, not 1", n)
	}
	r.Int32()
	code := r.Int16()
	r.Int64() // timestamp
	offset := r.Int64()
	if err := r.Err(); err != nil {
		return 0, fmt.Errorf("read the listed offsets: %w", err)
	}
	if code != 0 {
		return 0, kafkago.Error(code)
	}
	return offset, nil
}
