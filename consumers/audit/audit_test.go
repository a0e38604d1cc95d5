package audit_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/audit"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// topics is the log of a world.
type topics struct {
	w     *rolluptest.World
	extra int64 // Offsets at the end of every partition that nobody has read.
}

func (l topics) Topic(_ context.Context, topic string) (audit.Topic, error) {
	t := audit.Topic{ID: rolluptest.TopicID, Partitions: make(map[int32]schemas.Offsets)}
	for id, end := range l.w.Ends(topic) {
		t.Partitions[id] = schemas.Offsets{End: end + l.extra}
	}
	return t, nil
}

var start = time.Date(2026, 3, 1, 22, 30, 0, 0, time.UTC)

// world is a world with 600 events, some repeated, a run that knows of them, and rollups.
func world(t *testing.T) *rolluptest.World {
	t.Helper()
	w := rolluptest.New(t)
	events := rolluptest.Random(1, 600, start, 3*time.Hour)
	w.Deliver(append(events, events[:20]...)...)
	w.Deliver(rolluptest.Random(2, 50, time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC), time.Hour)...)
	truth := &usagev1.Run{Source: "test", Id: "run/token_calls", TimeUs: new(start.UnixMicro()), Tenant: "ops", Run: "run", Kind: "generate", Type: "token_calls",
		FirstTimeUs: time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(), LastTimeUs: start.Add(3 * time.Hour).UnixMicro()}
	seen := make(map[string]bool)
	for _, e := range append(append(rolluptest.Random(2, 50, time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC), time.Hour), events...), events[:20]...) {
		c, ok := e.(*usagev1.TokenCall)
		if !ok {
			continue
		}
		truth.Produced++
		if seen[c.Id] {
			truth.Duplicates++
			continue
		}
		seen[c.Id] = true
		weight := max(c.Weight, 1)
		truth.Events++
		truth.Weight += weight
		truth.InputTokens += weight * (c.GetInputUncached() + c.GetInputCacheRead() + c.GetInputCacheWrite())
		truth.OutputTokens += weight * (c.GetOutputVisible() + c.GetOutputReasoning())
	}
	w.Deliver(truth)
	rollUp(t, w)
	return w
}

func rollUp(t *testing.T, w *rolluptest.World) {
	t.Helper()
	if err := (&rollup.Worker{DB: w.DB}).UntilCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, a *audit.Auditor) (audit.Result, string) {
	t.Helper()
	result, err := a.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var report strings.Builder
	if err := audit.Report(&report, result, true); err != nil {
		t.Fatal(err)
	}
	return result, report.String()
}

// change is something done to a database, and what the report must say of it.
type change struct {
	name, sql string
	want      []string // Parts of lines.
}

// harmless changes leave the audit as it is.
var harmless = []change{
	{name: "a copy of every raw row", sql: "INSERT INTO token_calls_raw SELECT * FROM token_calls_raw SETTINGS optimize_on_insert = 0"},
	{name: "a copy of one raw row", sql: "INSERT INTO queries_raw SELECT * FROM queries_raw LIMIT 1"},
	{name: "a loser overlaps", sql: "INSERT INTO ledger SELECT * REPLACE (generation - 1 AS generation, 'loser' AS member) FROM ledger WHERE topic = 'token_calls.v1'"},
	{name: "a ledger row twice", sql: "INSERT INTO ledger SELECT * FROM ledger"},
}

