package kafka

import (
	"context"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
)

// Committed asks for the offsets that the group has committed in a topic; partitions without one are left out.
func (c *Client) Committed(ctx context.Context, group, topic string) (map[int32]int64, error) {
	topics, err := c.Topics(ctx, []string{topic})
	if err != nil {
		return nil, err
	}
	partitions := make([]int, topics[topic].Partitions)
	for i := range partitions {
		partitions[i] = i
	}
	client := c.cluster.Client(c.cfg.RequestTimeout)
	committed := make(map[int32]int64, len(partitions))
	err = c.retry(ctx, "committed offsets", func(ctx context.Context) error {
		clear(committed)
		res, err := client.OffsetFetch(ctx, &kafkago.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: partitions}})
		if err != nil {
			return err
		}
		if res.Error != nil {
			return res.Error
		}
		for _, p := range res.Topics[topic] {
			if p.Error != nil {
				return p.Error
			}
			if p.CommittedOffset >= 0 {
				committed[int32(p.Partition)] = p.CommittedOffset
			}
		}
		return nil
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("committed offsets of group %s in %s: %w", group, topic, err)
	}
	return committed, nil
}
