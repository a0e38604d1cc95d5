package dashboards_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/audit"
	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
)

// noon is when most rules are evaluated, and asOf, which is not at the turn of five minutes, those on the ledger, whose
// rows are written as if at other times.
var (
	noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	asOf = noon.Add(2 * time.Minute)
)

func emptyStore(t testing.TB) *clickhouse.DB { return clickhousetest.Open(t) }

// row is a ledger row written some time before asOf.
type row struct {
	topic       string // queries.v1 if empty.
	epoch, part int    // Epoch 0 is 1.
	from, to    int
	ago         time.Duration
	late        time.Duration // From the log to queryable.
	event       time.Duration // From event to queryable.
	old         bool          // Of before the ledger told the former.
	empty       bool          // Nothing stored: duplicates.
	dead, gap   int
}

func insertRows(t testing.TB, db *clickhouse.DB, rows []row) {
	t.Helper()
	exec(t, db, "TRUNCATE TABLE ledger")
	exec(t, db, "TRUNCATE TABLE rollup_cursors")
	// The rollups have followed everything.
	for _, topic := range []string{"queries.v1", "signups.v1", "token_calls.v1", "model_events.v1"} {
		exec(t, db, "INSERT INTO rollup_cursors (topic, epoch, partition, position, version) SELECT '%s', 1 + number %% 2, intDiv(number, 2), 1000000000, 1 FROM numbers(8)", topic)
	}
	var values []string
	for _, r := range rows {
		topic, stored, duplicates := r.topic, r.to-r.from, 0
		if topic == "" {
			topic = "queries.v1"
		}
		if r.empty {
			stored, duplicates = 0, stored
		}
		produced := asOf.Add(-r.ago - r.late).UnixMilli()
		if r.old {
			produced = 0
		}
		values = append(values, fmt.Sprintf("('%s', %d, %d, %d, %d, 1, %d, %d, %d, %d, %d, fromUnixTimestamp64Milli(%d), %d, fromUnixTimestamp64Micro(%d))",
			topic, max(r.epoch, 1), r.part, r.from, r.to, stored, duplicates, r.dead, r.gap, r.event.Microseconds(), produced, r.late.Microseconds(), asOf.Add(-r.ago).UnixMicro()))
	}
	if len(values) > 0 {
		exec(t, db, "INSERT INTO ledger (topic, epoch, partition, from_offset, to_offset, generation, stored, duplicates, dead, gap, event_lag_us, oldest_produced, produce_lag_us, written_at) VALUES %s", strings.Join(values, ", "))
	}
}

func exec(t testing.TB, db *clickhouse.DB, format string, args ...any) {
	t.Helper()
	if err := db.Exec(t.Context(), fmt.Sprintf(format, args...)); err != nil {
		t.Fatal(err)
	}
}

// ledgerCase is a ledger and what must fire on it, by its labels.
type ledgerCase struct {
	rows   []row
	ends   []end
	firing []string
}

func checkLedger(t *testing.T, uid string, cases map[string]ledgerCase) {
	t.Helper()
	db := lasting(t)
	rule := provisionedAlerts(t)[uid]
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			insertRows(t, db, c.rows)
			insertEnds(t, db, c.ends)
			got := rule.evaluate(t, db, asOf)
			if !slices.Equal(got.firing, c.firing) {
				t.Errorf("fires for %q, want %q: %v\n%s", got.firing, c.firing, got.values, got.queries)
			}
		})
	}
}