// harmful changes are found. Those of one group are made at once, each in a place of its own.
var harmful = [][]change{{
	{"a raw row is missing", "ALTER TABLE token_calls_raw DELETE WHERE partition = 1 AND offset = 7 SETTINGS mutations_sync = 2",
		[]string{"difference  raw holds token_calls_raw: token_calls_raw partition 1 offset 7 at 2026-03-0", "and the row is missing", "difference  rollup equals token_calls_1m: "}},
	{"a raw row is there that should not be", "INSERT INTO queries_raw SELECT * REPLACE (offset + 100000 AS offset) FROM queries_raw WHERE partition = 0 ORDER BY offset LIMIT 1",
		[]string{"difference  raw holds queries_raw: queries_raw partition 0 offset 100000", "the log ends at offset "}},
	{"a bucket without events", "INSERT INTO signups_1m_rows SELECT * REPLACE ('2031-01-01 00:00:00' AS bucket, 1 AS version) FROM signups_1m_rows LIMIT 1", nil},
	{"is published", "INSERT INTO rollup_versions VALUES ('signups_1m', '2031-01-01 00:00:00', 1, 0)",
		[]string{"difference  rollup equals signups_1m: signups_1m bucket 2031-01-01 00:00", "no event stands behind it"}},
	{"a rollup row is missing", "ALTER TABLE model_events_1d_rows DELETE WHERE bucket < '2000-01-01' SETTINGS mutations_sync = 2",
		[]string{"difference  rollup equals model_events_1d: model_events_1d bucket 1950-01-01 00:00", "the row is missing"}},
	{"the run knows of one event more", "ALTER TABLE runs_raw UPDATE produced = produced + 1 WHERE 1 SETTINGS mutations_sync = 2",
		[]string{"difference  run adds up run token_calls: token_calls.v1: ", "records were produced, and"}},
}, {
	{"a raw row is changed", "ALTER TABLE token_calls_raw UPDATE weight = weight + 1 WHERE partition = 0 AND offset = 3 SETTINGS mutations_sync = 2",
		[]string{"difference  raw holds token_calls_raw: token_calls_raw partition 0 offsets [0, ", "the content of rows", "difference  rollup equals token_calls_1m"}},
	{"a raw row in a partition that is not", "INSERT INTO queries_raw SELECT * REPLACE (toUInt32(77) AS partition) FROM queries_raw WHERE offset = 0 LIMIT 1",
		[]string{"difference  raw holds queries_raw: queries_raw partition 77 offset 0", "do not list the partition"}},
	{"a ledger row does not add up", "ALTER TABLE ledger UPDATE duplicates = duplicates + 1 WHERE topic = 'queries.v1' AND partition = 1 AND from_offset = 0 SETTINGS mutations_sync = 2",
		[]string{"difference  ledger tiles queries.v1: the ledger row of partition 1 offsets [0, ", "does not add up"}},
	{"a day is changed", "ALTER TABLE signups_1d_rows UPDATE signups = 0 WHERE bucket >= '2026-03-02' SETTINGS mutations_sync = 2",
		[]string{"difference  rollup equals signups_1d: signups_1d bucket 2026-03-02 00:00, tenant=", "signups is 0 and should be"}},
}, {
	{"a duplicate is stored after all", "INSERT INTO token_calls_raw SELECT * REPLACE ((SELECT min(exceptions.from[1]) FROM ledger WHERE topic = 'token_calls.v1' AND partition = 1 AND notEmpty(exceptions.from)) AS offset) FROM token_calls_raw WHERE partition = 1 AND time = (SELECT min(time) FROM token_calls_raw WHERE partition = 1)",
		[]string{"difference  raw holds token_calls_raw: token_calls_raw partition 1 offset", "and there is a row"}},
	{"a raw row of a topic that is not", "INSERT INTO queries_raw SELECT * REPLACE (9 AS epoch) FROM queries_raw WHERE partition = 0 AND offset = 0 LIMIT 1",
		[]string{"difference  raw holds queries_raw: queries_raw partition 0 offset 0", "incarnation 9"}},
	{"a bucket is not published", "ALTER TABLE rollup_versions DELETE WHERE rollup = 'queries_1m' AND bucket < '2000-01-01' SETTINGS mutations_sync = 2",
		[]string{"difference  rollup equals queries_1m: queries_1m bucket 1950-01-01 00:", "the row is missing"}},
	{"the run knows of fewer events", "ALTER TABLE runs_raw UPDATE events = events - 1, duplicates = duplicates + 1 WHERE 1 SETTINGS mutations_sync = 2",
		[]string{"difference  run adds up run token_calls: token_calls.v1: ", "distinct events were produced"}},
}, {
	{"a rollup row is changed", "ALTER TABLE token_calls_1h_rows UPDATE output_visible = output_visible + 1 WHERE bucket = '2026-03-01 23:00:00' AND tenant = 'beta' SETTINGS mutations_sync = 2",
		[]string{`difference  rollup equals token_calls_1h: token_calls_1h bucket 2026-03-01 23:00, tenant="beta" product="`, `": output_visible is `}},
	{"a state is changed", "ALTER TABLE audience_1h_states UPDATE users = (SELECT uniqCombined64State(number) FROM numbers(3)) WHERE dimension = 'model' AND value = 'm1' AND user_weight = 1 AND bucket < '2000-01-01' SETTINGS mutations_sync = 2",
		[]string{`difference  rollup equals audience_1h: audience_1h bucket 1950-01-01 00:00, dimension="model" value="m1" user_weight="1": users is 3 and should be`}},
	{"a distribution is changed", "ALTER TABLE token_calls_1m_rows UPDATE latency = first_token WHERE bucket >= '2026-03-02' SETTINGS mutations_sync = 2",
		[]string{"difference  rollup equals token_calls_1m: token_calls_1m bucket 2026-03-02 ", ": latency is ["}},
	{"the run knows of other tokens", "ALTER TABLE runs_raw UPDATE output_tokens = output_tokens - 1 WHERE 1 SETTINGS mutations_sync = 2",
		[]string{"difference  run adds up run token_calls: token_calls.v1: output tokens of "}},
	{"the last ledger row is missing", "ALTER TABLE ledger DELETE WHERE topic = 'signups.v1' AND partition = 1 AND from_offset > 0 SETTINGS mutations_sync = 2",
		[]string{"difference  ledger tiles signups.v1: no ledger row covers partition 1 offsets [", ", which the rollups have followed", "pending     raw holds signups_raw", "difference  rollup equals signups_1m"}},
	{"a ledger row is missing", "ALTER TABLE ledger DELETE WHERE topic = 'model_events.v1' AND partition = 1 AND from_offset = 0 SETTINGS mutations_sync = 2",
		[]string{"difference  ledger tiles model_events.v1: no ledger row covers partition 1 offsets [0, "}},
}}

