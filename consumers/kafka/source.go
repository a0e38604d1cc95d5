package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tidemark/consumers/ingest"
	"tidemark/internal/kafka"
	"tidemark/internal/kafka/batch"
)

// RunHeader is the record header that names the run of an event.
const RunHeader = "tidemark-run"

// Defaults of SourceOptions.
const (
	DefaultMaxWait        = 500 * time.Millisecond
	DefaultMaxBytes       = 512 << 10
	DefaultMaxBatchBytes  = 256 << 20
	DefaultMaxRecordBytes = 4 << 20
)

const (
	// maxFetchBytes is how far MaxBytes grows for a batch that does not fit in.
	maxFetchBytes = 128 << 20
	// wholeBatchBytes bounds what of a batch is decompressed at once; a larger one is read as a stream.
	wholeBatchBytes = 8 << 20
	// A Fetch ends behind the batch that reaches one of these, or inside it if it is a stream: a small answer can hold
	// many records.
	softArenaBytes = 4 << 20
	softRecords    = 64 << 10
	maxRuns        = 1024
)

// SourceOptions says how a partition is read. The zero value has the defaults.
type SourceOptions struct {
	// TopicID is the incarnation of the topic to read; another one gives ErrRecreated. Zero reads whichever is there.
	TopicID [16]byte
	// MaxWait is how long the broker waits for records when it has none.
	MaxWait time.Duration
	// MaxBytes is how much is asked for at a time, compressed. A batch that is larger is read all the same.
	MaxBytes int
	// MaxBatchBytes bounds a batch when decompressed; what lies behind that is Unreadable. It bounds time: the memory
	// that a batch takes does not depend on its size.
	MaxBatchBytes int
	// MaxRecordBytes bounds key and value of a record together; a larger one is Unreadable.
	MaxRecordBytes int
}

// Source reads one partition. It is not safe for concurrent use.
type Source struct {
	client    *Client
	topic     string
	partition int32
	opts      SourceOptions
	ask       func(ctx context.Context, from int64, notBefore time.Time) error // request, but in tests

	version  int16 // of the fetch request, 0 before the first
	maxBytes int
	exchange *kafka.Exchange
	answer   answer

	decompressor *batch.Decompressor
	stream       *opened // the batch that is being read piece by piece, or nil
	arena        []byte
	records      []ingest.Record
	damage       damage
	run          string // the last one
	runs         map[string]string
}

var _ ingest.Source = (*Source)(nil)

// answer is what a broker said of the partition, and what of it was not decoded yet.
type answer struct {
	code                            kafkago.Error
	highWatermark, stable, logStart int64
	aborted                         []abortedTransaction // by first offset
	active                          map[int64]struct{}   // producers with an aborted transaction at this place
	batches                         []byte
	next                            int64     // first offset that is not decoded
	asked                           time.Time // when it was asked
}

// Source returns a reader of a partition. It holds nothing that must be closed.
func (c *Client) Source(topic string, partition int32, opts SourceOptions) *Source {
	if opts.MaxWait <= 0 {
		opts.MaxWait = DefaultMaxWait
	}
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = DefaultMaxBytes
	}
	if opts.MaxBatchBytes <= 0 {
		opts.MaxBatchBytes = DefaultMaxBatchBytes
	}
	if opts.MaxRecordBytes <= 0 {
		opts.MaxRecordBytes = DefaultMaxRecordBytes
	}
	s := &Source{
		client:       c,
		topic:        topic,
		partition:    partition,
		opts:         opts,
		maxBytes:     opts.MaxBytes,
		decompressor: batch.NewDecompressor(min(wholeBatchBytes, opts.MaxBatchBytes)),
		runs:         map[string]string{},
	}
	s.ask = s.request
	return s
}

