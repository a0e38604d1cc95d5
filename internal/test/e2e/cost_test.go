package e2e

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"maps"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// costs are the amounts of a report in USD, by its keys.
func (p pipeline) costs(t testing.TB, by string, args ...string) map[string]string {
	t.Helper()
	var report struct {
		Rows []struct {
			By       map[string]string `json:"by"`
			Cost     string            `json:"cost"`
			Unpriced string            `json:"tokens_unpriced"`
		} `json:"rows"`
	}
	out := p.ok(t, append([]string{"cost", "report", "--output", "json", "--by", by}, args...)...)
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	found := map[string]string{}
	for _, row := range report.Rows {
		var keys []string
		for _, name := range strings.Split(by, ",") {
			keys = append(keys, row.By[name])
		}
		found[strings.Join(keys, " ")] = row.Cost + " unpriced " + row.Unpriced
	}
	return found
}

// billed is the sum of an export of a month.
func (p pipeline) billed(t testing.TB, month string) *big.Rat {
	t.Helper()
	file := filepath.Join(t.TempDir(), month+".csv")
	p.ok(t, "cost", "export", "--month", month, "--out", file)
	content, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	rows, err := csv.NewReader(content).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := slices.Index(rows[0], "BilledCost")
	sum := new(big.Rat)
	for _, row := range rows[1:] {
		sum.Add(sum, decimal(t, row[column]))
	}
	return sum
}

// readTrace reads the records of a packed CSV file, by column name.
func readTrace(t testing.TB, path string) (header []string, records [][]string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(unpacked).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[0], all[1:]
}

// decimal returns the exact value of a number.
func decimal(t testing.TB, text string) *big.Rat {
	t.Helper()
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no number", text)
	}
	return n
}

// published are the prices of a token that a table has for a model, as texts.
type published map[string]any

// price returns a price, that of long contexts if the input is long and the model has one.
func (p published) price(t testing.TB, name string, input *big.Rat) *big.Rat {
	t.Helper()
	if long, ok := p[name+"_above_200k_tokens"].(json.Number); ok && input.Cmp(big.NewRat(200_000, 1)) > 0 {
		return decimal(t, long.String())
	}
	number, ok := p[name].(json.Number)
	if !ok {
		t.Fatalf("%v has no %s", p, name)
	}
	return decimal(t, number.String())
}

// costOfTrace computes what a trace costs by model, from the table of prices as it is published, with nothing of Tidemark.
func costOfTrace(t testing.TB, table string, header []string, records [][]string) map[string]string {
	t.Helper()
	file, err := os.Open(table)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var models map[string]any // What is no model is a text.
	decoder := json.NewDecoder(unpacked)
	decoder.UseNumber()
	if err := decoder.Decode(&models); err != nil {
		t.Fatal(err)
	}
	column := func(record []string, name string) string { return record[slices.Index(header, name)] }
	sums := map[string]*big.Rat{}
	for _, record := range records {
		model := column(record, "model")
		of, _ := models[model].(map[string]any)
		input, output, cached := decimal(t, column(record, "input_tokens")), decimal(t, column(record, "output_tokens")), decimal(t, column(record, "cached_prefix_tokens"))
		if sums[model] == nil {
			sums[model] = new(big.Rat)
		}
		for name, tokens := range map[string]*big.Rat{"input_cost_per_token": new(big.Rat).Sub(input, cached), "output_cost_per_token": output, "cache_read_input_token_cost": cached} {
			sums[model].Add(sums[model], new(big.Rat).Mul(tokens, published(of).price(t, name, input)))
		}
	}
	found := map[string]string{}
	for model, sum := range sums {
		found[model] = plain(sum) + " unpriced 0"
	}
	return found
}

// plain writes an amount without zeros at its end.
func plain(amount *big.Rat) string {
	return strings.TrimSuffix(strings.TrimRight(amount.FloatString(12), "0"), ".")
}

// pricedStart is a time at which the shipped book has the prices of long contexts too.
const pricedStart = "2026-08-03T00:00:00Z"

