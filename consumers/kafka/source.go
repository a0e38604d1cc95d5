package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tidemark/consumers/ingest"
	"tidemark/consumers/limit"
	"tidemark/internal/kafka"
	"tidemark/internal/kafka/batch"
	"tidemark/schemas"
)

// Defaults of SourceOptions.
const (
	DefaultMaxBatchBytes  = 256 << 20
	DefaultMaxRecordBytes = 4 << 20
)

const (
	// maxFetchBytes is how far MaxBytes grows for a batch that is larger.
	maxFetchBytes = 128 << 20
	// wholeBatchBytes bounds a batch that is decompressed at once; a larger one is read as a stream.
	wholeBatchBytes = 8 << 20
	// A Fetch ends behind the batch that reaches one of these, or inside it if it is a stream: a small answer can hold
	// many records.
	softArenaBytes = 512 << 10
	softRecords    = 8 << 10
	maxRuns        = 1024
)

// SourceOptions are the settings of a Source. The zero value has the defaults.
type SourceOptions struct {
	// TopicID is the incarnation of the topic to read; Fetch returns ErrRecreated for another one. Zero reads any.
	TopicID schemas.TopicID
	// MaxWait is how long the broker waits for records when it has none. For tests. Default 500 ms.
	MaxWait time.Duration
	// MaxBytes is how many bytes a request asks for, compressed. Source reads a larger batch all the same. For tests.
	// Default 512 KiB.
	MaxBytes int
	// MaxBatchBytes bounds a decompressed batch; the rest of a larger one is Unreadable. It bounds time: the memory that
	// a batch takes does not depend on its size. For tests. Default DefaultMaxBatchBytes.
	MaxBatchBytes int
	// MaxRecordBytes bounds key and value of a record together; a larger record is Unreadable. For tests. Default
	// DefaultMaxRecordBytes.
	MaxRecordBytes int
}

// withDefaults returns the options with defaults for what is 0.
func (o SourceOptions) withDefaults() (SourceOptions, error) {
	o.MaxWait = cmp.Or(o.MaxWait, 500*time.Millisecond)
	o.MaxBytes = cmp.Or(o.MaxBytes, 512<<10)
	o.MaxBatchBytes = cmp.Or(o.MaxBatchBytes, DefaultMaxBatchBytes)
	o.MaxRecordBytes = cmp.Or(o.MaxRecordBytes, DefaultMaxRecordBytes)
	return o, errors.Join(limit.NotNegative("MaxBatchBytes", o.MaxBatchBytes), limit.NotNegative("MaxBytes", o.MaxBytes),
		limit.NotNegative("MaxRecordBytes", o.MaxRecordBytes), limit.NotNegative("MaxWait", o.MaxWait))
}

// Source reads one partition. It is not safe for concurrent use.
type Source struct {
	client    *Client
	topic     string
	partition int32
	opts      SourceOptions
	invalid   error                                                            // The error of the options.
	send      func(ctx context.Context, from int64, notBefore time.Time) error // This is request, except in tests.

	version  int16 // Of the fetch request, 0 before the first.
	maxBytes int
	exchange *kafka.Exchange
	answer   answer

	decompressor *batch.Decompressor
	stream       *openBatch // The batch that is being read piece by piece, or nil.
	arena        []byte
	records      []ingest.Record
	damage       damage
	run          string // Of the record before.
	runs         map[string]string
}

var _ ingest.Source = (*Source)(nil)

// answer is the answer of a broker about the partition, and how far it is decoded.
type answer struct {
	code                            kafkago.Error
	highWatermark, stable, logStart int64
	aborted                         []abortedTransaction // By first offset.
	active                          map[int64]struct{}   // Producers with an aborted transaction at this offset.
	batches                         []byte               // Not decoded yet.
	next                            int64                // The first offset that is not decoded.
	asked                           time.Time            // When the request was sent.
}

// Source returns a reader of a partition. It needs no Close. Options that are not valid are an error of each Fetch.
func (c *Client) Source(topic string, partition int32, opts SourceOptions) *Source {
	opts, invalid := opts.withDefaults()
	s := &Source{
		client:       c,
		topic:        topic,
		partition:    partition,
		opts:         opts,
		invalid:      invalid,
		maxBytes:     opts.MaxBytes,
		decompressor: batch.NewDecompressor(min(wholeBatchBytes, opts.MaxBatchBytes)),
		runs:         map[string]string{},
	}
	s.send = s.request
	return s
}

