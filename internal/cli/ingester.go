package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/ingest"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/ledger"
	"tidemark/consumers/namespaces"
	producerkafka "tidemark/producers/kafka"
	"tidemark/schemas"
)

// drainGrace is how long a stopping ingester may take to finish and account the blocks at hand.
const drainGrace = 30 * time.Second

// ingester owns the connections of one ingest process and starts a worker a partition for each generation of the
// consumer group.
type ingester struct {
	common   commonFlags
	flags    ingestFlags
	log      *zap.Logger
	metrics  *metrics
	progress *progress
	totals   totals

	client *consumerkafka.Client
	dead   *deadLetterWriter
	db     *clickhouse.DB
	store  *clickhouse.Store

	closers []func() error // in the order of opening
}

func newIngester(common commonFlags, k kafkaFlags, ch clickhouseFlags, flags ingestFlags, m *metrics, log *zap.Logger) (*ingester, error) {
	in := &ingester{common: common, flags: flags, log: log, metrics: m, progress: newProgress(flags.Stall)}
	conn, err := k.conn("tidemark-ingest")
	if err != nil {
		return nil, err
	}
	if in.client, err = consumerkafka.NewClient(consumerkafka.Config{Conn: conn}); err != nil {
		return nil, err
	}
	in.closers = append(in.closers, in.client.Close)
	letters, err := producerkafka.NewWriter(producerkafka.Config{Conn: conn})
	if err != nil {
		in.close()
		return nil, err
	}
	in.closers = append(in.closers, letters.Close)
	in.dead = &deadLetterWriter{log: letters, topic: schemas.TopicName(common.Namespace, schemas.DeadLettersTopic)}
	if in.db, err = ch.open(common.Namespace); err != nil {
		in.close()
		return nil, err
	}
	in.closers = append(in.closers, in.db.Close)
	in.store = clickhouse.NewStore(in.db)
	return in, nil
}

func (in *ingester) close() {
	for _, closeOne := range slices.Backward(in.closers) {
		if err := closeOne(); err != nil {
			in.log.Warn("close", zap.Error(err))
		}
	}
}

// run joins the group and works until ctx ends, then finishes the blocks at hand; with untilCaughtUp it returns nil
// once the partitions it owns are drained.
func (in *ingester) run(ctx context.Context, untilCaughtUp bool) error {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	drain := make(chan struct{})
	finished := make(chan struct{})
	var helpers errgroup.Group
	helpers.Go(func() error { // from the signal to the hard stop
		select {
		case <-finished:
			return nil
		case <-ctx.Done():
		}
		close(drain)
		select {
		case <-finished:
		case <-time.After(drainGrace):
			in.log.Error("blocks at hand did not finish in time; the next start redoes them", zap.Duration("waited", drainGrace))
			cancel()
		}
		return nil
	})
	helpers.Go(func() error { in.watch(working, finished); return nil })

	group := consumerkafka.GroupConfig{Group: namespaces.IngestGroup(in.common.Namespace), Topics: in.topicNames(), Hooks: consumerkafka.GroupHooks{Error: func(err error) {
		in.log.Warn("join the consumer group", zap.Error(err))
	}}}
	err := in.client.Consume(working, group, func(ctx context.Context, g consumerkafka.Generation) error {
		return in.generation(ctx, g, drain, untilCaughtUp)
	})
	close(finished)
	if waitErr := helpers.Wait(); waitErr != nil {
		err = errors.Join(err, waitErr)
	}
	if errors.Is(err, consumerkafka.ErrStop) || (ctx.Err() != nil && errors.Is(err, context.Canceled)) {
		return nil
	}
	return err
}

func (in *ingester) topicNames() []string {
	var names []string
	for _, spec := range schemas.Specs() {
		names = append(names, schemas.TopicName(in.common.Namespace, spec.Topic))
	}
	return names
}

// generation runs a worker for each partition assigned and waits for all. It returns ErrStop when the process is
// done, nil when the generation is over.
func (in *ingester) generation(ctx context.Context, g consumerkafka.Generation, drain <-chan struct{}, untilCaughtUp bool) error {
	partitions, err := in.assigned(ctx, g)
	if err != nil {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // The generation is over; the next one asks again.
		}
		return err
	}
	in.log.Info("partitions assigned", zap.Int32("generation", g.ID), zap.Int("partitions", len(partitions)))
	workers, workersCtx := errgroup.WithContext(ctx)
	if len(partitions) == 0 && !untilCaughtUp {
		workers.Go(func() error { return standBy(workersCtx, drain) })
	}
	for _, p := range partitions {
		workers.Go(func() error { return in.partition(workersCtx, g, p, drain, untilCaughtUp) })
	}
	err = workers.Wait()
	switch {
	case errors.Is(err, ingest.ErrFenced):
		in.log.Info("generation is over", zap.Int32("generation", g.ID))
		return err
	case errors.Is(err, consumerkafka.ErrRecreated), err != nil && ctx.Err() != nil:
		in.log.Info("generation is over", zap.Int32("generation", g.ID), zap.Error(err))
		return nil //nolint:nilerr // The next generation goes on.
	case err != nil:
		return err
	default:
		return consumerkafka.ErrStop
	}
}

