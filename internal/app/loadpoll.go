package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
	"tidemark/producers/load"
	"tidemark/schemas"
)

// loadPoller asks the database again and again how far the events of a load test are, and tells the recorder. Every
// time is the moment at which the answer was here.
type loadPoller struct {
	db       ledgerdb.Querier
	recorder *load.Recorder
	every    time.Duration
	topics   map[string]*polledTopic // By their names with the namespace.
	since    int32                   // The first minute that an event of the run may be of.
	failed   func(error)
	polled   func() // Nil for none.

	errors atomic.Uint64
}

// polledTopic is how far a topic is.
type polledTopic struct {
	name   string // With the namespace.
	spec   schemas.Spec
	id     schemas.TopicID
	epoch  uint32          // 0 until ingest has given the topic one.
	ends   ledgerdb.Bounds // Of the ledger.
	raw    map[int32]int64 // The offset after the last one that the raw table has.
	rolled map[string]map[int32]int64
}

// rollupsOf returns the rollups by which an event of the type counts as queryable: those per minute.
func rollupsOf(t schemas.Type) []string {
	var names []string
	for _, r := range rollup.Tables() {
		if r.From == "" && r.Minutes == 1 && slices.Contains(r.Types, t) {
			names = append(names, r.Name)
		}
	}
	return names
}

// rolledTopics returns the function that a load.Recorder asks whether a topic gets into rollups.
func rolledTopics(namespace string) func(topic string) bool {
	rolled := map[string]bool{}
	for _, spec := range schemas.Specs() {
		rolled[schemas.TopicName(namespace, spec.Topic)] = len(rollupsOf(spec.Type)) > 0
	}
	return func(topic string) bool { return rolled[topic] }
}

// pollShare bounds what polls take of the database: between two of them there is this many times as long as the last one took.
const pollShare = 3

// run polls until ctx ends.
func (p *loadPoller) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		began := time.Now()
		if err := p.poll(ctx); err != nil && ctx.Err() == nil {
			if p.errors.Add(1) == 1 {
				p.failed(err)
			}
		}
		p.recorder.Poll(p.recorder.Elapsed())
		if p.polled != nil {
			p.polled()
		}
		took := time.Since(began)
		timer.Reset(max(p.every-took, pollShare*took))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
	}
}

// poll asks once for what is on its way.
func (p *loadPoller) poll(ctx context.Context) error {
	outstanding := p.recorder.Outstanding()
	rolled := false
	for name, partitions := range outstanding {
		t := p.topics[name]
		if t == nil {
			return fmt.Errorf("topic %s is none of a load test", name)
		}
		if err := p.pollTopic(ctx, t, partitions); err != nil {
			return err
		}
		rolled = rolled || len(t.rolled) > 0
	}
	if !rolled {
		return nil
	}
	return p.pollRollups(ctx, outstanding)
}

// pollTopic reads how far ledger and raw table are. What the ledger accounts for and raw does not have, such as a
// duplicate, is as queryable as it will ever be.
func (p *loadPoller) pollTopic(ctx context.Context, t *polledTopic, partitions []int32) error {
	if t.epoch == 0 {
		if err := t.findEpoch(ctx, p.db); err != nil || t.epoch == 0 {
			return err
		}
	}
	ends, err := ledgerdb.ReadEnds(ctx, p.db, t.spec.Topic, t.ends)
	if err != nil {
		return err
	}
	t.ends = ends
	at := p.recorder.Elapsed()
	for _, id := range partitions {
		end := t.ends[t.partition(id)]
		t.raw[id] = max(t.raw[id], end)
		p.recorder.Cover(load.Stored, t.name, id, end, at)
	}
	err = p.db.Query(ctx, t.rawSQL(partitions, p.since), func(scan func(...any) error) error {
		var id uint32
		var end uint64
		if err := scan(&id, &end); err != nil {
			return err
		}
		t.raw[int32(id)] = max(t.raw[int32(id)], int64(end))
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the ends of %s: %w", t.spec.RawTable, err)
	}
	at = p.recorder.Elapsed()
	for _, id := range partitions {
		p.recorder.Cover(load.Raw, t.name, id, t.raw[id], at)
	}
	return nil
}

// pollRollups reads how far the rollups are. A cursor says how far the worker has followed the ledger; a rollup has
// published all of that if no bucket that an event of the run may be in is pending. The cursors are read first: what is pending
// later is not less than what was pending for them.
func (p *loadPoller) pollRollups(ctx context.Context, outstanding map[string][]int32) error {
	cursors, err := ledgerdb.ReadCursors(ctx, p.db)
	if err != nil {
		return err
	}
	pending := map[string]bool{}
	err = p.db.Query(ctx, rollup.PendingSQL("", ""), func(scan func(...any) error) error {
		var name string
		var from, to int32
		if err := scan(&name, &from, &to); err != nil {
			return err
		}
		pending[name] = pending[name] || to > p.since
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what is pending: %w", err)
	}
	at := p.recorder.Elapsed()
	for name, partitions := range outstanding {
		t := p.topics[name]
		for _, id := range partitions {
			end, known := int64(0), false
			for table, ends := range t.rolled {
				if !pending[table] {
					ends[id] = max(ends[id], cursors[t.spec.Topic][t.partition(id)])
				}
				if !known || ends[id] < end {
					end, known = ends[id], true
				}
			}
			if known {
				p.recorder.Cover(load.Rollup, t.name, id, end, at)
			}
		}
	}
	return nil
}

func (t *polledTopic) partition(id int32) ledger.Partition {
	return ledger.Partition{Topic: t.spec.Topic, Epoch: t.epoch, ID: id}
}

// findEpoch reads the epoch of the topic, which ingest gives it when it reads the topic first.
func (t *polledTopic) findEpoch(ctx context.Context, db ledgerdb.Querier) error {
	id := fmt.Sprintf("%x-%x-%x-%x-%x", t.id[0:4], t.id[4:6], t.id[6:8], t.id[8:10], t.id[10:16])
	sql := "SELECT epoch FROM " + schemas.TopicsTable + " FINAL WHERE topic = " + schemas.Quote(t.spec.Topic) + " AND topic_id = " + schemas.Quote(id)
	err := db.Query(ctx, sql, func(scan func(...any) error) error { return scan(&t.epoch) })
	if err != nil {
		return fmt.Errorf("read the epoch of %s: %w", t.spec.Topic, err)
	}
	return nil
}

// rawSQL reads the ends of partitions in the raw table. It has a condition per partition, so that the query uses the
// table's key and its index by offset, and costs what is new.
func (t *polledTopic) rawSQL(partitions []int32, since int32) string {
	var parts []string
	for _, id := range partitions {
		parts = append(parts, fmt.Sprintf("partition = %d AND offset >= %d", id, t.raw[id]))
	}
	return fmt.Sprintf("SELECT partition, toUInt64(max(offset) + 1) FROM %s WHERE minute >= %d AND epoch = %d AND (%s) GROUP BY partition",
		t.spec.RawTable, since, t.epoch, strings.Join(parts, " OR "))
}
