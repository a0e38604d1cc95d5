package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tidemark/consumers/ingest"
	"tidemark/consumers/limit"
	"tidemark/internal/kafka"
)

// ErrStop is returned by the function of Consume to leave the group and make Consume return nil.
var ErrStop = errors.New("stop consuming")

// errGenerationOver is the cause of the end of a generation's context.
var errGenerationOver = errors.New("the generation of the consumer group is over")

// GroupConfig holds the settings of a member of a consumer group. Only Group and Topics are required.
type GroupConfig struct {
	Group  string
	Topics []string // Full names.
	// Session is how long the brokers wait for a silent member. For tests. Default 10 s.
	Session time.Duration
	// Heartbeat is how often the member reports to the brokers. For tests. Default 1 s.
	Heartbeat time.Duration
	// Rebalance is how long the other members wait for one that is to join again. For tests. Default 30 s.
	Rebalance time.Duration
	// JoinBackoff is the wait after a failed join. For tests. Default 300 ms.
	JoinBackoff time.Duration
	// Watch is how often the member looks for new partitions and new incarnations of the topics. For tests. Default 5 s.
	Watch time.Duration
	Hooks GroupHooks
}

// GroupHooks tell what a member of a group does. A nil function is not called.
type GroupHooks struct {
	// Error is called when the member failed to join or to look at its topics, and tries again. It must be safe for
	// concurrent use.
	Error func(err error)
}

// withDefaults returns the settings with defaults for what is 0.
func (c GroupConfig) withDefaults() (GroupConfig, error) {
	errs := []error{limit.NotNegative("Heartbeat", c.Heartbeat), limit.NotNegative("JoinBackoff", c.JoinBackoff),
		limit.NotNegative("Rebalance", c.Rebalance), limit.NotNegative("Session", c.Session), limit.NotNegative("Watch", c.Watch)}
	if c.Group == "" {
		errs = append(errs, errors.New("it needs a name"))
	}
	if len(c.Topics) == 0 {
		errs = append(errs, errors.New("it needs a topic"))
	}
	c.Session = cmp.Or(c.Session, 10*time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, time.Second)
	c.Rebalance = cmp.Or(c.Rebalance, 30*time.Second)
	c.JoinBackoff = cmp.Or(c.JoinBackoff, 300*time.Millisecond)
	c.Watch = cmp.Or(c.Watch, 5*time.Second)
	return c, errors.Join(errs...)
}

// Generation is one assignment of partitions to this member.
type Generation struct {
	ID       int32
	MemberID string
	Assigned map[string][]int32 // Partitions by full topic name; topics without any are left out.
}

// closeGrace is how long leaving a group may take before its connections are cut.
const closeGrace = 5 * time.Second

// Consume is a member of a group until ctx ends, fn returns an error, or a topic is gone. It calls fn once for each
// generation, never two at a time: fn's context ends with the generation, and the member joins again only when fn has
// returned, for which the others wait. fn returns nil when it has nothing to do, or when its context ended; ErrStop
// leaves the group and makes Consume return nil; any other error leaves the group and is returned.
//
// Membership assigns partitions to members, but proves nothing: a generation may be over before its member knows. Commit
// finds that out.
func (c *Client) Consume(ctx context.Context, cfg GroupConfig, fn func(ctx context.Context, g Generation) error) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return fmt.Errorf("consumer group: %w", err)
	}
	topics, err := c.Topics(ctx, cfg.Topics)
	if err != nil {
		return err
	}
	dialer := c.cluster.GroupDialer()
	group, err := kafkago.NewConsumerGroup(kafkago.ConsumerGroupConfig{
		ID:                cfg.Group,
		Brokers:           dialer.Brokers(),
		Dialer:            dialer.Dialer(),
		Topics:            cfg.Topics,
		GroupBalancers:    []kafkago.GroupBalancer{rangeBalancer{}},
		HeartbeatInterval: cfg.Heartbeat,
		SessionTimeout:    cfg.Session,
		RebalanceTimeout:  cfg.Rebalance,
		JoinGroupBackoff:  cfg.JoinBackoff,
	})
	if err != nil {
		return fmt.Errorf("consumer group %s: %w", cfg.Group, err)
	}
	defer func() {
		// Leaving waits for an answer of the coordinator, which may be gone, or until all other members have joined.
		cut := time.AfterFunc(closeGrace, dialer.Close)
		defer cut.Stop()
		_ = group.Close() // It returns no error.
		dialer.Close()
	}()
	m := member{client: c, cfg: cfg, seen: topics, fn: fn}
	for {
		gen, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			if stop, err := m.runGeneration(ctx, gen); stop {
				return err
			}
		case !temporaryInGroup(err):
			return fmt.Errorf("join consumer group %s: %w", cfg.Group, err)
		case cfg.Hooks.Error != nil:
			cfg.Hooks.Error(fmt.Errorf("join consumer group %s: %w", cfg.Group, err))
		}
	}
}

