package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestPartitionsAndRetention does what docs/operations.md describes. Topics get more partitions; what was sent before and comes
// again moves to other partitions, and counts once. Kafka deletes what is accounted for, and the audit finds nothing. Raw rows
// are deleted, and it does.
func TestPartitionsAndRetention(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	p.generate(t, "--profile", "token_calls", "--events", "1000", "--poison", "0")
	p.settle(t)
	const figures = "SELECT sum(calls), sum(input_tokens), sum(output_tokens) FROM token_calls_1h"
	before := p.row(t, figures)

	client, err := kgo.NewClient(kgo.SeedBrokers(p.brokers))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topic := p.namespace + ".token_calls.v1"
	add := kmsg.NewPtrCreatePartitionsRequest()
	add.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: topic, Count: 5}}
	add.TimeoutMillis = 10_000
	if answer, err := add.RequestWith(t.Context(), client); err != nil || answer.Topics[0].ErrorCode != 0 {
		t.Fatalf("add partitions: %v, %+v", err, answer)
	}
	p.ok(t, "replay", "topic:token_calls")
	p.settle(t)
	if moved := p.row(t, "SELECT count() FROM token_calls_raw WHERE partition >= 2")[0]; moved == "0" {
		t.Error("no repeat is in a new partition: the test shows nothing")
	}
	if after := p.row(t, figures); !slices.Equal(after, before) {
		t.Errorf("after the same events in more partitions: %v, before %v", after, before)
	}
	p.auditOK(t)

	var ends []kmsg.DeleteRecordsRequestTopicPartition
	for _, row := range p.rows(t, "SELECT partition, max(to_offset) FROM ledger WHERE topic = 'token_calls.v1' GROUP BY partition") {
		ends = append(ends, kmsg.DeleteRecordsRequestTopicPartition{Partition: int32(number(t, row[0])), Offset: int64(number(t, row[1]))})
	}
	expire := kmsg.NewPtrDeleteRecordsRequest()
	expire.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: topic, Partitions: ends}}
	expire.TimeoutMillis = 10_000
	// Each partition has its leader, and the client asks all of them.
	for _, shard := range client.RequestSharded(t.Context(), expire) {
		if shard.Err != nil {
			t.Fatalf("delete records: %v", shard.Err)
		}
	}
	if r := p.run(t, "replay", "topic:token_calls"); r.code != 0 {
		t.Errorf("a replay of what Kafka no longer has: exit code %d", r.code)
	}
	if r := p.run(t, "audit"); r.code != 0 || !strings.Contains(r.stdout, "audit: OK") {
		t.Errorf("the audit when Kafka has forgotten what is stored: exit code %d", r.code)
	}

	p.sql(t, "ALTER TABLE token_calls_raw DELETE WHERE offset < 10")
	if r := p.run(t, "audit"); r.code != 1 || !strings.Contains(r.stdout, "raw holds") || !strings.Contains(r.stdout, "the row is missing") {
		t.Errorf("an audit without raw rows: exit code %d", r.code)
	}
	if after := p.row(t, figures); !slices.Equal(after, before) {
		t.Errorf("the rollups without raw rows: %v, before %v", after, before)
	}
}

