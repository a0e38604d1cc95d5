package deadletter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/ingest"
	usagev1 "tidemark/schemas/usage/v1"
)

// TopicBytes is the max.message.bytes that the dead-letter topic is created with, in bytes: a dead letter then holds a whole
// record of the largest size that brokers accept by default (1 MiB). A Writer cuts larger records, which compression let in.
const TopicBytes = 2 << 20

const (
	// defaultLimit is the brokers' default of max.message.bytes. A Writer uses it when the brokers do not answer.
	defaultLimit = 1 << 20
	// minLimit is the smallest batch that a dead-letter topic must accept, in bytes.
	minLimit = 4 << 10
	// limitAge is how long a Writer uses a limit before it asks the brokers again.
	limitAge = time.Minute
	// portionBytes is how much a Writer encodes at a time: all letters of a block together can be larger.
	portionBytes = 4 << 20
	// frameBytes is what a batch and its only record add to the letter and its key, in bytes.
	frameBytes = 128
)

// Record is one dead letter on its way to the topic.
type Record struct {
	Topic      string // full name
	Partition  int32
	Key, Value []byte
}

// Log is the log that a Writer writes to. It must be safe for concurrent use.
type Log interface {
	// Partitions returns the number of partitions of a topic.
	Partitions(ctx context.Context, topic string) (int, error)
	// TopicLimit returns the largest batch that a topic accepts, in bytes, 0 if that is unknown.
	TopicLimit(ctx context.Context, topic string) int
	// Append returns nil when the log holds all records durably. A *TooLargeError means that it holds all but those that
	// the error names. After any other error it may hold some of them.
	Append(ctx context.Context, records []Record) error
}

// TooLargeError is returned by Log.Append when the topic refused records for their size.
type TooLargeError struct {
	Refused []int // indexes of the records given to Append
	Err     error
}

// Error returns the text of the cause.
func (e *TooLargeError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *TooLargeError) Unwrap() error { return e.Err }

// Writer writes dead letters to their topic. The key of a letter is the Coordinate of its record, and the letter is cut to
// the size that the topic accepts. A Writer is safe for concurrent use.
type Writer struct {
	log   Log
	topic string

	mu    sync.Mutex
	limit int // of a batch, 0 until the brokers were asked
	asked time.Time
}

var _ ingest.DeadLetters = (*Writer)(nil)

// NewWriter returns a Writer to a topic, given by its full name.
func NewWriter(log Log, topic string) *Writer { return &Writer{log: log, topic: topic} }

// Write implements ingest.DeadLetters.
func (w *Writer) Write(ctx context.Context, letters []*usagev1.DeadLetter) error {
	partitions, err := w.log.Partitions(ctx, w.topic)
	if err != nil {
		return err
	}
	for len(letters) > 0 {
		n, size := 0, 0
		for ; n < len(letters) && (n == 0 || size < portionBytes); n++ {
			size += len(letters[n].GetKey()) + len(letters[n].GetValue())
		}
		if err := w.write(ctx, letters[:n], partitions); err != nil {
			return err
		}
		letters = letters[n:]
	}
	return nil
}

// write writes one portion. It halves the limit and writes again what the topic refuses as too large: somebody may have
// lowered the limit, or the brokers may not have stated it.
func (w *Writer) write(ctx context.Context, letters []*usagev1.DeadLetter, partitions int) error {
	limit := w.currentLimit(ctx)
	for {
		records := make([]Record, 0, len(letters))
		for _, letter := range letters {
			key := CoordinateOf(letter).String()
			value, err := proto.Marshal(fit(letter, limit-frameBytes-len(key)))
			if err != nil {
				return fmt.Errorf("encode the dead letter of %s: %w", key, err)
			}
			partition := int32((int64(letter.GetPartition()) + letter.GetOffset()) % int64(partitions))
			records = append(records, Record{Topic: w.topic, Partition: partition, Key: []byte(key), Value: value})
		}
		err := w.log.Append(ctx, records)
		var large *TooLargeError
		if !errors.As(err, &large) || limit/2 < minLimit {
			return err
		}
		limit /= 2
		w.remember(limit)
		refused := make([]*usagev1.DeadLetter, 0, len(large.Refused))
		for _, i := range large.Refused {
			refused = append(refused, letters[i])
		}
		letters = refused
	}
}

// currentLimit returns the largest batch that the topic accepts, in bytes.
func (w *Writer) currentLimit(ctx context.Context) int {
	w.mu.Lock()
	limit, fresh := w.limit, w.limit > 0 && time.Since(w.asked) < limitAge
	w.mu.Unlock()
	if fresh {
		return limit
	}
	stated := w.log.TopicLimit(ctx, w.topic)
	switch {
	case stated > 0:
		limit = max(stated, minLimit)
	case limit == 0:
		limit = defaultLimit
	}
	w.remember(limit)
	return limit
}

func (w *Writer) remember(limit int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit, w.asked = limit, time.Now()
}

// fit returns a letter of at most so many bytes: the given one, or a copy. In the copy it cuts the record's value first, then
// the key, then the detail. The letter keeps the original lengths of value and key.
func fit(letter *usagev1.DeadLetter, most int) *usagev1.DeadLetter {
	excess := proto.Size(letter) - most
	if excess <= 0 {
		return letter
	}
	short, ok := proto.Clone(letter).(*usagev1.DeadLetter)
	if !ok {
		return letter // This cannot happen: a clone has the type of its original.
	}
	if short.GetValueLength() == 0 {
		short.ValueLength = uint64(len(short.GetValue()))
	}
	if short.GetKeyLength() == 0 {
		short.KeyLength = uint64(len(short.GetKey()))
	}
	const slack = 16 // Setting the two lengths may have made the letter longer.
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
