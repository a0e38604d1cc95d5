package app

import (
	"context"
	"slices"

	"go.uber.org/zap"

	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/namespaces"
	"tidemark/schemas"
)

// The client ids of the members of the rollup's consumer group. The group orders its members by ids, which begin with the
// client's, and the first one holds the lease. A Rebuilder's id sorts after a Roller's, which continues with a hexadecimal
// digit: a rebuild does not take the lease from a Roller.
const (
	RollerClientID    = "tidemark-rollup"
	RebuilderClientID = RollerClientID + "-rebuild"
)

// Lease is the right to recompute the rollups of a namespace. Of all members of the rollup's consumer group one holds it: the
// member with the first partition of the runs topic.
type Lease struct {
	// Client joins the group. Its client id is RollerClientID or RebuilderClientID.
	Client    *consumerkafka.Client
	Namespace string
	// Log gets who holds the lease, and failures to join. Default none.
	Log *zap.Logger
}

// During is a member of the group until ctx ends or work returns an error. It calls work again whenever the holder may have
// changed, with whether this member holds the lease; the context of work ends when that may change again.
func (l Lease) During(ctx context.Context, work func(ctx context.Context, held bool) error) error {
	log := logger(l.Log)
	topic := schemas.TopicName(l.Namespace, schemas.SpecOf(schemas.RunType).Topic)
	group := consumerkafka.GroupConfig{Group: namespaces.RollupGroup(l.Namespace), Topics: []string{topic}, Hooks: consumerkafka.GroupHooks{Error: sparsely(failureEvery, func(err error, leftOut int) {
		log.Warn("joining the rollup group failed; trying again", zap.Error(err), zap.Int("failures_before", leftOut))
	})}}
	return l.Client.Consume(ctx, group, func(ctx context.Context, g consumerkafka.Generation) error {
		held := slices.Contains(g.Assigned[topic], 0)
		if held {
			log.Info("holding the lease", zap.Int32("generation", g.ID))
		} else {
			log.Info("standing by", zap.Int32("generation", g.ID))
		}
		return work(ctx, held)
	})
}
