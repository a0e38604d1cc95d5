package audit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/audit"
	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	"tidemark/consumers/ingest"
	"tidemark/consumers/ingest/ingesttest"
	"tidemark/consumers/ledger"
	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// pipeline is a log in memory, with all that a log can hold, that real workers have ingested. Every topic has a
// partition of its own.
type pipeline struct {
	t      *testing.T
	db     *clickhouse.DB
	logs   map[string]*ingesttest.Log
	gone   map[string]bool // Topics that the brokers do not have.
	source ingest.Source   // The one read last.
	of     string
}

const lost = 5 // Records at the beginning of each topic that nobody read in time.

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	p := &pipeline{t: t, db: clickhousetest.Open(t), logs: make(map[string]*ingesttest.Log), gone: make(map[string]bool)}
	p.logs[schemas.DeadLettersTopic] = &ingesttest.Log{}
	for _, spec := range schemas.Specs() {
		p.logs[spec.Topic] = &ingesttest.Log{}
	}
	return p
}

// append appends events to their topics.
func (p *pipeline) append(events ...schemas.Event) {
	p.t.Helper()
	for _, e := range events {
		value, err := schemas.AppendEvent(nil, e)
		if err != nil {
			p.t.Fatal(err)
		}
		typ, _ := schemas.TypeOf(e)
		p.logs[schemas.SpecOf(typ).Topic].Append(ingest.Record{Value: value, Run: e.GetRun()})
	}
}

// fill puts events into every topic with rollups: lost ones, stored ones, duplicates, conflicts, poison, a
// transaction's records, and a hole.
func (p *pipeline) fill() {
	p.t.Helper()
	events := rolluptest.Random(1, 400, start, 2*time.Hour)
	for topic, log := range p.logs {
		if topic == schemas.DeadLettersTopic {
			continue
		}
		for range lost {
			log.Append(ingest.Record{Value: []byte("nobody knows"), Run: "lost"})
		}
		log.DeleteBefore(lost)
	}
	p.append(events...)
	p.append(events[:60]...)
	for i, e := range events[60:120] {
		later := proto.Clone(e)
		later.ProtoReflect().Set(later.ProtoReflect().Descriptor().Fields().ByName("time_us"), protoInt(e.GetTimeUs()+int64(i+1)))
		event, _ := later.(schemas.Event)
		p.append(event)
	}
	for _, spec := range schemas.Specs() {
		log := p.logs[spec.Topic]
		log.Append(ingest.Record{Value: []byte("poison"), Run: "run"}, ingest.Record{Value: []byte("poison too"), Run: "run"})
		log.Hole()
		log.Append(ingest.Record{Control: true}, ingest.Record{Control: true})
	}
	p.append(rolluptest.InRun("second", rolluptest.Random(2, 60, start, 2*time.Hour))...)
}

// ingest drains every topic with workers as they are.
func (p *pipeline) ingest() {
	p.t.Helper()
	store := clickhouse.NewStore(p.db)
	for _, spec := range schemas.Specs() {
		epoch, err := store.Epoch(p.t.Context(), spec.Topic, rolluptest.TopicID)
		if err != nil {
			p.t.Fatal(err)
		}
		w := &ingest.Worker{
			Partition: ingest.Partition{Partition: ledger.Partition{Topic: spec.Topic, Epoch: epoch}, Type: spec.Type, Count: 1}, Generation: 1, Member: "member",
			Source: p.logs[spec.Topic].Source(), Store: store, DeadLetters: p, Committer: p, Limits: ingest.Limits{Rows: 150}, UntilCaughtUp: true,
		}
		if err := w.Run(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *pipeline) Commit(context.Context, ingest.Partition, int64) error { return nil }

func (p *pipeline) Write(_ context.Context, letters []*usagev1.DeadLetter) error {
	for _, letter := range letters {
		value, err := proto.Marshal(letter)
		if err != nil {
			return err
		}
		p.logs[schemas.DeadLettersTopic].Append(ingest.Record{Value: value})
	}
	return nil
}

func (p *pipeline) Topic(ctx context.Context, topic string) (audit.Topic, error) {
	if p.gone[topic] {
		return audit.Topic{}, nil
	}
	f, err := p.logs[topic].Source().Fetch(ctx, 0)
	if err != nil && f.LogStart == 0 {
		return audit.Topic{}, err
	}
	return audit.Topic{ID: rolluptest.TopicID, Partitions: map[int32]schemas.Offsets{0: {Start: f.LogStart, End: p.logs[topic].End()}}}, nil
}

func (p *pipeline) Fetch(ctx context.Context, topic string, _ int32, from int64) (ingest.Fetch, error) {
	if p.of != topic {
		p.of, p.source = topic, p.logs[topic].Source()
	}
	return p.source.Fetch(ctx, from)
}

func (p *pipeline) exec(format string, args ...any) {
	p.t.Helper()
	sql := fmt.Sprintf(format, args...)
	if err := p.db.Exec(p.t.Context(), sql); err != nil {
		p.t.Fatalf("%s: %v", sql, err)
	}
}

func (p *pipeline) rollUp() {
	p.t.Helper()
	if err := (&rollup.Worker{DB: p.db}).UntilCaughtUp(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// rebuild has every bucket recomputed from raw, but for those of which raw is not what the ledger says.
func (p *pipeline) rebuild() {
	p.t.Helper()
	r := &rollup.Rebuild{DB: p.db}
	for {
		done, err := r.Next(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		if done {
			return
		}
		_ = (&rollup.Worker{DB: p.db}).UntilCaughtUp(p.t.Context()) // What differs stays.
	}
}

// audit returns the report, once as it is and once with nothing under way.
func (p *pipeline) audit(settled bool) (audit.Result, string) {
	p.t.Helper()
	return run(p.t, &audit.Auditor{DB: p.db, Log: p, Records: p, Settled: settled, Limits: audit.Limits{Patience: time.Millisecond}})
}

// expect audits both ways: each has the lines, and is OK or not.
func (p *pipeline) expect(name string, ok bool, wants ...string) {
	p.t.Helper()
	for _, settled := range []bool{false, true} {
		result, report := p.audit(settled)
		if result.OK != ok {
			p.t.Errorf("%s, settled %v: verdict OK is %v, want %v:\n%s", name, settled, result.OK, ok, report)
		}
		for _, want := range wants {
			if !strings.Contains(report, want) {
				p.t.Errorf("%s, settled %v: the report lacks %q:\n%s", name, settled, want, report)
			}
		}
	}
}
