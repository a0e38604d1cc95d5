package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tidemark/internal/kafka"
	"tidemark/internal/kafka/batch"
	"tidemark/internal/kafka/wire"
	"tidemark/producers"
)

const (
	keyProduce            = 0
	versionProduce        = 8
	keyInitProducerID     = 22
	versionInitProducerID = 1
	acksAll               = -1
	// maxSessions bounds the sessions that send tries for one batch when brokers refuse its sequence number.
	maxSessions = 4
)

// slot is the memory of one batch.
type slot struct {
	encoder  batch.Encoder
	headers  []batch.Header
	frame    []byte
	exchange *kafka.Exchange
	bytes    int   // Of the batch, as the brokers store it.
	base     int64 // The offset of the first record once the batch is written, -1 if the broker does not tell it.
}

// session identifies the producer of one partition to a broker. Every partition has a producer id of its own: a new epoch
// of one partition would otherwise end the epochs of the others on brokers that keep one epoch per id.
type session struct {
	id    int64
	epoch int16 // A new epoch begins with sequence number 0.
	next  int32 // The sequence number of the next record.
	ok    bool  // False while the session has no id.
}

// nextEpoch begins a new epoch: the broker refuses a batch of the old one that arrives after a batch of the new one.
func (s *session) nextEpoch() {
	if s.epoch == math.MaxInt16 {
		*s = session{}
		return
	}
	s.epoch, s.next = s.epoch+1, 0
}

// advance counts n written records. Sequence numbers wrap at 2^31.
func (s *session) advance(n int) { s.next = int32((int64(s.next) + int64(n)) & math.MaxInt32) }

// appendTo writes the records of one partition, batch after batch.
func (w *Writer) appendTo(ctx context.Context, p *partition, records []producers.Record, indexes []int32) (unacknowledged int, rejected []RejectedRecord, err error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return len(indexes), nil, context.Cause(ctx)
	}
	for len(indexes) > 0 {
		n, refused, err := w.appendBatch(ctx, p, records, indexes)
		rejected = append(rejected, refused...)
		if err != nil {
			return len(indexes) + len(rejected), rejected, err
		}
		indexes = indexes[n:]
	}
	return len(rejected), rejected, nil
}

// appendBatch writes a first batch of indexes and returns how many it covers: written, or rejected.
func (w *Writer) appendBatch(ctx context.Context, p *partition, records []producers.Record, indexes []int32) (int, []RejectedRecord, error) {
	var s *slot
	select {
	case s = <-w.slots:
	case <-ctx.Done():
		return 0, nil, context.Cause(ctx)
	}
	defer func() { w.slots <- s }()
	for {
		n, oversize := s.fill(records, indexes, p.maxBytes, w.cfg.MaxRecordBytes)
		if n == 0 {
			return 1, []RejectedRecord{rejection(indexes[0], oversize, w.cfg.MaxRecordBytes)}, nil
		}
		err := w.send(ctx, p, s)
		switch {
		case err == nil:
			if w.cfg.Hooks.Acknowledged != nil {
				w.cfg.Hooks.Acknowledged(p.topic, p.id, s.base, indexes[:n])
			}
			if w.cfg.Hooks.Batch != nil {
				w.cfg.Hooks.Batch(n, s.bytes)
			}
			return n, nil, nil
		case !errors.Is(err, errTooLarge):
			return 0, nil, err
		case n == 1:
			return 1, []RejectedRecord{rejection(indexes[0], s.encoder.Size(), w.TopicLimit(ctx, p.topic))}, nil
		}
		// The next batches are not filled further than this one's parts, either.
		p.maxBytes = max(s.encoder.Size()/2, 1)
	}
}

func rejection(index int32, size, limit int) RejectedRecord {
	r := RejectedRecord{Index: int(index), Size: size, Limit: limit}
	if limit > 0 {
		r.Err = fmt.Errorf("record %d of %d bytes is larger than the %d bytes that the topic takes", index, size, limit)
	} else {
		r.Err = fmt.Errorf("record %d of %d bytes is larger than the topic takes", index, size)
	}
	return r
}

// fill encodes as many records as fit, at least one, and returns how many. It returns 0 and the size of the first record
// if that is above maxRecord.
func (s *slot) fill(records []producers.Record, indexes []int32, maxBytes, maxRecord int) (n, oversize int) {
	s.encoder.Reset()
	for _, i := range indexes {
		r := &records[i]
		s.headers = s.headers[:0]
		for _, h := range r.Headers {
			s.headers = append(s.headers, batch.Header{Key: h.Key, Value: h.Value})
		}
		size := batch.RecordSize(r.Key, r.Value, s.headers)
		if size > maxRecord {
			return n, size
		}
		if n > 0 && (s.encoder.Size()+size > maxBytes || n == maxBatchRecords) {
			break
		}
		s.encoder.Add(r.Key, r.Value, s.headers)
		n++
	}
	return n, 0
}

