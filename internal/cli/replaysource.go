package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tidemark/consumers/ingest"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/internal/app"
	"tidemark/producers/formats/mapping"
	"tidemark/producers/replay"
	"tidemark/producers/scenario"
	"tidemark/schemas"
)

// openSource opens what a replay reads from, and returns what closes it.
type openSource func(ctx context.Context) (closeSource func() error, err error)

// opener sets the options of the source. It returns what opens a source other than files, and does not connect itself.
func (c *replayCmd) opener(o *replay.Options) (openSource, error) {
	kind, name, named := strings.Cut(c.Source, ":")
	var errs []error
	if kind != "topic" || !named {
		if c.FromOffset != 0 || c.ToOffset != 0 {
			errs = append(errs, errors.New("--from-offset and --to-offset: only for topic:NAME"))
		}
		if c.Type != "" && c.Source != "cloudevents" {
			errs = append(errs, errors.New("--type: only for topic:NAME and cloudevents"))
		}
	}
	if c.Filter != "" && (kind != "table" || !named) {
		errs = append(errs, errors.New("--filter: only for table:NAME"))
	}
	if !named {
		return nil, errors.Join(append(errs, c.files(o))...)
	}
	if len(c.Files) > 0 {
		errs = append(errs, fmt.Errorf("%s reads no files", c.Source))
	}
	if kind == "sample" {
		return nil, errors.Join(append(errs, c.sample(name, o))...)
	}
	for _, only := range []struct{ flag, text string }{{"--start", string(c.Start)}, {"--mapping", c.Mapping}, {"--product", c.Product}} {
		if only.text != "" {
			errs = append(errs, fmt.Errorf("%s: only for files", only.flag))
		}
	}
	var open openSource
	var err error
	switch kind {
	case "topic":
		open, err = c.topic(name, o)
	case "table":
		open, err = c.table(name, o)
	case "scenario":
		open, err = c.scenario(name, o)
	default:
		err = fmt.Errorf("%q is not sample:NAME, topic:NAME, table:NAME or scenario:NAME; to replay files, put the format first", c.Source)
	}
	return open, errors.Join(append(errs, err)...)
}

// files sets the options of a replay of files.
func (c *replayCmd) files(o *replay.Options) error {
	o.Format, o.CloudType = c.Source, c.Type
	if c.Mapping == "" {
		return nil
	}
	var err error
	if o.Mapping, err = mapping.Read(c.Mapping); err != nil {
		return fmt.Errorf("--mapping: %w", err)
	}
	return nil
}

// sample sets the options of a replay of a sample.
func (c *replayCmd) sample(name string, o *replay.Options) error {
	sample, found := replay.SampleOf("sample:" + name)
	if !found {
		var names []string
		for _, one := range replay.Samples() {
			names = append(names, one.Name)
		}
		return fmt.Errorf("sample %q is not one of %s", name, strings.Join(names, ", "))
	}
	o.Format, o.Files = sample.Format, []string{sample.File()}
	if o.Start.IsZero() {
		o.Start = sample.Start
	}
	if c.Mapping != "" {
		return errors.New("--mapping: not for a sample")
	}
	return nil
}

// topic sets the options of a replay of a topic.
func (c *replayCmd) topic(name string, o *replay.Options) (openSource, error) {
	topic := replay.Topic{Name: name, FromOffset: c.FromOffset, ToOffset: c.ToOffset, Tenant: c.Tenant}
	spec, known := schemas.SpecByName(c.Type)
	if c.Type != "" && !known {
		return nil, fmt.Errorf("--type: %q is not an event type such as token_calls", c.Type)
	}
	if own, isType := schemas.SpecByName(strings.TrimSuffix(name, ".v1")); isType { // Of the namespace.
		topic.Name = schemas.TopicName(c.Namespace, own.Topic)
	}
	if _, short, dotted := strings.Cut(topic.Name, "."); dotted && !known {
		spec, known = schemas.SpecByTopic(short)
	}
	if !known {
		return nil, fmt.Errorf("topic %q: its name does not tell the type of its events; pass --type", name)
	}
	topic.Type = spec.Type
	o.Topic = &topic
	return func(ctx context.Context) (func() error, error) {
		if err := c.reach(ctx); err != nil {
			return nil, err
		}
		client, err := c.client("tidemark-replay")
		if err != nil {
			return nil, err
		}
		topic.Log = topicLog{client}
		return client.Close, nil
	}, nil
}

