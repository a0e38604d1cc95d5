package namespaces_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/namespaces"
	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

var (
	start = time.Date(2026, 3, 1, 22, 30, 0, 0, time.UTC)
	early = time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)
)

func rollUp(t *testing.T, w *rolluptest.World) {
	t.Helper()
	if err := (&rollup.Worker{DB: w.DB}).UntilCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// events are some of every type, before 1970 too.
func events() []schemas.Event {
	all := append(rolluptest.Random(1, 400, start, 30*time.Hour), rolluptest.Random(2, 40, early, time.Hour)...)
	for i := range int64(5) {
		all = append(all, &usagev1.ReferencePoint{Source: "s", Id: fmt.Sprint(i), TimeUs: new(start.UnixMicro() + i), Tenant: "t", Entity: "e", Metric: "m", Value: float64(i), Unit: "u", Citation: "c"})
	}
	return all
}

// worlds are two namespaces with the same events: in the second they come in another order, in several blocks, on other
// partitions, some of them twice, with the label of another run.
func worlds(t *testing.T) (a, b *rolluptest.World) {
	t.Helper()
	a, b = rolluptest.New(t), rolluptest.New(t)
	a.Deliver(events()...)
	rollUp(t, a)
	b.Partitions = 3
	b.Window = 50
	again := rolluptest.InRun("another", events())
	again = append(again, again[:200]...)
	r := rand.New(rand.NewPCG(1, 1))
	r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
	for some := range slices.Chunk(again, 330) {
		b.Deliver(some...)
		rollUp(t, b)
	}
	return a, b
}

func server(db *clickhouse.DB) func(string) ledgerdb.Querier {
	return func(database string) ledgerdb.Querier { return db.In(database) }
}

func diff(t *testing.T, a, b *rolluptest.World, change func(*namespaces.Diff)) namespaces.DiffResult {
	t.Helper()
	d := &namespaces.Diff{DB: a.DB, In: server(a.DB), A: a.DB.Database(), B: b.DB.Database()}
	if change != nil {
		change(d)
	}
	result, err := d.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// summary writes a result without the rollups that are equal.
func summary(r namespaces.DiffResult) string {
	var out strings.Builder
	for _, d := range r.First {
		fmt.Fprintf(&out, "%s %s %s: %s %s | %s\n", d.Table, d.Bucket.Format("2006-01-02 15:04"), d.Row, d.Measure, d.A, d.B)
	}
	for _, c := range r.Tables {
		if !c.Equal() {
			fmt.Fprintf(&out, "%s differ %d only %d %d %v\n", c.Table, c.Differ, c.OnlyA, c.OnlyB, c.Measures)
		}
	}
	return out.String()
}

func TestDiffOfEqual(t *testing.T) {
	a, b := worlds(t)
	for _, change := range []func(*namespaces.Diff){nil, func(d *namespaces.Diff) { d.Deep = true }, func(d *namespaces.Diff) { d.Deep, d.Rows = true, 150 }} {
		pieces := make(map[string]int)
		result := diff(t, a, b, func(d *namespaces.Diff) {
			if change != nil {
				change(d)
			}
			d.Hooks.Compared = func(p namespaces.DiffProgress) {
				pieces[p.Table]++
				if p.Done > p.Rows+p.Rows/10 {
					t.Errorf("%+v: more is done than there is", p)
				}
			}
		})
		if !result.Equal() || len(result.First) > 0 || len(result.Behind) > 0 {
			t.Errorf("equal namespaces differ, or %v are behind:\n%s", result.Behind, summary(result))
		}
		for _, c := range result.Tables {
			want := strings.TrimSpace(a.Numbers(1, "SELECT count() FROM %s", c.Table))
			if fmt.Sprint(c.Rows) != want || c.Rows == 0 {
				t.Errorf("%s: %d rows were compared of %s", c.Table, c.Rows, want)
			}
		}
		if deep := len(result.Tables) > len(rollup.Tables()); deep != (change != nil) {
			t.Errorf("%d tables were compared", len(result.Tables))
		}
		if pieces["token_calls_1m"] > 1 != (pieces["token_calls_1d"] > 2) {
			t.Errorf("ranges were compared: %v", pieces)
		}
	}
}

// TestDiffSeesEveryMeasure changes each measure of each rollup in a row of its own, and expects all of that and no
// more.
func TestDiffSeesEveryMeasure(t *testing.T) {
	a, b := worlds(t)
	states := map[string]string{
		"users":       "arrayReduce('uniqCombined64State', range(toUInt64(1000)))",
		"latency":     "arrayReduce('quantilesBFloat16WeightedState(0.5, 0.9, 0.95, 0.99)', CAST([77] AS Array(Nullable(UInt64))), [toUInt64(1)])",
		"first_token": "arrayReduce('quantilesBFloat16WeightedState(0.5, 0.9, 0.95, 0.99)', CAST([77] AS Array(Nullable(UInt64))), [toUInt64(1)])",
	}
	want := make(map[string]bool)
	for _, table := range rollup.Tables() {
		var updates []string
		for _, m := range table.Measures {
			if m.Placed {
				continue
			}
			value, state := states[m.Column]
			if !state {
				value = m.Column + " + 1"
			}
			// The n-th row of those that are shown, wherever it lies.
			keys := "bucket, " + strings.Join(table.Dims, ", ")
			row := fmt.Sprintf("(SELECT %s FROM %s ORDER BY cityHash64(%s) LIMIT 1 OFFSET %d)", keys, table.Name, keys, len(updates))
			updates = append(updates, fmt.Sprintf("UPDATE %s = %s WHERE (%s) = %s", m.Column, value, keys, row))
			want[table.Name+" "+m.Column] = true
		}
		b.Exec("ALTER TABLE %s %s SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1", table.Rows(), strings.Join(updates, ", "))
	}
	result := diff(t, a, b, func(d *namespaces.Diff) { d.Show, d.Rows = 1000, 400 })
	got := make(map[string]bool)
	for _, d := range result.First {
		got[d.Table+" "+d.Measure] = true
		if d.A == d.B || d.A == "" || d.Row == "" || d.Bucket.IsZero() {
			t.Errorf("%+v is no difference", d)
		}
	}
	for measure := range want {
		if !got[measure] {
			t.Errorf("a change of %s is not told", measure)
		}
	}
	if len(result.First) != len(want) {
		t.Errorf("%d differences, want %d:\n%s", len(result.First), len(want), summary(result))
	}
	for _, c := range result.Tables {
		measures := 0
		for _, m := range c.Measures {
			measures++
			if m.Rows != 1 || m.A == "" || m.B == "" || m.A == m.B && m.Column != "latency" && m.Column != "first_token" && m.Column != "users" {
				t.Errorf("%s: %+v", c.Table, m)
			}
		}
		if c.OnlyA+c.OnlyB > 0 || c.Differ != uint64(measures) || measures == 0 {
			t.Errorf("%+v", c)
		}
	}
}

// TestDiffTells expects the place and both values of a difference, and rows that one namespace does not have.
func TestDiffTells(t *testing.T) {
	a, b := rolluptest.New(t), rolluptest.New(t)
	at := time.Date(2026, 3, 1, 12, 30, 10, 0, time.UTC)
	signup := func(id, product string, weight uint64, at time.Time) schemas.Event {
		return &usagev1.Signup{Source: "s", Id: id, TimeUs: new(at.UnixMicro()), Tenant: "t", Product: product, Country: "DE", Weight: weight}
	}
	a.Deliver(signup("1", "chat", 5, at), signup("2", "api", 1, at), signup("3", "old", 1, at.AddDate(0, 0, -1)))
	b.Deliver(signup("1", "chat", 6, at), signup("2", "api", 1, at), signup("4", `it's "new"`, 2, at.Add(time.Minute)))
	rollUp(t, a)
	rollUp(t, b)
	result := diff(t, a, b, func(d *namespaces.Diff) { d.Deep = true })
	want := `signups_1m 2026-02-28 12:30 product="old" segment="unknown" country="DE": signups 1 | no row
signups_1m 2026-03-01 12:30 product="chat" segment="unknown" country="DE": signups 5 | 6
signups_1m 2026-03-01 12:31 product="it's \"new\"" segment="unknown" country="DE": signups no row | 2
signups_1h 2026-02-28 12:00 tenant="t" product="old" segment="unknown" country="DE": signups 1 | no row
signups_1h 2026-03-01 12:00 tenant="t" product="chat" segment="unknown" country="DE": signups 5 | 6
signups_1h 2026-03-01 12:00 tenant="t" product="it's \"new\"" segment="unknown" country="DE": signups no row | 2
signups_1d 2026-02-28 00:00 tenant="t" product="old" segment="unknown" country="DE": signups 1 | no row
signups_1d 2026-03-01 00:00 tenant="t" product="chat" segment="unknown" country="DE": signups 5 | 6
signups_1d 2026-03-01 00:00 tenant="t" product="it's \"new\"" segment="unknown" country="DE": signups no row | 2
signups_all_1h 2026-02-28 12:00 product="old" segment="unknown" country="DE": signups 1 | no row
signups_all_1h 2026-03-01 12:00 product="chat" segment="unknown" country="DE": signups 5 | 6
signups_all_1h 2026-03-01 12:00 product="it's \"new\"" segment="unknown" country="DE": signups no row | 2
signups_all_1d 2026-02-28 00:00 product="old" segment="unknown" country="DE": signups 1 | no row
signups_all_1d 2026-03-01 00:00 product="chat" segment="unknown" country="DE": signups 5 | 6
signups_all_1d 2026-03-01 00:00 product="it's \"new\"" segment="unknown" country="DE": signups no row | 2
signups 2026-02-28 12:30 time="2026-02-28 12:30:10.000000" tenant="t" source="s" id="3": product old | no row
signups 2026-03-01 12:30 time="2026-03-01 12:30:10.000000" tenant="t" source="s" id="1": weight 5 | 6
signups 2026-03-01 12:31 time="2026-03-01 12:31:10.000000" tenant="t" source="s" id="4": product no row | it's "new"
signups_1m differ 1 only 1 1 [{signups 3 7 9} {records 2 3 3}]
signups_1h differ 1 only 1 1 [{signups 3 7 9} {records 2 3 3}]
signups_1d differ 1 only 1 1 [{signups 3 7 9} {records 2 3 3}]
signups_all_1h differ 1 only 1 1 [{signups 3 7 9} {records 2 3 3}]
signups_all_1d differ 1 only 1 1 [{signups 3 7 9} {records 2 3 3}]
`
	got := summary(result)
	if !strings.HasPrefix(got, want) || !strings.Contains(got, "\nsignups differ 1 only 1 1 [") || strings.Count(got, "\n") != strings.Count(want, "\n")+1 {
		t.Errorf("got\n%swant\n%sand the events", got, want)
	}
	if result := diff(t, a, b, func(d *namespaces.Diff) { d.Show = 2 }); len(result.First) != 2 || len(result.Tables[5].Measures) == 0 {
		t.Errorf("with two to show:\n%s", summary(result))
	}

	// By time: the end is exclusive, and a bucket counts that holds a moment.
	f := func(from, to time.Time, want string) {
		t.Helper()
		var got []string
		for _, d := range diff(t, a, b, func(d *namespaces.Diff) { d.From, d.To, d.Deep = from, to, true }).First {
			got = append(got, d.Table+" "+d.Bucket.Format("02T15:04"))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("from %s to %s: got %q, want %q", from, to, got, want)
		}
	}
	f(at.Add(time.Minute), time.Time{}, "signups_1m 01T12:31, signups_1h 01T12:00, signups_1h 01T12:00, signups_1d 01T00:00, signups_1d 01T00:00, signups_all_1h 01T12:00, signups_all_1h 01T12:00, signups_all_1d 01T00:00, signups_all_1d 01T00:00, signups 01T12:31")
	f(at.Truncate(time.Minute), at.Truncate(time.Minute).Add(time.Minute), "signups_1m 01T12:30, signups_1h 01T12:00, signups_1h 01T12:00, signups_1d 01T00:00, signups_1d 01T00:00, signups_all_1h 01T12:00, signups_all_1h 01T12:00, signups_all_1d 01T00:00, signups_all_1d 01T00:00, signups 01T12:30")
	f(at.AddDate(0, 0, 1), time.Time{}, "")
	f(time.Time{}, at.Add(-time.Hour), "signups_1m 28T12:30, signups_1h 28T12:00, signups_1d 28T00:00, signups_1d 01T00:00, signups_1d 01T00:00, signups_all_1h 28T12:00, signups_all_1d 28T00:00, signups_all_1d 01T00:00, signups_all_1d 01T00:00, signups 28T12:30")

	// Times that no event has bound nothing; between two of them there is nothing that could be equal.
	far, long := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)
	all := summary(diff(t, a, b, func(d *namespaces.Diff) { d.Deep = true }))
	for _, of := range [][2]time.Time{{{}, far}, {long, {}}, {long, far}} {
		if got := summary(diff(t, a, b, func(d *namespaces.Diff) { d.From, d.To, d.Deep = of[0], of[1], true })); got != all {
			t.Errorf("from %s to %s:\n%swant\n%s", of[0], of[1], got, all)
		}
	}
	for _, of := range [][2]time.Time{{far, {}}, {{}, long}, {at, at}, {at.Add(time.Second), at}} {
		d := &namespaces.Diff{DB: a.DB, In: server(a.DB), A: a.DB.Database(), B: b.DB.Database(), From: of[0], To: of[1]}
		if result, err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no event can lie there") {
			t.Errorf("from %s to %s: %v, %v", of[0], of[1], result, err)
		}
	}
}