// Fetch is part of ingest.Source: it returns the committed records from an offset on. Records of aborted transactions,
// and the markers of transactions, have Control set. While the brokers cannot be reached, or have no leader for the
// partition, it tries again until ctx ends.
func (s *Source) Fetch(ctx context.Context, from int64) (ingest.Fetch, error) {
	if s.invalid != nil {
		return ingest.Fetch{}, fmt.Errorf("options of the source of %s/%d: %w", s.topic, s.partition, s.invalid)
	}
	if s.answer.next == from && (len(s.answer.batches) > 0 || s.stream != nil) {
		f, err := s.decode(from)
		if err != nil || f.Next > from {
			return f, err
		}
	}
	var (
		backoff   = kafka.Backoff{Min: s.client.cfg.RetryMin, Max: s.client.cfg.RetryMax}
		notBefore time.Time
		grace     kafka.Grace
		refusals  int // How often in a row the broker answered that it cannot read the batch.
	)
	for {
		err := s.send(ctx, from, notBefore)
		if err == nil && s.answer.code == kafkago.OffsetOutOfRange {
			if f, err := s.outOfRange(ctx, from); err != nil {
				return f, err
			}
		}
		if err == nil && s.answer.code != 0 {
			err = s.answer.code // Also OffsetOutOfRange: then the ends have moved meanwhile.
		}
		if err == nil {
			f, err := s.decode(from)
			if err != nil || !s.growRequest(f, from) {
				return f, err
			}
			continue
		}
		if refusals++; !errors.Is(err, kafkago.InvalidMessage) {
			refusals = 0
		}
		if f, ok := s.skipCorrupt(ctx, from, refusals); ok {
			return f, nil
		}
		if ctx.Err() != nil {
			return ingest.Fetch{}, fmt.Errorf("fetch %s/%d at %d: %w", s.topic, s.partition, from, context.Cause(ctx))
		}
		if grace.Expired(kafka.IsUnknownTopic(err) || errors.Is(err, ErrRecreated)) {
			return ingest.Fetch{}, s.goneError(ctx, from)
		}
		if !kafka.Temporary(err) && !errors.Is(err, kafkago.OffsetOutOfRange) {
			return ingest.Fetch{}, fmt.Errorf("fetch %s/%d at %d: %w", s.topic, s.partition, from, err)
		}
		if s.client.cfg.Hooks.Retry != nil {
			s.client.cfg.Hooks.Retry(fmt.Sprintf("fetch %s/%d", s.topic, s.partition), err)
		}
		notBefore = time.Now()
		if ended := backoff.Wait(ctx); ended != nil {
			return ingest.Fetch{}, fmt.Errorf("fetch %s/%d at %d: %w (last: %w)", s.topic, s.partition, from, ended, err)
		}
	}
}

// growRequest reports that the answer holds only the beginning of a batch, and makes the next request ask for more.
func (s *Source) growRequest(f ingest.Fetch, from int64) bool {
	if f.Next > from || len(s.answer.batches) == 0 || s.maxBytes >= maxFetchBytes {
		return false
	}
	s.maxBytes = min(2*s.maxBytes, maxFetchBytes)
	s.answer.batches = nil
	return true
}

// outOfRange returns ErrBelowStart or ErrBeyondEnd for an offset that the broker refused, nil when the offset is in the
// log after all.
func (s *Source) outOfRange(ctx context.Context, from int64) (ingest.Fetch, error) {
	var o schemas.Offsets
	err := s.client.retry(ctx, "offsets", func(ctx context.Context) error {
		var err error
		o, err = s.client.listOffsets(ctx, s.topic, s.partition)
		return err
	}, nil)
	f := ingest.Fetch{Next: from, HighWatermark: o.End, LogStart: o.Start}
	switch {
	case err != nil:
		return ingest.Fetch{}, fmt.Errorf("fetch %s/%d at %d: %w", s.topic, s.partition, from, err)
	case from < o.Start:
		return f, fmt.Errorf("fetch %s/%d at %d, the log starts at %d: %w", s.topic, s.partition, from, o.Start, ingest.ErrBelowStart)
	case from > o.End:
		return f, fmt.Errorf("fetch %s/%d at %d, the log ends at %d: %w", s.topic, s.partition, from, o.End, ingest.ErrBeyondEnd)
	}
	return f, nil
}

