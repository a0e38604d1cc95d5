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
	keyFetch = 1
	// versionFetchID names topics by id, so that another incarnation of a topic is never read by mistake;
	// versionFetchName is for brokers before Kafka 3.1.
	versionFetchID   = 13
	versionFetchName = 11
	readCommitted    = 1
)

// abortedTransaction is a transaction whose records, from the offset first to the next abort marker of the producer, do
// not count.
type abortedTransaction struct{ producer, first int64 }

// request asks the partition's leader for records and keeps its answer in s.answer.
func (s *Source) request(ctx context.Context, from int64, notBefore time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, s.client.cfg.RequestTimeout+s.opts.MaxWait)
	defer cancel()
	s.answer.batches, s.stream = nil, nil
	node, id, err := s.client.leader(ctx, s.topic, s.partition, notBefore)
	if err != nil {
		return err
	}
	if s.opts.TopicID != (schemas.TopicID{}) && id != s.opts.TopicID {
		return ErrRecreated
	}
	if s.version == 0 {
		newest, err := s.client.cluster.MaxVersion(ctx, keyFetch)
		if err != nil {
			return err
		}
		s.version = versionFetchName
		if newest >= versionFetchID && id != (schemas.TopicID{}) {
			s.version = versionFetchID
		}
	}
	// A connection may still be using the buffers of the old exchange, and a buffer for one large batch is not kept.
	if s.exchange == nil || !s.exchange.Done() || cap(s.exchange.Response) > 4*s.opts.MaxBytes {
		s.exchange = &kafka.Exchange{}
	}
	e := s.exchange
	e.Broker, e.Key, e.Version = node, keyFetch, s.version
	e.Request = s.appendFetch(e.Request[:0], from, id)
	asked := time.Now()
	if err := s.client.cluster.Do(ctx, e); err != nil {
		return err
	}
	a, err := parseFetch(e.Response, s.version, s.answer.active)
	if err != nil {
		return fmt.Errorf("read the answer to fetch: %w", err)
	}
	s.answer = a
	s.answer.asked = asked
	return nil
}

func (s *Source) appendFetch(b []byte, from int64, id schemas.TopicID) []byte {
	flexible := s.version >= 12
	b = s.client.cluster.AppendHeader(b, keyFetch, s.version, flexible)
	b = wire.AppendInt32(b, noReplica)
	b = wire.AppendInt32(b, int32(s.opts.MaxWait/time.Millisecond))
	b = wire.AppendInt32(b, 1) // Minimum bytes.
	b = wire.AppendInt32(b, int32(s.maxBytes))
	b = wire.AppendInt8(b, readCommitted)
	b = wire.AppendInt32(b, 0)  // No fetch session:
	b = wire.AppendInt32(b, -1) // the request is complete.
	b = wire.AppendArrayLen(b, 1, flexible)
	if s.version >= versionFetchID {
		b = append(b, id[:]...)
	} else {
		b = wire.AppendString(b, s.topic, flexible)
	}
	b = wire.AppendArrayLen(b, 1, flexible)
	b = wire.AppendInt32(b, s.partition)
	b = wire.AppendInt32(b, unknownEpoch)
	b = wire.AppendInt64(b, from)
	if flexible {
		b = wire.AppendInt32(b, unknownEpoch) // Of the last record fetched.
	}
	b = wire.AppendInt64(b, -1) // The log start of a replica.
	b = wire.AppendInt32(b, int32(s.maxBytes))
	b = wire.AppendTags(b, flexible)
	b = wire.AppendTags(b, flexible)
	b = wire.AppendArrayLen(b, 0, flexible) // Topics to forget.
	b = wire.AppendString(b, "", flexible)  // Rack.
	b = wire.AppendTags(b, flexible)
	kafka.FinishFrame(b, 0)
	return b
}

// parseFetch reads the answer for one partition. active is reused.
func parseFetch(response []byte, version int16, active map[int64]struct{}) (answer, error) {
	flexible := version >= 12
	r := wire.NewReader(response)
	r.Tags(flexible)
	r.Int32() // throttle time
	a := answer{highWatermark: -1, stable: -1, logStart: -1}
	if code := r.Int16(); code != 0 {
		a.code = kafkago.Error(code)
		return a, r.Err()
	}
	r.Int32() // session
	if n := r.ArrayLen(flexible); n != 1 && r.Err() == nil {
		return a, fmt.Errorf("%w: %d topics, not 1", wire.ErrMalformed, n)
	}
	if version >= versionFetchID {
		r.Next(len(schemas.TopicID{}))
	} else {
		_ = r.String(flexible)
	}
	if n := r.ArrayLen(flexible); n != 1 && r.Err() == nil {
		return a, fmt.Errorf("%w: %d partitions, not 1", wire.ErrMalformed, n)
	}
	r.Int32() // partition
	a.code = kafkago.Error(r.Int16())
	a.highWatermark, a.stable, a.logStart = r.Int64(), r.Int64(), r.Int64()
	for n := r.ArrayLen(flexible); n > 0; n-- {
		a.aborted = append(a.aborted, abortedTransaction{producer: r.Int64(), first: r.Int64()})
		r.Tags(flexible)
	}
	r.Int32() // preferred replica
	a.batches = r.Bytes(flexible)
	if len(a.aborted) > 0 {
		if clear(active); active == nil {
			active = map[int64]struct{}{}
		}
		a.active = active
		sortAborted(a.aborted)
	}
	return a, r.Err()
}
