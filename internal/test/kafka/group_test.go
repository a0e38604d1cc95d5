package kafkatest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tidemark/consumers/ingest"
	ckafka "tidemark/consumers/kafka"
	"tidemark/internal/kafka"
	kafkatest "tidemark/internal/test/kafka"
	pkafka "tidemark/producers/kafka"
)

// member is a member of a group, whose generations come out of a channel.
type member struct {
	generations chan ckafka.Generation
	ended       chan error
	leave       context.CancelFunc
}

func join(t *testing.T, c *ckafka.Client, group string, topics ...string) *member {
	t.Helper()
	ctx, cancel := context.WithCancel(testContext(t))
	m := &member{generations: make(chan ckafka.Generation, 100), ended: make(chan error, 1), leave: cancel}
	cfg := ckafka.GroupConfig{Group: group, Topics: topics, Heartbeat: 100 * time.Millisecond, Watch: 200 * time.Millisecond,
		Hooks: ckafka.GroupHooks{Error: func(err error) { t.Logf("group %s: %v", group, err) }}}
	go func() {
		m.ended <- c.Consume(ctx, cfg, func(ctx context.Context, g ckafka.Generation) error {
			m.generations <- g
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	return m
}

// until waits for a generation in which the member has n partitions of a topic.
func (m *member) until(t *testing.T, topic string, n int) ckafka.Generation {
	t.Helper()
	timeout := time.After(deadline)
	for {
		select {
		case g := <-m.generations:
			if len(g.Assigned[topic]) == n {
				return g
			}
		case err := <-m.ended:
			t.Fatalf("Consume ended: %v", err)
		case <-timeout:
			t.Fatalf("no generation with %d partitions", n)
		}
	}
}

func (m *member) stop(t *testing.T) {
	t.Helper()
	m.leave()
	if err := <-m.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Consume = %v", err)
	}
}

func TestGroup(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c := newClient(t, b)
		topic, group := name(t, ""), name(t, ".group")
		createTopic(t, c, topic, 4)

		first := join(t, c, group, topic)
		alone := first.until(t, topic, 4)
		if err := c.Commit(ctx, group, alone, topic, 3, 42); err != nil {
			t.Fatal(err)
		}
		if offset := committed(t, b, group, topic, 3); offset != 42 {
			t.Errorf("committed %d", offset)
		}

		second := join(t, newClient(t, b), group, topic)
		theirs := second.until(t, topic, 2)
		mine := first.until(t, topic, 2)
		all := slices.Sorted(slices.Values(slices.Concat(mine.Assigned[topic], theirs.Assigned[topic])))
		if !slices.Equal(all, []int32{0, 1, 2, 3}) {
			t.Errorf("two members have %v and %v", mine.Assigned, theirs.Assigned)
		}
		if mine.ID <= alone.ID {
			t.Errorf("generation %d after %d", mine.ID, alone.ID)
		}
		// The old generation is fenced, and nothing of it is stored.
		if err := c.Commit(ctx, group, alone, topic, 3, 99); !errors.Is(err, ingest.ErrFenced) {
			t.Errorf("Commit of an old generation = %v", err)
		}
		if offset := committed(t, b, group, topic, 3); offset != 42 {
			t.Errorf("committed %d by an old generation", offset)
		}
		if err := c.Commit(ctx, group, mine, topic, 3, 43); err != nil {
			t.Errorf("Commit of the current generation = %v", err)
		}
		second.stop(t)
		first.until(t, topic, 4)
		first.stop(t)
		if err := c.Commit(ctx, group, mine, topic, 3, 99); !errors.Is(err, ingest.ErrFenced) {
			t.Errorf("Commit of a member that left = %v", err)
		}
	})
}