func TestAlertIngestBehind(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	// A partition of which 300 records were accounted for in the last five minutes: one a second.
	steady := func(left int) ledgerCase {
		return ledgerCase{rows: []row{{from: 0, to: 299, ago: 4 * m}, {from: 299, to: 300, ago: s}}, ends: []end{{end: 300 + left, at: 300, stands: s}}}
	}
	slow, firing := steady(121), []string{"0 queries.v1"}
	slow.firing = firing
	checkLedger(t, "tidemark-ingest-behind", map[string]ledgerCase{
		"caught up long ago":                 {rows: []row{{to: 100, ago: 10 * h}}, ends: []end{{end: 100, at: 100}}},
		"stalled, just below":                {ends: []end{{end: 9, at: 8, stands: 120 * s}}},
		"stalled, just above":                {ends: []end{{end: 9, at: 8, stands: 121 * s}}, firing: firing},
		"stalled for longer than the speed":  {rows: []row{{to: 100000, ago: 6 * m}}, ends: []end{{end: 100001, at: 100000, stands: 6 * m}}, firing: firing},
		"two minutes of work":                steady(120),
		"more than two minutes of work":      slow,
		"a good one beside a bad one":        {ends: []end{{end: 9, at: 9}, {part: 3, end: 15, at: 10, stands: h}}, firing: []string{"3 queries.v1"}},
		"nobody ever read it":                {ends: []end{{end: 30000, stands: h}}, firing: firing},
		"nobody ever read it, and it is new": {ends: []end{{end: 30000, stands: s}}},
		"a month without a block":            {rows: []row{{to: 100, ago: 30 * 24 * h}}, ends: []end{{end: 101, at: 100, stands: 3 * m}}, firing: firing},
		"a month without traffic":            {rows: []row{{to: 100, ago: 30 * 24 * h}}, ends: []end{{end: 100, at: 100}}},
		"the log lost records":               {ends: []end{{end: 90, at: 100, stands: h}}, firing: firing},
		"retention took what waited":         {ends: []end{{start: 50, end: 50, at: 20, stands: h}}, firing: firing},
		"seen long ago, when it stood":       {ends: []end{{end: 9, at: 8, stands: 2 * h, seen: h}}, firing: firing},
	})
}

func TestAlertNotFresh(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	// A block in every five minutes of the hour before the last block.
	hour := func(last time.Duration) []row {
		var rows []row
		for i := range 13 {
			rows = append(rows, row{from: i, to: i + 1, ago: last + time.Duration(i)*5*m - m, late: s})
		}
		rows[0].ago = last
		return rows
	}
	firing := []string{"queries.v1"}
	checkLedger(t, "tidemark-not-fresh", map[string]ledgerCase{
		"just below":                    {rows: []row{{to: 1, ago: m, late: 120 * s}}},
		"just above":                    {rows: []row{{to: 1, ago: m, late: 120*s + time.Microsecond}}, firing: firing},
		"late, but a while ago":         {rows: []row{{to: 1, ago: 5*m + s, late: h}, {from: 1, to: 2, ago: m, late: s}}},
		"late, then in time":            {rows: []row{{to: 1, ago: 4 * m, late: h}, {from: 1, to: 2, ago: m, late: s}}, firing: firing},
		"one late record of a hundred":  {rows: []row{{to: 1, ago: m, late: h}, {from: 1, to: 101, ago: m, late: s}}},
		"a tenth of the records late":   {rows: []row{{to: 10, ago: m, late: h}, {from: 10, to: 100, ago: m, late: s}}, firing: firing},
		"events of a week ago":          {rows: []row{{to: 1, ago: m, late: s, event: 150 * h}}},
		"a replay of history":           {rows: []row{{to: 1, ago: m, late: s, event: 3000 * 24 * h}}},
		"history that waits in the log": {rows: []row{{to: 1, ago: m, late: h, event: 3000 * 24 * h}}, firing: firing},
		"events of times to come":       {rows: []row{{to: 1, ago: m, late: s, event: -h}}},
		"from before it was told":       {rows: []row{{to: 1, ago: m, late: h, event: h, old: true}}},
		"before and after":              {rows: []row{{to: 10, ago: m, event: h, old: true}, {from: 10, to: 11, ago: s, late: h}}, firing: firing},
		"duplicates alone, late":        {rows: []row{{to: 1, ago: m, late: h, empty: true}}, firing: firing},
		"duplicates alone, in time":     {rows: []row{{to: 1, ago: m, late: s, empty: true}}},
		"gaps alone":                    {rows: []row{{to: 1, ago: m, old: true, empty: true, gap: 1}}},
		"one topic of two":              {rows: []row{{to: 1, ago: m, late: s}, {topic: "signups.v1", to: 1, ago: m, late: h}}, firing: []string{"signups.v1"}},
		"steady, and silent since":      {rows: hour(6 * m), firing: firing},
		"steady, and silent for less":   {rows: hour(4 * m)},
		"silent, but never steady":      {rows: slices.Delete(hour(6*m), 6, 8)},
		"silent after a single block":   {rows: []row{{to: 1, ago: 10 * m, late: s}}},
		"one block, followed by rollup": {rows: []row{{to: 1, ago: m, late: s}}},
		"waits, and nobody reads":       {ends: []end{{end: 1, stands: 121 * s}}, firing: firing},
		"waits since a moment ago":      {ends: []end{{end: 1, stands: 119 * s}}},
		"nothing waits":                 {ends: []end{{end: 1, at: 1}}},
	})
}

