package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/app"
)

// TestRepriceDryRunDays: a dry run looks at the days that have calls, however many lie between them, and a cost that nobody knows is null.
func TestRepriceDryRunDays(t *testing.T) {
	b := newModelsBench(t, "reprice_days")
	b.migrate()
	b.json("prices:\n- {provider: house, model: m1, currency: EUR, per: 1000000, is: {input: 2.5, output: 10}}\n", "prices import - --valid-from 2020-01-01 --correct", `"book":2,`)
	b.query("INSERT INTO token_calls_raw (time, tenant, product, id, identity, offset, provider, model, status, weight, input_uncached, output_visible) VALUES " +
		"('2023-11-16 12:30:00', 't', 'p', 'a', 1, 0, 'house', 'm1', 1, 1, 1000000, 0), ('2024-04-01 23:59:00', 't', 'p', 'b', 2, 1, 'house', 'm1', 1, 1, 2000000, 0), " +
		"('2026-10-02 00:00:00', 't', 'p', 'c', 3, 2, '', 'm1', 1, 1, 7, 0)")
	b.query("INSERT INTO ledger (topic, partition, from_offset, to_offset, stored, `buckets.minute`, `buckets.rows`, min_minute, max_minute) VALUES " +
		"('token_calls.v1', 0, 0, 3, 3, [28335630, 28533599, 29848320], [1, 1, 1], 28335630, 29848320)")

	db, err := clickhouseFlags{ClickHouse: b.url, clickhouseUser: clickhouseUser{ClickHouseUser: "default"}}.open(b.database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	looked(t, db, app.Reprice{}, "2023-11-16T00:00:00Z 1 of 3", "2024-04-01T00:00:00Z 2 of 3", "2026-10-02T00:00:00Z 3 of 3")
	looked(t, db, app.Reprice{From: time.Date(2023, 11, 16, 12, 0, 0, 0, time.UTC), To: time.Date(2024, 4, 2, 0, 0, 0, 0, time.UTC)}, "2023-11-16T12:00:00Z 1 of 2", "2024-04-01T00:00:00Z 2 of 2")
	looked(t, db, app.Reprice{From: time.Date(2023, 11, 16, 13, 0, 0, 0, time.UTC), To: time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC)})

	b.json("", "reprice --dry-run",
		`{"day":"2023-11-16","provider":"house","model":"m1","currency":"EUR","cost_before":"0","cost_after":"2.5","tokens_unpriced_before":"0","tokens_unpriced_after":"0"}`, `"cost_after":"5",`,
		`{"day":"2026-10-02","provider":"","model":"m1","currency":null,"cost_before":null,"cost_after":null,"tokens_unpriced_before":"0","tokens_unpriced_after":"7"}`)
	_, out, _ := command(t, "reprice", "--dry-run", "--clickhouse", b.url, "--namespace", b.database)
	if text := strings.Join(strings.Fields(out), " "); !strings.Contains(text, "2026-10-02 - m1 - - - - 0 -> 7") || !strings.Contains(text, "the cost would change by +7.5 EUR") {
		t.Errorf("the dry run says\n%s", out)
	}
}

// looked checks at which days a dry run looks.
func looked(t *testing.T, db *clickhouse.DB, r app.Reprice, want ...string) {
	t.Helper()
	book, _, err := app.ReadBook(t.Context(), db, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.DB, r.Book = db, book.Number
	var got []string
	_, err = r.Changes(t.Context(), func(day time.Time, n, of int) {
		got = append(got, fmt.Sprintf("%s %d of %d", day.Format(time.RFC3339), n, of))
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("from %s to %s it looks at %q, want %q", r.From, r.To, got, want)
	}
}
