package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// prices runs a command under "prices" on a bench.
func (b *modelsBench) prices(stdin string, args ...string) (code int, out, errOut string) {
	b.t.Helper()
	var stdout, stderr bytes.Buffer
	args = append(append([]string{"prices"}, args...), "--clickhouse", b.url, "--namespace", b.database)
	code = run(b.t.Context(), args, Streams{In: strings.NewReader(stdin), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}

// TestPrices walks through the life of books of prices on the real engine.
func TestPrices(t *testing.T) {
	b := newModelsBench(t, "prices_life")
	ok := func(stdin string, args ...string) string {
		t.Helper()
		code, out, errOut := b.prices(stdin, args...)
		if code != exitOK || errOut != "" {
			t.Fatalf("prices %v: exit code %d\n%s%s", args, code, out, errOut)
		}
		return out
	}
	has := func(out string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%q is not in\n%s", want, out)
			}
		}
	}
	fails := func(want, stdin string, args ...string) {
		t.Helper()
		if code, out, errOut := b.prices(stdin, args...); code == exitOK || !strings.Contains(errOut, want) {
			t.Errorf("prices %v: exit code %d, %s%s; want %q", args, code, out, errOut, want)
		}
	}
	b.migrate()
	b.migrate()
	books := ok("", "books")
	has(books, "shipped", "on 2026-07-24")
	if n := strings.Count(books, "\n"); n != 2 {
		t.Errorf("after two migrations:\n%s", books)
	}
	has(ok("", "list", "openai o3", "--at", "2025-06-01"), "openai           o3                  -      10     2.5         40", "book 1: LiteLLM's table")
	has(ok("", "show", "openai", "o3"), "2025-04-16T20:08Z  2025-06-11T00:35Z  10     2.5         40", "2025-06-11T00:35Z  -                  2      0.5         8")
	fails("has no prices of gpt-99 at openai", "", "show", "openai", "gpt-99")
	has(ok("", "show", "o3"), "2025-04-16T20:08Z  2025-06-11T00:35Z  10     2.5         40", "openai ")
	fails("has no prices of a model gpt-99 at any provider (of a provider's model: PROVIDER MODEL)", "", "show", "gpt-99")

	const mine = "prices:\n- {provider: house, model: m1, currency: EUR, per: 1000000, is: {input: 2.5, output: 10}}\n"
	dry := ok(mine, "import", "-", "--dry-run", "--valid-from", "2026-01-01")
	has(dry, "added", "house m1 input", "2.5 EUR", "2 prices read, 0 entries skipped; 2 would be added")
	if again := ok("", "books"); again != books {
		t.Errorf("a dry run made a book:\n%s", again)
	}
	has(ok(mine, "import", "-", "--valid-from", "2026-01-01"), "book 2 is made")
	has(ok(mine, "import", "-", "--valid-from", "2026-01-01"), "book 2 says all of it already")
	dearer := strings.Replace(mine, "2.5", "3", 1)
	fails("prices of a time that is over would change", dearer, "import", "-", "--valid-from", "2026-02-01")
	has(ok(dearer, "import", "-", "--valid-from", "2026-02-01", "--correct"), "changed", "2.5 EUR", "3 EUR", "book 3 is made", "calls of before this hour keep their costs: 'tidemark reprice --from 2026-02-01T00:00:00Z --dry-run' shows")
	fails("--valid-from: 2026-02-01T00:00:30Z is not a whole minute", mine, "import", "-", "--valid-from", "2026-02-01T00:00:30Z")
	fails("nothing was imported: -: entry 1 (m1 of house)", strings.Replace(mine, "2.5", "cheap", 1), "import", "-")
	fails("--format: \"xls\"", mine, "import", "-", "--format", "xls")

	// What an import that was interrupted left behind counts for nothing.
	b.query("INSERT INTO prices SELECT 4, 7, 1, tenant, provider, 'ghost', region, tier, context_over, unit, daily_from, daily_to, valid_from, valid_to, currency, picos, published, per, source FROM prices WHERE model = 'm1' LIMIT 1")
	if code, out, _ := b.prices("", "list", "ghost"); code != exitFound || strings.Contains(out, "house") {
		t.Errorf("an import without a book counts: exit code %d\n%s", code, out)
	}
	later := ok(strings.Replace(mine, "m1", "m2", 1), "import", "-")
	has(later, "book 5 is made")
	if strings.Contains(later, "reprice") {
		t.Errorf("of an import that changes nothing of the past:\n%s", later)
	}
	fails("there is no book 4", "", "list", "--book", "4")

	// Of another import that took the number of a book, nothing counts.
	b.query("INSERT INTO prices SELECT 5, 7, 1, tenant, provider, model, region, tier, context_over, unit, daily_from, daily_to, valid_from, valid_to, currency, picos + 1, '9', per, source FROM prices WHERE model = 'm1' LIMIT 1")
	has(ok("", "list", "house m1"), "3 EUR")

	// A book says what it said, however many come after it, and goes out and in again.
	has(ok("", "show", "house", "m1", "--book", "2"), "2026-01-01T00:00Z  -", "2.5 EUR")
	exported := ok("", "export")
	file := filepath.Join(t.TempDir(), "prices.yaml")
	if err := os.WriteFile(file, []byte(exported), 0o600); err != nil {
		t.Fatal(err)
	}
	has(ok("", "import", file), "0 added, 0 changed, 0 withdrawn", "book 5 says all of it already")

	b.query("INSERT INTO token_calls_raw (time, tenant, product, id, identity, offset, provider, model, status, weight, input_uncached, output_visible, output_reasoning, reported_cost_nanos, reported_cost_picos, cost_currency) VALUES " +
		"('2026-01-31 23:59:59.999999', 't', 'p', 'call-1', 1, 1, 'house', 'm1', 1, 10, 1000000, 0, 1000000, 1, 5, 'USD'), ('2026-02-01 00:00:00', 't', 'p', 'call-2', 2, 2, 'house', 'm1', 1, 1, 1000000, 0, NULL, NULL, 0, ''), " +
		"('2026-02-01 00:00:00', 't', 'p', 'call-4', 4, 4, '', 'm1', 1, 1, 1000000, 0, NULL, 0, 0, 'USD')")
	has(ok("", "explain", "call-1"), "call-1 of 2026-01-31T23:59:59.999999Z, tenant t: m1 at house", "reasoning as output  10000000", "cost 125 EUR; book 5", "the call does not tell its tier: standard counts", "the sender reported 0.00000001005 USD")
	if nothing := ok("", "explain", "call-2"); !strings.Contains(nothing, "cost 3 EUR; book 5") || strings.Contains(nothing, "the sender reported") {
		t.Errorf("of a call without a reported cost:\n%s", nothing)
	}
	has(ok("", "explain", "call-4"), "cost unknown (no_provider), 1000000 tokens unpriced; book 5", "the sender reported 0 USD")
	has(ok("", "explain", "call-2", "--book", "2"), "cost 2.5 EUR; book 2")
	has(ok("", "explain", "call-2", "--book", "1"), "cost unknown (no_model), 1000000 tokens unpriced; book 1")
	fails("no stored call has the id \"call-3\"", "", "explain", "call-3")
	fails("no stored call has the id \"call-1\"", "", "explain", "call-1", "--tenant", "other")
}
