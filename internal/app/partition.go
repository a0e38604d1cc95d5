package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/ingest"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/ledger"
	"tidemark/consumers/namespaces"
	"tidemark/schemas"
)

// assignment is a partition of the topic incarnation that existed when the generation began.
type assignment struct {
	ingest.Partition
	topicID schemas.TopicID
}

// assigned resolves the partitions of a generation to topic incarnations.
func (in *Ingester) assigned(ctx context.Context, g consumerkafka.Generation) ([]assignment, error) {
	var partitions []assignment
	topics, err := in.config.Client.Topics(ctx, in.topicNames())
	if err != nil {
		return nil, err
	}
	for _, spec := range schemas.Specs() {
		name := schemas.TopicName(in.config.Namespace, spec.Topic)
		ids := slices.Clone(g.Assigned[name])
		if len(ids) == 0 {
			continue
		}
		epoch, err := in.epoch(ctx, spec.Topic, topics[name].ID)
		if err != nil {
			return nil, err
		}
		slices.Sort(ids)
		for _, id := range ids {
			partitions = append(partitions, assignment{topicID: topics[name].ID, Partition: ingest.Partition{Partition: ledger.Partition{Topic: spec.Topic, Epoch: epoch, ID: id}, Type: spec.Type, Count: topics[name].Partitions}})
		}
	}
	return partitions, nil
}

// epoch asks the database for the number of a topic's incarnation until it answers or ctx ends: a process does not leave the
// group because the database is down.
func (in *Ingester) epoch(ctx context.Context, topic string, id schemas.TopicID) (uint32, error) {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		epoch, err := in.store.Epoch(ctx, topic, id)
		if err == nil || ctx.Err() != nil {
			return epoch, err
		}
		in.log.Warn("reading the topic's epoch failed", zap.String("topic", topic), zap.Error(err), zap.Duration("again_in", pause))
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// partition runs the worker of one partition. It starts a worker that failed again, after growing pauses: one bad partition
// stops no other, and its log lines and alarms do not end.
func (in *Ingester) partition(ctx context.Context, g consumerkafka.Generation, p assignment, limits ingest.Limits, drain <-chan struct{}, untilCaughtUp bool) error {
	name := schemas.TopicName(in.config.Namespace, p.Topic)
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		worker := &ingest.Worker{
			Partition:     p.Partition,
			Source:        in.config.Client.Source(name, p.ID, consumerkafka.SourceOptions{TopicID: p.topicID}),
			Store:         in.store,
			DeadLetters:   in.letters,
			Committer:     committer{client: in.config.Client, group: namespaces.IngestGroup(in.config.Namespace), generation: g, topic: name},
			Generation:    int64(g.ID),
			Member:        g.MemberID,
			Limits:        limits,
			Hooks:         in.workerHooks(),
			UntilCaughtUp: untilCaughtUp,
			Drain:         drain,
		}
		err := worker.Run(ctx)
		if err == nil || ctx.Err() != nil || errors.Is(err, ingest.ErrFenced) || errors.Is(err, consumerkafka.ErrRecreated) {
			return err
		}
		in.log.Error("partition is stuck", zap.Stringer("partition", p), zap.Error(err), zap.Duration("again_in", pause))
		select {
		case <-drain:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// workerHooks turn what a worker reports into totals, positions, log lines and calls of the Ingester's own hooks.
func (in *Ingester) workerHooks() ingest.Hooks {
	hooks := in.config.Hooks
	return ingest.Hooks{
		Block: func(row ledger.Row) {
			if hooks.Block != nil {
				hooks.Block(row)
			}
			in.totals.add(&row)
			in.warnOfGaps(&row)
		},
		Position: func(p ingest.Partition, position, end int64) { in.at(p.Topic, p.ID, position, end) },
		Resend: func(p ingest.Partition, step ingest.Step, err error) {
			if hooks.Resend != nil {
				hooks.Resend(p.Topic)
			}
			in.log.Warn("a step failed and is repeated", zap.Stringer("partition", p), zap.String("step", string(step)), zap.Error(err))
		},
		Refused: func(p ingest.Partition, offset int64, err error) {
			in.log.Warn("ClickHouse refused a row; it becomes a dead letter", zap.Stringer("partition", p), zap.Int64("offset", offset), zap.Error(err))
		},
		Alarm: func(p ingest.Partition, err error) {
			if hooks.Alarm != nil {
				hooks.Alarm(p.Topic)
			}
			in.log.Error("alarm", zap.Stringer("partition", p), zap.Error(err))
		},
	}
}

// warnOfGaps logs the offsets that no worker will ever read.
func (in *Ingester) warnOfGaps(row *ledger.Row) {
	for _, e := range row.Exceptions {
		if e.Disposition == ledger.Gap {
			in.log.Warn("retention deleted these offsets before they were read",
				zap.String("topic", row.Topic), zap.Int32("partition", row.ID), zap.Int64("from", e.From), zap.Int64("to", e.To))
		}
	}
}

// committer commits offsets of one topic under one generation.
type committer struct {
	client     *consumerkafka.Client
	group      string
	generation consumerkafka.Generation
	topic      string
}

// Commit implements ingest.Committer.
func (c committer) Commit(ctx context.Context, p ingest.Partition, offset int64) error {
	return c.client.Commit(ctx, c.group, c.generation, c.topic, p.ID, offset)
}
