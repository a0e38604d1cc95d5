package health

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
)

// brokers is a log of which only the ends matter. Types that are not named have one empty partition.
type brokers struct {
	topics map[string]Topic
	down   map[string]error
	asked  int
}

func (b *brokers) Topic(_ context.Context, topic string) (Topic, error) {
	b.asked++
	if t, ok := b.topics[topic]; ok {
		return t, b.down[topic]
	}
	return Topic{ID: rolluptest.TopicID, Partitions: map[int32]schemas.Offsets{0: {}}}, b.down[topic]
}

func (b *brokers) setOffsets(topic string, ends ...schemas.Offsets) {
	t := Topic{ID: rolluptest.TopicID, Partitions: map[int32]schemas.Offsets{}}
	for i, e := range ends {
		t.Partitions[int32(i)] = e
	}
	b.topics[topic] = t
}

func world(t *testing.T) (*rolluptest.World, *brokers, func() *Reporter) {
	w, b := rolluptest.New(t), &brokers{topics: map[string]Topic{}, down: map[string]error{}}
	return w, b, func() *Reporter { return &Reporter{DB: w.DB, Log: b, Roles: []string{Rollup}} }
}

func poll(t *testing.T, r *Reporter, want string) {
	t.Helper()
	err := r.PollEnds(t.Context(), 0)
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Fatalf("PollEnds: %v, want %q", err, want)
	}
}

// queries are the partitions of one topic: ends, position, whether it waits.
const queries = "SELECT toString(partition), toString(start_offset), toString(end_offset), toString(accounted), if(toUnixTimestamp64Micro(waiting_since) > 0, 'waits', 'even') FROM log_ends FINAL WHERE topic = 'queries.v1' ORDER BY partition"

