package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tidemark/consumers/audit"
	"tidemark/consumers/clickhouse"
	"tidemark/consumers/deadletter"
	"tidemark/consumers/health"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/ledger"
	"tidemark/consumers/rollup"
	"tidemark/internal/kafka"
	"tidemark/internal/stack"
	stacktest "tidemark/internal/test/stack"
	"tidemark/producers"
	producerkafka "tidemark/producers/kafka"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }

// connections are those to one namespace on the shared stack.
type connections struct {
	namespace string
	db        *clickhouse.DB
	client    *consumerkafka.Client
	writer    *producerkafka.Writer
}

// connect opens the connections of a namespace, which close with the test.
func connect(t *testing.T, s *stack.Stack, namespace string) connections {
	t.Helper()
	stacktest.Query(t, s, "", "DROP DATABASE IF EXISTS "+namespace+" SYNC") // Of an earlier run by -count.
	conn := kafka.Config{Brokers: []string{s.KafkaAddr()}, ClientID: RollerClientID}
	c := connections{namespace: namespace}
	var err error
	if c.db, err = clickhouse.Open(clickhouse.Config{URL: s.HTTPURL(), User: "default", Database: namespace}); err != nil {
		t.Fatal(err)
	}
	if c.client, err = consumerkafka.NewClient(consumerkafka.Config{Conn: conn}); err != nil {
		t.Fatal(err)
	}
	if c.writer, err = producerkafka.NewWriter(producerkafka.Config{Conn: conn}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(c.writer.Close(), c.client.Close(), c.db.Close()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestPipeline assembles each process from plain configuration and open connections, and runs all of them: what is produced is
// accounted for, rolled up, rebuilt and audited.
func TestPipeline(t *testing.T) {
	const partitions = 3
	ctx, s := t.Context(), stacktest.Start(t)
	c := connect(t, s, "app_pipeline")
	for i, want := range []bool{true, false} { // A migration can be repeated.
		migrated, err := MigrateDatabase(ctx, c.db)
		if err != nil || migrated.Loaded != want || (migrated.Applied > 0) != want {
			t.Fatalf("migration %d: %+v, %v", i+1, migrated, err)
		}
	}
	if _, err := CreateTopics(ctx, c.client, c.namespace, partitions, 1); err != nil {
		t.Fatal(err)
	}
	sender := &producers.Sender{Log: c.writer, Namespace: c.namespace}
	options := synthetic.Options{
		Seed: 1, Events: 3000, Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Span: 2 * time.Hour, Run: "run", Partitions: partitions, Duplicates: 0.02, Poison: 0.01,
	}
	produced, err := synthetic.Run(ctx, sender, options, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}

	var offsets atomic.Int64
	in := NewIngester(IngesterConfig{Namespace: c.namespace, Client: c.client, Letters: c.writer, DB: c.db, Hooks: IngesterHooks{
		Block: func(row ledger.Row) { offsets.Add(row.To - row.From) },
	}})
	if err := in.Ready(); err == nil || !strings.Contains(err.Error(), "starting") {
		t.Errorf("an ingester that has not started: %v", err)
	}
	if err := in.RunUntilCaughtUp(ctx); err != nil {
		t.Fatal(err)
	}
	totals, total := in.Totals(), produced.Truth.Total()
	if sum := totals.Stored + totals.Duplicates + totals.Conflicts + totals.Dead; sum != totals.Offsets || totals.Offsets != uint64(offsets.Load()) ||
		totals.Offsets < total.Produced || totals.Dead != total.Poison || totals.Duplicates != total.Duplicates {
		t.Errorf("%+v, and %d offsets by the hook; produced %+v", totals, offsets.Load(), total)
	}
	if lag, known := in.Lag(); in.Ready() != nil || lag != 0 || !known {
		t.Errorf("caught up: %v, lag %d, known: %t", in.Ready(), lag, known)
	}
	c.rollUp(t)
	c.rebuild(t)

	var counted atomic.Int64
	auditor := NewAuditor(AuditorConfig{Namespace: c.namespace, Client: c.client, DB: c.db, Settled: true, Counted: func(audit.Result, error, time.Duration) { counted.Add(1) }})
	if err := auditor.Ready(); err == nil {
		t.Error("an auditor that has made no audit is ready")
	}
	result, err := auditor.Once(ctx)
	if err != nil || !result.OK || auditor.Ready() != nil || counted.Load() != 1 {
		t.Errorf("audit: %+v, %v; ready: %v; %d counted", result, err, auditor.Ready(), counted.Load())
	}
	c.preview(t)
}

// rollUp runs a roller with the lease until it has published something, beside reports of it.
func (c connections) rollUp(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	roller := NewRoller(RollerConfig{DB: c.db, Hooks: rollup.Hooks{Step: func(p rollup.Progress) {
		if p.Idle() {
			cancel()
		}
	}}})
	if err := roller.Ready(); err == nil {
		t.Error("a roller that has made no step is ready")
	}
	reports := Reports{Client: c.client, DB: c.db, Namespace: c.namespace, Roles: []string{health.Rollup}}
	err := reports.During(ctx, func(ctx context.Context) error {
		return roller.Run(ctx, Lease{Client: c.client, Namespace: c.namespace})
	})
	if ranges, rows := roller.Totals(); err != nil || roller.Ready() != nil || ranges == 0 || rows == 0 {
		t.Errorf("%v; ready: %v; %d ranges of %d rows", err, roller.Ready(), ranges, rows)
	}
	beats := uint64(0)
	err = c.db.Query(t.Context(), "SELECT count() FROM heartbeats WHERE role = 'rollup'", func(scan func(...any) error) error { return scan(&beats) })
	if err != nil || beats == 0 {
		t.Errorf("%d heartbeats, %v", beats, err)
	}
}

// rebuild rebuilds all rollups without a roller at work.
func (c connections) rebuild(t *testing.T) {
	t.Helper()
	planned := 0
	b := &Rebuilder{
		Rebuild: &rollup.Rebuild{DB: c.db}, Roller: RollerConfig{DB: c.db}, Lease: Lease{Client: c.client, Namespace: c.namespace},
		Planned: func(rollup.RebuildProgress) { planned++ },
	}
	done, err := b.Run(t.Context())
	if p := b.Rebuild.Progress(); err != nil || !done || planned != 1 || p.Done == 0 || p.Done != p.Ranges || p.Unequal != 0 {
		t.Errorf("done %t, %v, planned %d times, %+v", done, err, planned, p)
	}
}

// preview serves the dashboards twice; the second page takes a free port, as the first one's is taken.
func (c connections) preview(t *testing.T) {
	t.Helper()
	config := PreviewConfig{DB: c.db, Namespace: c.namespace, Version: "test", Listen: "127.0.0.1:0", Timeout: time.Minute}
	for range 2 {
		p, err := StartPreview(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil || !bytes.Contains(text, []byte("<!doctype html>")) {
			t.Errorf("%s: %v\n%s", p.URL(), err, text)
		}
		config.Listen, config.AnyPort = strings.TrimSuffix(strings.TrimPrefix(p.URL(), "http://"), "/"), true
	}
	config.AnyPort = false
	if _, err := StartPreview(t.Context(), config); err == nil {
		t.Error("a second page listens on the same port")
	}
}

// TestLetterLog: a record that the writer refuses for its size is named by its index, and the others are on the log.
func TestLetterLog(t *testing.T) {
	s := stacktest.Start(t)
	c := connect(t, s, "app_letters")
	if _, err := CreateTopics(t.Context(), c.client, c.namespace, 1, 1); err != nil {
		t.Fatal(err)
	}
	topic := schemas.TopicName(c.namespace, schemas.DeadLettersTopic)
	log := letterLog{c.writer}
	if limit := log.TopicLimit(t.Context(), topic); limit != deadletter.TopicBytes {
		t.Errorf("the topic takes %d bytes, want %d", limit, deadletter.TopicBytes)
	}
	letters := []deadletter.Record{{Topic: topic, Value: []byte("a")}, {Topic: topic, Value: make([]byte, producerkafka.DefaultMaxRecordBytes+1)}, {Topic: topic, Value: []byte("b")}}
	err := log.Append(t.Context(), letters)
	var large *deadletter.TooLargeError
	if !errors.As(err, &large) || len(large.Refused) != 1 || large.Refused[0] != 1 {
		t.Fatalf("got %v", err)
	}
	offsets, err := c.client.Offsets(t.Context(), topic)
	if err != nil || offsets[0].End-offsets[0].Start < 2 {
		t.Errorf("%+v, %v", offsets, err)
	}
}