// table sets the options of a replay of a table.
func (c *replayCmd) table(name string, o *replay.Options) (openSource, error) {
	table := replay.Table{Namespace: c.Namespace, Tenant: c.Tenant, Filter: c.Filter}
	view := name
	if namespace, short, dotted := strings.Cut(name, "."); dotted {
		table.Namespace, view = namespace, short
	}
	spec, known := schemas.SpecByName(view)
	if !known {
		return nil, fmt.Errorf("table %q: name a view of events such as token_calls, or lab.token_calls for the namespace lab", name)
	}
	if err := schemas.ValidNamespace(table.Namespace); err != nil {
		return nil, fmt.Errorf("table %q: %w", name, err)
	}
	table.Type = spec.Type
	o.Table = &table
	return func(ctx context.Context) (func() error, error) {
		db, err := c.open(table.Namespace)
		if err != nil {
			return nil, err
		}
		if err := app.CheckSchema(ctx, db); err != nil {
			return nil, errors.Join(err, db.Close())
		}
		table.DB = db
		return db.Close, nil
	}, nil
}

// scenarioNamespace is the default namespace of scenarios, so that they do not mix with real usage.
const scenarioNamespace = "tidemark_scenarios"

// scenario sets the options of a replay of a scenario; what it returns sets the items. Pace and limit are those of the replay,
// as for every source.
func (c *replayCmd) scenario(name string, o *replay.Options) (openSource, error) {
	o.Name = "scenario:" + name
	one, err := scenario.Load(name)
	if c.Tenant != "" {
		err = errors.Join(errors.New("--tenant: not for a scenario, whose name is its tenant"), err)
	}
	if err != nil {
		return nil, err
	}
	return func(context.Context) (func() error, error) {
		items, err := scenario.Open(one, o.Run)
		o.Items = items
		return func() error { return nil }, err
	}, nil
}

// topicLog shows a replay the topics of the brokers.
type topicLog struct{ client *consumerkafka.Client }

// Offsets returns what each partition holds.
func (l topicLog) Offsets(ctx context.Context, topic string) ([]schemas.Offsets, error) {
	found, err := l.client.Offsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	offsets := make([]schemas.Offsets, len(found))
	for id, o := range found {
		offsets[id] = o
	}
	return offsets, nil
}

// Partition returns a reader of a partition.
func (l topicLog) Partition(topic string, partition int32) replay.TopicPartition {
	return &topicPartition{source: l.client.Source(topic, partition, consumerkafka.SourceOptions{})}
}

// topicPartition reads a partition for a replay.
type topicPartition struct {
	source  ingest.Source
	records []replay.TopicRecord
}

// Fetch returns the next records, see replay.TopicPartition.
func (p *topicPartition) Fetch(ctx context.Context, from int64) ([]replay.TopicRecord, int64, error) {
	for {
		f, err := p.source.Fetch(ctx, from)
		if errors.Is(err, ingest.ErrBelowStart) {
			return nil, f.LogStart, replay.ErrRemoved
		}
		if errors.Is(err, consumerkafka.ErrDamaged) {
			continue // Fetch returns that a few times at most.
		}
		if err != nil {
			return nil, from, err
		}
		p.records = p.records[:0]
		for i := range f.Records {
			record := &f.Records[i]
			switch {
			case record.Control:
			case record.Unreadable != nil:
				p.records = append(p.records, replay.TopicRecord{Offset: record.Offset,
					Problem: fmt.Sprintf("the log cannot be read from here to offset %d: %s", record.End()-1, record.Unreadable.Detail)})
			default:
				p.records = append(p.records, replay.TopicRecord{Offset: record.Offset, Value: record.Value})
			}
		}
		if f.Next > from || f.HighWatermark <= from {
			return p.records, f.Next, nil
		}
	}
}
