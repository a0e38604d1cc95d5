package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/internal/stack"
	stacktest "tidemark/internal/test/stack"
	"tidemark/producers"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// engine is a Database over the stack's HTTP interface. It counts the queries.
type engine struct {
	stack   *stack.Stack
	queries int
}

func (e *engine) Format(ctx context.Context, sql, format string, w io.Writer) error {
	e.queries++
	target := e.stack.HTTPURL() + "/?" + url.Values{"readonly": {"2"}, "default_format": {format}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(sql))
	if err != nil {
		return err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d: %s", response.StatusCode, body)
	}
	_, err = w.Write(body)
	return err
}

// databases numbers those of this process: the names that stacktest makes are not those of namespaces.
var databases atomic.Int64

// migrated returns a database with the tables of events, which ends with the stack.
func migrated(t *testing.T) (*engine, string) {
	t.Helper()
	s := stacktest.Start(t)
	db := fmt.Sprintf("replay_%d", databases.Add(1))
	stacktest.Query(t, s, "", "CREATE DATABASE "+db)
	for _, m := range schemas.Statements(db) {
		stacktest.Query(t, s, db, m.SQL)
	}
	return &engine{stack: s}, db
}

// store inserts the calls of a replay, each twice at different offsets, as a consumer would after its window.
func (e *engine) store(t *testing.T, db string, m *memory) {
	t.Helper()
	var rows []string
	for copies := range 2 {
		for i, c := range m.calls {
			id := schemas.IdentityOf(c.Tenant, c.Source, c.Id)
			n := func(x *uint64) string {
				if x == nil {
					return "NULL"
				}
				return fmt.Sprint(*x)
			}
			rows = append(rows, fmt.Sprintf("(fromUnixTimestamp64Micro(%d, 'UTC'), %s, reinterpretAsUInt128(unhex('%x')), 1, 0, %d, %s, %s, %s, %s, %d, %s, %s, %s, %s, %t, %d, %s, %s, %s, %s, %s, %s)",
				c.GetTimeUs(), schemas.Quote(c.Tenant), id[:], copies*len(m.calls)+i, schemas.Quote(c.Source), schemas.Quote(c.Id), schemas.Quote(fmt.Sprint("run", copies)),
				schemas.Quote(c.Product), c.User, schemas.Quote(c.Model), schemas.Quote(c.Model), schemas.Quote(c.Provider), schemas.Quote(c.Operation), c.Streaming,
				c.Status, n(c.LatencyUs), n(c.FirstTokenUs), n(c.InputUncached), n(c.InputCacheRead), n(c.OutputVisible), n(c.Requests)))
		}
	}
	stacktest.Query(t, e.stack, db, "INSERT INTO token_calls_raw (time, tenant, identity, epoch, partition, offset, source, id, run, product, user, model, requested_model, provider, "+
		"operation, streaming, status, latency_us, first_token_us, input_uncached, input_cache_read, output_visible, requests) VALUES "+strings.Join(rows, ", "))
}

// TestTable replays what a real engine has stored: the same events, by time, each once.
func TestTable(t *testing.T) {
	e, db := migrated(t)
	first, _ := replayed(t, options("agentic", "testdata/agentic.csv"))
	first.calls[0].Requests, first.calls[0].LatencyUs, first.calls[0].FirstTokenUs = new(uint64(3)), nil, nil
	first.calls[1].Requests, first.calls[1].LatencyUs, first.calls[1].FirstTokenUs = new(uint64(0)), nil, nil
	e.store(t, db, first)
	table := func(change func(o *Options)) Options {
		o := Options{Run: "again", Table: &Table{DB: e, Namespace: db, Type: schemas.TokenCallType}}
		change(&o)
		return o
	}
	expect := func(keep func(i int) bool) []string {
		var out []string
		for i, id := range identities(first) {
			if keep(i) {
				out = append(out, fmt.Sprintf("%020d %s", first.calls[i].GetTimeUs(), id))
			}
		}
		slices.Sort(out)
		return out
	}
	got := func(m *memory) []string {
		var out []string
		for i, id := range identities(m) {
			out = append(out, fmt.Sprintf("%020d %s", m.calls[i].GetTimeUs(), id))
		}
		if !slices.IsSortedFunc(m.calls, func(a, b *usagev1.TokenCall) int { return int(a.GetTimeUs() - b.GetTimeUs()) }) {
			t.Error("not by time")
		}
		slices.Sort(out)
		return out
	}
	all := func(int) bool { return true }
	for _, tt := range []struct {
		name   string
		change func(o *Options)
		keep   func(i int) bool
	}{
		{"all", func(*Options) {}, all},
		{"tenant", func(o *Options) { o.Table.Tenant = "agentic-coding-traces" }, all},
		{"no such tenant", func(o *Options) { o.Table.Tenant = "it's" }, func(int) bool { return false }},
		{"filter", func(o *Options) { o.Table.Filter = "streaming OR input_tokens < 100 -- and nothing else" }, func(i int) bool {
			c := first.calls[i]
			return c.Streaming || c.GetInputUncached()+c.GetInputCacheRead() < 100
		}},
		{"from", func(o *Options) { o.From = start.Add(time.Microsecond) }, func(i int) bool { return first.calls[i].GetTimeUs() > start.UnixMicro() }},
		{"to", func(o *Options) { o.To = start.Add(time.Microsecond) }, func(i int) bool { return first.calls[i].GetTimeUs() == start.UnixMicro() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log, result := replayed(t, table(tt.change))
			if want := expect(tt.keep); !slices.Equal(got(log), want) || result.Interrupted {
				t.Errorf("got %q, want %q", got(log), want)
			}
			for _, c := range log.calls {
				original := first.calls[slices.IndexFunc(first.calls, func(o *usagev1.TokenCall) bool { return o.Id == c.Id })]
				if c.Run != "again" {
					t.Errorf("run %s", c.Run)
				}
				same := proto.CloneOf(c) // What a stored row says outright.
				same.Run, same.Weight, same.UserWeight, same.RequestedModel = original.Run, 0, 0, ""
				if !proto.Equal(same, original) {
					t.Errorf("got %v, want %v", same, original)
				}
			}
		})
	}
	for _, bad := range []func(o *Options){
		func(o *Options) { o.Table.Filter = "nonsense" },
		func(o *Options) { o.Table.Namespace = "nowhere" },
	} {
		if _, err := Run(t.Context(), &producers.Sender{Log: &memory{}}, table(bad)); err == nil {
			t.Error("no error")
		}
	}
	// A dry run finds all of it stored, and nothing of another history.
	plan, err := DryRun(t.Context(), options("agentic", "testdata/agentic.csv"), e, db)
	if err != nil || plan.Stored != int64(len(first.calls)) {
		t.Errorf("%d stored, %v", plan.Stored, err)
	}
	other := options("agentic", "testdata/agentic.csv")
	other.Start = start.Add(time.Second)
	if plan, err := DryRun(t.Context(), other, e, db); err != nil || plan.Stored != 0 {
		t.Errorf("%d stored, %v", plan.Stored, err)
	}
}

