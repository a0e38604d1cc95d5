package app

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/namespaces"
)

const (
	// ingestGrace is how long an ingest worker that was started together with a load test may take to join its group.
	ingestGrace = 10 * time.Second
	// groupTimeout bounds the questions to the brokers for the members of the group.
	groupTimeout = ingestGrace + 5*time.Second
)

// awaitIngest returns an error if no ingest worker is at work, although one had time to start. The caller has seen that none has reported.
// That alone proves nothing, since one of an older version does not report, and one until caught up neither; but they all are members of
// the namespace's consumer group. If the brokers do not tell who is, nobody knows, and that is no error.
func (l *Load) awaitIngest(ctx context.Context) error {
	group := namespaces.IngestGroup(l.Namespace)
	asking, cancel := context.WithTimeout(ctx, groupTimeout)
	defer cancel()
	missing, err := settle(asking, ingestGrace, time.Second, func() (int64, error) {
		found, err := l.Client.Group(asking, group)
		if err != nil || found.Members > 0 {
			return 0, err
		}
		return 1, nil
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		logger(l.Log).Warn("cannot ask whether ingest runs", zap.Error(err))
		return nil
	case missing == 0:
		return nil
	}
	return fmt.Errorf("no ingest worker runs: none has reported within the last minute, and the consumer group %s has no members. Nothing was sent. "+
		"Start one first: tidemark ingest --namespace %s", group, l.Namespace)
}