// TestGroupOutlivesBroker: a member joins again when its broker is back, and goes on with what was committed.
func TestGroupOutlivesBroker(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c := newClient(t, b)
		topic, group := name(t, ""), name(t, ".group")
		createTopic(t, c, topic, 2)
		m := join(t, c, group, topic)
		before := m.until(t, topic, 2)
		if err := c.Commit(ctx, group, before, topic, 1, 7); err != nil {
			t.Fatal(err)
		}
		b.Kill(t)
		b.Restart(t)
		after := m.until(t, topic, 2)
		if err := c.Commit(ctx, group, after, topic, 0, 8); err != nil {
			t.Errorf("Commit = %v", err)
		}
		if offset := committed(t, b, group, topic, 1); offset != 7 {
			t.Errorf("committed %d", offset)
		}
		if err := c.Commit(ctx, group, before, topic, 1, 9); !errors.Is(err, ingest.ErrFenced) {
			t.Errorf("Commit of the generation before = %v", err)
		}
		m.stop(t)
	})
}

// TestConsumeStops: what the function returns decides what becomes of the membership.
func TestConsumeStops(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		c := newClient(t, b)
		topic := name(t, "")
		createTopic(t, c, topic, 1)
		other := errors.New("other")
		consume := func(fn func(calls int) error) error {
			calls := 0
			cfg := ckafka.GroupConfig{Group: name(t, ".group"), Topics: []string{topic}, Heartbeat: 100 * time.Millisecond}
			return c.Consume(testContext(t), cfg, func(context.Context, ckafka.Generation) error {
				calls++
				return fn(calls)
			})
		}
		if err := consume(func(int) error { return ckafka.ErrStop }); err != nil {
			t.Errorf("ErrStop: Consume = %v", err)
		}
		if err := consume(func(int) error { return other }); !errors.Is(err, other) {
			t.Errorf("an error: Consume = %v", err)
		}
		again := 0
		err := consume(func(calls int) error {
			if again = calls; calls == 1 {
				return ingest.ErrFenced
			}
			return ckafka.ErrStop
		})
		if err != nil || again != 2 {
			t.Errorf("fenced: Consume = %v after %d generations", err, again)
		}
	})
}

func TestPartitionsAdded(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c, w := newClient(t, b), newWriter(t, b, nil)
		topic := name(t, "")
		createTopic(t, c, topic, 2)
		m := join(t, c, name(t, ".group"), topic)
		m.until(t, topic, 2)
		if err := w.Append(ctx, numbered(topic, 2, 0, 10)); err != nil {
			t.Fatal(err)
		}
		addPartitions(t, b, topic, 5)
		m.until(t, topic, 5)
		if err := w.Append(ctx, numbered(topic, 5, 10, 10)); err != nil {
			t.Fatal(err)
		}
		wantOnce(t, c, topic, 20)
		m.stop(t)
	})
}

func TestTopicRecreated(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c, w := newClient(t, b), newWriter(t, b, func(cfg *pkafka.Config) { cfg.Hooks.Retry = nil })
		topic := name(t, "")
		createTopic(t, c, topic, 2)
		if err := w.Append(ctx, numbered(topic, 2, 0, 10)); err != nil {
			t.Fatal(err)
		}
		old := topicOf(t, c, topic)
		m := join(t, c, name(t, ".group"), topic)
		m.until(t, topic, 2)
		source := c.Source(topic, 0, ckafka.SourceOptions{TopicID: old.ID})
		if f, err := source.Fetch(ctx, 0); err != nil || len(f.Records) != 5 {
			t.Fatalf("Fetch = %d records, %v", len(f.Records), err)
		}
		if err := c.DeleteTopics(ctx, []string{topic}); err != nil {
			t.Fatal(err)
		}
		if err := c.DeleteTopics(ctx, []string{topic}); err != nil {
			t.Errorf("deleting a topic that is not there: %v", err)
		}
		createTopic(t, c, topic, 2)
		fresh := topicOf(t, c, topic)
		if fresh.ID == old.ID || fresh.ID == [16]byte{} {
			t.Errorf("the new topic has the id %x, the old one had %x", fresh.ID, old.ID)
		}
		m.until(t, topic, 2) // A new generation, though the number of partitions is the same.
		// The writer goes on: the new topic knows nothing of its sequence numbers.
		if err := w.Append(ctx, numbered(topic, 2, 0, 30)); err != nil {
			t.Fatal(err)
		}
		wantOnce(t, c, topic, 30)
		// The offset exists again, and means another record.
		if f, err := source.Fetch(ctx, 3); !errors.Is(err, ckafka.ErrRecreated) {
			t.Errorf("Fetch by the old id = %d records, %v", len(f.Records), err)
		}
		m.stop(t)
	})
}