// TestCost follows the cost of a real week: it equals an independent computation, no import and no order of events changes it, and a
// corrected book changes it by what the dry run announced.
func TestCost(t *testing.T) {
	t.Parallel()
	trace := env.Data(t, "agentic-coding-traces/agentic_requests.csv.gz")
	table := env.Data(t, "litellm-prices/model_prices_and_context_window.json.gz")
	header, records := readTrace(t, trace)
	want := costOfTrace(t, table, header, records)
	p := sharedPipeline(t)
	p.ok(t, "migrate")
	p.ok(t, "replay", "agentic", trace, "--start", pricedStart)
	p.settle(t)
	if got := p.costs(t, "model"); !maps.Equal(got, want) {
		t.Errorf("by model: %v, want %v", got, want)
	}
	p.auditOK(t)
	before := p.costs(t, "day,model")

	// Another order of the same events, in other namespaces.
	rand.New(rand.NewPCG(7, 7)).Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	shuffled := filepath.Join(t.TempDir(), "shuffled.csv")
	file, err := os.Create(shuffled)
	if err != nil {
		t.Fatal(err)
	}
	w := csv.NewWriter(file)
	if err := w.WriteAll(append([][]string{header}, records...)); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	other := p
	other.namespace = p.namespace + "_shuffled"
	other.ok(t, "migrate")
	other.ok(t, "replay", "agentic", shuffled, "--start", pricedStart)
	other.settle(t)
	if got := other.costs(t, "day,model"); !maps.Equal(got, before) {
		t.Errorf("in another order: %v, want %v", got, before)
	}

	// A book that says something else of the past changes nothing until somebody asks.
	corrected := filepath.Join(t.TempDir(), "corrected.yaml")
	prices := "source: contract\nprices:\n- {provider: anthropic, model: claude-opus-4-6, currency: USD, per: 1000000, is: {input: 4.5, cache_read: 0.45, output: 22.5}, from: \"2026-07-24\"}\n"
	if err := os.WriteFile(corrected, []byte(prices), 0o600); err != nil {
		t.Fatal(err)
	}
	p.ok(t, "prices", "import", corrected, "--correct")
	p.settle(t)
	if got := p.costs(t, "day,model"); !maps.Equal(got, before) {
		t.Errorf("after an import: %v, want %v", got, before)
	}
	p.auditOK(t)

	announced := p.ok(t, "reprice", "--dry-run")
	if again := p.costs(t, "day,model"); !maps.Equal(again, before) {
		t.Errorf("after a dry run: %v", again)
	}
	total := func(costs map[string]string) *big.Rat {
		sum := new(big.Rat)
		for _, cost := range costs {
			amount, _, _ := strings.Cut(cost, " ")
			sum.Add(sum, decimal(t, amount))
		}
		return sum
	}
	out := p.ok(t, "reprice")
	after := p.costs(t, "day,model")
	difference := new(big.Rat).Sub(total(after), total(before))
	if line := "the cost would change by " + plain(difference) + " USD"; difference.Sign() >= 0 || !strings.Contains(announced, line) {
		t.Errorf("the dry run announced\n%s\nand the cost changed by %s", announced, difference.FloatString(12))
	}
	if !strings.Contains(out, "priced by book 2") {
		t.Errorf("reprice said\n%s", out)
	}
	for key, cost := range after {
		if same := cost == before[key]; same == strings.Contains(key, "claude-opus-4-6") {
			t.Errorf("%s cost %s and costs %s", key, before[key], cost)
		}
	}
	if again := p.ok(t, "reprice"); !strings.Contains(again, "nothing to rebuild") {
		t.Errorf("a second reprice said\n%s", again)
	}
	if out := p.ok(t, "reprice", "--dry-run"); !strings.Contains(out, "nothing would change") {
		t.Errorf("a dry run after it said\n%s", out)
	}
	p.auditOK(t)

	// A month that is closed stays, but for those who ask for a correction, which the next month bills.
	if out := p.ok(t, "reprice", "--close", "2026-08"); !strings.Contains(out, "2026-08 is closed, with") {
		t.Errorf("closing said\n%s", out)
	}
	if r := p.run(t, "reprice", "--book", "1"); r.code == 0 || !strings.Contains(r.stderr, "2026-08 was closed at") {
		t.Errorf("a closed month was priced again: %s%s", r.stdout, r.stderr)
	}
	if billed := p.billed(t, "2026-08"); billed.Cmp(total(after)) != 0 {
		t.Errorf("2026-08 bills %s, want %s", plain(billed), plain(total(after)))
	}
	if billed := p.billed(t, "2026-09"); billed.Sign() != 0 {
		t.Errorf("2026-09 bills %s", plain(billed))
	}
	p.ok(t, "reprice", "--book", "1", "--correct")
	if billed := p.billed(t, "2026-08"); billed.Cmp(total(after)) != 0 {
		t.Errorf("after a correction, 2026-08 bills %s, want %s", plain(billed), plain(total(after)))
	}
	if billed := p.billed(t, "2026-09"); billed.Cmp(new(big.Rat).Neg(difference)) != 0 {
		t.Errorf("2026-09 bills %s for the correction, want %s", plain(billed), plain(new(big.Rat).Neg(difference)))
	}
	p.ok(t, "reprice", "--close", "2026-09")
	if billed := p.billed(t, "2026-10"); billed.Sign() != 0 {
		t.Errorf("2026-10 bills %s again", plain(billed))
	}
	if got := p.costs(t, "day,model"); !maps.Equal(got, before) {
		t.Errorf("priced by the first book again: %v, want %v", got, before)
	}
	p.auditOK(t)
}