var errTooLarge = errors.New("batch is too large for the topic")

// send writes the batch in s and advances the session of p. It sends the same bytes until a broker answers for them, or
// ctx ends.
func (w *Writer) send(ctx context.Context, p *partition, s *slot) error {
	var (
		backoff   = kafka.Backoff{Min: w.cfg.RetryMin, Max: w.cfg.RetryMax}
		grace     kafka.Grace
		notBefore time.Time
		sessions  = 1
		open      bool // A send may have written the batch without our knowing.
		frozen    bool
	)
	s.base = noOffset
	for {
		err := w.ensureSession(ctx, p)
		if err == nil {
			if !frozen {
				s.buildRequest(w, p)
				frozen = true
			}
			var sent bool
			sent, err = w.sendOnce(ctx, p, s, notBefore)
			open = open || sent
		}
		switch classify(err) {
		case written:
			p.session.advance(s.encoder.Count())
			return nil
		case tooLarge:
			return errTooLarge
		case staleSession:
			// The broker does not have the batch under this session: it would have answered so. Send it under a new one.
			if sessions++; sessions > maxSessions {
				return fmt.Errorf("partition %s/%d: %w after %d new sessions", p.topic, p.id, err, maxSessions-1)
			}
			p.session, frozen, open = session{}, false, false
		case unclear:
			// A broker that counted the batch and then failed to store it would take the same bytes for a copy. A second
			// copy does no harm, and a batch that is missing does.
			p.session, frozen = session{}, false
		case refused:
			if open {
				p.session.nextEpoch()
			}
			return fmt.Errorf("partition %s/%d: %w", p.topic, p.id, err)
		}
		if grace.Expired(kafka.IsUnknownTopic(err) || errors.Is(err, errNoPartition)) {
			p.session.nextEpoch()
			if kafka.IsUnknownTopic(err) {
				return kafka.UnknownTopic(p.topic)
			}
			return err
		}
		notBefore = time.Now()
		if ended := w.waitToRetry(ctx, p, &backoff, err); ended != nil {
			if open {
				p.session.nextEpoch()
			}
			return fmt.Errorf("partition %s/%d: %w (last: %w)", p.topic, p.id, ended, err)
		}
	}
}

// waitToRetry waits before a batch is sent again. Its error is why it must not be.
func (w *Writer) waitToRetry(ctx context.Context, p *partition, backoff *kafka.Backoff, reason error) error {
	if w.cfg.Hooks.Retry != nil {
		w.cfg.Hooks.Retry(p.topic, p.id, reason)
	}
	if err := backoff.Wait(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// ensureSession gives p a session if it has none.
func (w *Writer) ensureSession(ctx context.Context, p *partition) error {
	if p.session.ok {
		return nil
	}
	id, err := w.initProducerID(ctx)
	if err == nil {
		p.session = session{id: id, ok: true}
	}
	return err
}

func (w *Writer) initProducerID(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.RequestTimeout)
	defer cancel()
	b := w.cluster.AppendHeader(nil, keyInitProducerID, versionInitProducerID, false)
	b = wire.AppendNullString(b, false) // No transactional id.
	b = wire.AppendInt32(b, math.MaxInt32)
	kafka.FinishFrame(b, 0)
	e := &kafka.Exchange{Broker: kafka.AnyBroker, Key: keyInitProducerID, Version: versionInitProducerID, Request: b}
	if err := w.cluster.Do(ctx, e); err != nil {
		return 0, fmt.Errorf("ask for a producer id: %w", err)
	}
	r := wire.NewReader(e.Response)
	r.Int32()
	code, id := r.Int16(), r.Int64()
	switch {
	case r.Err() != nil:
		return 0, fmt.Errorf("read the producer id: %w", r.Err())
	case code != 0:
		// Code 14 right after a broker started: the caller tries again. Without an id the write would not be idempotent.
		return 0, fmt.Errorf("ask for a producer id: %w", kafkago.Error(code))
	case id < 0:
		return 0, fmt.Errorf("ask for a producer id: the broker answered %d", id)
	}
	return id, nil
}

// buildRequest makes the request of the batch. Its bytes do not change any more.
func (s *slot) buildRequest(w *Writer, p *partition) {
	if s.exchange != nil && !s.exchange.Done() {
		s.frame = nil // A connection may still be writing the old one.
	}
	b := w.cluster.AppendHeader(s.frame[:0], keyProduce, versionProduce, false)
	b = wire.AppendNullString(b, false)
	b = wire.AppendInt16(b, acksAll)
	b = wire.AppendInt32(b, int32(w.cfg.RequestTimeout*3/4/time.Millisecond)) // The broker gives up before we do.
	b = wire.AppendArrayLen(b, 1, false)
	b = wire.AppendString(b, p.topic, false)
	b = wire.AppendArrayLen(b, 1, false)
	b = wire.AppendInt32(b, p.id)
	at := len(b)
	b = wire.AppendInt32(b, 0)
	b = s.encoder.AppendBatch(b, w.compressor, time.Now().UnixMilli(),
		batch.Producer{ID: p.session.id, Epoch: p.session.epoch, Sequence: p.session.next})
	s.bytes = len(b) - at - 4
	binary.BigEndian.PutUint32(b[at:], uint32(s.bytes))
	kafka.FinishFrame(b, 0)
	s.frame = b
	s.exchange = nil
}

// sendOnce sends the built request once. sent means that a broker may have received it.
func (w *Writer) sendOnce(ctx context.Context, p *partition, s *slot, notBefore time.Time) (sent bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.RequestTimeout)
	defer cancel()
	t, err := w.cluster.Topic(ctx, p.topic, notBefore)
	if err == nil && int(p.id) >= len(t.Partitions) {
		t, err = w.cluster.Topic(ctx, p.topic, time.Now()) // The partition may be new.
	}
	if err != nil {
		return false, err
	}
	if p.id < 0 || int(p.id) >= len(t.Partitions) {
		return false, fmt.Errorf("%w: topic %s has %d partitions", errNoPartition, p.topic, len(t.Partitions))
	}
	leader := t.Partitions[p.id].Leader
	if leader < 0 {
		return false, kafkago.LeaderNotAvailable
	}
	if s.exchange == nil || !s.exchange.Done() {
		s.exchange = &kafka.Exchange{Key: keyProduce, Version: versionProduce, Request: s.frame}
	}
	s.exchange.Broker = leader
	if err := w.cluster.Do(ctx, s.exchange); err != nil {
		return true, err
	}
	s.base, err = parseProduce(s.exchange.Response)
	return true, err
}

