package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/ingest"
	"tidemark/producers"
	producerkafka "tidemark/producers/kafka"
	usagev1 "tidemark/schemas/usage/v1"
)

const (
	// deadLetterBytes is the max.message.bytes of the dead-letter topic: it lets a dead letter wrap a record of the largest
	// size that brokers accept by default (1 MiB). What is larger, since its sender compressed it, is cut.
	deadLetterBytes = 2 << 20
	// defaultLetterLimit is the brokers' default of max.message.bytes, for when they do not tell.
	defaultLetterLimit = 1 << 20
	// minLetterLimit is the least that a dead-letter topic must take.
	minLetterLimit = 4 << 10
	// letterLimitAge is how long what a broker told is taken to be true.
	letterLimitAge = time.Minute
	// letterPortion is how much is encoded at a time: the letters of a block are larger together.
	letterPortion = 4 << 20
	// letterFrame is what a batch and its only record take beside the letter and its key.
	letterFrame = 128
)

// letterLog is what a deadLetterWriter writes to.
type letterLog interface {
	producers.Log
	// TopicLimit is the largest batch that a topic takes, in bytes, 0 if it is not known.
	TopicLimit(ctx context.Context, topic string) int
}

// deadLetterWriter puts dead letters on their topic, keyed by coordinates, each cut to what the topic takes. It is safe for
// concurrent use.
type deadLetterWriter struct {
	log   letterLog
	topic string

	mu    sync.Mutex
	limit int // of a batch, 0 before it was asked for
	asked time.Time
}

var _ ingest.DeadLetters = (*deadLetterWriter)(nil)

// Write is part of ingest.DeadLetters.
func (d *deadLetterWriter) Write(ctx context.Context, letters []*usagev1.DeadLetter) error {
	partitions, err := d.log.Partitions(ctx, d.topic)
	if err != nil {
		return err
	}
	for len(letters) > 0 {
		n, size := 0, 0
		for ; n < len(letters) && (n == 0 || size < letterPortion); n++ {
			size += len(letters[n].GetKey()) + len(letters[n].GetValue())
		}
		if err := d.write(ctx, letters[:n], partitions); err != nil {
			return err
		}
		letters = letters[n:]
	}
	return nil
}

// write writes a portion. What the topic refuses as too large it cuts further: the limit may have been lowered, or nobody
// may ask for it.
func (d *deadLetterWriter) write(ctx context.Context, letters []*usagev1.DeadLetter, partitions int) error {
	limit := d.currentLimit(ctx)
	for {
		records := make([]producers.Record, 0, len(letters))
		for _, letter := range letters {
			key := letter.GetTopic() + "/" + strconv.Itoa(int(letter.GetEpoch())) + "/" + strconv.Itoa(int(letter.GetPartition())) + "/" + strconv.FormatInt(letter.GetOffset(), 10)
			value, err := proto.Marshal(fitLetter(letter, limit-letterFrame-len(key)))
			if err != nil {
				return fmt.Errorf("encode the dead letter of %s: %w", key, err)
			}
			records = append(records, producers.Record{Topic: d.topic, Partition: int32((int64(letter.GetPartition()) + letter.GetOffset()) % int64(partitions)), Key: []byte(key), Value: value})
		}
		err := d.log.Append(ctx, records)
		var failed *producerkafka.AppendError
		if !errors.As(err, &failed) || failed.Err != nil || len(failed.Rejected) == 0 || limit/2 < minLetterLimit {
			return err
		}
		limit /= 2
		d.learn(limit)
		refused := make([]*usagev1.DeadLetter, 0, len(failed.Rejected))
		for _, r := range failed.Rejected {
			refused = append(refused, letters[r.Index])
		}
		letters = refused
	}
}

// currentLimit is what a batch of the topic may take, in bytes.
func (d *deadLetterWriter) currentLimit(ctx context.Context) int {
	d.mu.Lock()
	limit, fresh := d.limit, d.limit > 0 && time.Since(d.asked) < letterLimitAge
	d.mu.Unlock()
	if fresh {
		return limit
	}
	told := d.log.TopicLimit(ctx, d.topic)
	switch {
	case told > 0:
		limit = max(min(told, producerkafka.DefaultMaxRecordBytes), minLetterLimit)
	case limit == 0:
		limit = defaultLetterLimit
	}
	d.learn(limit)
	return limit
}

func (d *deadLetterWriter) learn(limit int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit, d.asked = limit, time.Now()
}

// fitLetter returns a letter of at most that many bytes: the one given, or a copy of which the value is cut, then the key,
// then the cause in words. The letter says how long value and key were.
func fitLetter(letter *usagev1.DeadLetter, most int) *usagev1.DeadLetter {
	excess := proto.Size(letter) - most
	if excess <= 0 {
		return letter
	}
	short, ok := proto.Clone(letter).(*usagev1.DeadLetter)
	if !ok {
		return letter // It cannot be: a clone has the type of its original.
	}
	if short.GetValueLength() == 0 {
		short.ValueLength = uint64(len(short.GetValue()))
	}
	if short.GetKeyLength() == 0 {
		short.KeyLength = uint64(len(short.GetKey()))
	}
	const slack = 16 // The lengths may just have become part of it.
	excess += slack
	cut := min(excess, len(short.GetValue()))
	short.Value = short.GetValue()[:len(short.GetValue())-cut]
	excess -= cut
	cut = min(excess, len(short.GetKey()))
	short.Key = short.GetKey()[:len(short.GetKey())-cut]
	if excess -= cut; excess > 0 {
		short.Detail = ingest.CutText(short.GetDetail(), max(len(short.GetDetail())-excess, 0))
	}
	return short
}