func TestAuditIsOK(t *testing.T) {
	w := world(t)
	check := func(what string, a *audit.Auditor) {
		t.Helper()
		a.DB, a.Log = w.DB, topics{w, 0}
		result, report := run(t, a)
		if !result.OK || strings.Contains(report, "pending") || !strings.HasSuffix(report, "audit: OK\n") {
			t.Errorf("%s: not OK:\n%s", what, report)
		}
	}
	check("as it should be", &audit.Auditor{Deep: true, Settled: true, Limits: audit.Limits{Rows: 50}})
	for _, c := range harmless {
		w.Exec("%s", c.sql)
	}
	check("after harmless changes", &audit.Auditor{Deep: true})
	if got := strings.TrimSpace(w.Numbers(1, "SELECT countIf(verdict = 'ok') = count() AND uniqExact(audit) = 2 FROM audits")); got != "1" {
		t.Error("the table audits does not have the verdicts")
	}
}

func TestAuditFinds(t *testing.T) {
	for i, group := range harmful {
		t.Run(fmt.Sprintf("group %d", i), func(t *testing.T) {
			w := world(t)
			for _, c := range group {
				w.Exec("%s", c.sql)
			}
			result, report := run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}})
			if result.OK || !strings.HasSuffix(report, fmt.Sprintf("audit: DIFFERENCE (%d)\n", result.Differences())) {
				t.Errorf("verdict OK is %v:\n%s", result.OK, report)
			}
			for _, c := range group {
				for _, want := range c.want {
					if !strings.Contains(report, want) {
						t.Errorf("%s: the report lacks %q:\n%s", c.name, want, report)
					}
				}
			}
		})
	}
}

// TestWorkUnderWay has a log that is ahead, one that is behind, rows without a ledger row, and rollups that are late.
func TestWorkUnderWay(t *testing.T) {
	w := world(t)
	check := func(what string, a *audit.Auditor, extra int64, ok bool, wants ...string) {
		t.Helper()
		a.DB, a.Log = w.DB, topics{w, extra}
		result, report := run(t, a)
		if result.OK != ok {
			t.Errorf("%s: verdict OK is %v, want %v", what, result.OK, ok)
		}
		for _, want := range wants {
			if !strings.Contains(report, want) {
				t.Errorf("%s: the report lacks %q:\n%s", what, want, report)
			}
		}
	}
	check("log ahead", &audit.Auditor{}, 5, true, "pending     ledger tiles signups.v1: 2 partitions, ", "10 offsets are not yet ingested, first partition 0 from offset ")
	check("log behind", &audit.Auditor{}, -1, false, "difference  ledger tiles signups.v1: the ledger covers partition 0 up to offset ")
	w.Deliver(rolluptest.InRun("later", rolluptest.Random(7, 40, start, 10*time.Minute))...)
	check("rollups behind", &audit.Auditor{}, 0, true, "pending     rollup equals token_calls_1m: ", "pending     rollup equals audience_1d: ", "are not yet published")
	rollUp(t, w)
	rows := w.Insert(rolluptest.InRun("later", rolluptest.Random(8, 40, start, 10*time.Minute))...)
	check("rows without a ledger row", &audit.Auditor{}, 0, true, "pending     raw holds token_calls_raw: ", "more are not yet accounted for")
	check("where nothing is under way", &audit.Auditor{Settled: true}, 0, false, "difference  raw holds token_calls_raw: token_calls_raw partition 0 offset ")
	for _, row := range rows {
		w.Account(row)
	}
	rollUp(t, w)
	check("all done", &audit.Auditor{Settled: true}, 0, true, "ok          ledger tiles token_calls.v1: ", "ok          rollup equals token_calls_1m: ", "ok          run adds up run token_calls: ")
}