// standBy waits while others own all partitions: for the next generation, or until the process is to stop.
func standBy(ctx context.Context, drain <-chan struct{}) error {
	select {
	case <-drain:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// assignment is a partition of the incarnation of a topic that was there when the generation began.
type assignment struct {
	ingest.Partition
	topicID schemas.TopicID
}

// assigned resolves the partitions of a generation to topic incarnations.
func (in *ingester) assigned(ctx context.Context, g consumerkafka.Generation) ([]assignment, error) {
	var partitions []assignment
	topics, err := in.client.Topics(ctx, in.topicNames())
	if err != nil {
		return nil, err
	}
	for _, spec := range schemas.Specs() {
		name := schemas.TopicName(in.common.Namespace, spec.Topic)
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
			partitions = append(partitions, assignment{topicID: topics[name].ID, Partition: ingest.Partition{Topic: spec.Topic, Type: spec.Type, Epoch: epoch, ID: id, Count: topics[name].Partitions}})
		}
	}
	return partitions, nil
}

// epoch asks the database for as long as membership lasts: an outage of the database is no reason to leave.
func (in *ingester) epoch(ctx context.Context, topic string, id schemas.TopicID) (uint32, error) {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		epoch, err := in.store.Epoch(ctx, topic, id)
		if err == nil || ctx.Err() != nil {
			return epoch, err
		}
		in.log.Warn("number the topic's incarnation", zap.String("topic", topic), zap.Error(err), zap.Duration("again_in", pause))
		if !sleep(ctx, pause) {
			return 0, ctx.Err()
		}
	}
}

// partition runs the worker of one partition. A worker that ends with an alarm is started again with growing pauses,
// so that one bad partition neither stops the others nor goes unnoticed.
func (in *ingester) partition(ctx context.Context, g consumerkafka.Generation, p assignment, drain <-chan struct{}, untilCaughtUp bool) error {
	name := schemas.TopicName(in.common.Namespace, p.Topic)
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		worker := &ingest.Worker{
			Partition:     p.Partition,
			Source:        in.client.Source(name, p.ID, consumerkafka.SourceOptions{TopicID: p.topicID}),
			Store:         in.store,
			DeadLetters:   in.dead,
			Committer:     committer{client: in.client, group: namespaces.IngestGroup(in.common.Namespace), generation: g, topic: name},
			Generation:    int64(g.ID),
			Member:        g.MemberID,
			Limits:        in.flags.limits(),
			Hooks:         in.hooks(),
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

// hooks turns what the core reports into metrics and log lines.
func (in *ingester) hooks() ingest.Hooks {
	return ingest.Hooks{
		Block: func(row ledger.Row) {
			in.metrics.block(row)
			in.totals.add(&row)
			in.warnOfGaps(&row)
		},
		Position: func(p ingest.Partition, position, end int64) {
			in.metrics.at(p.Topic, p.ID, position, end)
			in.progress.update(partitionKey{p.Topic, p.ID}, position, end, time.Now())
		},
		Resend: func(p ingest.Partition, step ingest.Step, err error) {
			in.metrics.resends.WithLabelValues(p.Topic).Inc()
			in.log.Warn("repeating a step after an error", zap.Stringer("partition", p), zap.String("step", string(step)), zap.Error(err))
		},
		Refused: func(p ingest.Partition, offset int64, err error) {
			in.log.Warn("the database refuses a row; it becomes a dead letter", zap.Stringer("partition", p), zap.Int64("offset", offset), zap.Error(err))
		},
		Alarm: func(p ingest.Partition, err error) {
			in.metrics.alarms.WithLabelValues(p.Topic).Inc()
			in.log.Error("alarm", zap.Stringer("partition", p), zap.Error(err))
		},
	}
}

// watch keeps the standing of the partitions that other processes own, from the group's committed offsets, so that
// readiness covers every partition that the broker lists.
func (in *ingester) watch(ctx context.Context, finished <-chan struct{}) {
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-finished:
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		in.progress.unreachable(in.look(ctx))
	}
}

func (in *ingester) look(ctx context.Context) error {
	for _, spec := range schemas.Specs() {
		name := schemas.TopicName(in.common.Namespace, spec.Topic)
		offsets, err := in.client.Offsets(ctx, name)
		if err != nil {
			return err
		}
		committed, err := in.client.Committed(ctx, namespaces.IngestGroup(in.common.Namespace), name)
		if err != nil {
			return err
		}
		for id, o := range offsets {
			position := max(committed[id], o.Start)
			in.metrics.at(spec.Topic, id, position, o.End)
			in.progress.update(partitionKey{spec.Topic, id}, position, o.End, time.Now())
		}
	}
	return nil
}

func (in *ingester) summary(s Streams, took time.Duration) {
	n := in.totals.offsets.Load()
	fmt.Fprintf(s.Out, "%s offsets in %s (%s/s): %s%s\n",
		number(n), took.Round(10*time.Millisecond), number(uint64(float64(n)/took.Seconds())), &in.totals, resources())
}

// resources says what this process has used so far; empty where the system does not tell.
func resources() string {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return ""
	}
	cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	return fmt.Sprintf("; this process: %.2f CPU s, %d MB resident at most", cpu.Seconds(), usage.Maxrss>>10)
}

// committer commits under one generation.
type committer struct {
	client     *consumerkafka.Client
	group      string
	generation consumerkafka.Generation
	topic      string
}

func (c committer) Commit(ctx context.Context, p ingest.Partition, offset int64) error {
	return c.client.Commit(ctx, c.group, c.generation, c.topic, p.ID, offset)
}

// sleep waits for d; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