// TestDryRunOfRepeats finds all events of a source stored that repeats them and has records that are none: these have no
// time, and are nothing to look up.
func TestDryRunOfRepeats(t *testing.T) {
	e, db := migrated(t)
	made := func() *synthetic.Generator {
		g, err := synthetic.New(synthetic.Options{
			Events: 500, Profile: "token_calls", Duplicates: 0.2, Conflicts: 0.05, Poison: 0.05, Start: start, Span: time.Hour, Run: "test", Partitions: 4,
		})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	var b producers.Batch
	if err := made().Next(&b, 1000); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	var rows []string
	for i, item := range b.Items {
		if item.Kind == producers.Fresh {
			rows = append(rows, fmt.Sprintf("(fromUnixTimestamp64Micro(%d, 'UTC'), reinterpretAsUInt128(unhex('%x')), %d)", item.Time, item.Identity[:], i))
		}
	}
	stacktest.Query(t, e.stack, db, "INSERT INTO token_calls_raw (time, identity, offset) VALUES "+strings.Join(rows, ", "))
	plan, err := DryRun(t.Context(), Options{Run: "test", Name: "workload", Items: made()}, e, db)
	if err != nil {
		t.Fatal(err)
	}
	if c := plan.Truth.Total(); c.Duplicates == 0 || c.Conflicts == 0 || c.Poison == 0 || c.Events != uint64(len(rows)) || plan.Stored != int64(c.Events) {
		t.Errorf("%d stored of %+v", plan.Stored, c)
	}
	// Of a topic, repeats are events with a time.
	log := &topicLog{step: 100, partitions: [][][]byte{{
		recorded(t, "a", "t", 1), recorded(t, "a", "t", 1), recorded(t, "a", "t", 2), recorded(t, "b", "t", 4),
	}}}
	a := schemas.IdentityOf("t", "s", "a")
	stacktest.Query(t, e.stack, db, fmt.Sprintf("INSERT INTO token_calls_raw (time, tenant, identity) VALUES (fromUnixTimestamp64Micro(1000000, 'UTC'), 't', reinterpretAsUInt128(unhex('%x')))", a[:]))
	plan, err = DryRun(t.Context(), Options{Run: "again", Topic: &Topic{Log: log, Name: "lab.token_calls.v1", Type: schemas.TokenCallType}}, e, db)
	if c := plan.Truth.Total(); err != nil || c.Produced != 4 || c.Events != 2 || plan.Stored != 1 {
		t.Errorf("%d stored of %+v, %v", plan.Stored, c, err)
	}
}

// TestTablePages reads more rows than a page has, most of them in one minute and at one time.
func TestTablePages(t *testing.T) {
	e, db := migrated(t)
	const n = 2*pageRows + pageRows/2
	stacktest.Query(t, e.stack, db, fmt.Sprintf(`INSERT INTO queries_raw (time, tenant, identity, epoch, partition, offset, source, id, product)
SELECT fromUnixTimestamp64Micro(toInt64(1700000000000000 + if(number < 1000, number * 60000000 - 30000000000, if(number %% 10 = 0, number, 7))), 'UTC'), 't',
  reinterpretAsUInt128(sipHash128(number)), 1, 0, number, 's', toString(number), 'p' FROM numbers(%d)`, n))
	src, err := newSource(t.Context(), Options{Run: "again", Table: &Table{DB: e, Namespace: db, Type: schemas.QueryType}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.close()
	seen := map[string]bool{}
	var b producers.Batch
	var last int64
	for err == nil {
		b.Reset()
		err = src.Next(&b, 5000)
		for _, item := range b.Items {
			if item.Time < last {
				t.Fatalf("%d after %d", item.Time, last)
			}
			last, seen[string(item.Value)] = item.Time, true
		}
	}
	if len(seen) != n || src.passed.Load() != n || err != io.EOF { //nolint:errorlint // It is io.EOF itself.
		t.Errorf("%d events of %d, %d different, %v", src.passed.Load(), n, len(seen), err)
	}
	if done, whole := src.reader.read(); done != whole || whole != n {
		t.Errorf("%d of %d read", done, whole)
	}
	if e.queries < 4 || e.queries > 8 {
		t.Errorf("%d queries for %d rows", e.queries, n)
	}
}
