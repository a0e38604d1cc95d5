package focus

import (
	"bytes"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"tidemark/internal/test/env"
	stacktest "tidemark/internal/test/stack"
	"tidemark/schemas/focus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }

const page = "focus.md"

// parquetOf returns charges as a Parquet file, and the sum of their costs by currency.
func parquetOf(t *testing.T, n int) (file []byte, sums map[string]*big.Rat) {
	t.Helper()
	var b bytes.Buffer
	if err := focus.WriteParquet(&b, charges(1, n), month); err != nil {
		t.Fatal(err)
	}
	sums = map[string]*big.Rat{}
	for _, row := range exported(t, n) {
		cost, _ := new(big.Rat).SetString(row["BilledCost"])
		of := row["BillingCurrency"]
		if sums[of] == nil {
			sums[of] = new(big.Rat)
		}
		sums[of].Add(sums[of], cost)
	}
	return b.Bytes(), sums
}

// TestClickHouseReads inserts a file as it is. The sums are exact, and so are the times.
func TestClickHouseReads(t *testing.T) {
	s := stacktest.Start(t)
	database := stacktest.Database(t, s)
	types := map[focus.Type]string{focus.String: "String", focus.JSON: "String", focus.Decimal: "Decimal(38, 12)", focus.Instant: "DateTime64(6, 'UTC')", focus.Integer: "UInt64"}
	var columns []string
	for _, c := range focus.Columns() {
		of := types[c.Type]
		if c.Null {
			of = "Nullable(" + of + ")"
		}
		columns = append(columns, c.Name+" "+of)
	}
	stacktest.Query(t, s, database, "CREATE TABLE costs ("+strings.Join(columns, ", ")+") ENGINE = MergeTree ORDER BY SkuPriceId")
	file, sums := parquetOf(t, 1000)
	address := s.HTTPURL() + "/?" + url.Values{"database": {database}, "query": {"INSERT INTO costs FORMAT Parquet"}}.Encode()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	got := stacktest.Query(t, s, database, "SELECT BillingCurrency, sum(BilledCost) FROM costs GROUP BY ALL ORDER BY ALL")
	for line := range strings.Lines(got) {
		currency, text, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if sum, ok := new(big.Rat).SetString(text); !ok || sums[currency] == nil || sum.Cmp(sums[currency]) != 0 {
			t.Errorf("the sum of %s is %s, want %s", currency, text, sums[currency].FloatString(12))
		}
	}
	if n := strings.Count(got+"\n", "\n"); n != len(sums) || n < 3 {
		t.Errorf("the currencies are\n%s", got)
	}
	bad := stacktest.Query(t, s, database, `SELECT count(), countIf(ListUnitPrice * PricingQuantity != ListCost), countIf(ListUnitPrice IS NULL AND ChargeClass IS NULL),
		countIf(toDate(BillingPeriodStart) != '2026-10-01' OR toDate(BillingPeriodEnd) != '2026-11-01' OR ChargePeriodEnd != ChargePeriodStart + INTERVAL 1 DAY) FROM costs`)
	if bad != "1000\t0\t0\t0" {
		t.Errorf("charges, and those with wrong products, prices and times: %s", bad)
	}
}

// TestExamplesRead runs the page's Python. It prints the same sums, twice.
func TestExamplesRead(t *testing.T) {
	venv := filepath.Join(env.Fetched(t, "focus-python", manifest), "venv")
	examples := env.Snippets(t, page, "python")
	if len(examples) != 1 {
		t.Fatalf("the page has %d examples", len(examples))
	}
	dir := t.TempDir()
	file, _ := parquetOf(t, 1000)
	if err := os.WriteFile(filepath.Join(dir, "october.parquet"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(venv, "bin", "python"), "-c", examples[0]) //nolint:gosec // the page's own
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sums := map[string]int{}
	for _, sum := range regexp.MustCompile(`[0-9]+\.[0-9]{12}\b`).FindAllString(string(out), -1) {
		sums[sum]++
	}
	if len(sums) < 12 {
		t.Errorf("%d sums in\n%s", len(sums), out)
	}
	for sum, n := range sums {
		if n != 2 {
			t.Errorf("%s is there %d times in\n%s", sum, n, out)
		}
	}
}
