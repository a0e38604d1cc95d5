package dashboards_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/health"
	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
	"tidemark/producers"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// begin is when the generated history begins: a Sunday at midnight, long enough ago for every bucket to be over.
var begin = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// store is a database with generated events and what is true of them.
type store struct {
	*rolluptest.World
	events []schemas.Event // Each once.
}

// lag is the freshness that the blocks of a store have.
const lag = 1500 * time.Millisecond

// generated makes a store of mixed events with duplicates, conflicts, late and poison records over a span of time.
func generated(t testing.TB, records int64, span time.Duration) store {
	t.Helper()
	return generatedFrom(t, records, span, begin)
}

func generatedFrom(t testing.TB, records int64, span time.Duration, begin time.Time) store {
	t.Helper()
	s := store{World: rolluptest.New(t)}
	s.generate(t, records, span, begin, 7)
	s.rollUp(t)
	return s
}

// generate adds such events, other ones with each seed.
func (s *store) generate(t testing.TB, records int64, span time.Duration, begin time.Time, seed uint64) {
	t.Helper()
	g, err := synthetic.New(synthetic.Options{
		Seed: seed, Events: records, Start: begin, Span: span, Profile: synthetic.Mixed, Tenants: 12, Users: 600, Run: "history",
		Duplicates: 0.02, Conflicts: 0.002, OutOfOrder: 0.05, Poison: 0.001, Partitions: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Window = 1 << 30
	var batch producers.Batch
	for {
		batch.Reset()
		nextErr := g.Next(&batch, 5000)
		var all []schemas.Event
		for i := range batch.Items {
			item := &batch.Items[i]
			if item.Kind == producers.Poison {
				continue
			}
			e := decode(t, item)
			all = append(all, e)
			if item.Kind == producers.Fresh {
				s.events = append(s.events, e)
			}
		}
		for _, row := range s.Insert(all...) {
			row.EventLag, row.InsertTime = time.Since(begin), 20*time.Millisecond // History.
			row.ProduceLag, row.NewestProduced = lag, time.Now()
			row.OldestProduced = row.NewestProduced.Add(-lag)
			s.Account(row)
		}
		if errors.Is(nextErr, io.EOF) {
			return
		}
		if nextErr != nil {
			t.Fatal(nextErr)
		}
	}
}

// report lets workers of every kind say that they are at work and what the log holds.
func (s store) report(t testing.TB) {
	t.Helper()
	r := &health.Reporter{DB: s.DB, Log: seenLog{s.World}, Roles: []string{health.Ingest, health.Rollup, health.Audit}}
	if err := errors.Join(r.Beat(t.Context(), false), r.PollEnds(t.Context(), 0)); err != nil {
		t.Fatal(err)
	}
}

// seenLog is a log of which everything was read, as reporters see it.
type seenLog struct{ w *rolluptest.World }

func (l seenLog) Topic(ctx context.Context, topic string) (health.Topic, error) {
	found := health.Topic{ID: rolluptest.TopicID, Partitions: map[int32]schemas.Offsets{}}
	for id, end := range l.w.Ends(topic) {
		found.Partitions[id] = schemas.Offsets{End: end}
	}
	return found, ctx.Err()
}

func (s store) rollUp(t testing.TB) {
	t.Helper()
	if err := (&rollup.Worker{DB: s.DB}).UntilCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// decode reads an item back as consumers do. A few of the calls are rows of a bill: of no call, of one, of some.
func decode(t testing.TB, item *producers.Item) schemas.Event {
	t.Helper()
	var e interface {
		schemas.Event
		proto.Message
	}
	switch item.Type {
	case schemas.QueryType:
		e = &usagev1.Query{}
	case schemas.SignupType:
		e = &usagev1.Signup{}
	case schemas.TokenCallType:
		e = &usagev1.TokenCall{}
	case schemas.ModelEventType:
		e = &usagev1.ModelEvent{}
	case schemas.ReferencePointType:
		e = &usagev1.ReferencePoint{}
	default:
		t.Fatalf("an item of type %v", item.Type)
	}
	if err := proto.Unmarshal(item.Value, e); err != nil {
		t.Fatal(err)
	}
	if call, ok := e.(*usagev1.TokenCall); ok && item.Identity[3]%16 == 0 {
		if call.Requests = new(uint64(item.Identity[4] % 4)); *call.Requests != 1 {
			call.LatencyUs, call.FirstTokenUs = nil, nil
		}
	}
	return e
}

// callsOf is how many calls an event stands for.
func callsOf(e *usagev1.TokenCall) float64 {
	n := float64(max(e.Weight, 1))
	if e.Requests != nil {
		n *= float64(*e.Requests)
	}
	return n
}

// file returns one dashboard.
func file(t testing.TB, uid string) dashboards.File {
	t.Helper()
	files, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.UID == uid {
			return f
		}
	}
	t.Fatalf("there is no dashboard %s", uid)
	return dashboards.File{}
}

// execute opens a dashboard on the store and fails on any error, and where a name is missing. Results are by panel and query: "14A".
func (s store) execute(t testing.TB, f dashboards.File, v grafana.View) []dashboards.Result {
	t.Helper()
	if v.Chosen == nil {
		v.Chosen = map[string][]string{}
	}
	v.Chosen["namespace"], v.Chosen["scenarios"] = []string{s.DB.Database()}, []string{s.DB.Database()}
	opened, err := f.Open(t.Context(), s.DB, v, 2)
	if err != nil {
		t.Fatal(err)
	}
	results := opened.Load(t.Context())
	for _, r := range results {
		err := r.Err
		if err == nil {
			err = r.Shape()
		}
		if err == nil {
			err = unnamed(r)
		}
		if err != nil {
			t.Errorf("%s: panel %q, query %s: %v\n%s", f.UID, r.Title, r.RefID, err, r.SQL)
		}
	}
	return results
}