// goneError returns the error for a topic that the brokers no longer know: it was deleted, or created again.
func (s *Source) goneError(ctx context.Context, from int64) error {
	t, err := s.client.cluster.Topic(ctx, s.topic, time.Now().Add(-time.Second))
	if err == nil && s.opts.TopicID != (schemas.TopicID{}) && t.ID != s.opts.TopicID {
		return fmt.Errorf("fetch %s/%d at %d: %w: its id is %x, was %x", s.topic, s.partition, from, ErrRecreated, t.ID, s.opts.TopicID)
	}
	return fmt.Errorf("fetch %s/%d at %d: %w", s.topic, s.partition, from, kafka.UnknownTopic(s.topic))
}

// decode turns batches of the answer into records until it has enough.
func (s *Source) decode(from int64) (ingest.Fetch, error) {
	s.records, s.arena = s.records[:0], s.arena[:0]
	if cap(s.arena) > 2*wholeBatchBytes {
		s.arena = nil
	}
	next, read := from, 0
	if s.stream != nil {
		next = s.readStream(from)
		read = len(s.arena)
	}
	data := s.answer.batches
	for s.stream == nil && len(data) > 0 && read < softArenaBytes && len(s.records) < softRecords {
		b, rest, size, err := batch.Next(data)
		if errors.Is(err, batch.ErrTruncated) && (next > from || s.maxBytes < maxFetchBytes) {
			if next > from {
				data = nil // The rest comes with the next request.
			}
			break
		}
		if err != nil && next > from {
			break // Return what precedes it; the next call finds it again.
		}
		switch {
		case err != nil:
			var known bool
			if s.damage.persists(next) {
				next, rest, known = s.skipDamaged(data, &b, rest, next, err)
			}
			if !known {
				s.answer.batches = nil // The next call asks the broker again.
				return ingest.Fetch{}, fmt.Errorf("%w: %s/%d at %d, %d bytes: %w", ErrDamaged, s.topic, s.partition, next, size, err)
			}
		case b.NextOffset() > next:
			next = s.decodeBatch(&b, next)
		}
		read += max(size, len(s.arena)-read)
		data = rest
	}
	s.answer.batches, s.answer.next = data, next
	if next > from {
		s.maxBytes = s.opts.MaxBytes
	}
	end := s.answer.highWatermark
	if s.answer.stable >= 0 {
		end = s.answer.stable
	}
	return ingest.Fetch{Records: s.records, Next: next, HighWatermark: end, LogStart: s.answer.logStart, Asked: s.answer.asked}, nil
}

// decodeBatch adds the records of b from an offset on, or some of them if it is large, and returns the first offset that
// it did not read.
func (s *Source) decodeBatch(b *batch.Batch, from int64) int64 {
	o := &openBatch{batch: *b, aborted: s.answer.abortedAt(b)}
	data, arena, err := s.decompressor.Records(s.arena, b)
	s.arena = arena
	if errors.Is(err, batch.ErrTooLarge) {
		s.stream = o
		return s.readStream(from)
	}
	at := from
	if err == nil {
		w := batch.Walk(b, data)
		w.MaxRecord = s.opts.MaxRecordBytes
		for rec := (batch.Record{}); w.Next(&rec); {
			o.ended = o.ended || b.Control() && isAbort(rec.Key)
			if at = max(at, rec.Offset+1); rec.Offset >= from {
				s.addRecord(o, &rec)
			}
		}
		err = w.Err()
	}
	s.endBatch(o, at, err)
	return b.NextOffset()
}

// intern returns run as a string, without an allocation for the runs it knows. A run longer than MaxRunLabel is cut,
// because anybody may send a long one and intern keeps each.
func (s *Source) intern(run []byte) string {
	if len(run) > ingest.MaxRunLabel {
		run = run[:len(ingest.CutText(string(run[:ingest.MaxRunLabel+1]), ingest.MaxRunLabel))]
	}
	if string(run) == s.run {
		return s.run
	}
	known, ok := s.runs[string(run)]
	if !ok {
		if len(s.runs) >= maxRuns {
			clear(s.runs)
		}
		known = string(run)
		s.runs[known] = known
	}
	s.run = known
	return known
}