// TestDeep has a repeat with another time, too far away to be found when it is ingested.
func TestDeep(t *testing.T) {
	w := rolluptest.New(t)
	w.Window, w.Partitions = 1, 1
	call := func(id string, minute int) *usagev1.Signup {
		return &usagev1.Signup{Source: "s", Id: id, TimeUs: new(start.Add(time.Duration(minute) * time.Minute).UnixMicro()), Tenant: "acme", Product: "p"}
	}
	w.Deliver(call("a", 0), call("b", 1), call("c", 2), call("a", 3))
	rollUp(t, w)
	if result, report := run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}}); !result.OK {
		t.Errorf("not OK without looking deep:\n%s", report)
	}
	result, report := run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}, Deep: true})
	if want := `difference  identity has one time signups_raw: 1 identity is stored at more than one time; one of tenant "acme" is in signups_raw partition 0 offset 3 at 2026-03-01 22:33:00.000000 and was before at 2026-03-01 22:30:00`; result.OK || !strings.Contains(report, want) {
		t.Errorf("the report lacks %q:\n%s", want, report)
	}
}

// meanwhile is a database in which something happens right before the first statement with a text.
type meanwhile struct {
	ledgerdb.DB
	before string
	happen func()
}

func (m *meanwhile) Query(ctx context.Context, sql string, row func(scan func(dest ...any) error) error) error {
	if m.happen != nil && strings.Contains(sql, m.before) {
		happen := m.happen
		m.happen = nil
		happen()
	}
	return m.DB.Query(ctx, sql, row)
}

// broken is a database that refuses the statements with a text.
type broken struct {
	ledgerdb.DB
	text string
}

func (b broken) Exec(ctx context.Context, sql string) error {
	if strings.Contains(sql, b.text) {
		return errors.New("refused")
	}
	return b.DB.Exec(ctx, sql)
}

// TestRunMeanwhile has a run that ends while an audit is under way: the next audit tells of it.
func TestRunMeanwhile(t *testing.T) {
	w := world(t)
	db := &meanwhile{DB: w.DB, before: "NOT shown", happen: func() {
		call := func(id string) *usagev1.Signup {
			return &usagev1.Signup{Source: "late", Id: id, TimeUs: new(start.UnixMicro()), Tenant: "acme", Product: "p", Run: "late"}
		}
		w.Deliver(call("a"), call("b"))
		w.Deliver(&usagev1.Run{Source: "late", Id: "late/signups", TimeUs: new(start.UnixMicro()), Tenant: "ops", Run: "late", Kind: "generate", Type: "signups",
			Produced: 2, Events: 2, Weight: 2, FirstTimeUs: start.UnixMicro(), LastTimeUs: start.UnixMicro()})
	}}
	if result, report := run(t, &audit.Auditor{DB: db, Log: topics{w, 0}}); !result.OK || db.happen != nil || strings.Contains(report, "late signups") {
		t.Errorf("not OK:\n%s", report)
	}
	rollUp(t, w)
	if result, report := run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}, Settled: true}); !result.OK || !strings.Contains(report, "ok          run adds up late signups: 2 produced") {
		t.Errorf("not OK when all is done:\n%s", report)
	}
}

// TestPublishedMeanwhile publishes many buckets again while an audit is under way: all of them, or only the minutes, so
// that the hours made from them are those of before.
func TestPublishedMeanwhile(t *testing.T) {
	for _, refused := range []string{"", "INSERT INTO token_calls_all_1h_rows", "INSERT INTO token_calls_1d_rows", "INSERT INTO audience_1d_states"} {
		t.Run(refused, func(t *testing.T) {
			w := world(t)
			db := &meanwhile{DB: w.DB, before: "NOT shown", happen: func() {
				w.Deliver(rolluptest.InRun("later", rolluptest.Random(9, 2000, start, 3*time.Hour))...)
				err := (&rollup.Worker{DB: broken{w.DB, cmp.Or(refused, "nothing")}}).UntilCaughtUp(t.Context())
				if (err != nil) != (refused != "") {
					t.Errorf("the rollups: %v", err)
				}
			}}
			result, report := run(t, &audit.Auditor{DB: db, Log: topics{w, 0}})
			if !result.OK || db.happen != nil || !strings.Contains(report, "pending     rollup equals token_calls_1m: ") || strings.Contains(report, "error ") {
				t.Errorf("not OK:\n%s", report)
			}
			rollUp(t, w)
			if result, report := run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}, Settled: true}); !result.OK || strings.Contains(report, "pending") {
				t.Errorf("not OK when all is done:\n%s", report)
			}
		})
	}
}
