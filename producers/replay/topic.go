package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/schemas"
)

// Topic is a topic to replay, up to its end when the replay begins, so that a topic may be replayed into itself.
// Records keep their identity and time. All repeats of an event are sent again.
type Topic struct {
	Log  TopicLog
	Name string // Full, namespace included.
	Type schemas.Type
	// FromOffset and ToOffset bound the offsets of every partition; FromOffset is included, ToOffset is not. Default 0:
	// no bound.
	FromOffset, ToOffset int64
	// Tenant, if set, selects the events of one tenant.
	Tenant string
}

// TopicLog reads topics.
type TopicLog interface {
	// Offsets returns what each partition holds, by partition. A topic that is not there is an error.
	Offsets(ctx context.Context, topic string) ([]schemas.Offsets, error)
	// Partition returns a reader of a partition. It holds nothing that must be closed.
	Partition(topic string, partition int32) TopicPartition
}

// TopicPartition reads a partition.
type TopicPartition interface {
	// Fetch returns the records from an offset on, and the offset to fetch next. It leaves out control records, which
	// hold no event. The same offset without a record means that there are no more records. The records are valid until
	// the next call. If the log has removed the offset, the error is ErrRemoved and next is the offset at which the log
	// begins now.
	Fetch(ctx context.Context, from int64) (records []TopicRecord, next int64, err error)
}

// ErrRemoved is the error of a fetch of records that the log has removed because of their age or its size.
var ErrRemoved = errors.New("the log has removed the record")

// TopicRecord is a record of a topic.
type TopicRecord struct {
	Offset int64
	Value  []byte
	// Problem is why the record has no value; empty if it has one.
	Problem string
}

func (t *Topic) validate() error {
	var errs []error
	if !schemas.SpecOf(t.Type).Counted {
		errs = append(errs, fmt.Errorf("topic %s: reports about runs are no usage; replay the topics of the events", t.Name))
	}
	if t.FromOffset < 0 || t.ToOffset < 0 {
		errs = append(errs, &faults.SettingError{Settings: []string{"from-offset", "to-offset"}, Problem: "negative"})
	}
	if t.ToOffset > 0 && t.FromOffset >= t.ToOffset {
		errs = append(errs, &faults.SettingError{Settings: []string{"from-offset", "to-offset"}, Problem: fmt.Sprintf("%d is not before %d", t.FromOffset, t.ToOffset)})
	}
	return errors.Join(errs...)
}

// topicReader reads the partitions of a topic, merged by time.
type topicReader struct {
	*arranging
	topic *Topic
	merge merge
	done  atomic.Int64 // Offsets looked at, of whole.
	whole int64
}

func newTopicReader(ctx context.Context, o Options, a *arranging) (*topicReader, error) {
	r := &topicReader{topic: o.Topic, arranging: a}
	offsets, err := o.Topic.Log.Offsets(ctx, o.Topic.Name)
	if err != nil {
		return nil, fmt.Errorf("find the topic: %w", err)
	}
	for id, have := range offsets {
		from, end := max(have.Start, o.Topic.FromOffset), have.End
		if o.Topic.ToOffset > 0 {
			end = min(end, o.Topic.ToOffset)
		}
		if asked := o.Topic.FromOffset; asked > 0 { // Else all that is there is what was asked for.
			r.removed(int32(id), asked, min(from, end))
		}
		if from >= end {
			continue
		}
		r.whole += end - from
		r.merge.streams = append(r.merge.streams, r.inOrder(&partition{
			ctx: ctx, reader: r, id: int32(id), position: from, end: end, run: o.Run, event: schemas.NewEvent(o.Topic.Type),
			source: o.Topic.Log.Partition(o.Topic.Name, int32(id)),
		}))
	}
	return r, nil
}

// Next adds the events of the next records.
func (r *topicReader) Next(b *producers.Batch, limit int) error { return r.merge.fill(b, limit) }

// removed reports a problem for the offsets from one to another, which is not included, that were asked for and are not
// on the log any more.
func (r *topicReader) removed(id int32, from, to int64) {
	if from < to {
		r.tally.problem(Problem{File: fmt.Sprintf("%s/%d", r.topic.Name, id), Text: fmt.Sprintf("offsets %d to %d were removed by retention", from, to-1)})
	}
}

func (r *topicReader) read() (done, whole int64) { return r.done.Load(), r.whole }
func (r *topicReader) close()                    { r.temp.close() }

// partition is the stream of one partition.
type partition struct {
	ctx      context.Context // That of the replay.
	reader   *topicReader
	id       int32
	source   TopicPartition
	records  []TopicRecord // Fetched, not looked at yet.
	position int64         // The offset to fetch from.
	end      int64
	run      string
	event    schemas.Event
}

// next returns the event of the next record that has one.
func (p *partition) next() (schemas.Event, error) {
	for {
		if isClosed(p.reader.stop) {
			return nil, errStopped
		}
		if len(p.records) == 0 {
			if err := p.fetch(); err != nil {
				return nil, err
			}
			continue
		}
		record := p.records[0]
		p.records = p.records[1:]
		if record.Offset >= p.end {
			p.records = nil
			continue
		}
		p.reader.tally.rows.Add(1)
		problem := record.Problem
		if problem == "" {
			problem = p.decode(record.Value)
		}
		if problem != "" {
			p.reader.tally.problem(Problem{File: fmt.Sprintf("%s/%d offset %d", p.reader.topic.Name, p.id, record.Offset), Text: problem})
			continue
		}
		if tenant := p.reader.topic.Tenant; tenant != "" && p.event.GetTenant() != tenant {
			continue
		}
		return p.event, nil
	}
}

// fetch gets more records: io.EOF if there are none.
func (p *partition) fetch() error {
	if p.position >= p.end {
		return io.EOF
	}
	records, next, err := p.source.Fetch(p.ctx, p.position)
	switch {
	case errors.Is(err, ErrRemoved) && next > p.position:
		records = nil
		p.reader.removed(p.id, p.position, min(next, p.end))
	case err != nil:
		return err
	}
	if next == p.position && len(records) == 0 {
		next = p.end // What is left belongs to a transaction that is not over.
	}
	p.reader.done.Add(min(next, p.end) - p.position)
	p.records, p.position = records, next
	return nil
}

// decode makes a value the current event, under the label of this run. It returns what is wrong with it.
func (p *partition) decode(value []byte) string {
	if err := proto.Unmarshal(value, p.event); err != nil {
		return "not an event of " + p.reader.topic.Type.String()
	}
	if bad := fields.FirstError(p.event); bad != nil {
		return "not an event that counts: " + bad.Error()
	}
	m := p.event.ProtoReflect()
	fd := m.Descriptor().Fields().ByTextName(fields.Run)
	if p.run == "" {
		m.Clear(fd)
		return ""
	}
	fields.Set(m, fd, p.run, 0)
	return ""
}
