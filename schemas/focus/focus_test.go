package focus

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"io"
	"iter"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/schemas/prices"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

var october = Options{Month: time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)}

func day(month time.Month, n int) time.Time { return time.Date(2026, month, n, 0, 0, 0, 0, time.UTC) }

// charged returns a charge of October whose cost is that of its quantity.
func charged(quantity int64, picos prices.Picos, change func(*Row)) Row {
	r := Row{
		Day: day(time.October, 3), Tenant: "acme", Product: "chat", Provider: "openai", Model: "gpt-5.4", Tier: prices.Standard, Unit: prices.Output,
		Quantity: big.NewInt(quantity), UnitPicos: picos, Cost: new(big.Int).Mul(big.NewInt(quantity), big.NewInt(int64(picos))), Currency: "USD", Book: 7,
	}
	if change != nil {
		change(&r)
	}
	return r
}

// sample is a charge of every kind.
func sample() []Row {
	var rows []Row
	for i, unit := range prices.Units {
		rows = append(rows, charged(int64(1_000_000+i), prices.Picos(1_250_000*(i+1)), func(r *Row) { r.Unit = unit }))
	}
	return append(rows,
		charged(1, 1, nil), // 1e-12 USD.
		charged(5, 0, func(r *Row) { r.Model, r.Product, r.Publisher = "free", "", "Open Source Org" }),
		charged(272_001, 2_500_000, func(r *Row) { r.Unit, r.Tier, r.Region, r.ContextOver = prices.Input, "batch", "eu", 272_000 }),
		charged(42, 1_000_000_000, func(r *Row) {
			r.Day, r.Tenant, r.Product, r.Provider, r.Model = day(time.October, 31), `Bücher, "Ltd"`, "a\\b; c", "together_ai", "meta-llama/Llama 100%"
			r.Currency, r.Publisher = "CNY", "Meta"
		}),
		charged(1, 1_000_000, func(r *Row) {
			r.Quantity, _ = new(big.Int).SetString("99999999999999999999999999", 10)
			r.UnitPicos, r.Cost = 1, r.Quantity
		}),
		charged(-1000, 2_500_000, func(r *Row) { r.Correction, r.Day = true, day(time.September, 30) }),
		charged(0, 0, func(r *Row) {
			r.Correction, r.Day, r.Cost = true, day(time.September, 30), big.NewInt(-500_000_000_001)
		}),
		charged(1000, 2_500_000, func(r *Row) { r.Correction, r.Day, r.Cost = true, day(time.August, 31), big.NewInt(7) }),
	)
}

func seq(rows []Row) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func csvOf(t testing.TB, rows []Row) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteCSV(&b, seq(rows), october); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func isGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; if that is meant, run the test with -update and read the difference:\n%s", path, got)
	}
}

func TestGolden(t *testing.T) {
	isGolden(t, "charges.csv", csvOf(t, sample()))
	var b bytes.Buffer
	if err := WriteUnpriced(&b, []Unpriced{
		{Day: day(time.October, 3), Tenant: "acme", Product: "chat", Provider: "openai", Model: "gpt-99", Reason: prices.NoModel, Tokens: big.NewInt(1_234_567), Calls: big.NewInt(3)},
		{Day: day(time.October, 4), Tenant: `Bücher, "Ltd"`, Reason: prices.NoUsage, Calls: big.NewInt(1)},
	}); err != nil {
		t.Fatal(err)
	}
	isGolden(t, "unpriced.csv", b.String())
	if err := WriteUnpriced(io.Discard, []Unpriced{{Day: day(time.October, 3)}}); err == nil || err.Error() != "unpriced usage 1 has no reason" {
		t.Errorf("usage without a reason: %v", err)
	}
}

// TestColumnsAreInOrder holds the order that FOCUS asks for, which the Parquet library makes too.
func TestColumnsAreInOrder(t *testing.T) {
	var names []string
	for _, c := range Columns() {
		names = append(names, c.Name)
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("the columns are %q", names)
	}
	for i, path := range schema.Columns() {
		if path[0] != names[i] {
			t.Errorf("column %d of Parquet is %s, of CSV %s", i, path[0], names[i])
		}
	}
}

