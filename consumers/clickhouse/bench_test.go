package clickhouse_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
)

const benchRows = 1 << 16

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// perRow runs the loop and reports processor time and rate by the row.
func perRow(b *testing.B, loop func()) {
	before := cpu(b)
	b.ResetTimer()
	loop()
	b.StopTimer()
	rows := float64(b.N) * benchRows
	b.ReportMetric(float64(cpu(b)-before)/rows, "cpu-ns/row")
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkEncode is what a row costs between columns and connection.
func BenchmarkEncode(b *testing.B) {
	columns := block(b, calls, 0, benchRows, time.Millisecond)
	bytes := int64(0)
	perRow(b, func() {
		for b.Loop() {
			n, err := clickhouse.WriteBlock(io.Discard, columns.Input(), columns.Rows())
			if err != nil {
				b.Fatal(err)
			}
			bytes = n
		}
	})
	b.ReportMetric(float64(bytes)/benchRows, "bytes/row")
}

// BenchmarkSend adds the HTTP client, loopback, and a server that reads and forgets.
func BenchmarkSend(b *testing.B) {
	backend, _ := newFront(b, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Query().Get("query"), "INSERT") {
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		backend.pass(w, r, r.Body)
	}))
	defer server.Close()
	store := clickhouse.NewStore(clickhousetest.Connect(b, clickhouse.Config{URL: server.URL, Database: "default"}))
	columns := block(b, calls, 0, benchRows, time.Millisecond)
	perRow(b, func() {
		for b.Loop() {
			if err := store.Insert(b.Context(), calls, columns); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkInsert is the whole way into the real engine, which runs in this process: its processor time is in the
// figure.
func BenchmarkInsert(b *testing.B) {
	for _, variant := range []struct {
		name     string
		step     time.Duration
		table    string
		settings map[string]any
	}{
		{"base", time.Millisecond, "", nil},
		{"spread over 18 hours", time.Second, "", nil},
		{"statistics", time.Millisecond, "auto_statistics_types = 'basic, uniq_v2'", map[string]any{"materialize_statistics_on_insert": 1}},
		{"no skip indexes on insert", time.Millisecond, "", map[string]any{"materialize_skip_indexes_on_insert": 0}},
		{"optimize_on_insert", time.Millisecond, "", map[string]any{"optimize_on_insert": 1}},
		{"one thread", time.Millisecond, "", map[string]any{"max_threads": 1, "max_insert_threads": 1}},
		{"squashing", time.Millisecond, "", map[string]any{"min_insert_block_size_rows": 1048449, "min_insert_block_size_bytes": 268402944}},
		{"wide parts", time.Millisecond, "min_bytes_for_wide_part = 0", nil},
		{"compact parts", time.Millisecond, "min_bytes_for_wide_part = 1073741824", nil},
		{"no type conversion", time.Millisecond, "", map[string]any{"input_format_native_allow_types_conversion": 0}},
	} {
		b.Run(variant.name, func(b *testing.B) {
			db := openRaw(b)
			for _, sql := range []string{"ALTER TABLE token_calls_raw MODIFY SETTING " + variant.table, "SYSTEM STOP MERGES token_calls_raw"} {
				if strings.HasSuffix(sql, "SETTING ") {
					continue
				}
				if err := db.Exec(b.Context(), sql); err != nil {
					b.Fatal(err)
				}
			}
			store := clickhouse.NewStore(db)
			blocks := make([]schemas.Columns, 4)
			for i := range blocks {
				blocks[i] = block(b, calls, int64(i)*benchRows, int64(i+1)*benchRows, variant.step)
			}
			table := schemas.SpecOf(calls.Type).RawTable
			perRow(b, func() {
				for i := 0; b.Loop(); i++ {
					columns := blocks[i%len(blocks)]
					if err := store.InsertWith(b.Context(), table, columns.Input(), columns.Rows(), variant.settings); err != nil {
						b.Fatal(err)
					}
				}
			})
			got := numbers(b, db, "SELECT count(), sum(rows), sum(data_compressed_bytes), countIf(part_type = 'Wide') FROM system.parts WHERE active AND database = currentDatabase() AND table = 'token_calls_raw'", 4)
			b.ReportMetric(float64(got[2])/float64(got[1]), "disk-bytes/row")
			b.Logf("%d parts, %d wide", got[0], got[3])
		})
	}
}

// BenchmarkMerge is what the engine has to do later for rows in parts of a block.
func BenchmarkMerge(b *testing.B) {
	for _, setting := range []string{"", "auto_statistics_types = 'basic, uniq_v2'", "min_bytes_for_wide_part = 1073741824", "enable_vertical_merge_algorithm = 0"} {
		b.Run(setting, func(b *testing.B) {
			db := openRaw(b)
			if setting != "" {
				if err := db.Exec(b.Context(), "ALTER TABLE token_calls_raw MODIFY SETTING "+setting); err != nil {
					b.Fatal(err)
				}
			}
			store := clickhouse.NewStore(db)
			const blocks = 8
			before := time.Duration(0)
			for range b.N {
				for i := range int64(blocks) {
					p := calls
					p.ID = int32(i)
					if err := store.Insert(b.Context(), p, block(b, p, 0, benchRows, time.Millisecond)); err != nil {
						b.Fatal(err)
					}
				}
				start := cpu(b)
				if err := db.Exec(b.Context(), "OPTIMIZE TABLE token_calls_raw FINAL"); err != nil {
					b.Fatal(err)
				}
				before += cpu(b) - start
				if err := db.Exec(b.Context(), "TRUNCATE TABLE token_calls_raw"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(before)/float64(b.N*blocks*benchRows), "cpu-ns/row")
		})
	}
}

// BenchmarkResume reads back a whole window.
func BenchmarkResume(b *testing.B) {
	db := openRaw(b)
	store := clickhouse.NewStore(db)
	for i := range int64(8) {
		if err := store.Insert(b.Context(), calls, block(b, calls, i*benchRows, (i+1)*benchRows, time.Millisecond)); err != nil {
			b.Fatal(err)
		}
		account(b, store, calls, rangeOf(i*benchRows, (i+1)*benchRows))
	}
	b.ResetTimer()
	for b.Loop() {
		resume, err := store.Resume(b.Context(), calls, 4*benchRows)
		if err != nil || len(resume.Stored) != 4*benchRows {
			b.Fatal(len(resume.Stored), err)
		}
	}
}

// BenchmarkAccount writes the ledger row of one ordinary block.
func BenchmarkAccount(b *testing.B) {
	db := openRaw(b)
	store := clickhouse.NewStore(db)
	if err := db.Exec(b.Context(), "SYSTEM STOP MERGES ledger"); err != nil {
		b.Fatal(err)
	}
	row := ledger.Row{Partition: ledger.Partition{Topic: calls.Topic, Epoch: 1}, FetchedAt: start, Runs: []ledger.RunCount{{Run: "a", Stored: benchRows}}}
	for minute := range int32(10) {
		row.Buckets = append(row.Buckets, ledger.Bucket{Minute: minute, Rows: 1000, Checksum: 1})
	}
	before := cpu(b)
	for b.Loop() {
		row.From, row.To = row.To, row.To+benchRows
		if err := store.Account(b.Context(), row); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N)/1e6, "cpu-ms/op")
}

// BenchmarkExec is what any request costs.
func BenchmarkExec(b *testing.B) {
	db := openRaw(b)
	before := cpu(b)
	for b.Loop() {
		if err := db.Exec(b.Context(), "SELECT 1"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N)/1e6, "cpu-ms/op")
}
