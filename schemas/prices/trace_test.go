package prices

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"

	"tidemark/internal/test/env"
)

// independent computes in decimal arithmetic what the calls of the trace cost by model, from the text of LiteLLM's table, and shares no code with
// this package. It prints a JSON object: model -> [calls, cost in USD, calls above a threshold].
const independent = `
import csv, decimal, gzip, json, sys
decimal.getcontext().prec = 60
table = json.load(gzip.open(sys.argv[1], "rt"), parse_float=decimal.Decimal, parse_int=decimal.Decimal)
total = {}
for call in csv.DictReader(gzip.open(sys.argv[2], "rt")):
    entry = table[call["model"]]
    tokens, cached, output = (int(call[name] or 0) for name in ("input_tokens", "cached_prefix_tokens", "output_tokens"))
    long = tokens > 200000 and "input_cost_per_token_above_200k_tokens" in entry
    def price(name):
        return entry[name + "_above_200k_tokens"] if long else entry[name]
    cost = (tokens - cached) * price("input_cost_per_token")
    if cached:
        cost += cached * price("cache_read_input_token_cost")
    cost += output * price("output_cost_per_token")
    sums = total.setdefault(call["model"], [0, decimal.Decimal(0), 0])
    sums[0] += 1
    sums[1] += cost
    sums[2] += long
print(json.dumps({model: [str(sums[0]), format(sums[1], "f"), str(sums[2])] for model, sums in total.items()}))
`

// unpacked opens a file that is packed by gzip.
func unpacked(t *testing.T, path string) io.Reader {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	in, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// TestTraceCosts: what the calls of real sessions of a coding agent cost by our book is what a computation that knows nothing of it says, to the last
// digit.
func TestTraceCosts(t *testing.T) {
	table, trace := env.Data(t, "litellm-prices/model_prices_and_context_window.json.gz"), env.Data(t, "agentic-coding-traces/agentic_requests.csv.gz")
	python, err := exec.LookPath("python3")
	env.Require(t, "python3", err == nil, "install Python 3")
	out, err := exec.CommandContext(t.Context(), python, "-c", independent, table, trace).Output()
	if err != nil {
		t.Fatalf("the independent computation: %v", err)
	}
	var theirs map[string][3]string
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatal(err)
	}
	calls, costs := traceCosts(t, table, trace)
	all, long := 0, 0
	for _, model := range slices.Sorted(maps.Keys(theirs)) {
		n, _ := strconv.Atoi(theirs[model][0])
		want, ok := new(big.Rat).SetString(theirs[model][1])
		if got := FormatPicos(costs[model]); !ok || calls[model] != n || new(big.Rat).SetFrac(costs[model], big.NewInt(1e12)).Cmp(want) != 0 {
			t.Errorf("%s: %d calls cost %s USD; want %d, %s", model, calls[model], got, n, theirs[model][1])
		}
		above, _ := strconv.Atoi(theirs[model][2])
		all, long = all+n, long+above
		t.Logf("%s: %d calls, %d of them long, cost %s USD", model, n, above, FormatPicos(costs[model]))
	}
	if len(calls) != len(theirs) || all < 40_000 || long < 100 {
		t.Errorf("%d calls of %d models, %d of them long, ours are of %d: too few to say anything", all, len(theirs), long, len(calls))
	}
}

// traceCosts returns how many calls of each model the trace has, and what they cost in picos, by a book made of LiteLLM's table.
func traceCosts(t *testing.T, table, trace string) (calls map[string]int, costs map[string]*big.Int) {
	t.Helper()
	published, err := ReadLiteLLM(unpacked(t, table))
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(1, published.Prices, published.Aliases)
	if err != nil {
		t.Fatal(err)
	}
	rows := csv.NewReader(unpacked(t, trace))
	head, err := rows.Read()
	if err != nil {
		t.Fatal(err)
	}
	calls, costs = map[string]int{}, map[string]*big.Int{}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return calls, costs
		}
		if err != nil {
			t.Fatal(err)
		}
		tokens := func(name string) uint64 {
			text := row[slices.Index(head, name)]
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil && text != "" {
				t.Fatalf("%s: %v", name, err)
			}
			return n
		}
		model := row[slices.Index(head, "model")]
		cached, output := tokens("cached_prefix_tokens"), tokens("output_tokens")
		uncached := tokens("input_tokens") - cached
		r := b.Resolve(Call{Time: june, Provider: "anthropic", Model: model, Tier: Standard, InputUncached: &uncached, CacheRead: &cached, OutputVisible: &output})
		if !r.Exact() {
			t.Fatalf("%s: %s: %v", model, r.Reason, r.Steps)
		}
		if costs[model] == nil {
			costs[model] = new(big.Int)
		}
		costs[model].Add(costs[model], r.Known)
		calls[model]++
	}
}