// TestExact writes random quantities at random prices. What comes out is, to the last digit, what went in.
func TestExact(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	var rows []Row
	for range 2000 {
		// Of every length, not only of the longest.
		quantity := new(big.Int).SetUint64(random.Uint64()>>random.IntN(63) | 1)
		picos := prices.Picos(random.Int64() % 1e18 >> random.IntN(60))
		cost := new(big.Int).Mul(quantity, big.NewInt(int64(picos)))
		if cost.CmpAbs(maxAmount) >= 0 {
			continue
		}
		rows = append(rows, charged(1, 1, func(r *Row) {
			r.Unit, r.Quantity, r.UnitPicos, r.Cost = prices.Units[random.IntN(len(prices.Units))], quantity, picos, cost
			if random.IntN(4) == 0 {
				r.Correction, r.Day = true, day(time.September, 1+random.IntN(30))
			}
			if r.Correction && random.IntN(2) == 0 {
				r.Quantity, r.Cost = new(big.Int).Neg(quantity), new(big.Int).Neg(cost)
			}
		}))
	}
	if len(rows) < 1000 {
		t.Fatalf("seed %d: only %d charges", seed, len(rows))
	}
	read, err := csv.NewReader(strings.NewReader(csvOf(t, rows))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$`)
	for i, r := range rows {
		number := func(name string) *big.Rat {
			cell := read[i+1][slices.Index(read[0], name)]
			n, ok := new(big.Rat).SetString(cell)
			if !ok || !plain.MatchString(cell) {
				t.Fatalf("seed %d: %s is %q", seed, name, cell)
			}
			return n
		}
		want := new(big.Rat).SetFrac(r.Cost, one)
		for _, name := range []string{"ListCost", "BilledCost", "EffectiveCost", "ContractedCost"} {
			if number(name).Cmp(want) != 0 {
				t.Errorf("seed %d: %s of %s picos is %s", seed, name, r.Cost, number(name))
			}
		}
		for _, name := range []string{"ListUnitPrice", "ContractedUnitPrice"} {
			if new(big.Rat).Mul(number(name), number("PricingQuantity")).Cmp(want) != 0 {
				t.Errorf("seed %d: %s is %s, times %s is not %s", seed, name, number(name), number("PricingQuantity"), want)
			}
		}
		if number("ConsumedQuantity").Cmp(new(big.Rat).SetInt(r.Quantity)) != 0 {
			t.Errorf("seed %d: %s are %s", seed, r.Quantity, number("ConsumedQuantity"))
		}
	}
}

func TestRefusals(t *testing.T) {
	big27, _ := new(big.Int).SetString("100000000000000000000000000", 10)
	f := func(want string, change func(*Row)) {
		t.Helper()
		for kind, write := range writers {
			err := write(io.Discard, seq([]Row{charged(1, 1, nil), charged(2, 3, change)}), october)
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "charge 2 (") {
				t.Errorf("%s: %v, want %s", kind, err, want)
			}
		}
	}
	f("it has no tenant", func(r *Row) { r.Tenant = "" })
	f("it has no provider", func(r *Row) { r.Provider = "" })
	f("it has no model", func(r *Row) { r.Model = "" })
	f(`the model "m\xff"`, func(r *Row) { r.Model = "m\xff" })
	f("has control characters", func(r *Row) { r.Product = "a\nb" })
	f("is longer than 256 bytes", func(r *Row) { r.Region = strings.Repeat("x", 257) })
	f("the tier \"gold\" is not one of standard, batch, flex, priority", func(r *Row) { r.Tier = "gold" })
	f("the unit \"second\" is not one of [input ", func(r *Row) { r.Unit = "second" })
	f("the currency \"usd\" is not three letters A to Z", func(r *Row) { r.Currency = "usd" })
	f("the currency \"US\" is not three letters A to Z", func(r *Row) { r.Currency = "US" })
	f("it names no book of prices", func(r *Row) { r.Book = 0 })
	f("is not the beginning of a day, UTC", func(r *Row) { r.Day = r.Day.Add(time.Second) })
	f("is not the beginning of a day, UTC", func(r *Row) { r.Day = r.Day.In(time.FixedZone("", 3600)).Add(-time.Hour) })
	f("the day 2026-11-01 is not of the billing period 2026-10", func(r *Row) { r.Day = day(time.November, 1) })
	f("the day 2026-09-30 is not of the billing period 2026-10", func(r *Row) { r.Day = day(time.September, 30) })
	f("it corrects the day 2026-11-01, which is not before the billing period 2026-10", func(r *Row) { r.Day, r.Correction = day(time.November, 1), true })
	f("it corrects the day 2026-10-01, which is not before the billing period 2026-10", func(r *Row) { r.Day, r.Correction = day(time.October, 1), true })
	f("it corrects the day 1969-12-31", func(r *Row) { r.Day, r.Correction = time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), true })
	f("the quantity or the cost is missing", func(r *Row) { r.Quantity = nil })
	f("the quantity or the cost is missing", func(r *Row) { r.Cost = nil })
	f("the price of -3 picos is below 0", func(r *Row) { r.UnitPicos, r.Cost = -3, big.NewInt(-6) })
	f("has more than 26 digits", func(r *Row) { r.Quantity, r.UnitPicos, r.Cost = big27, 0, new(big.Int) })
	f("has more than 26 digits", func(r *Row) { r.Correction, r.Day, r.Cost = true, day(time.September, 1), new(big.Int).Neg(maxAmount) })
	f("the quantity 0 is not above 0, and it is no correction", func(r *Row) { r.Quantity, r.Cost = new(big.Int), new(big.Int) })
	f("the quantity -2 is not above 0, and it is no correction", func(r *Row) { r.Quantity, r.Cost = big.NewInt(-2), big.NewInt(-6) })
	f("the cost of 7 picos is not 2 times 3 picos", func(r *Row) { r.Cost = big.NewInt(7) })
	f("changes neither quantity nor cost", func(r *Row) {
		r.Correction, r.Day, r.Quantity, r.Cost = true, day(time.September, 1), new(big.Int), new(big.Int)
	})
	f("it has no tenant\nit has no model", func(r *Row) { r.Tenant, r.Model = "", "" })

	for _, month := range []time.Time{{}, day(time.October, 2), day(time.October, 1).Add(time.Hour), time.Date(9999, 12, 1, 0, 0, 0, 0, time.UTC)} {
		for kind, write := range writers {
			if err := write(io.Discard, seq(nil), Options{Month: month}); err == nil || !strings.Contains(err.Error(), "is not the beginning of a month, UTC") {
				t.Errorf("%s: the month of %s: %v", kind, month, err)
			}
		}
	}
}

var writers = map[string]func(io.Writer, iter.Seq2[Row, error], Options) error{"CSV": WriteCSV, "Parquet": WriteParquet}

// failing takes so many bytes.
type failing struct{ left int }

var errFull = errors.New("no space left")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestErrorsComeBack(t *testing.T) {
	broken := errors.New("the query was killed")
	asked := 0
	rows := func(yield func(Row, error) bool) {
		asked++
		if yield(charged(1, 1, nil), nil) && yield(Row{}, broken) {
			asked++
		}
	}
	for kind, write := range writers {
		if err := write(io.Discard, rows, october); !errors.Is(err, broken) {
			t.Errorf("%s: %v", kind, err)
		}
		if err := write(&failing{left: 100}, seq(slices.Repeat(sample(), 10)), october); !errors.Is(err, errFull) {
			t.Errorf("%s on a full disk: %v", kind, err)
		}
	}
	if asked != 2 {
		t.Errorf("rows after an error: %d", asked)
	}
	if err := WriteUnpriced(&failing{}, []Unpriced{{Reason: prices.NoModel}}); !errors.Is(err, errFull) {
		t.Errorf("unpriced on a full disk: %v", err)
	}
}
