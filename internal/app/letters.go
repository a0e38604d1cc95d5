package app

import (
	"context"
	"errors"

	"tidemark/consumers/deadletter"
	"tidemark/producers"
	producerkafka "tidemark/producers/kafka"
)

// letterLog lets a deadletter.Writer write through the producers' Kafka writer.
type letterLog struct{ writer *producerkafka.Writer }

var _ deadletter.Log = letterLog{}

// Partitions implements deadletter.Log.
func (l letterLog) Partitions(ctx context.Context, topic string) (int, error) {
	return l.writer.Partitions(ctx, topic)
}

// TopicLimit implements deadletter.Log. The writer itself refuses records above its default size.
func (l letterLog) TopicLimit(ctx context.Context, topic string) int {
	return min(l.writer.TopicLimit(ctx, topic), producerkafka.DefaultMaxRecordBytes)
}

// Append implements deadletter.Log.
func (l letterLog) Append(ctx context.Context, letters []deadletter.Record) error {
	records := make([]producers.Record, len(letters))
	for i, r := range letters {
		records[i] = producers.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
	}
	err := l.writer.Append(ctx, records)
	var failed *producerkafka.AppendError
	if !errors.As(err, &failed) || failed.Err != nil || len(failed.Rejected) == 0 {
		return err
	}
	large := &deadletter.TooLargeError{Err: err}
	for _, r := range failed.Rejected {
		large.Refused = append(large.Refused, r.Index)
	}
	return large
}
