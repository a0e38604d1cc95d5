package kafka

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tidemark/internal/kafka/wire"
	"tidemark/schemas"
)

const (
	keyAPIVersions  = 18
	keyMetadata     = 3
	versionMetadata = 10 // The first with topic ids; every broker since Kafka 2.8 has it.
	requestTimeout  = 10 * time.Second
)

// Topic is a topic as a broker describes it.
type Topic struct {
	Name       string
	ID         schemas.TopicID
	Partitions []Partition // By partition id.
}

// Partition is a partition as a broker describes it.
type Partition struct {
	Leader int32 // Node id, -1 while there is none.
	Epoch  int32 // Of the leader.
}

// metadata is the cache of topics. One request runs at a time; callers that need the same topic wait for it.
type metadata struct {
	turn chan struct{} // Holds the one token of the caller that may ask a broker.

	mu       sync.Mutex
	topics   map[string]cachedTopic
	versions map[int16]int16 // Newest version by key, nil until known.
}

type cachedTopic struct {
	topic Topic
	err   error // The broker's error for this topic.
	at    time.Time
}

func (m *metadata) init() {
	m.turn = make(chan struct{}, 1)
	m.topics = map[string]cachedTopic{}
}

// Topic returns a topic as a broker described it at notBefore or later; it asks a broker if the cache is older. It never
// creates the topic. The error is a kafkago.Error (UnknownTopicOrPartition) if the topic is not there.
func (c *Cluster) Topic(ctx context.Context, name string, notBefore time.Time) (Topic, error) {
	if t, ok := c.cached(name, notBefore); ok {
		return t.topic, t.err
	}
	select {
	case c.metadata.turn <- struct{}{}:
		defer func() { <-c.metadata.turn }()
	case <-ctx.Done():
		return Topic{}, context.Cause(ctx)
	}
	if t, ok := c.cached(name, notBefore); ok {
		return t.topic, t.err
	}
	found, err := c.fetchMetadata(ctx, []string{name})
	if err != nil {
		return Topic{}, err
	}
	t := found[name]
	return t.topic, t.err
}

// Topics asks a broker about topics. The error is a kafkago.Error wrapped with the topic's name if one is not there.
func (c *Cluster) Topics(ctx context.Context, names []string) (map[string]Topic, error) {
	found, err := c.fetchMetadata(ctx, names)
	if err != nil {
		return nil, err
	}
	topics := make(map[string]Topic, len(found))
	for name, t := range found {
		if t.err != nil {
			return nil, fmt.Errorf("topic %s: %w", name, t.err)
		}
		topics[name] = t.topic
	}
	return topics, nil
}

func (c *Cluster) cached(name string, notBefore time.Time) (cachedTopic, bool) {
	c.metadata.mu.Lock()
	defer c.metadata.mu.Unlock()
	t, ok := c.metadata.topics[name]
	return t, ok && t.at.After(notBefore)
}

func (c *Cluster) fetchMetadata(ctx context.Context, names []string) (map[string]cachedTopic, error) {
	at := time.Now()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	b := c.AppendHeader(nil, keyMetadata, versionMetadata, true)
	b = wire.AppendArrayLen(b, len(names), true)
	for _, name := range names {
		b = append(b, make([]byte, len(schemas.TopicID{}))...)
		b = wire.AppendString(b, name, true)
		b = wire.AppendTags(b, true)
	}
	b = wire.AppendBool(b, false) // Never create a topic.
	b = wire.AppendBool(b, false)
	b = wire.AppendBool(b, false)
	b = wire.AppendTags(b, true)
	FinishFrame(b, 0)
	e := &Exchange{Broker: AnyBroker, Key: keyMetadata, Version: versionMetadata, Request: b}
	if err := c.Do(ctx, e); err != nil {
		return nil, fmt.Errorf("ask for the metadata of %d topics: %w", len(names), err)
	}
	found, err := parseMetadata(e.Response, at)
	if err != nil {
		return nil, fmt.Errorf("read the metadata of %d topics: %w", len(names), err)
	}
	for _, name := range names {
		if _, ok := found[name]; !ok {
			found[name] = cachedTopic{err: kafkago.UnknownTopicOrPartition, at: at}
		}
	}
	c.metadata.mu.Lock()
	defer c.metadata.mu.Unlock()
	maps.Copy(c.metadata.topics, found)
	return found, nil
}

func parseMetadata(answer []byte, at time.Time) (map[string]cachedTopic, error) {
	r := wire.NewReader(answer)
	r.Tags(true)
	r.Int32() // throttle time
	for n := r.ArrayLen(true); n > 0; n-- {
		r.Int32()
		r.String(true)
		r.Int32()
		r.String(true)
		r.Tags(true)
	}
	r.String(true) // cluster id
	r.Int32()      // controller
	found := map[string]cachedTopic{}
	for n := r.ArrayLen(true); n > 0; n-- {
		t := cachedTopic{at: at}
		if code := r.Int16(); code != 0 {
			t.err = kafkago.Error(code)
		}
		t.topic.Name = r.String(true)
		copy(t.topic.ID[:], r.Next(len(schemas.TopicID{})))
		r.Bool() // internal
		t.topic.Partitions = parsePartitions(&r)
		r.Int32() // authorized operations
		r.Tags(true)
		found[t.topic.Name] = t
	}
	return found, r.Err()
}

func parsePartitions(r *wire.Reader) []Partition {
	n := r.ArrayLen(true)
	partitions := make([]Partition, n)
	for i := range partitions {
		partitions[i].Leader = -1
	}
	for ; n > 0; n-- {
		r.Int16() // The error code. A partition without a leader has leader -1, too.
		id, leader, epoch := r.Int32(), r.Int32(), r.Int32()
		for range 3 { // replicas, in-sync, offline
			r.Next(4 * r.ArrayLen(true))
		}
		r.Tags(true)
		if id >= 0 && int(id) < len(partitions) {
			partitions[id] = Partition{Leader: leader, Epoch: epoch}
		}
	}
	return partitions
}

// MaxVersion is the newest version of a request that the cluster accepts, -1 if it does not know the request. It asks one
// broker, once.
func (c *Cluster) MaxVersion(ctx context.Context, key int16) (int16, error) {
	c.metadata.mu.Lock()
	versions := c.metadata.versions
	c.metadata.mu.Unlock()
	if versions == nil {
		var err error
		if versions, err = c.fetchVersions(ctx); err != nil {
			return 0, err
		}
		c.metadata.mu.Lock()
		c.metadata.versions = versions
		c.metadata.mu.Unlock()
	}
	if v, ok := versions[key]; ok {
		return v, nil
	}
	return -1, nil
}

func (c *Cluster) fetchVersions(ctx context.Context) (map[int16]int16, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	b := c.AppendHeader(nil, keyAPIVersions, 0, false)
	FinishFrame(b, 0)
	e := &Exchange{Broker: AnyBroker, Key: keyAPIVersions, Version: 0, Request: b}
	if err := c.Do(ctx, e); err != nil {
		return nil, fmt.Errorf("ask for the versions of the broker: %w", err)
	}
	r := wire.NewReader(e.Response)
	if code := r.Int16(); code != 0 {
		return nil, fmt.Errorf("ask for the versions of the broker: %w", kafkago.Error(code))
	}
	versions := map[int16]int16{}
	for n := r.ArrayLen(false); n > 0; n-- {
		key := r.Int16()
		r.Int16()
		versions[key] = r.Int16()
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read the versions of the broker: %w", err)
	}
	return versions, nil
}
