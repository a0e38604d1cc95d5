package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	stacktest "tidemark/internal/test/stack"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// bases are commits whose databases can be upgraded; testdata has the tables that each made.
var bases = []string{"0a09f40", "2866fa0"}

// older opens a database as a program of before left it.
func older(t *testing.T, base string) *clickhouse.DB {
	t.Helper()
	db := clickhousetest.OpenEmpty(t)
	statements, err := os.ReadFile("testdata/" + base + ".sql")
	if err != nil {
		t.Fatal(err)
	}
	for sql := range strings.SplitSeq(strings.TrimSpace(string(statements)), "\n") {
		exec(t, db, strings.ReplaceAll(sql, " tidemark.", " "+db.Database()+"."))
	}
	exec(t, db, "INSERT INTO schema_migrations (version, name) VALUES (1, 'queries_raw'), (292, 'token_calls_tenant_1m')")
	return db
}

func exec(t *testing.T, db *clickhouse.DB, sql string) {
	t.Helper()
	if err := db.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// shape is what a database is made of, in order: tables with keys, engine and settings (sorted), columns with types, defaults
// and codecs, indexes, views.
func shape(t *testing.T, db *clickhouse.DB) []string {
	t.Helper()
	sql := "SELECT concat(name, ' ', replaceOne(engine_full, extract(engine_full, ' SETTINGS (.*)$') AS settings, toString(arraySort(splitByString(', ', settings)))), ' ', as_select) FROM system.tables WHERE database = currentDatabase() AND name != 'schema_migrations'" +
		" UNION ALL SELECT concat(table, '.', name, ' ', type, ' ', default_kind, ' ', default_expression, ' ', compression_codec, ' ', toString(position)) FROM system.columns WHERE database = currentDatabase() AND table != 'schema_migrations'" +
		" UNION ALL SELECT concat(table, ' ', name, ' ', type_full, ' ', expr, ' ', toString(granularity)) FROM system.data_skipping_indices WHERE database = currentDatabase()"
	text := stacktest.Query(t, stacktest.Start(t), db.Database(), "SELECT * FROM ("+sql+") FORMAT TSVRaw")
	lines := strings.Split(strings.ReplaceAll(text, db.Database()+".", "d."), "\n")
	slices.Sort(lines)
	return lines
}

// TestUpgradeGivesTheSchema expects an older database to become what an empty one becomes, with its rows, wherever the
// upgrade is interrupted.
func TestUpgradeGivesTheSchema(t *testing.T) {
	fresh := clickhousetest.Open(t)
	want := shape(t, fresh)
	for _, base := range bases {
		t.Run(base, func(t *testing.T) {
			db := older(t, base)
			costs := map[string]string{"0a09f40": "reported_cost_nanos) VALUES ('2026-01-01 00:00:00', 3, -5)", "2866fa0": "reported_cost_picos) VALUES ('2026-01-01 00:00:00', 3, -5000)"}
			for _, sql := range []string{
				"INSERT INTO models (model, weights, licence, licence_source, organisation, organisation_source, country) VALUES ('m', 'open', 'MIT', 'us', 'O''Neil', 'them', 'IE')", //nolint:misspell // As they were spelled.
				"INSERT INTO rollup_pending (rollup, from_bucket, to_bucket, reason, done, version) VALUES ('queries_1m', '2026-01-01 00:00:00', '2026-01-02 00:00:00', 'asked', false, 1), ('queries_1h', '2026-01-01 00:00:00', '2026-01-02 00:00:00', 'mismatch', true, 2)",
				"INSERT INTO rollup_versions (rollup, bucket, version, slot) VALUES ('token_calls_1m', '2026-01-01 00:00:00', 3, 1)",
				"INSERT INTO token_calls_1m_rows (bucket, version, " + costs[base],
				"INSERT INTO queries_raw (time, tenant, identity, epoch, partition, offset) VALUES ('1950-01-01 00:00:00', 'a', 1, 1, 2, 3), ('2026-01-01 00:00:00', 'b', 2, 1, 2, 4)",
				"INSERT INTO ledger (topic, epoch, partition, from_offset, to_offset, `exceptions.from`, `exceptions.to`, `exceptions.disposition`) VALUES ('queries.v1', 1, 2, 3, 5, [3], [4], ['dead'])",
			} {
				exec(t, db, sql)
			}
			runs := 0
			for stop := 1; ; stop *= 2 { // Statements, each time.
				ctx, cancel := context.WithCancel(t.Context())
				left := stop
				err := db.Migrate(ctx, schemas.Current(), func(schemas.Statement) {
					if left--; left == 0 {
						cancel()
					}
				})
				cancel()
				if runs++; err == nil {
					break
				}
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
			}
			if runs < 5 {
				t.Errorf("%d runs only", runs)
			}
			got := shape(t, db)
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || got[i] != want[i] {
					t.Fatalf("upgraded\n%s\nfrom nothing\n%s", strings.Join(got[min(i, len(got)):min(i+1, len(got))], ""), strings.Join(want[min(i, len(want)):min(i+1, len(want))], ""))
				}
			}
			for sql, want := range map[string]string{
				"SELECT * EXCEPT (release_date, imported_at) FROM models": "m\topen\t\tMIT\tus\tO\\'Neil\tthem\tIE\t\t",
				// A measure that is newer than the base makes requests of its own.
				"SELECT rollup, reason, done, version FROM rollup_pending WHERE version < 10 ORDER BY version": "queries_1m\trequested\tfalse\t1\nqueries_1h\tmismatch\ttrue\t2",
				"SELECT reported_cost_picos, reported_cost_nanos, calls FROM token_calls_1m":                   "-5000\t-5\t0",
				"SELECT time, minute, tenant, revision, weight FROM queries ORDER BY time":                     "1950-01-01 00:00:00.000000\t-10519200\ta\t0\t1\n2026-01-01 00:00:00.000000\t29453760\tb\t0\t1",
				"SELECT format, `exceptions.disposition`, `buckets.content` FROM ledger":                       "0\t['dead']\t[]",
				"SELECT count(), uniqExact(role), countIf(worker = '') FROM heartbeats":                        "4\t4\t4",
			} {
				if got := stacktest.Query(t, stacktest.Start(t), db.Database(), sql); got != want {
					t.Errorf("%s: %q, want %q", sql, got, want)
				}
			}
			if got, err := migrate(t, db, schemas.Current()); err != nil || got != nil {
				t.Errorf("the second time: ran %q, %v", got, err)
			}
		})
	}
}

