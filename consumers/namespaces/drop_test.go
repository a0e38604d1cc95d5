package namespaces_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/audit"
	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	"tidemark/consumers/kafka"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/namespaces"
	"tidemark/consumers/rollup/rolluptest"
	kafkalog "tidemark/internal/kafka"
	stacktest "tidemark/internal/test/stack"
	"tidemark/schemas"
)

// whole is a namespace with everything: tables with rows, topics, and both consumer groups with an offset in them.
type whole struct {
	*rolluptest.World
	name   string
	client *kafka.Client
	log    kafka.NamespaceLog
}

func newWhole(t *testing.T) whole {
	t.Helper()
	w := whole{World: rolluptest.New(t), client: newClient(t)}
	w.name, w.log = w.DB.Database(), kafka.NamespaceLog{Client: w.client}
	w.Deliver(events()...)
	rollUp(t, w.World)
	var specs []kafka.TopicSpec
	for i, name := range namespaces.TopicNames(w.name) {
		specs = append(specs, kafka.TopicSpec{Name: name, Partitions: 1 + i%2})
	}
	if _, err := w.client.CreateTopics(t.Context(), specs); err != nil {
		t.Fatal(err)
	}
	for _, group := range []string{namespaces.IngestGroup(w.name), namespaces.RollupGroup(w.name)} {
		topic := schemas.TopicName(w.name, "runs.v1")
		err := w.client.Consume(t.Context(), kafka.GroupConfig{Group: group, Topics: []string{topic}}, func(ctx context.Context, g kafka.Generation) error {
			if err := w.client.Commit(ctx, group, g, topic, 0, 0); err != nil {
				return err
			}
			return kafka.ErrStop
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func newClient(t *testing.T) *kafka.Client {
	t.Helper()
	client, err := kafka.NewClient(kafka.Config{Conn: kafkalog.Config{Brokers: []string{stacktest.Start(t).KafkaAddr()}}, RetryMin: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

func (w whole) dropper() *namespaces.Dropper {
	return &namespaces.Dropper{DB: w.DB.In("system"), Log: w.log, Groups: w.log}
}

func (w whole) plan(t *testing.T) namespaces.Plan {
	t.Helper()
	p, err := w.dropper().Plan(t.Context(), w.name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// everything lists all databases with their tables, all topics and groups of these namespaces.
func everything(t *testing.T, all ...whole) string {
	t.Helper()
	var out strings.Builder
	system := clickhousetest.Connect(t, clickhouse.Config{URL: stacktest.Start(t).HTTPURL(), Database: "system"})
	err := system.Query(t.Context(), "SELECT concat(d.name, ' ', toString(countIf(t.name != ''))) FROM system.databases AS d LEFT JOIN system.tables AS t ON t.database = d.name GROUP BY d.name ORDER BY d.name", func(scan func(...any) error) error {
		var line string
		err := scan(&line)
		fmt.Fprintln(&out, line)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range all {
		topics, err := w.log.Topics(t.Context(), namespaces.TopicNames(w.name))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range namespaces.TopicNames(w.name) {
			if topic, exists := topics[name]; exists {
				fmt.Fprintln(&out, name, topic)
			}
		}
		for _, group := range []string{namespaces.IngestGroup(w.name), namespaces.RollupGroup(w.name)} {
			if _, exists, err := w.log.Group(t.Context(), group); err != nil {
				t.Fatal(err)
			} else if exists {
				fmt.Fprintln(&out, "group", group)
			}
		}
	}
	return out.String()
}

// without takes the lines of a namespace out of what everything says.
func without(all, name string) string {
	var kept []string
	for line := range strings.Lines(all) {
		if !slices.ContainsFunc([]string{name + " ", name + ".", "group " + name + "\n", "group " + name + "."}, func(prefix string) bool { return strings.HasPrefix(line, prefix) }) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// TestDrop expects all of a namespace to go, and nothing else: not that of another one either.
func TestDrop(t *testing.T) {
	w, other := newWhole(t), newWhole(t)
	w.Exec("CREATE TABLE mine (a UInt8) ENGINE = Memory")
	before := everything(t, w, other)
	p := w.plan(t)
	if !p.Database || p.Tables < 40 || p.Rows < 440 || p.Bytes == 0 || !slices.Equal(p.Foreign, []string{"mine"}) || len(p.Topics) != 7 || p.Empty() ||
		!slices.Equal(p.Groups, []namespaces.GroupPlan{{Name: w.name}, {Name: w.name + ".rollup"}}) {
		t.Errorf("the plan is %+v", p)
	}
	if got := everything(t, w, other); got != before {
		t.Errorf("a plan changed\n%sto\n%s", before, got)
	}
	var dropped []string
	d := w.dropper()
	d.Hooks.Dropped = func(what string) { dropped = append(dropped, what) }
	if err := d.Drop(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if len(dropped) != 7+2+1 || !strings.HasPrefix(dropped[9], "database "+w.name) {
		t.Errorf("dropped %q", dropped)
	}
	want := without(before, w.name)
	if strings.Count(before, "\n")-strings.Count(want, "\n") != 1+7+2 {
		t.Fatalf("the namespace was not whole before:\n%s", before)
	}
	if got := everything(t, w, other); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	again := w.plan(t)
	if !again.Empty() {
		t.Errorf("after all is dropped there is still %+v", again)
	}
	if err := d.Drop(t.Context(), again); err != nil {
		t.Errorf("dropping nothing: %v", err)
	}
	if err := d.Drop(t.Context(), p); err != nil {
		t.Errorf("dropping by an old plan: %v", err)
	}
	if result := diff(t, other.World, other.World, nil); !result.Equal() {
		t.Error("the other namespace is damaged")
	}
}

// dying ends a drop at some step: before it is done, or after it with its answer lost.
type dying struct {
	ledgerdb.DB
	namespaces.Log
	namespaces.Groups
	left  int
	after bool
}

var errDied = errors.New("died")

func (d *dying) do(f func() error) error {
	d.left--
	if d.left > 0 {
		return f()
	}
	if d.left == 0 && d.after {
		if err := f(); err != nil {
			return err
		}
	}
	return errDied
}

func (d *dying) Exec(ctx context.Context, sql string) error {
	return d.do(func() error { return d.DB.Exec(ctx, sql) })
}

func (d *dying) DeleteTopics(ctx context.Context, names []string) error {
	return d.do(func() error { return d.Log.DeleteTopics(ctx, names) })
}

func (d *dying) DeleteGroup(ctx context.Context, name string) error {
	return d.do(func() error { return d.Groups.DeleteGroup(ctx, name) })
}

// TestDropInterrupted ends a drop at step after step, each time by a new plan, until it comes to its end.
func TestDropInterrupted(t *testing.T) {
	w := newWhole(t)
	want := without(everything(t, w), w.name)
	deaths := 0
	for step := 1; ; step = step%5 + 1 {
		p := w.plan(t)
		d := w.dropper()
		dies := &dying{DB: d.DB, Log: d.Log, Groups: d.Groups, left: step, after: step%2 == 0}
		d.DB, d.Log, d.Groups = dies, dies, dies
		err := d.Drop(t.Context(), p)
		if err == nil {
			break
		}
		if !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		deaths++
	}
	if deaths < 10 {
		t.Errorf("%d interruptions only", deaths)
	}
	if got := everything(t, w); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestUsed: what migrations and workers write does not make a namespace a used one; a record, a row or a table of somebody else's does.
func TestUsed(t *testing.T) {
	w := whole{World: rolluptest.New(t), client: newClient(t)}
	w.name, w.log = w.DB.Database(), kafka.NamespaceLog{Client: w.client}
	if _, err := w.client.CreateTopics(t.Context(), []kafka.TopicSpec{{Name: namespaces.TopicNames(w.name)[1], Partitions: 2}}); err != nil {
		t.Fatal(err)
	}
	used := func(what, want string, change func(*namespaces.Plan)) {
		t.Helper()
		p := w.plan(t)
		if change != nil {
			change(&p)
		}
		if got, err := w.dropper().Used(t.Context(), p); err != nil || !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q, %v; want %q", what, got, err, want)
		}
	}
	w.Exec("INSERT INTO heartbeats (role, worker) VALUES ('ingest', 'a')")
	w.Exec("INSERT INTO audits (audit, check, scope, verdict) VALUES (1, 'raw holds', 'queries_raw', 'ok')")
	used("only migrated", "", nil)
	used("a record", "has 3 records", func(p *namespaces.Plan) {
		for name := range p.Topics {
			p.Topics[name] = namespaces.Topic{Partitions: 2, Records: 3}
		}
	})
	w.Exec("CREATE TABLE mine (a UInt8) ENGINE = Memory")
	used("a table of somebody else's", "table mine is none of Tidemark's", nil)
	w.Exec("DROP TABLE mine SYNC")
	w.Deliver(events()...)
	used("rows", "table ledger has", nil)
}

// TestDropRefuses has databases that are none of ours.
func TestDropRefuses(t *testing.T) {
	foreign := clickhousetest.OpenEmpty(t)
	log := kafka.NamespaceLog{Client: newClient(t)}
	d := &namespaces.Dropper{DB: foreign.In("system"), Log: log, Groups: log}
	f := func(name string) {
		t.Helper()
		if p, err := d.Plan(t.Context(), name); !errors.Is(err, namespaces.ErrNotNamespace) || p.Database {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	for _, name := range []string{"system", "default", "information_schema", "INFORMATION_SCHEMA", "", "a.b", "x; DROP DATABASE y", foreign.Database()} {
		f(name)
	}
	// Migrated or not, it is a database that clients expect.
	if _, err := d.Plan(t.Context(), "default"); err == nil || !strings.Contains(err.Error(), "of the server itself") {
		t.Errorf("default: %v", err)
	}
	for _, sql := range []string{
		"CREATE TABLE ledger (a UInt8) ENGINE = Memory",
		"CREATE TABLE schema_migrations (version Int64, dirty UInt8, sequence UInt64) ENGINE = Memory", // That of another program.
		"DROP TABLE schema_migrations SYNC",
		"CREATE TABLE schema_migrations (version UInt32, name String, checksum String, applied_at DateTime) ENGINE = Memory",
		"INSERT INTO schema_migrations (version, name) VALUES (1, 'users'), (2, 'orders')",
	} {
		if err := foreign.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		f(foreign.Database())
	}
	// A group may have the name of a namespace that never was.
	client, name := newClient(t), "nobody_"+foreign.Database()
	topic := stacktest.Topic(t)
	if _, err := client.CreateTopics(t.Context(), []kafka.TopicSpec{{Name: topic, Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	err := client.Consume(t.Context(), kafka.GroupConfig{Group: name, Topics: []string{topic}}, func(context.Context, kafka.Generation) error { return kafka.ErrStop })
	if err != nil {
		t.Fatal(err)
	}
	if p, err := d.Plan(t.Context(), name); err != nil || !p.Empty() {
		t.Errorf("of a group without database and topics the plan is %+v, %v", p, err)
	}
}

// TestDropWaitsForMembers has a consumer that leaves when its topic is gone, and one that has no reason to.
func TestDropWaitsForMembers(t *testing.T) {
	w := newWhole(t)
	elsewhere := stacktest.Topic(t)
	if _, err := w.client.CreateTopics(t.Context(), []kafka.TopicSpec{{Name: elsewhere, Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	join := func(group, topic string) (end context.CancelFunc, ended chan error) {
		ctx, cancel := context.WithCancel(t.Context())
		joined, ended := make(chan bool, 10), make(chan error, 1)
		cfg := kafka.GroupConfig{Group: group, Topics: []string{topic}, Heartbeat: 100 * time.Millisecond, Watch: 200 * time.Millisecond}
		client := newClient(t)
		go func() {
			ended <- client.Consume(ctx, cfg, func(ctx context.Context, _ kafka.Generation) error {
				joined <- true
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		<-joined
		return cancel, ended
	}
	_, left := join(namespaces.RollupGroup(w.name), schemas.TopicName(w.name, "runs.v1"))
	end, stayed := join(namespaces.IngestGroup(w.name), elsewhere)
	p := w.plan(t)
	if len(p.Groups) != 2 || p.Groups[0].Members != 1 || p.Groups[1].Members != 1 {
		t.Errorf("the plan is %+v", p.Groups)
	}
	d := w.dropper()
	d.Patience = time.Millisecond
	if err := d.Drop(t.Context(), p); !errors.Is(err, namespaces.ErrInUse) || !strings.Contains(err.Error(), "stop them") {
		t.Errorf("with a consumer at work: %v", err)
	}
	if err := <-left; !errors.Is(err, kafkalog.ErrUnknownTopic) {
		t.Errorf("the consumer of a topic that is gone ends with %v", err)
	}
	if p := w.plan(t); !p.Database || len(p.Topics) > 0 {
		t.Errorf("while a consumer was at work the database was dropped: %+v", p)
	}
	waits := make(chan bool, 1000)
	d.Patience, d.Hooks.Dropped = time.Minute, func(what string) {
		if strings.HasPrefix(what, "waiting for") {
			waits <- true
		}
	}
	dropped := make(chan error, 1)
	go func() { dropped <- d.Drop(t.Context(), w.plan(t)) }()
	<-waits
	end()
	if err := <-stayed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-dropped; err != nil {
		t.Error(err)
	}
	if p := w.plan(t); !p.Empty() {
		t.Errorf("what is left is %+v", p)
	}
}

func TestList(t *testing.T) {
	w := newWhole(t)
	late := time.Date(2026, 3, 9, 1, 2, 3, 0, time.UTC)
	w.Deliver(rolluptest.Random(77, 30, late, time.Second)...)
	// A ledger row that lost against another one does not count.
	w.Exec("INSERT INTO ledger SELECT * REPLACE (generation - 1 AS generation) FROM ledger")
	list := func() namespaces.Info {
		t.Helper()
		var all []namespaces.Info
		err := (&namespaces.Lister{DB: w.DB.In("system"), In: server(w.DB), Log: w.log}).List(t.Context(), func(info namespaces.Info) error {
			all = append(all, info)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(i namespaces.Info) bool { return i.Name == w.name })
		if i < 0 || !slices.IsSortedFunc(all, func(a, b namespaces.Info) int { return strings.Compare(a.Name, b.Name) }) {
			t.Fatalf("the namespace is not listed, or there is no order: %+v", all)
		}
		return all[i]
	}
	info := list()
	if info.Problem != "" || len(info.Topics) != 7 || info.Bytes == 0 || !info.Audit.At.IsZero() || len(info.Types) != 6 {
		t.Errorf("got %+v", info)
	}
	for _, ti := range info.Types {
		want := strings.TrimSpace(w.Numbers(1, "SELECT count() FROM %s", schemas.SpecOf(ti.Type).Name))
		if fmt.Sprint(ti.Rows) != want || ti.Rows == 0 != ti.First.IsZero() {
			t.Errorf("%s: %+v, want %s rows", ti.Type, ti, want)
		}
	}
	calls := info.Types[schemas.TokenCallType]
	if calls.First.Before(early) || calls.First.After(early.Add(time.Hour)) || !calls.Last.Equal(late.Truncate(time.Minute)) {
		t.Errorf("token calls from %s to %s", calls.First, calls.Last)
	}

	auditor := &audit.Auditor{DB: w.DB, Log: wholeLog{w.World}}
	for _, spoilt := range []bool{false, true} {
		if spoilt {
			rollUp(t, w.World)
			w.Exec("ALTER TABLE signups_1h_rows UPDATE signups = signups + 1 WHERE 1 SETTINGS mutations_sync = 2")
		}
		result, err := auditor.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pending := 0
		for _, f := range result.Findings {
			if f.Verdict == audit.Pending {
				pending++
			}
		}
		got := list().Audit
		if got.At.IsZero() || got.Checks != uint64(len(result.Findings)) || got.Differences != uint64(result.Differences()) || got.Pending != uint64(pending) {
			t.Errorf("the audit is %+v, want %d findings, %d pending and %d differences", got, len(result.Findings), pending, result.Differences())
		}
		if result.OK == spoilt {
			t.Errorf("the audit of a namespace that is spoilt (%v) is %+v", spoilt, result)
		}
	}
	if _, err := w.log.Topics(t.Context(), namespaces.TopicNames(w.name)); err != nil {
		t.Fatal(err)
	}
	if err := w.client.DeleteTopics(t.Context(), namespaces.TopicNames(w.name)[2:]); err != nil {
		t.Fatal(err)
	}
	w.Exec("DROP TABLE ledger SYNC")
	if info := list(); len(info.Topics) != 2 || !strings.Contains(info.Problem, "no table ledger") {
		t.Errorf("of a half dropped namespace: %+v", info)
	}
}

// wholeLog is a log that ends where the ledger does.
type wholeLog struct{ w *rolluptest.World }

func (l wholeLog) Topic(_ context.Context, topic string) (audit.Topic, error) {
	found := audit.Topic{ID: rolluptest.TopicID, Partitions: map[int32]schemas.Offsets{}}
	for id, end := range l.w.Ends(topic) {
		found.Partitions[id] = schemas.Offsets{End: end}
	}
	return found, nil
}
