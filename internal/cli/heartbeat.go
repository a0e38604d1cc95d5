package cli

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"tidemark/consumers/health"
	"tidemark/consumers/ledger/ledgerdb"
)

// report lets a process that runs on say that it does, and what the log holds, until the returned function is called,
// which waits for the last word; a process that was asked to stop works until it has finished.
func report(ctx context.Context, k kafkaFlags, db ledgerdb.DB, namespace string, log *zap.Logger, roles ...string) (func() error, error) {
	client, err := k.client("tidemark-health")
	if err != nil {
		return nil, err
	}
	reporter := &health.Reporter{DB: db, Log: healthLog{auditLog{client: client, namespace: namespace}}, Roles: roles, Hooks: health.Hooks{Error: func(err error) {
		log.Warn("cannot report that this process works, or what the log holds; the dashboards will say so", zap.Error(err))
	}}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		reporter.Run(ctx)
	}()
	return func() error {
		cancel()
		<-done
		return client.Close()
	}, nil
}

// working is work beside a report of it.
func working(ctx context.Context, k kafkaFlags, db ledgerdb.DB, namespace string, log *zap.Logger, role string, work func(context.Context) error) error {
	stop, err := report(ctx, k, db, namespace, log, role)
	if err != nil {
		return err
	}
	err = work(ctx)
	return errors.Join(err, stop())
}

// healthLog is the brokers' view of the namespace's topics, as package health wants it.
type healthLog struct{ log auditLog }

// Topic returns what the brokers list of a topic.
func (l healthLog) Topic(ctx context.Context, topic string) (health.Topic, error) {
	listed, err := l.log.Topic(ctx, topic)
	return health.Topic(listed), err
}
