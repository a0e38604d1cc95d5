// Package rolluptest makes databases with raw rows and the ledger rows that account for them, as ingest leaves them,
// for the tests of the packages that read both.
package rolluptest

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// World is a log of every type in memory and a database that ingest has filled from it. Tests may change its fields
// between deliveries.
type World struct {
	DB         *clickhouse.DB
	Partitions int    // Of every topic. Default 2.
	Window     int64  // In offsets. Default 1000.
	Generation int64  // Default 1.
	Epoch      uint32 // Default 1.
	// Route returns the partition that a producer sends an event to. Default: the partition of its identity.
	Route func(id schemas.Identity) int32

	t          testing.TB
	store      *clickhouse.Store
	partitions map[ledger.Partition]*partition
}

// partition is what the world knows of a partition.
type partition struct {
	end    int64
	stored map[schemas.Identity]stored
}

type stored struct {
	offset int64
	meta   schemas.Meta
}

// decide returns the disposition of a record with the same identity within the window: Stored if it replaces s.
func (s stored) decide(m schemas.Meta) ledger.Disposition {
	switch {
	case s.meta.Time != m.Time:
		return ledger.Conflict
	case s.meta.Revision > m.Revision, s.meta.Revision == m.Revision && s.meta.Body == m.Body:
		return ledger.Duplicate
	case s.meta.Revision == m.Revision:
		return ledger.Conflict
	default:
		return ledger.Stored
	}
}

