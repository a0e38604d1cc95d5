package producers

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Sender sends events to a log. It reuses its memory from call to call and is not for concurrent use; several Senders
// may share a Log if the Log is for concurrent use.
type Sender struct {
	// Log stores the records. Required.
	Log Log
	// Namespace is the pipeline to send to. Default "tidemark".
	Namespace string
	// Run is the label for the header of poison records, whose value may have none. Default none.
	Run string

	batch   Batch
	records []Record
	headers []Header
	topics  [schemas.NumTypes]topic
}

// topic is what a Sender knows about a topic for the time of one batch.
type topic struct {
	name       string
	partitions int
}

// InvalidEventsError is the error of events that no consumer would accept.
type InvalidEventsError struct {
	Total  int // Events given, none of which was sent.
	Events []InvalidEvent
}

// InvalidEvent is one of them.
type InvalidEvent struct {
	Index int   // In the events given.
	Err   error // One *schemas.FieldError per bad field, joined.
}

// shownInvalid is how many bad events an error describes.
const shownInvalid = 3

// Error names the bad events and their fields.
func (e *InvalidEventsError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d events are invalid", len(e.Events), e.Total)
	for i, bad := range e.Events {
		if i == shownInvalid {
			b.WriteString("; ...")
			break
		}
		fmt.Fprintf(&b, "; event %d: %s", bad.Index, strings.ReplaceAll(bad.Err.Error(), "\n", ", "))
	}
	return b.String()
}

// Unwrap returns the errors of the bad events.
func (e *InvalidEventsError) Unwrap() []error {
	errs := make([]error, len(e.Events))
	for i := range e.Events {
		errs[i] = e.Events[i].Err
	}
	return errs
}

// Send sends events to the log: nil means that the brokers have all of them. The events may be of different types. They
// belong to the caller again when Send returns. If any is invalid, the error is an *InvalidEventsError and nothing was
// sent. After any other error some may be on the log; sending all of them again counts each once.
func (s *Sender) Send(ctx context.Context, events []schemas.Event) error {
	s.batch.Reset()
	var invalid []InvalidEvent
	for i, e := range events {
		err := schemas.Validate(e)
		if err == nil && len(invalid) == 0 {
			_, err = s.batch.AddEvent(e)
		}
		if err != nil {
			invalid = append(invalid, InvalidEvent{Index: i, Err: err})
		}
	}
	if len(invalid) > 0 {
		return &InvalidEventsError{Total: len(events), Events: invalid}
	}
	return s.SendItems(ctx, s.batch.Items)
}

// SendValid is Send for events that were validated before: it does not do so again.
func (s *Sender) SendValid(ctx context.Context, events []schemas.Event) error {
	s.batch.Reset()
	for i, e := range events {
		if _, err := s.batch.AddEvent(e); err != nil {
			return fmt.Errorf("encode event %d: %w", i, err)
		}
	}
	return s.SendItems(ctx, s.batch.Items)
}

// SendItems sends items to the log without validating them: nil means that the brokers have all of them. After an error
// some may be on the log.
func (s *Sender) SendItems(ctx context.Context, items []Item) error {
	if len(items) == 0 {
		return nil
	}
	clear(s.topics[:])
	s.headers = append(s.headers[:0], Header{Key: schemas.RunHeader, Value: []byte(s.Run)})
	s.records = s.records[:0]
	for i := range items {
		item := &items[i]
		t := &s.topics[item.Type]
		if t.partitions == 0 {
			if err := s.findTopic(ctx, t, item.Type); err != nil {
				return err
			}
		}
		r := Record{Topic: t.name, Partition: item.Identity.Partition(t.partitions), Value: item.Value}
		if item.Kind == Poison && s.Run != "" {
			r.Headers = s.headers
		}
		s.records = append(s.records, r)
	}
	err := s.Log.Append(ctx, s.records)
	clear(s.records) // The values belong to the caller again.
	if err != nil {
		return fmt.Errorf("send %d records: %w", len(items), err)
	}
	return nil
}

// findTopic asks the log for the topic of events of type t.
func (s *Sender) findTopic(ctx context.Context, found *topic, t schemas.Type) error {
	name := schemas.TopicName(cmp.Or(s.Namespace, schemas.DefaultNamespace), schemas.SpecOf(t).Topic)
	n, err := s.Log.Partitions(ctx, name)
	if err == nil && n < 1 {
		err = fmt.Errorf("topic %s has %d partitions", name, n)
	}
	if err != nil {
		return fmt.Errorf("find the partitions for %s: %w", t, err)
	}
	found.name, found.partitions = name, n
	return nil
}

// Report sends the truth about a run, as Truth.Runs gives it. Sending the same messages again changes nothing.
func (s *Sender) Report(ctx context.Context, runs []*usagev1.Run) error {
	events := make([]schemas.Event, len(runs))
	for i, r := range runs {
		events[i] = r
	}
	if err := s.Send(ctx, events); err != nil {
		return fmt.Errorf("report the run: %w", err)
	}
	return nil
}
