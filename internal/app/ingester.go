package app

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/deadletter"
	"tidemark/consumers/ingest"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/ledger"
	"tidemark/consumers/namespaces"
	producerkafka "tidemark/producers/kafka"
	"tidemark/schemas"
)

const (
	// drainGrace is how long a stopping Ingester may take to store its open blocks.
	drainGrace = 30 * time.Second
	// watchEvery is the time between two reads of the positions of all partitions.
	watchEvery = 5 * time.Second
	// blockMemory is what the open blocks of one topic may take together, in bytes.
	blockMemory = 64 << 20
	// minBlockMemory is what a block may take however many there are.
	minBlockMemory = 1 << 20
	// DefaultStall is how long a partition may make no progress before the process is not ready.
	DefaultStall = time.Minute
)

// IngesterConfig is what an Ingester works with. Namespace, Client, Letters and DB are required.
type IngesterConfig struct {
	Namespace string
	// Client reads the log, as a member of the namespace's consumer group.
	Client *consumerkafka.Client
	// Letters writes dead letters.
	Letters *producerkafka.Writer
	// DB is the namespace's database.
	DB *clickhouse.DB
	// Limits are those of each partition's worker. Default of Limits.Bytes: an equal part of 64 MiB for the partitions of each topic, at least 1 MiB.
	Limits ingest.Limits
	// Stall is how long a partition with lag may make no progress before Ready returns an error. Default DefaultStall.
	Stall time.Duration
	// Log gets what the Ingester survives. Default none.
	Log   *zap.Logger
	Hooks IngesterHooks
}

// IngesterHooks are called as things happen, from several goroutines. A nil function is not called. A worker waits for them,
// so they must be fast.
type IngesterHooks struct {
	// Block is called with each ledger row after it became durable.
	Block func(row ledger.Row)
	// Position is called when the position or the end of a partition was read; the topic has no namespace.
	Position func(topic string, partition int32, position, end int64)
	// Resend is called when a step failed and will be repeated.
	Resend func(topic string)
	// Alarm is called when a worker stopped with an error that a person must look at.
	Alarm func(topic string)
}

// Ingester moves the events of a namespace from Kafka to ClickHouse: it is a member of the consumer group and starts a worker
// per assigned partition and generation. Several processes share the partitions.
type Ingester struct {
	config    IngesterConfig
	log       *zap.Logger
	store     *clickhouse.Store
	letters   *deadletter.Writer
	positions *positions
	totals    totals
	working   atomic.Int32 // Generations whose workers run: 0 or 1.
}

// NewIngester returns an Ingester that has not started.
func NewIngester(c IngesterConfig) *Ingester {
	return &Ingester{
		config: c, log: logger(c.Log), store: clickhouse.NewStore(c.DB), positions: newPositions(cmp.Or(c.Stall, DefaultStall)),
		letters: deadletter.NewWriter(letterLog{c.Letters}, schemas.TopicName(c.Namespace, schemas.DeadLettersTopic)),
	}
}

// Ready returns an error that names the partitions without progress, nil if there are none.
func (in *Ingester) Ready() error { return in.positions.ready(time.Now()) }

// Lag returns the number of offsets, over all partitions, that are not in the ledger yet. Before any partition was read it is not known.
func (in *Ingester) Lag() (offsets int64, known bool) { return in.positions.lag() }

// Totals returns what this Ingester has accounted for so far.
func (in *Ingester) Totals() Totals { return in.totals.read() }

// Run works until ctx ends. It then stores and accounts for the open blocks, for at most 30 s, and returns nil; at once if no worker runs.
func (in *Ingester) Run(ctx context.Context) error { return in.run(ctx, false) }

// RunUntilCaughtUp works until all of the log on the assigned partitions is accounted for, or ctx ends.
func (in *Ingester) RunUntilCaughtUp(ctx context.Context) error { return in.run(ctx, true) }

func (in *Ingester) run(ctx context.Context, untilCaughtUp bool) error {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	drain := make(chan struct{})
	finished := make(chan struct{})
	var beside errgroup.Group
	beside.Go(func() error { // From the caller's wish to stop to the hard stop.
		select {
		case <-finished:
			return nil
		case <-ctx.Done():
		}
		close(drain)
		if in.working.Load() == 0 { // There are no blocks, and none begin: see generation.
			cancel()
			return nil
		}
		select {
		case <-finished:
		case <-time.After(drainGrace):
			in.log.Error("open blocks were not stored in time; they will be redone after the next start", zap.Duration("waited", drainGrace))
			cancel()
		}
		return nil
	})
	beside.Go(func() error { in.watch(working, finished); return nil })

	group := consumerkafka.GroupConfig{Group: namespaces.IngestGroup(in.config.Namespace), Topics: in.topicNames(), Hooks: consumerkafka.GroupHooks{Error: sparsely(failureEvery, func(err error, leftOut int) {
		in.log.Warn("joining the consumer group failed; trying again", zap.Error(err), zap.Int("failures_before", leftOut))
	})}}
	if !untilCaughtUp {
		defer telling(tellEvery, in.tell())()
	}
	err := in.config.Client.Consume(working, group, func(ctx context.Context, g consumerkafka.Generation) error {
		return in.generation(ctx, g, drain, untilCaughtUp)
	})
	close(finished)
	err = errors.Join(err, beside.Wait())
	if errors.Is(err, consumerkafka.ErrStop) || (ctx.Err() != nil && errors.Is(err, context.Canceled)) {
		return nil
	}
	return err
}