// Fetch is part of ingest.Source: it returns the committed records from an offset on. Records of aborted transactions,
// and the markers of transactions, have Control set. While the brokers cannot be reached, or have no leader for the
// partition, it goes on trying until ctx ends.
func (s *Source) Fetch(ctx context.Context, from int64) (ingest.Fetch, error) {
	if s.answer.next == from && (len(s.answer.batches) > 0 || s.stream != nil) {
		f, err := s.decode(from)
		if err != nil || f.Next > from {
			return f, err
		}
	}
	var (
		backoff   = kafka.Backoff{Min: s.client.cfg.RetryMin, Max: s.client.cfg.RetryMax}
		notBefore time.Time
		missing   time.Time // since when the topic is unknown
		refusals  int       // times in a row that the broker said that it cannot read what is there
	)
	for {
		err := s.ask(ctx, from, notBefore)
		if err == nil && s.answer.code == kafkago.OffsetOutOfRange {
			if f, err := s.outOfRange(ctx, from); err != nil {
				return f, err
			}
		}
		if err == nil && s.answer.code != 0 {
			err = s.answer.code // Out of range, too: the ends moved meanwhile.
		}
		if err == nil {
			f, err := s.decode(from)
			if err != nil || !s.grow(f, from) {
				return f, err
			}
			continue
		}
		if refusals++; !errors.Is(err, kafkago.InvalidMessage) {
			refusals = 0
		}
		if f, ok := s.passOver(ctx, from, refusals); ok {
			return f, nil
		}
		if ctx.Err() != nil {
			return ingest.Fetch{}, fmt.Errorf("fetch %s/%d at %d: %w", s.topic, s.partition, from, context.Cause(ctx))
		}
		switch gone := kafka.IsUnknownTopic(err) || errors.Is(err, ErrRecreated); {
		case gone && missing.IsZero():
			missing = time.Now()
		case gone && time.Since(missing) > unknownTopicGrace:
			return ingest.Fetch{}, s.goneError(ctx, from)
		case !gone:
			missing = time.Time{}
		}
		if !kafka.Temporary(err) && !errors.Is(err, kafkago.OffsetOutOfRange) {
			return ingest.Fetch{}, fmt.Errorf("fetch %s/%d at %d: %w", s.topic, s.partition, from, err)
		}
		if s.client.cfg.OnRetry != nil {
			s.client.cfg.OnRetry(fmt.Sprintf("fetch %s/%d", s.topic, s.partition), err)
		}
		notBefore = time.Now()
		if ended := backoff.Wait(ctx); ended != nil {
			return ingest.Fetch{}, fmt.Errorf("fetch %s/%d at %d: %w (last: %w)", s.topic, s.partition, from, ended, err)
		}
	}
}

// grow reports that the answer holds the beginning of a batch only, and sees to it that the next request gets more.
func (s *Source) grow(f ingest.Fetch, from int64) bool {
	if f.Next > from || len(s.answer.batches) == 0 || s.maxBytes >= maxFetchBytes {
		return false
	}
	s.maxBytes = min(2*s.maxBytes, maxFetchBytes)
	s.answer.batches = nil
	return true
}

// outOfRange says on which side of the log an offset lies that the broker refused; no error says that it is inside after
// all.
func (s *Source) outOfRange(ctx context.Context, from int64) (ingest.Fetch, error) {
	var o Offsets
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

// goneError says what became of a topic that the brokers do not know any more.
func (s *Source) goneError(ctx context.Context, from int64) error {
	t, err := s.client.cluster.Topic(ctx, s.topic, time.Now().Add(-time.Second))
	if err == nil && s.opts.TopicID != ([16]byte{}) && t.ID != s.opts.TopicID {
		return fmt.Errorf("fetch %s/%d at %d: %w: its id is %x, was %x", s.topic, s.partition, from, ErrRecreated, t.ID, s.opts.TopicID)
	}
	return fmt.Errorf("fetch %s/%d at %d: %w", s.topic, s.partition, from, unknownTopic(s.topic))
}

// decode turns batches of the answer into records until it has enough.
func (s *Source) decode(from int64) (ingest.Fetch, error) {
	s.records, s.arena = s.records[:0], s.arena[:0]
	if cap(s.arena) > 2*wholeBatchBytes {
		s.arena = nil
	}
	next, read := from, 0
	if s.stream != nil {
		next = s.drain(from)
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
			break // Give out what precedes it; the next call finds it again.
		}
		switch {
		case err != nil:
			var known bool
			lasting := s.damage.lasting(next)
			if lasting {
				next, rest, known = s.refuse(data, &b, rest, next, err)
			}
			if !known {
				s.answer.batches = nil // Ask again when called again.
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

// decodeBatch gives out the records of b from an offset on, or some of them if it is large, and returns the first one that
// it did not look at.
func (s *Source) decodeBatch(b *batch.Batch, from int64) int64 {
	o := &opened{batch: *b, aborted: s.answer.abortedAt(b)}
	data, arena, err := s.decompressor.Records(s.arena, b)
	s.arena = arena
	if errors.Is(err, batch.ErrTooLarge) {
		s.stream = o
		return s.drain(from)
	}
	at := from
	if err == nil {
		w := batch.Walk(b, data)
		w.MaxRecord = s.opts.MaxRecordBytes
		for rec := (batch.Record{}); w.Next(&rec); {
			o.ended = o.ended || b.Control() && isAbort(rec.Key)
			if at = max(at, rec.Offset+1); rec.Offset >= from {
				s.give(o, &rec)
			}
		}
		err = w.Err()
	}
	s.close(o, at, err)
	return b.NextOffset()
}

// intern returns run as a string, without an allocation for the ones it knows. A longer one is cut: labels come from
// outside, and each of them is kept.
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
