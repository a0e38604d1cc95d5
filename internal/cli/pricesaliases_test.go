package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pricesBench runs commands under "prices" on a migrated database of its own.
type pricesBench struct {
	*modelsBench
	t *testing.T
}

func newPricesBench(t *testing.T, database string) pricesBench {
	t.Helper()
	b := pricesBench{newModelsBench(t, database), t}
	b.migrate()
	return b
}

// has runs a command that must end well, and returns its output, which must have the texts.
func (b pricesBench) has(stdin string, args []string, wants ...string) string {
	b.t.Helper()
	code, out, errOut := b.prices(stdin, args...)
	if code != exitOK || errOut != "" {
		b.t.Fatalf("prices %v: exit code %d\n%s%s", args, code, out, errOut)
	}
	for _, want := range wants {
		if !strings.Contains(out, want) {
			b.t.Errorf("prices %v: %q is not in\n%s", args, want, out)
		}
	}
	return out
}

func (b pricesBench) fails(want, stdin string, args ...string) {
	b.t.Helper()
	if code, out, errOut := b.prices(stdin, args...); code == exitOK || !strings.Contains(errOut, want) {
		b.t.Errorf("prices %v: exit code %d, %s%s; want %q", args, code, out, errOut, want)
	}
}

func words(text string) []string { return strings.Fields(text) }

// TestPriceAliases: names of models survive export and import, belong to their book, and price calls.
func TestPriceAliases(t *testing.T) {
	b := newPricesBench(t, "prices_aliases")
	const table = `[{"id": "x-ai", "fallback_model_providers": ["openai"], "models": [
		{"id": "grok-9", "match": {"or": [{"equals": "grok-9"}, {"equals": "grok-latest"}, {"starts_with": "grok-9-"}, {"contains": "grok9"}]},
			"prices": {"input_mtok": {"base": 2, "tiers": [{"start": 200000, "price": 4}]}, "cache_read_mtok": {"base": 0.3, "tiers": [{"start": 200000, "price": 0.3}]}, "output_mtok": {"base": 6, "tiers": [{"start": 200000, "price": 12}]}}},
		{"id": "grok-pages", "match": {"equals": "grok-pages"}, "prices": {"input_document_kpages": 5}}]}]`
	warning := "warning: x_ai grok-9 cache_read over 200000 tokens is x1 (0.3 to 0.3), but input is x2 (2 to 4)"
	b.has(table, words("import - --valid-from 2026-01-01 --dry-run --skipped"), warning, "2 aliases", "6 would be added", "skipped x-ai/grok-pages: it has no price of tokens",
		`not taken of x-ai/grok-9: the names that match contains "grok9": only equals and starts_with make an alias`, "not taken of x-ai: the prices of openai, where it has none", "not taken: 2 patterns of names or other things")
	b.has(table, words("import - --valid-from 2026-01-01"), warning, "book 2 is made")
	b.has(table, words("import - --valid-from 2026-01-01"), "0 aliases", "book 2 says all of it already")

	b.query("INSERT INTO token_calls_raw (time, tenant, product, id, identity, offset, provider, model, status, weight, input_uncached, output_visible) VALUES " +
		"('2026-01-31 00:00:00', 't', 'p', 'exact', 1, 1, 'x_ai', 'grok-latest', 1, 1, 100000, 0), ('2026-01-31 00:00:00', 't', 'p', 'prefix', 2, 2, 'x_ai', 'grok-9-0131', 1, 1, 100000, 0)")
	for _, call := range []string{"exact", "prefix"} {
		b.has("", words("explain "+call), "book 2: grok-9 of x_ai, found by an alias", "cost 0.2 USD; book 2")
		b.has("", words("explain "+call+" --book 1"), "cost unknown (no_model), 100000 tokens unpriced; book 1")
	}
	b.has("", words("show x_ai grok-9-0131"), "grok-9")

	// A name that stands for another model is a change, even if no price is one; the book before it says what it said.
	other := "prices:\n- {provider: x_ai, model: grok-10, currency: USD, per: 1000000, from: 2026-01-01, is: {input: 50}}\naliases:\n- {provider: x_ai, kind: exact, pattern: grok-latest, model: grok-10}\n"
	b.has(other, words("import -"), "1 alias added or changed", "book 3 is made")
	b.has("", words("explain exact"), "book 3: grok-10 of x_ai, found by an alias", "cost 5 USD; book 3")
	b.has("", words("explain exact --book 2"), "cost 0.2 USD; book 2")
	b.has("", words("explain prefix"), "cost 0.2 USD; book 3")
	b.has(strings.Replace(other, "model: grok-10}", "model: grok-9}", 1), words("import -"), "0 added, 0 changed, 0 withdrawn, 1 alias added", "book 4 is made")
	b.has("", words("explain exact"), "cost 0.2 USD; book 4")

	// Out and in again: nothing changes. Into a database without them: all is there.
	exported := b.has("", words("export"), "- provider: x_ai\n    kind: exact\n    pattern: grok-latest\n    model: grok-9\n", "- provider: x_ai\n    kind: prefix\n    pattern: grok-9-\n    model: grok-9\n")
	file := filepath.Join(t.TempDir(), "prices.yaml")
	if err := os.WriteFile(file, []byte(exported), 0o600); err != nil {
		t.Fatal(err)
	}
	b.has("", []string{"import", file}, "0 aliases", "book 4 says all of it already")
	again := newPricesBench(t, "prices_aliases_again")
	again.has("", []string{"import", file}, "2 aliases", "book 2 is made")
	if out := again.has("", words("export")); out != exported {
		t.Errorf("another database says\n%s\nwant\n%s", out, exported)
	}
	b.fails(`nothing was imported: -: x-ai/grok-9: "frames_kcount" is a price of a unit that Tidemark does not know`, strings.Replace(table, `"output_mtok"`, `"frames_kcount"`, 1), "import", "-")
}