// TestAlertRollupsNotFresh delivers events that the rollups have not followed.
func TestAlertRollupsNotFresh(t *testing.T) {
	w := rolluptest.New(t)
	rule := provisionedAlerts(t)["tidemark-not-fresh"]
	w.Deliver(rolluptest.Random(1, 50, begin, time.Hour)...)
	var first int64
	if _, err := fmt.Sscan(w.Numbers(1, "SELECT toUnixTimestamp64Micro(min(written_at)) FROM ledger"), &first); err != nil {
		t.Fatal(err)
	}
	rollups := func(after time.Duration) bool {
		return slices.Contains(rule.evaluate(t, w.DB, time.UnixMicro(first).Add(after)).firing, "rollups")
	}
	if rollups(119*time.Second) || !rollups(122*time.Second) {
		t.Error("does not begin to fire two minutes after the first block was accounted for")
	}
	if err := (&rollup.Worker{DB: w.DB}).UntilCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rollups(time.Hour) {
		t.Error("fires for rollups that have followed everything")
	}
	// The rule names the topics that are rolled up.
	for _, table := range rollup.Tables() {
		for _, typ := range table.Types {
			if topic := "'" + schemas.SpecOf(typ).Topic + "'"; !strings.Contains(rule.Data[0].Model.RawSQL, topic) {
				t.Errorf("%s is made from %s, which the rule does not know", table.Name, topic)
			}
		}
	}
}

func TestAlertDeadLetters(t *testing.T) {
	const m, h = time.Minute, time.Hour
	checkLedger(t, "tidemark-dead-letters", map[string]ledgerCase{
		"none":                    {rows: []row{{to: 1000, ago: m}}},
		"one":                     {rows: []row{{to: 1000, ago: m, dead: 1}}, firing: []string{"dead letter queries.v1"}},
		"just within the hour":    {rows: []row{{to: 1000, ago: h, dead: 1}}, firing: []string{"dead letter queries.v1"}},
		"just before the hour":    {rows: []row{{to: 1000, ago: h + time.Millisecond, dead: 1}}},
		"a gap in another topic":  {rows: []row{{to: 1000, ago: m}, {topic: "signups.v1", to: 9, ago: m, gap: 5}}, firing: []string{"gap signups.v1"}},
		"duplicates are all well": {rows: []row{{to: 1000, ago: m, empty: true}}},
	})
}

