package producers_test

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"tidemark/producers"
)

// memoryLog keeps what it is given. before, if set, is called first and can refuse the whole call.
type memoryLog struct {
	partitions int
	before     func(ctx context.Context, call int) error

	mu      sync.Mutex
	calls   int
	records []producers.Record
}

func (l *memoryLog) Partitions(_ context.Context, topic string) (int, error) {
	if l.partitions == 0 {
		return 0, fmt.Errorf("topic %s is not there", topic)
	}
	return l.partitions, nil
}

func (l *memoryLog) Append(ctx context.Context, records []producers.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.before != nil {
		if err := l.before(ctx, l.calls); err != nil {
			return err
		}
	}
	for _, r := range records {
		r.Value = slices.Clone(r.Value) // It is the caller's again.
		r.Headers = slices.Clone(r.Headers)
		l.records = append(l.records, r)
	}
	return nil
}