// New makes a world with an empty, migrated database, which is dropped when the test ends.
func New(t testing.TB) *World {
	w := &World{DB: clickhousetest.Open(t), Partitions: 2, Window: 1000, Generation: 1, Epoch: 1, t: t, partitions: make(map[ledger.Partition]*partition)}
	w.Route = func(id schemas.Identity) int32 { return id.Partition(w.Partitions) }
	w.store = clickhouse.NewStore(w.DB)
	for _, spec := range schemas.Specs() {
		if _, err := w.store.Epoch(t.Context(), spec.Topic, TopicID); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// TopicID is the id of every topic in its first epoch.
var TopicID = schemas.TopicID{15: 1}

// Ends returns the ends of the partitions of a topic.
func (w *World) Ends(topic string) map[int32]int64 {
	ends := make(map[int32]int64)
	for id := range int32(w.Partitions) {
		ends[id] = 0
		if p := w.partitions[ledger.Partition{Topic: topic, Epoch: w.Epoch, ID: id}]; p != nil {
			ends[id] = p.end
		}
	}
	return ends
}

// Deliver appends the events to the log and ingests them: one block and one ledger row per type and partition. It
// returns the ledger rows.
func (w *World) Deliver(events ...schemas.Event) []ledger.Row {
	w.t.Helper()
	rows := w.Insert(events...)
	for _, row := range rows {
		w.Account(row)
	}
	return rows
}

// Insert appends the events to the log and stores their rows without their ledger rows, as a worker does that dies in
// between. It returns the ledger rows, to be written by Account.
func (w *World) Insert(events ...schemas.Event) []ledger.Row {
	w.t.Helper()
	rows, blocks := w.appendAll(events)
	for i, row := range rows {
		w.insert(row, blocks[i])
	}
	return rows
}

// Account writes a ledger row.
func (w *World) Account(row ledger.Row) {
	w.t.Helper()
	if err := w.store.Account(w.t.Context(), row); err != nil {
		w.t.Fatal(err)
	}
}

// Exec runs a statement.
func (w *World) Exec(format string, args ...any) {
	w.t.Helper()
	sql := fmt.Sprintf(format, args...)
	if err := w.DB.Exec(w.t.Context(), sql); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}

// Text returns the result of a query whose columns are all strings: a line per row, with spaces between the columns.
func (w *World) Text(columns int, format string, args ...any) string {
	w.t.Helper()
	sql, out := fmt.Sprintf(format, args...), ""
	err := w.DB.Query(w.t.Context(), sql, func(scan func(...any) error) error {
		values := make([]string, columns)
		dest := make([]any, columns)
		for i := range values {
			dest[i] = &values[i]
		}
		if err := scan(dest...); err != nil {
			return err
		}
		for i, v := range values {
			if i > 0 {
				out += " "
			}
			out += v
		}
		out += "\n"
		return nil
	})
	if err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// Numbers returns the result of a query whose columns are numbers, as Text does.
func (w *World) Numbers(columns int, format string, args ...any) string {
	w.t.Helper()
	return w.Text(columns, "SELECT * APPLY toString FROM ("+format+")", args...)
}

func (w *World) insert(row ledger.Row, columns schemas.Columns) {
	w.t.Helper()
	spec, _ := schemas.SpecByTopic(row.Topic)
	at := ingest.Partition{Partition: row.Partition, Type: spec.Type, Count: row.Partitions}
	if err := w.store.Insert(w.t.Context(), at, columns); err != nil {
		w.t.Fatal(err)
	}
}

// appendAll appends the events to the log and decides on each. It returns a ledger row and a block per partition.
func (w *World) appendAll(events []schemas.Event) (rows []ledger.Row, blocks []schemas.Columns) {
	w.t.Helper()
	batches := make(map[ledger.Partition][]schemas.Event)
	for _, e := range events {
		typ, ok := schemas.TypeOf(e)
		if !ok {
			w.t.Fatalf("%T is no event", e)
		}
		id := schemas.IdentityOf(e.GetTenant(), e.GetSource(), e.GetId())
		at := ledger.Partition{Topic: schemas.SpecOf(typ).Topic, Epoch: w.Epoch, ID: w.Route(id)}
		batches[at] = append(batches[at], e)
	}
	partitions := slices.SortedFunc(maps.Keys(batches), func(a, b ledger.Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
	})
	for _, at := range partitions {
		row, columns := w.appendBlock(at, batches[at])
		rows, blocks = append(rows, row), append(blocks, columns)
	}
	return rows, blocks
}

// appendBlock appends the events of one partition to the log.
func (w *World) appendBlock(at ledger.Partition, events []schemas.Event) (ledger.Row, schemas.Columns) {
	w.t.Helper()
	p := w.partitions[at]
	if p == nil {
		p = &partition{stored: make(map[schemas.Identity]stored)}
		w.partitions[at] = p
	}
	spec, _ := schemas.SpecByTopic(at.Topic)
	row := ledger.Row{
		Partition: at, From: p.end, To: p.end + int64(len(events)),
		Generation: w.Generation, Member: "member", Partitions: w.Partitions, Window: w.Window,
		HighWatermark: p.end + int64(len(events)), FetchedAt: time.Unix(1_700_000_000, 0),
	}
	columns := schemas.NewColumns(spec.Type)
	counted := counts{row: &row, partitions: w.Partitions, buckets: make(map[int32]*ledger.Bucket), runs: make(map[string]*ledger.RunCount)}
	for _, e := range events {
		offset := p.end
		p.end++
		value, err := schemas.AppendEvent(nil, e)
		if err != nil {
			w.t.Fatal(err)
		}
		meta, err := columns.Append(value, schemas.Coordinates{Epoch: at.Epoch, Partition: at.ID, Offset: offset})
		if err != nil {
			w.t.Fatalf("%v: %v", e, err)
		}
		if before, ok := p.stored[meta.Identity]; ok && offset-before.offset <= w.Window {
			if d := before.decide(meta); d != ledger.Stored {
				columns.Pop()
				counted.except(offset, meta.Run, d)
				continue
			}
		}
		p.stored[meta.Identity] = stored{offset, meta}
		counted.store(offset, meta)
	}
	counted.finish()
	return row, columns
}

// counts are what the ledger row of a block counts.
type counts struct {
	row        *ledger.Row
	partitions int // Of the topic.
	buckets    map[int32]*ledger.Bucket
	runs       map[string]*ledger.RunCount
}

// run returns the counts of a run.
func (c *counts) run(name string) *ledger.RunCount {
	if c.runs[name] == nil {
		c.runs[name] = &ledger.RunCount{Run: name}
	}
	return c.runs[name]
}

// except counts a record that is not stored.
func (c *counts) except(offset int64, run string, d ledger.Disposition) {
	if d == ledger.Duplicate {
		c.row.Duplicates++
		c.run(run).Duplicates++
	} else {
		c.row.Conflicts++
		c.run(run).Conflicts++
	}
	c.row.Exceptions = ledger.AppendSpan(c.row.Exceptions, ledger.Span{From: offset, To: offset + 1, Disposition: d})
}

// store counts a record that is stored.
func (c *counts) store(offset int64, meta schemas.Meta) {
	c.row.Stored++
	c.run(meta.Run).Stored++
	b := c.buckets[meta.Minute]
	if b == nil {
		b = &ledger.Bucket{Minute: meta.Minute, MinOffset: offset}
		c.buckets[meta.Minute] = b
	}
	b.Rows++
	b.Checksum += meta.Checksum
	b.Content += meta.Content
	if meta.Identity.Partition(c.partitions) != c.row.ID {
		b.Strays++
	}
	if meta.Revision > 0 {
		b.Revised++
	}
	b.MaxOffset = offset
}

// finish puts minutes and runs into the row, in order.
func (c *counts) finish() {
	for _, b := range c.buckets {
		c.row.Buckets = append(c.row.Buckets, *b)
	}
	slices.SortFunc(c.row.Buckets, func(a, b ledger.Bucket) int { return cmp.Compare(a.Minute, b.Minute) })
	if n := len(c.row.Buckets); n > 0 {
		c.row.MinMinute, c.row.MaxMinute = c.row.Buckets[0].Minute, c.row.Buckets[n-1].Minute
	}
	for _, r := range c.runs {
		c.row.Runs = append(c.row.Runs, *r)
	}
	slices.SortFunc(c.row.Runs, func(a, b ledger.RunCount) int { return cmp.Compare(a.Run, b.Run) })
}

// Random makes n events of the types that rollups are made from, with times in [from, from+span), from a seed.
func Random(seed uint64, n int, from time.Time, span time.Duration) []schemas.Event {
	r := rand.New(rand.NewPCG(seed, 7))
	events := make([]schemas.Event, n)
	for i := range events {
		at := from.UnixMicro() + r.Int64N(int64(span/time.Microsecond))
		events[i] = random(r, fmt.Sprintf("%d-%d", seed, i), at)
	}
	return events
}

// InRun gives the events another run.
func InRun(run string, events []schemas.Event) []schemas.Event {
	for _, e := range events {
		schemas.SetRun(e, run)
	}
	return events
}

func random(r *rand.Rand, id string, at int64) schemas.Event {
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	maybe := func(most uint64) *uint64 {
		if r.IntN(3) == 0 {
			return nil
		}
		v := r.Uint64N(most)
		return &v
	}
	tenant, product, country := pick("acme", "beta", "corp"), pick("chat", "api"), pick("", "DE", "US")
	segment := usagev1.Segment(r.IntN(5))
	user, weight, users := uint64(r.IntN(40)), r.Uint64N(4), r.Uint64N(3)
	switch r.IntN(8) {
	case 0:
		return &usagev1.Signup{Source: "test", Id: id, TimeUs: new(at), Tenant: tenant, Product: product, User: user, Country: country, Segment: segment, Run: "run", Weight: weight}
	case 1:
		return &usagev1.ModelEvent{Source: "test", Id: id, TimeUs: new(at), Tenant: tenant, Kind: usagev1.ModelEventKind(1 + r.IntN(2)), Model: pick("m1", "m2"),
			Organization: pick("", "lab"), Hub: pick("hub", ""), Country: country, Run: "run", Weight: weight}
	case 2, 3:
		return &usagev1.Query{Source: "test", Id: id, TimeUs: new(at), Tenant: tenant, Product: product, User: user, Country: country, Segment: segment, Run: "run",
			Kind: "prompt", Model: pick("", "m1"), Weight: weight, UserWeight: users}
	}
	call := &usagev1.TokenCall{Source: "test", Id: id, TimeUs: new(at), Tenant: tenant, Product: product, User: user, Country: country, Segment: segment, Run: "run",
		Model: pick("m1", "m2"), Provider: pick("p1", "p2"), Status: usagev1.Status(1 + r.IntN(3)), Streaming: r.IntN(2) == 0,
		InputUncached: maybe(5000), InputCacheRead: maybe(900), InputCacheWrite: maybe(90), OutputVisible: maybe(2000), OutputReasoning: maybe(300),
		LatencyUs: maybe(9e6), FirstTokenUs: maybe(1e6), Weight: weight, UserWeight: users}
	if r.IntN(2) == 0 {
		cost := r.Int64N(1e9) - 1e6
		call.ReportedCostNanos, call.CostCurrency = &cost, pick("USD", "USD", "EUR")
		call.ReportedCostPicos = r.Uint64N(1000)
	}
	if n := r.Uint64N(8); n < 4 { // A row of a bill: of no call, of one, of many.
		n *= n
		call.Requests = &n
		if n != 1 {
			call.LatencyUs, call.FirstTokenUs = nil, nil
		}
	}
	return call
}
