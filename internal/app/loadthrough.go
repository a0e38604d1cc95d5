package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	consumerkafka "tidemark/consumers/kafka"
	"tidemark/internal/plural"
	"tidemark/producers"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// CollectorLog is a log of token calls that a collector writes to. The events of one Append go out in requests at the same
// time. A sender does not learn the offsets, but knows the partition of each event, and that the events of an Append lie
// behind those of the one before: so it counts offsets from the ends that the log had, and an offset may be that of
// another event of the same Append. That is right as long as nobody else writes, which Check finds out. It is not for
// concurrent use, apart from the numbers that Answers returns.
type CollectorLog struct {
	// URL is that of the collector, Key an API key of it or "". Tenant is the tenant that the collector gives to events.
	URL, Key, Tenant string
	Client           *http.Client
	// Spans says to send spans of OTLP to /v1/traces. Without it, lines of JSON go to /v1/events.
	Spans bool
	// Acknowledged is called when the collector has acknowledged events, as the hook of a Kafka writer is.
	Acknowledged func(topic string, partition int32, base int64, indexes []int32)

	kafka *consumerkafka.Client
	topic string

	mu   sync.Mutex
	next []int64 // The end of each partition, if nobody else writes.

	busy, unavailable, lost atomic.Uint64
}

// How a CollectorLog sends.
const (
	requestEvents  = 1000
	requestsAtOnce = 8
	requestTimeout = 30 * time.Second
	answerBytes    = 1 << 20
	leastWait      = 100 * time.Millisecond
	mostWait       = 5 * time.Second // The collector asks for no longer wait.
)

// Locate reads where the log ends. It is called before the first Append.
func (c *CollectorLog) Locate(ctx context.Context, client *consumerkafka.Client, namespace string) error {
	c.kafka, c.topic = client, schemas.TopicName(namespace, schemas.SpecOf(schemas.TokenCallType).Topic)
	ends, err := client.Offsets(ctx, c.topic)
	if err != nil {
		return fmt.Errorf("read where topic %s ends: %w", c.topic, err)
	}
	c.next = make([]int64, len(ends))
	for id, o := range ends {
		c.next[id] = o.End
	}
	return nil
}

// Partitions implements producers.Log.
func (c *CollectorLog) Partitions(context.Context, string) (int, error) { return len(c.next), nil }

// Append implements producers.Log. What is about the run is not sent: a collector takes events alone, and reports itself
// what it took.
func (c *CollectorLog) Append(ctx context.Context, records []producers.Record) error {
	var calls []*usagev1.TokenCall
	var partitions []int32
	form := c.form()
	for i := range records {
		if records[i].Topic != c.topic {
			return nil
		}
		call := &usagev1.TokenCall{}
		if err := proto.Unmarshal(records[i].Value, call); err != nil {
			return fmt.Errorf("decode event %d: %w", i, err)
		}
		source, id := form.identity(call)
		calls, partitions = append(calls, call), append(partitions, schemas.IdentityOf(c.Tenant, source, id).Partition(len(c.next)))
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(requestsAtOnce)
	for from := 0; from < len(calls); from += requestEvents {
		to := min(from+requestEvents, len(calls))
		g.Go(func() error {
			body, err := form.encode(calls[from:to])
			if err != nil {
				return err
			}
			if err := c.send(ctx, &form, body, to-from); err != nil {
				return err
			}
			c.acknowledge(from, partitions[from:to])
			return nil
		})
	}
	return g.Wait()
}

// acknowledge tells where the events of a request lie, the first of which has an index.
func (c *CollectorLog) acknowledge(from int, partitions []int32) {
	indexes := make([][]int32, len(c.next))
	for i, id := range partitions {
		indexes[id] = append(indexes[id], int32(from+i))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, some := range indexes {
		if len(some) > 0 {
			c.Acknowledged(c.topic, int32(id), c.next[id], some)
			c.next[id] += int64(len(some))
		}
	}
}

// send posts events until the collector has taken them, as long as ctx lasts.
func (c *CollectorLog) send(ctx context.Context, form *collectorForm, body []byte, events int) error {
	for {
		wait, err := c.post(ctx, form, body, events)
		if err != nil || wait == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// post posts events once. A wait above 0 is the time after which to send them again.
func (c *CollectorLog) post(ctx context.Context, form *collectorForm, body []byte, events int) (wait time.Duration, err error) {
	limited, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, http.MethodPost, strings.TrimSuffix(c.URL, "/")+form.path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", form.media)
	if c.Key != "" {
		request.Header.Set("Authorization", "Bearer "+c.Key)
	}
	answer, err := c.Client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		c.lost.Add(1)
		return leastWait, nil
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, answerBytes))
	switch {
	case answer.StatusCode == http.StatusTooManyRequests:
		c.busy.Add(1)
		return retryAfter(answer.Header), nil
	case answer.StatusCode == http.StatusServiceUnavailable:
		c.unavailable.Add(1)
		return retryAfter(answer.Header), nil
	case err != nil:
		c.lost.Add(1)
		return leastWait, nil
	case answer.StatusCode != http.StatusOK:
		return 0, fmt.Errorf("the collector answers %s: %.300s", answer.Status, form.refusal(text))
	}
	taken, why, err := form.taken(text, events)
	if err != nil || taken != events {
		return 0, fmt.Errorf("the collector took %d of %d events: %.300s", taken, events, why)
	}
	return 0, nil
}

// retryAfter returns the wait that an answer asks for.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil {
		return leastWait
	}
	return min(max(time.Duration(seconds)*time.Second, leastWait), mostWait)
}

// Retries returns how many requests were sent again.
func (c *CollectorLog) Retries() uint64 {
	return c.busy.Load() + c.unavailable.Load() + c.lost.Load()
}

// errOtherOffsets means that what was measured behind the log is not of the events of the run.
var errOtherOffsets = errors.New("the times until stored and queryable are not those of this run: give it a namespace to which nobody else writes, and the tenant of the API key")

// Check returns what the collector answered, and an error if the log does not end where the events of the run do.
func (c *CollectorLog) Check(ctx context.Context) (notes []string, err error) {
	notes = []string{"events went through the collector in batches: behind it, an event may be taken for another one of its batch, whose times are up to 10 ms plus the time of a request apart"}
	if c.Retries() > 0 {
		notes = append(notes, fmt.Sprintf("the collector answered 429 to %s and 503 to %d, and %d had no answer; all were sent again", plural.Of(c.busy.Load(), "request"), c.unavailable.Load(), c.lost.Load()))
	}
	ends, err := c.kafka.Offsets(ctx, c.topic)
	if err != nil {
		return notes, fmt.Errorf("read where topic %s ends: %w", c.topic, err)
	}
	for id, o := range ends {
		if int(id) >= len(c.next) || o.End != c.next[id] {
			return notes, fmt.Errorf("partition %d of %s ends at %d and not where the collector's answers say: %w", id, c.topic, o.End, errOtherOffsets)
		}
	}
	return notes, nil
}