// TestAlertSeverities looks at what people are told.
func TestAlertSeverities(t *testing.T) {
	db := lasting(t)
	rules := provisionedAlerts(t)
	insertRows(t, db, []row{{to: 1000, ago: time.Hour / 2, dead: 3, gap: 2}})
	insertEnds(t, db, []end{{end: 1001, at: 1000, stands: time.Hour / 2}})
	f := func(uid, name, want string) {
		t.Helper()
		if got := rules[uid].evaluate(t, db, asOf).text[name]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("tidemark-ingest-behind", "0 queries.v1", "critical: queries.v1, partition 0: ingest is 1800 s behind")
	f("tidemark-dead-letters", "dead letter queries.v1", "warning: queries.v1: 3 records in the last hour: dead letter")
	f("tidemark-dead-letters", "gap queries.v1", "critical: queries.v1: 2 records in the last hour: gap")
}

// wholeLog is a log of which everything was read.
type wholeLog struct{ w *rolluptest.World }

func (l wholeLog) Topic(_ context.Context, topic string) (audit.Topic, error) {
	found := audit.Topic{ID: rolluptest.TopicID, Partitions: map[int32]schemas.Offsets{}}
	for id, end := range l.w.Ends(topic) {
		found.Partitions[id] = schemas.Offsets{End: end}
	}
	return found, nil
}

// TestAlertAudit audits a store, loses a row of it and audits it again.
func TestAlertAudit(t *testing.T) {
	w := rolluptest.New(t)
	rule := provisionedAlerts(t)["tidemark-audit"]
	w.Deliver(rolluptest.Random(1, 300, begin, time.Hour)...)
	if err := (&rollup.Worker{DB: w.DB}).UntilCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	fires := func() string {
		t.Helper()
		if _, err := (&audit.Auditor{DB: w.DB, Log: wholeLog{w}}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return strings.Join(rule.evaluate(t, w.DB, time.Now().Add(time.Minute)).firing, ", ")
	}
	if got := fires(); got != "" {
		t.Errorf("fires on a clean store: %s", got)
	}
	w.Exec("CREATE TABLE kept AS queries_raw")
	w.Exec("INSERT INTO kept SELECT * FROM queries_raw WHERE partition = 0 AND offset = 3")
	w.Exec("ALTER TABLE queries_raw DELETE WHERE partition = 0 AND offset = 3 SETTINGS mutations_sync = 2")
	if got := fires(); !strings.Contains(got, "raw holds queries_raw difference") {
		t.Errorf("fires for %q after a row was lost", got)
	}
	w.Exec("INSERT INTO queries_raw SELECT * FROM kept")
	if got := fires(); got != "" {
		t.Errorf("still fires when the row is back: %s", got)
	}
}

func TestAlertAuditVerdicts(t *testing.T) {
	db := emptyStore(t)
	rule := provisionedAlerts(t)["tidemark-audit"]
	f := func(want string, findings ...string) {
		t.Helper()
		exec(t, db, "TRUNCATE TABLE audits")
		exec(t, db, "INSERT INTO audits (at, audit, check, scope, verdict) VALUES %s", strings.Join(findings, ", "))
		got := rule.evaluate(t, db, noon)
		var texts []string
		for _, name := range got.firing {
			texts = append(texts, got.text[name])
		}
		if text := strings.Join(texts, "; "); text != want {
			t.Errorf("%v: got %q, want %q", findings, text, want)
		}
	}
	const early, late = "'2026-03-10 11:00:00', 'a'", "'2026-03-10 11:30:00', 'b'"
	f("", "("+early+", 'raw holds', 'queries_raw', 'ok')", "("+early+", 'rollup equals', 'queries_1m', 'pending')")
	f("critical: Audit: raw holds, queries_raw: difference", "("+early+", 'raw holds', 'queries_raw', 'difference')", "("+early+", 'raw holds', 'signups_raw', 'ok')")
	f("warning: Audit: raw holds, queries_raw: error", "("+early+", 'raw holds', 'queries_raw', 'error')")
	f("", "("+early+", 'raw holds', 'queries_raw', 'difference')", "("+late+", 'raw holds', 'queries_raw', 'ok')")
	f("critical: Audit: raw holds, queries_raw: difference", "("+early+", 'raw holds', 'queries_raw', 'ok')", "("+late+", 'raw holds', 'queries_raw', 'difference')")
	f("critical: Audit: raw holds, queries_raw: difference", "('2026-02-08 12:00:00', 'a', 'raw holds', 'queries_raw', 'difference')")
	f("", "('2026-02-08 11:59:59', 'a', 'raw holds', 'queries_raw', 'difference')")
}