// TestErase erases one person as docs/operations.md describes: the namespace is copied without the hash of the user, checked,
// and dropped.
func TestErase(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	p.generate(t, "--profile", "token_calls", "--events", "1000")
	p.settle(t)
	const figures = "SELECT sum(calls), sum(input_tokens), sum(output_tokens) FROM token_calls_1h"
	before := p.row(t, figures)
	person := p.row(t, "SELECT tenant, user FROM token_calls WHERE user != 0 GROUP BY tenant, user ORDER BY count() DESC LIMIT 1")
	of := fmt.Sprintf("tenant = '%s' AND user = 0x%016x", person[0], number(t, person[1])) // As a dry run prints the user.
	users := number(t, p.row(t, "SELECT uniqExact(user) FROM token_calls WHERE user != 0")[0])

	p.sql(t, "ALTER TABLE token_calls_raw UPDATE user = 0 WHERE "+of)
	if r := p.run(t, "audit"); r.code != 1 || !strings.Contains(r.stdout, "the content of rows is not what was stored") {
		t.Errorf("the audit of changed rows: exit code %d", r.code)
	}
	kept := p
	kept.namespace = namespace(t)
	kept.ok(t, "migrate", "--partitions", "2")
	kept.ok(t, "replay", "table:"+p.namespace+".token_calls")
	kept.settle(t)
	kept.auditOK(t, "--settled")
	if after := kept.row(t, figures); !slices.Equal(after, before) {
		t.Errorf("the copy has %v, want %v", after, before)
	}
	if row := kept.row(t, "SELECT countIf("+of+"), uniqExactIf(user, user != 0) FROM token_calls_raw"); row[0] != "0" || number(t, row[1]) != users-1 {
		t.Errorf("the copy has %s rows of the person and %s users, want 0 and %d", row[0], row[1], users-1)
	}
	p.ok(t, "namespaces", "drop", p.namespace, "--yes")
	if names := kept.anyTopics(t); slices.Contains(names, p.namespace+".token_calls.v1") || !slices.Contains(names, kept.namespace+".token_calls.v1") {
		t.Errorf("topics after the drop: %v", names)
	}
	kept.auditOK(t, "--settled")
}

// TestMigrateWithWorkers: an upgrade does not begin while a worker runs that could write to what it moves.
func TestMigrateWithWorkers(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	want := p.generate(t, "--events", "500")
	p.settle(t)
	worker := p.start(t, "rollup", "--metrics-listen", "127.0.0.1:0")
	operations(t, worker)
	eventually(t, "the worker holds the lease", func() bool { return strings.Contains(worker.output(), "holding the lease") })

	// As an older version leaves it.
	p.sql(t, "ALTER TABLE schema_migrations DELETE WHERE 1")
	p.sql(t, "INSERT INTO schema_migrations (version, name, checksum) VALUES (1, 'tidemark: done', 'older')")
	if r := p.run(t, "migrate"); r.code != 3 || !strings.Contains(r.stderr, "namespace "+p.namespace+" has 1 worker of 'tidemark rollup' at work") {
		t.Errorf("migrate beside a worker: exit code %d, want 3 and the worker", r.code)
	}
	if r := p.run(t, "migrate", "--wait", "1s"); r.code != 3 || !strings.Contains(r.stderr, "waiting up to 1s for 1 worker of 'tidemark rollup' to stop") || !strings.Contains(r.stderr, "at work: stop them") {
		t.Errorf("migrate that waits beside a worker that stays: exit code %d, want 3 and for whom it waited", r.code)
	}
	waiting := p.start(t, "migrate", "--wait", "5m")
	eventually(t, "migrate says for whom it waits", func() bool { return strings.Contains(waiting.output(), "waiting up to 5m0s for 1 worker") })
	if n := p.sql(t, "SELECT count() FROM schema_migrations WHERE name != 'tidemark: done'"); strings.TrimSpace(n) != "0" || waiting.ended() {
		t.Errorf("migrate has begun beside a worker:\n%s", waiting.output())
	}
	if code := worker.stop(t); code != 0 {
		t.Errorf("the worker stops with %d", code)
	}
	if r := p.run(t, "rollup", "--until-caught-up"); r.code != 3 || !strings.Contains(r.stderr, "tidemark migrate") {
		t.Errorf("a worker before the migration: exit code %d, want 3 and what to run", r.code)
	}
	if code := waiting.wait(t); code != 0 || !strings.Contains(waiting.output(), "database "+p.namespace) {
		t.Errorf("migrate after the worker has stopped: exit code %d\n%s", code, waiting.output())
	}
	p.settle(t)
	p.verify(t, want)
	p.auditOK(t)
}