// rangeBalancer assigns ranges of partitions to the members in the order of their ids, which begin with the client's. It
// sorts the partitions for kafka-go's balancer, which takes them in the order in which a broker lists them.
type rangeBalancer struct{ kafkago.RangeGroupBalancer }

// AssignGroups is part of kafkago.GroupBalancer.
func (b rangeBalancer) AssignGroups(members []kafkago.GroupMember, partitions []kafkago.Partition) kafkago.GroupMemberAssignments {
	ordered := slices.SortedFunc(slices.Values(partitions), func(a, b kafkago.Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
	})
	return b.RangeGroupBalancer.AssignGroups(members, ordered)
}

// temporaryInGroup reports that joining again may help. It adds to kafka.Temporary the errors of a member that the group
// has removed.
func temporaryInGroup(err error) bool {
	return kafka.Temporary(err) || fenced(err) || errors.Is(err, kafkago.MemberIDRequired)
}

func fenced(err error) bool {
	return errors.Is(err, kafkago.IllegalGeneration) || errors.Is(err, kafkago.UnknownMemberId) || errors.Is(err, kafkago.RebalanceInProgress)
}

// member is the state that a member keeps from generation to generation.
type member struct {
	client *Client
	cfg    GroupConfig
	seen   map[string]Topic // The topics as they were when this member last joined.
	fn     func(ctx context.Context, g Generation) error
}

// runGeneration works through one generation, and reports whether it was the last.
func (m *member) runGeneration(ctx context.Context, gen *kafkago.Generation) (stop bool, err error) {
	g := Generation{ID: gen.ID, MemberID: gen.MemberID, Assigned: map[string][]int32{}}
	for topic, partitions := range gen.Assignments {
		for _, p := range partitions {
			g.Assigned[topic] = append(g.Assigned[topic], int32(p.ID))
		}
	}
	worked, watched := make(chan error, 1), make(chan error, 1)
	gen.Start(func(over context.Context) { worked <- m.runFn(ctx, over, g) })
	gen.Start(func(over context.Context) { watched <- m.watchTopics(ctx, over) })
	// Each of the two ends the generation, and with it the other, when it returns.
	err = <-worked
	gone := <-watched
	switch {
	case errors.Is(err, ErrStop):
		return true, nil
	case err != nil:
		return true, err
	case ctx.Err() != nil:
		return true, context.Cause(ctx)
	}
	return gone != nil, gone
}

// runFn calls fn, and waits for the end of the generation if fn returns before.
func (m *member) runFn(ctx, over context.Context, g Generation) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(over, func() { cancel(errGenerationOver) })
	defer stop()
	err := m.fn(ctx, g)
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, errGenerationOver)) {
		return nil // It ended because the generation, or the caller's context, did.
	}
	if errors.Is(err, ingest.ErrFenced) {
		return nil // The generation is over and fn knows before we do: join again.
	}
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// watchTopics returns when the topics are not what they were when this member joined: partitions were added, or a topic
// was deleted and created again. It returns an error if one is gone. kafka-go's own watcher does not notice incarnations,
// and creates topics.
func (m *member) watchTopics(ctx, over context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(over, func() { cancel(errGenerationOver) })
	defer stop()
	timer := time.NewTimer(0) // At once: the topics may have changed since this member asked for them before it joined.
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			timer.Reset(m.cfg.Watch)
		case <-ctx.Done():
			return nil
		}
		found, err := m.client.Topics(ctx, m.cfg.Topics)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, kafka.ErrUnknownTopic):
			return err
		case err != nil:
			if m.cfg.Hooks.Error != nil {
				m.cfg.Hooks.Error(fmt.Errorf("watch the topics of consumer group %s: %w", m.cfg.Group, err))
			}
		case !maps.Equal(found, m.seen):
			m.seen = found
			return nil
		}
	}
}

// Commit stores the offset of a partition in the group. It tries until ctx ends. When the generation is over the error
// wraps ingest.ErrFenced; nothing was stored then.
func (c *Client) Commit(ctx context.Context, group string, g Generation, topic string, partition int32, offset int64) error {
	client := c.cluster.Client(c.cfg.RequestTimeout)
	err := c.retry(ctx, "commit", func(ctx context.Context) error {
		res, err := client.OffsetCommit(ctx, &kafkago.OffsetCommitRequest{
			GroupID:      group,
			GenerationID: int(g.ID),
			MemberID:     g.MemberID,
			Topics:       map[string][]kafkago.OffsetCommit{topic: {{Partition: int(partition), Offset: offset}}},
		})
		if err != nil {
			return err
		}
		for _, p := range res.Topics[topic] {
			if p.Partition == int(partition) {
				return p.Error
			}
		}
		return errors.New("the coordinator did not answer for the partition")
	}, nil)
	switch {
	case err == nil:
		return nil
	case fenced(err):
		return fmt.Errorf("commit %s/%d at %d in generation %d: %w: %w", topic, partition, offset, g.ID, ingest.ErrFenced, err)
	}
	return fmt.Errorf("commit %s/%d at %d: %w", topic, partition, offset, err)
}
