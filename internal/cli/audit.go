package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/audit"
	"tidemark/consumers/clickhouse"
	"tidemark/consumers/health"
	"tidemark/consumers/ingest"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/internal/kafka"
	"tidemark/schemas"
)

type auditCmd struct {
	commonFlags
	kafkaFlags
	clickhouseFlags
	opsFlags
	Deep    bool          `help:"Look for identities stored at more than one time as well; reads every row." group:"Audit"`
	Settled bool          `help:"Nothing is under way: what would be pending is a difference." group:"Audit"`
	Every   time.Duration `help:"Audit again this long after each audit, until a signal; once when 0." default:"0s" placeholder:"10m" group:"Audit" range:"0,1s..8760h"`
}

// Help is the long text of "tidemark audit --help".
func (auditCmd) Help() string {
	return `Checks that the ledger tiles every partition the brokers list, that raw holds exactly the coordinates the ledger calls
stored, with the identities of their texts, that what is not stored is what the ledger calls it as far as the log and the
dead-letter topic still tell, that every rollup bucket equals a recomputation with full deduplication, and that every run that reported
itself adds up. Each line is one check; a difference names table, partition and offset or bucket. The verdicts also go
into the table audits, where dashboards and alerts look. Exit code 1 on any difference; with --every, if the last
audit before the end found one. What is made from something wrong is wrong too, whatever it is equal to, and names the cause.
An audit reads every row: give it a machine's quiet hours, or hours between two. With --every, --metrics-listen serves what the
last audit found, and /readyz fails while none could be made.`
}

func (c *auditCmd) validate() error {
	return invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), c.clickhouseFlags.validate(), c.opsFlags.validate(), ranges(*c))
}

// Run audits once, or again and again.
func (c *auditCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := c.reach(ctx); err != nil {
		return err
	}
	auditor := newWatched(c.Namespace)
	if c.Every > 0 {
		stop, err := c.serve(ctx, auditor.metrics.registry, auditor.ready, c.logger(s))
		if err != nil {
			return err
		}
		defer stop()
	}
	if err := checkSchema(ctx, db, c.Namespace); err != nil {
		return err
	}
	client, err := c.client("tidemark-audit")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	if c.Every == 0 {
		result, err := c.once(ctx, s, db, client, auditor)
		if err != nil {
			return err
		}
		return verdict(result)
	}
	return working(ctx, c.kafkaFlags, db, c.Namespace, c.logger(s), health.Audit, func(ctx context.Context) error {
		return c.again(ctx, s, db, client, auditor)
	})
}

// watched is what the operations endpoints tell of audits.
type watched struct {
	metrics *metrics
	last    atomic.Pointer[error] // Of the last audit, or that none was made; nil when it could be made.
}

func newWatched(namespace string) *watched {
	w := &watched{metrics: newMetrics(namespace)}
	starting := errors.New("starting: no audit has come to its end yet")
	w.last.Store(&starting)
	return w
}

// ready says why no audit was made. A difference is a verdict, and the process is well.
func (w *watched) ready() error {
	if err := w.last.Load(); err != nil {
		return *err
	}
	return nil
}

// once makes one audit and prints it. One that a signal cuts short is not counted.
func (c *auditCmd) once(ctx context.Context, s Streams, db *clickhouse.DB, client *consumerkafka.Client, w *watched) (audit.Result, error) {
	began := time.Now()
	result, err := runAudit(ctx, s.Out, db, newAuditLog(client, c.Namespace), c.Deep, c.Settled)
	if ctx.Err() != nil {
		return result, err
	}
	w.metrics.audited(result, err, time.Since(began))
	if err != nil {
		w.last.Store(&err)
		return result, err
	}
	w.last.Store(nil)
	return result, nil
}

// again audits until a signal, whatever happens.
func (c *auditCmd) again(ctx context.Context, s Streams, db *clickhouse.DB, client *consumerkafka.Client, w *watched) error {
	var last audit.Result // The last whole one.
	for {
		result, err := c.once(ctx, s, db, client, w)
		switch {
		case err == nil && ctx.Err() != nil:
			return verdict(result)
		case err == nil:
			last = result
		case ctx.Err() != nil:
			return verdict(last) // This one was cut short.
		default:
			// Whatever is away may come back: the next audit tells.
			c.logger(s).Error("audit", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return verdict(last)
		case <-time.After(c.Every):
		}
	}
}

// verdict is the command's outcome.
func verdict(result audit.Result) error {
	if !result.OK && len(result.Findings) > 0 {
		return errFound
	}
	return nil
}

// runAudit makes one audit and prints it.
func runAudit(ctx context.Context, w io.Writer, db *clickhouse.DB, log *auditLog, deep, settled bool) (audit.Result, error) {
	auditor := &audit.Auditor{DB: db, Log: log, Records: log, Deep: deep, Settled: settled}
	result, err := auditor.Run(ctx)
	if err != nil {
		return result, err
	}
	return result, audit.Report(w, result)
}

// auditLog shows the brokers' view of the namespace's topics. It is for one audit.
type auditLog struct {
	client    *consumerkafka.Client
	namespace string
	source    *consumerkafka.Source // The one read last.
	name      string                // Of its topic.
	partition int32
}

func newAuditLog(client *consumerkafka.Client, namespace string) *auditLog {
	return &auditLog{client: client, namespace: namespace}
}

// Fetch reads records of a partition.
func (l *auditLog) Fetch(ctx context.Context, topic string, partition int32, from int64) (ingest.Fetch, error) {
	name := schemas.TopicName(l.namespace, topic)
	if l.source == nil || name != l.name || partition != l.partition {
		l.source, l.name, l.partition = l.client.Source(name, partition, consumerkafka.SourceOptions{}), name, partition
	}
	return l.source.Fetch(ctx, from)
}

// Topic returns what the brokers list of a topic.
func (l *auditLog) Topic(ctx context.Context, topic string) (audit.Topic, error) {
	name := schemas.TopicName(l.namespace, topic)
	topics, err := l.client.Topics(ctx, []string{name})
	if errors.Is(err, kafka.ErrUnknownTopic) {
		return audit.Topic{}, nil
	}
	if err != nil {
		return audit.Topic{}, err
	}
	offsets, err := l.client.Offsets(ctx, name)
	if err != nil {
		return audit.Topic{}, fmt.Errorf("audit: %w", err)
	}
	return audit.Topic{ID: topics[name].ID, Partitions: offsets}, nil
}