// tell returns a function that logs what was ingested since its last call, if anything was or waits.
func (in *Ingester) tell() func() {
	last := in.Totals()
	return func() {
		now := in.Totals()
		lag, _ := in.Lag()
		if now.Offsets == last.Offsets && lag == 0 {
			return
		}
		in.log.Info("ingesting", zap.Uint64("offsets", now.Offsets-last.Offsets), zap.Uint64("stored", now.Stored-last.Stored), zap.Uint64("duplicates", now.Duplicates-last.Duplicates),
			zap.Uint64("conflicts", now.Conflicts-last.Conflicts), zap.Uint64("dead_letters", now.Dead-last.Dead), zap.Int64("lag", lag), zap.Duration("in", tellEvery))
		last = now
	}
}

func (in *Ingester) topicNames() []string {
	var names []string
	for _, spec := range schemas.Specs() {
		names = append(names, schemas.TopicName(in.config.Namespace, spec.Topic))
	}
	return names
}

// generation runs a worker per assigned partition and waits for all. It returns ErrStop when the process is done, nil when the
// generation is over.
func (in *Ingester) generation(ctx context.Context, g consumerkafka.Generation, drain <-chan struct{}, untilCaughtUp bool) error {
	partitions, err := in.assigned(ctx, g)
	in.working.Add(1) // Before it looks whether to drain, as run does in the reverse order.
	defer in.working.Add(-1)
	select {
	case <-drain:
		return consumerkafka.ErrStop
	default:
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil // The generation is over; the next one asks again.
		}
		return err
	}
	in.log.Info("partitions assigned", zap.Int32("generation", g.ID), zap.Int("partitions", len(partitions)))
	workers, workersCtx := errgroup.WithContext(ctx)
	if len(partitions) == 0 && !untilCaughtUp {
		workers.Go(func() error { return standBy(workersCtx, drain) })
	}
	for _, p := range partitions {
		limits := in.config.Limits
		limits.Bytes = cmp.Or(limits.Bytes, max(blockMemory/len(g.Assigned[schemas.TopicName(in.config.Namespace, p.Topic)]), minBlockMemory))
		workers.Go(func() error { return in.partition(workersCtx, g, p, limits, drain, untilCaughtUp) })
	}
	err = workers.Wait()
	switch {
	case errors.Is(err, ingest.ErrFenced):
		in.log.Info("generation ended", zap.Int32("generation", g.ID))
		return err
	case errors.Is(err, consumerkafka.ErrRecreated), err != nil && ctx.Err() != nil:
		in.log.Info("generation ended", zap.Int32("generation", g.ID), zap.Error(err))
		return nil // The next generation continues.
	case err != nil:
		return err
	default:
		return consumerkafka.ErrStop
	}
}

// standBy waits while other processes own all partitions, until the generation ends or the process is to stop.
func standBy(ctx context.Context, drain <-chan struct{}) error {
	select {
	case <-drain:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watch reads the positions of all partitions from the group's committed offsets, so that Ready also covers partitions that
// other processes own, or nobody owns.
func (in *Ingester) watch(ctx context.Context, finished <-chan struct{}) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-finished:
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		in.positions.unreachable(in.pollOffsets(ctx))
	}
}

func (in *Ingester) pollOffsets(ctx context.Context) error {
	for _, spec := range schemas.Specs() {
		name := schemas.TopicName(in.config.Namespace, spec.Topic)
		offsets, err := in.config.Client.Offsets(ctx, name)
		if err != nil {
			return err
		}
		committed, err := in.config.Client.Committed(ctx, namespaces.IngestGroup(in.config.Namespace), name)
		if err != nil {
			return err
		}
		for id, o := range offsets {
			in.at(spec.Topic, id, max(committed[id], o.Start), o.End)
		}
	}
	return nil
}

// at notes where a partition stands.
func (in *Ingester) at(topic string, partition int32, position, end int64) {
	if in.config.Hooks.Position != nil {
		in.config.Hooks.Position(topic, partition, position, end)
	}
	in.positions.update(partitionKey{topic, partition}, position, end, time.Now())
}