// TestDiffDeep changes an event in a way that no rollup shows.
func TestDiffDeep(t *testing.T) {
	a, b := worlds(t)
	b.Exec("ALTER TABLE token_calls_raw UPDATE operation = 'other' WHERE id = (SELECT id FROM token_calls ORDER BY identity LIMIT 1) SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1")
	b.Exec("ALTER TABLE reference_points_raw DELETE WHERE id = '3' SETTINGS mutations_sync = 2")
	if result := diff(t, a, b, nil); !result.Equal() {
		t.Errorf("the rollups differ:\n%s", summary(result))
	}
	result := diff(t, a, b, func(d *namespaces.Diff) { d.Deep = true })
	if len(result.First) != 2 || result.First[0].Measure != "operation" || result.First[0].A != "" || result.First[0].B != "other" ||
		result.First[1].Table != "reference_points" || result.First[1].B != namespaces.Absent {
		t.Errorf("got\n%swant an operation and a reference point", summary(result))
	}
}

// TestDiffOfPublished expects rows to be compared that readers see, and those of other versions to be no matter; and to
// be told when rollups are behind.
func TestDiffOfPublished(t *testing.T) {
	a, b := worlds(t)
	b.Exec("INSERT INTO token_calls_1m_rows SELECT * REPLACE (version + 1 AS version, 1 - slot AS slot, calls + 1 AS calls) FROM token_calls_1m_rows")
	if result := diff(t, a, b, nil); !result.Equal() || len(result.Behind) > 0 {
		t.Errorf("rows that nobody sees are compared, or %v are behind:\n%s", result.Behind, summary(result))
	}
	more := rolluptest.Random(9, 20, start, time.Hour)
	b.Deliver(more...)
	if result := diff(t, a, b, nil); !result.Equal() || !slices.Equal(result.Behind, []string{b.DB.Database()}) {
		t.Errorf("%v are behind, want the second one:\n%s", result.Behind, summary(result))
	}
	rollUp(t, b)
	if result := diff(t, a, b, nil); result.Equal() || len(result.Behind) > 0 {
		t.Errorf("more events make no difference, or %v are behind", result.Behind)
	}
	a.Deliver(more...)
	rollUp(t, a)
	if result := diff(t, a, b, nil); !result.Equal() {
		t.Errorf("the same events make a difference:\n%s", summary(result))
	}
}

func TestDiffRefuses(t *testing.T) {
	a := rolluptest.New(t)
	f := func(name string, want string, is error) {
		t.Helper()
		for _, pair := range [][2]string{{a.DB.Database(), name}, {name, a.DB.Database()}} {
			_, err := (&namespaces.Diff{DB: a.DB, In: server(a.DB), A: pair[0], B: pair[1]}).Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), want) || is != nil && !errors.Is(err, is) {
				t.Errorf("%v: %v, want %q", pair, err, want)
			}
		}
	}
	f("nowhere", "nowhere is not a Tidemark namespace", namespaces.ErrNotNamespace)
	f("system", "has the name of a database of ClickHouse's own", namespaces.ErrNotNamespace)
	f("Bad'; DROP", "lower-case", namespaces.ErrNotNamespace)
	b := rolluptest.New(t)
	b.Exec("DROP VIEW rollup_progress") // Of no concern.
	if result := diff(t, a, b, nil); !result.Equal() {
		t.Errorf("empty namespaces differ:\n%s", summary(result))
	}
	b.Exec("DROP VIEW signups_1h")
	f(b.DB.Database(), "has no signups_1h: run `tidemark migrate --namespace "+b.DB.Database(), nil)
}