var errNoPartition = errors.New("no such partition")

// noOffset is the offset of a batch of which the broker says that it is written, not where.
const noOffset = -1

// parseProduce returns the offset of the first record of the batch, noOffset if the answer has none.
func parseProduce(answer []byte) (int64, error) {
	r := wire.NewReader(answer)
	if n := r.ArrayLen(false); n != 1 && r.Err() == nil {
		return noOffset, fmt.Errorf("produce: the broker answered for %d topics, not 1", n)
	}
	_ = r.String(false)
	if n := r.ArrayLen(false); n != 1 && r.Err() == nil {
		return noOffset, fmt.Errorf("produce: the broker answered for %d partitions, not 1", n)
	}
	r.Int32()
	code := r.Int16()
	if err := r.Err(); err != nil {
		return noOffset, fmt.Errorf("read the answer to produce: %w", err)
	}
	if code != 0 {
		return noOffset, kafkago.Error(code)
	}
	if base := r.Int64(); r.Err() == nil && base >= 0 {
		return base, nil
	}
	return noOffset, nil
}

type outcome int

const (
	again   outcome = iota // Written or not: send the same bytes.
	written                // Acknowledged.
	tooLarge
	unclear      // Written or not, and the broker may not know: send it under a new session.
	staleSession // Not written: the broker does not know this session, or expects another number.
	refused      // Not written by this send, and never will be.
)

// classify returns the outcome of one send.
func classify(err error) outcome {
	var code kafkago.Error
	switch {
	case err == nil:
		return written
	case !errors.As(err, &code):
		if kafka.Temporary(err) {
			return again
		}
		return refused
	}
	switch code {
	case kafkago.DuplicateSequenceNumber:
		return written // An earlier send did it; the broker no longer knows the offset.
	case kafkago.Unknown:
		return unclear
	case kafkago.MessageSizeTooLarge, kafkago.RecordListTooLarge:
		return tooLarge
	case kafkago.OutOfOrderSequenceNumber, kafkago.UnknownProducerId, kafkago.InvalidProducerEpoch, kafkago.InvalidProducerIDMapping:
		return staleSession
	}
	if kafka.Temporary(err) {
		return again
	}
	return refused
}

// TopicLimit returns the largest batch that a topic takes (max.message.bytes), in bytes, 0 if the broker does not answer.
func (w *Writer) TopicLimit(ctx context.Context, topic string) int {
	res, err := w.cluster.Client(w.cfg.RequestTimeout).DescribeConfigs(ctx, &kafkago.DescribeConfigsRequest{
		Resources: []kafkago.DescribeConfigRequestResource{{
			ResourceType: kafkago.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"max.message.bytes"},
		}},
	})
	if err != nil {
		return 0 // Callers do without.
	}
	for _, r := range res.Resources {
		for _, c := range r.ConfigEntries {
			var n int
			if _, err := fmt.Sscan(c.ConfigValue, &n); err == nil && c.ConfigName == "max.message.bytes" {
				return n
			}
		}
	}
	return 0
}