func TestPollEnds(t *testing.T) {
	w, b, reporter := world(t)
	expect := func(want string) {
		t.Helper()
		if got := strings.ReplaceAll(strings.TrimSpace(w.Text(5, queries)), "\n", ", "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	since := func() string {
		t.Helper()
		return w.Text(1, "SELECT toString(waiting_since) FROM log_ends FINAL WHERE topic = 'queries.v1' AND partition = 1")
	}
	r := reporter()
	b.setOffsets("queries.v1", schemas.Offsets{}, schemas.Offsets{End: 3})
	poll(t, r, "")
	expect("0 0 0 0 even, 1 0 3 0 waits")
	if n := w.Numbers(1, "SELECT uniqExact(topic) FROM log_ends"); strings.TrimSpace(n) != "6" {
		t.Errorf("%s topics were looked at", n)
	}

	first := since()
	b.setOffsets("queries.v1", schemas.Offsets{}, schemas.Offsets{End: 30})
	poll(t, r, "")
	poll(t, reporter(), "") // Another process goes on where this one was.
	if got := since(); got != first {
		t.Errorf("waits since %s, and its position has not moved since %s", got, first)
	}
	w.Exec("INSERT INTO ledger (topic, epoch, partition, from_offset, to_offset) VALUES ('queries.v1', 1, 1, 0, 20)")
	poll(t, r, "")
	expect("0 0 0 0 even, 1 0 30 20 waits")
	if got := since(); got == first {
		t.Error("still waits since before it moved")
	}
	w.Exec("INSERT INTO ledger (topic, epoch, partition, from_offset, to_offset) VALUES ('queries.v1', 1, 1, 20, 30)")
	poll(t, r, "")
	expect("0 0 0 0 even, 1 0 30 30 even")

	// What retention took is yet to be recorded as a gap, and a log that ends before the position has lost records.
	b.setOffsets("queries.v1", schemas.Offsets{Start: 7, End: 7}, schemas.Offsets{End: 12})
	poll(t, r, "")
	expect("0 7 7 0 waits, 1 0 12 30 waits")
	w.Exec("INSERT INTO log_ends SELECT * REPLACE (now64(6) + INTERVAL 1 DAY AS waiting_since, version + 1 AS version) FROM log_ends FINAL WHERE topic = 'queries.v1'")
	poll(t, r, "")
	if n := w.Numbers(1, "SELECT count() FROM log_ends FINAL WHERE waiting_since > now64(6)"); strings.TrimSpace(n) != "0" {
		t.Errorf("%s partitions wait since a time that has not come, after the clock was put back", n)
	}

	// Made again with fewer partitions: another incarnation, of which nothing is accounted for.
	b.topics["queries.v1"] = Topic{ID: schemas.TopicID{15: 2}, Partitions: map[int32]schemas.Offsets{0: {End: 5}}}
	poll(t, r, "")
	expect("0 0 5 0 waits")
	w.Exec("INSERT INTO topics (topic, epoch, topic_id) VALUES ('queries.v1', 2, '00000000-0000-0000-0000-000000000002')")
	w.Exec("INSERT INTO ledger (topic, epoch, partition, from_offset, to_offset) VALUES ('queries.v1', 2, 0, 0, 5)")
	poll(t, r, "")
	expect("0 0 5 5 even")
}

// TestPollEndsWithoutATopic: what cannot be asked for keeps what was seen last, and the rest is seen.
func TestPollEndsWithoutATopic(t *testing.T) {
	w, b, reporter := world(t)
	r := reporter()
	b.setOffsets("queries.v1", schemas.Offsets{End: 3})
	poll(t, r, "")
	b.down["queries.v1"] = errors.New("no leader")
	b.setOffsets("queries.v1", schemas.Offsets{End: 4})
	b.setOffsets("signups.v1", schemas.Offsets{End: 9})
	b.topics["runs.v1"] = Topic{}
	poll(t, r, "no leader")
	poll(t, r, "there is no such topic")
	got := w.Text(2, "SELECT toString(topic), toString(end_offset) FROM log_ends FINAL WHERE end_offset > 0 ORDER BY topic")
	if got != "queries.v1 3\nsignups.v1 9\n" {
		t.Errorf("got %q", got)
	}
}

// TestPollEndsOncePerTime: of several reporters one asks the brokers, unless a topic is missing or the clock was put back.
func TestPollEndsOncePerTime(t *testing.T) {
	w, b, reporter := world(t)
	asks := func(want bool) {
		t.Helper()
		b.asked = 0
		if err := reporter().PollEnds(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if (b.asked > 0) != want {
			t.Errorf("asked %d topics", b.asked)
		}
	}
	asks(true)
	asks(false)
	w.Exec("ALTER TABLE log_ends DELETE WHERE topic = 'runs.v1' SETTINGS mutations_sync = 2")
	asks(true)
	w.Exec("INSERT INTO log_ends SELECT * REPLACE (now64(6) + INTERVAL 1 DAY AS seen_at, version + 1 AS version) FROM log_ends FINAL")
	asks(true)
	asks(false)
}

func TestRun(t *testing.T) {
	w, b, _ := world(t)
	b.down["queries.v1"] = errors.New("no leader")
	failures := make(chan error, 100)
	r := &Reporter{DB: w.DB, Log: b, Roles: []string{Ingest, Rollup}, Every: 20 * time.Millisecond, Usage: func() (time.Duration, uint64) { return 3 * time.Second, 5 << 20 }, Hooks: Hooks{Error: func(err error) { failures <- err }}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	for strings.TrimSpace(w.Numbers(1, "SELECT ifNull(max(beat), 0) > 3 FROM heartbeats")) != "1" {
		time.Sleep(10 * time.Millisecond)
	}
	const alive = "SELECT toString(role), if(stopped, 'stopped', 'works'), toString(abs(dateDiff('second', started_at, seen_at)) < 60) FROM heartbeats FINAL WHERE worker != '' ORDER BY role"
	if got := w.Text(3, alive); got != "ingest works 1\nrollup works 1\n" {
		t.Errorf("got %q", got)
	}
	cancel()
	<-done
	if got := w.Text(3, alive); got != "ingest stopped 1\nrollup stopped 1\n" {
		t.Errorf("got %q", got)
	}
	if got := w.Numbers(2, "SELECT min(cpu_us), max(resident_bytes) FROM heartbeats FINAL WHERE worker != ''"); got != "3000000 5242880\n" {
		t.Errorf("used %q", got)
	}
	if len(failures) != 1 {
		t.Errorf("told %d times that it fails, want once", len(failures))
	}
	// What the migration says of those who never reported is there, once, however often it runs.
	for _, m := range schemas.Statements(w.DB.Database()) {
		if strings.HasSuffix(m.Name, " heartbeats") {
			w.Exec("%s", m.SQL)
		}
	}
	if got := w.Numbers(1, "SELECT count() FROM heartbeats FINAL WHERE worker = ''"); got != "4\n" {
		t.Errorf("%s roles are expected", got)
	}
}

func TestNegativeEvery(t *testing.T) {
	var got error
	(&Reporter{Every: -1, Hooks: Hooks{Error: func(err error) { got = err }}}).Run(t.Context())
	if got == nil || !strings.Contains(got.Error(), "Every must not be negative") {
		t.Errorf("got %v", got)
	}
}