// TestUpgradeOfCalls: rows of before count as they did, with the checksums that ledger and rollups have of them, and
// rows that add up many calls or have the newest fields count beside them.
func TestUpgradeOfCalls(t *testing.T) {
	for _, base := range bases {
		t.Run(base, func(t *testing.T) { testUpgradeOfCalls(t, older(t, base)) })
	}
}

func testUpgradeOfCalls(t *testing.T, db *clickhouse.DB) {
	rows := schemas.NewColumns(calls.Type)
	var want [6]uint64 // Calls, streamed ones, those of an unknown input, input tokens, records, checksums.
	var content uint64 // The sum of the checksums of every column.
	add := func(offset int64, e *usagev1.TokenCall, n uint64) {
		e.Weight, e.Streaming = 1+uint64(offset%3), offset%2 == 0
		if offset%5 == 0 {
			e.InputUncached = nil
		}
		value, err := schemas.AppendEvent(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		meta, err := rows.Append(value, schemas.Coordinates{Epoch: 1, Partition: calls.ID, Offset: offset})
		if err != nil {
			t.Fatal(err)
		}
		want[0] += e.Weight * n
		if e.Streaming {
			want[1] += e.Weight * n
		}
		if e.InputUncached == nil {
			want[2] += e.Weight * n
		}
		want[3] += e.Weight * e.GetInputUncached()
		want[4]++
		want[5] += meta.Checksum
		content += meta.Content
	}
	check := func(when, sql string) {
		t.Helper()
		if got := numbers(t, db, sql, len(want)); !slices.Equal(got, want[:]) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	checkContent := func(when string, fields int) {
		t.Helper()
		sql := "SELECT sum(" + schemas.SpecOf(calls.Type).ContentSQL() + "), count(cache_write_5m + attempt), countIf(response_id != ''), countIf(usage != 'unknown'), countIf(split != 'unknown'), sum(joined), countIf(may_be_double) FROM token_calls_raw"
		n := uint64(fields)
		if got, want := numbers(t, db, sql, 7), []uint64{content, n, n, n, n, n, n}; !slices.Equal(got, want) {
			t.Errorf("%s: content and new fields %v, want %v", when, got, want)
		}
	}
	const ofTenants = "SELECT toUInt64(sum(calls)), toUInt64(sum(streaming_calls)), toUInt64(sum(unknown_input_calls)), toUInt64(sum(input_tokens)), sum(records), toUInt64(%d) FROM token_calls_tenant_1m"
	store := clickhouse.NewStore(db)
	insert := func() {
		t.Helper()
		if err := store.Insert(t.Context(), calls, rows); err != nil {
			t.Fatal(err)
		}
	}
	for offset := range int64(40) {
		add(offset, callAt(offset, start.Add(time.Duration(offset)*time.Second)), 1)
	}
	insert()
	if err := db.Migrate(t.Context(), schemas.Current(), nil); err != nil {
		t.Fatal(err)
	}
	ofView := "SELECT sum(calls), sumIf(calls, streaming), sumIf(calls, isNull(input_tokens)), sum(ifNull(input_tokens, 0) * weight), count(), sum(" +
		schemas.SpecOf(calls.Type).ChecksumSQL() + ") FROM token_calls"
	check("migrated", fmt.Sprintf(ofTenants, want[5]))
	check("migrated, by the view", ofView)
	checkContent("migrated", 0)
	rows.Reset()
	for offset, n := range []uint64{0, 150, 1, 7} {
		e := callAt(100+int64(offset), start.Add(time.Minute))
		e.Requests, e.LatencyUs = &n, nil
		e.CacheWrite_5M, e.Attempt, e.ResponseId = new(uint64(0)), new(uint64(2)), "resp"
		e.Usage, e.Split, e.Joined, e.MayBeDouble = usagev1.UsageSource_USAGE_SOURCE_REPORTED, usagev1.UsageSplit_USAGE_SPLIT_NONE, 1, true
		add(100+int64(offset), e, n)
	}
	insert()
	check("with rows of many", fmt.Sprintf(ofTenants, want[5]))
	check("with rows of many, by the view", ofView)
	checkContent("with rows of many", 4)
}