// TestTopicGone: a member of a group does not bring a deleted topic back, which kafka-go by itself does.
func TestTopicGone(t *testing.T) {
	b := kafkatest.StartFake(t, kfake.AllowAutoTopicCreation())
	ctx := testContext(t)
	c := newClient(t, b)
	kept, topic := name(t, ".kept"), name(t, "")
	createTopic(t, c, kept, 2)
	createTopic(t, c, topic, 2)
	m := join(t, c, name(t, ".group"), topic, kept)
	m.until(t, topic, 2)
	if err := c.DeleteTopics(ctx, []string{topic}); err != nil {
		t.Fatal(err)
	}
	other := join(t, newClient(t, b), name(t, ".group"), kept) // Its join makes the first one look topics up.
	if err := <-m.ended; !errors.Is(err, kafka.ErrUnknownTopic) {
		t.Errorf("Consume = %v", err)
	}
	other.until(t, kept, 2)
	other.stop(t)
	if _, err := c.Topics(ctx, []string{topic}); !errors.Is(err, kafka.ErrUnknownTopic) {
		t.Errorf("the deleted topic is back (%v)", err)
	}
}

func TestCreateTopicsAgain(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		c := newClient(t, b)
		topic := name(t, "")
		createTopic(t, c, topic, 2)
		id := topicOf(t, c, topic).ID
		got, err := c.CreateTopics(testContext(t), []ckafka.TopicSpec{{Name: topic, Partitions: 4}, {Name: topic + ".2", Partitions: 1}})
		want := []ckafka.TopicReport{{Name: topic, Partitions: 2, Wanted: 4}, {Name: topic + ".2", Created: true, Partitions: 1, Wanted: 1}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("CreateTopics = %+v, %v", got, err)
		}
		if topicOf(t, c, topic).ID != id {
			t.Error("the topic was created anew")
		}
	})
}

func topicOf(t *testing.T, c *ckafka.Client, topic string) ckafka.Topic {
	t.Helper()
	topics, err := c.Topics(testContext(t), []string{topic})
	if err != nil {
		t.Fatal(err)
	}
	return topics[topic]
}

// TestRangesInOrder: the first partitions belong to the member that is first by the id of its client.
func TestRangesInOrder(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		topic := name(t, "")
		createTopic(t, newClient(t, b), topic, 12)
		as := func(id string) *ckafka.Client {
			t.Helper()
			cfg := conn(b)
			cfg.ClientID = id
			c, err := ckafka.NewClient(ckafka.Config{Conn: cfg, RetryMin: 10 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			return c
		}
		last := join(t, as("worker-rebuild"), name(t, ".group"), topic)
		last.until(t, topic, 12)
		first := join(t, as("worker"), name(t, ".group"), topic)
		got, rest := first.until(t, topic, 6).Assigned[topic], last.until(t, topic, 6).Assigned[topic]
		if want := []int32{0, 1, 2, 3, 4, 5}; !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("the first member has %v and the last one %v", got, rest)
		}
		first.stop(t)
		last.stop(t)
	})
}

func TestDeleteGroup(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c := newClient(t, b)
		topic, group, other := name(t, ""), name(t, ".group"), name(t, ".other")
		createTopic(t, c, topic, 2)
		state := func(what string, group string, want ckafka.Group) {
			t.Helper()
			if got, err := c.Group(ctx, group); err != nil || got != want {
				t.Errorf("%s: %+v, %v, want %+v", what, got, err, want)
			}
		}
		state("a group that never was", group, ckafka.Group{})
		if err := c.DeleteGroup(ctx, group); err != nil {
			t.Errorf("deleting a group that never was: %v", err)
		}
		kept := join(t, newClient(t, b), other, topic)
		if err := c.Commit(ctx, other, kept.until(t, topic, 2), topic, 0, 5); err != nil {
			t.Fatal(err)
		}
		first, second := join(t, c, group, topic), join(t, newClient(t, b), group, topic)
		first.until(t, topic, 1)
		if err := c.Commit(ctx, group, second.until(t, topic, 1), topic, 1, 7); err != nil && !errors.Is(err, ingest.ErrFenced) {
			t.Fatal(err)
		}
		state("with two members", group, ckafka.Group{Exists: true, Members: 2})
		if err := c.DeleteGroup(ctx, group); !errors.Is(err, ckafka.ErrGroupInUse) {
			t.Errorf("deleting a group with members: %v", err)
		}
		first.stop(t)
		second.stop(t)
		// One that left while the other one joined again may stay until its session runs out.
		for left := (ckafka.Group{Members: 2}); left.Members > 0; time.Sleep(50 * time.Millisecond) {
			var err error
			if left, err = c.Group(ctx, group); err != nil || !left.Exists {
				t.Fatalf("a group that was left: %+v, %v", left, err)
			}
		}
		for range 2 {
			if err := c.DeleteGroup(ctx, group); err != nil {
				t.Errorf("deleting a group: %v", err)
			}
			state("deleted", group, ckafka.Group{})
		}
		// A group of the same name begins anew.
		again := join(t, c, group, topic)
		again.until(t, topic, 2)
		if got, err := c.Committed(ctx, group, topic); err != nil || len(got) > 0 {
			t.Errorf("the new group has the offsets %v of the deleted one, %v", got, err)
		}
		again.stop(t)
		state("another group", other, ckafka.Group{Exists: true, Members: 1})
		if got, err := c.Committed(ctx, other, topic); err != nil || got[0] != 5 {
			t.Errorf("another group has the offsets %v, %v", got, err)
		}
		kept.stop(t)
	})
}

func TestExisting(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c := newClient(t, b)
		here, gone := name(t, ""), name(t, ".gone")
		createTopic(t, c, here, 3)
		createTopic(t, c, gone, 1)
		if err := c.DeleteTopics(ctx, []string{gone}); err != nil {
			t.Fatal(err)
		}
		got, err := c.Existing(ctx, []string{gone, here, name(t, ".never")})
		if err != nil || len(got) != 1 || got[here] != topicOf(t, c, here) || got[here].Partitions != 3 {
			t.Errorf("Existing = %v, %v", got, err)
		}
	})
}

// franz is another client of the same broker, to do what ours does not.
func franz(t testing.TB, b *kafkatest.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addr()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func addPartitions(t *testing.T, b *kafkatest.Broker, topic string, n int32) {
	t.Helper()
	req := kmsg.NewPtrCreatePartitionsRequest()
	rt := kmsg.NewCreatePartitionsRequestTopic()
	rt.Topic, rt.Count = topic, n
	req.Topics = append(req.Topics, rt)
	req.TimeoutMillis = 10_000
	res, err := req.RequestWith(testContext(t), franz(t, b))
	if err != nil || res.Topics[0].ErrorCode != 0 {
		t.Fatalf("add partitions: %v, %+v", err, res)
	}
}

func committed(t *testing.T, b *kafkatest.Broker, group, topic string, partition int32) int64 {
	t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	rg := kmsg.NewOffsetFetchRequestGroup()
	rg.Group = group
	rt := kmsg.NewOffsetFetchRequestGroupTopic()
	rt.Topic, rt.Partitions = topic, []int32{partition}
	rt.TopicID = topicOf(t, newClient(t, b), topic).ID
	rg.Topics = append(rg.Topics, rt)
	req.Groups = append(req.Groups, rg)
	ot := kmsg.NewOffsetFetchRequestTopic()
	ot.Topic, ot.Partitions = topic, []int32{partition}
	req.Topics = append(req.Topics, ot)
	res, err := req.RequestWith(testContext(t), franz(t, b))
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Groups) > 0 && len(res.Groups[0].Topics) > 0 {
		return res.Groups[0].Topics[0].Partitions[0].Offset
	}
	return res.Topics[0].Partitions[0].Offset
}
