package focus

import (
	"bytes"
	"encoding/csv"
	"iter"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tidemark/schemas/focus"
	"tidemark/schemas/prices"
)

var month = focus.Options{Month: time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)}

// charges are n charges of October and corrections of earlier months, of every kind. A seed always gives the same.
func charges(seed uint64, n int) iter.Seq2[focus.Row, error] {
	return func(yield func(focus.Row, error) bool) {
		random := rand.New(rand.NewPCG(seed, 0))
		for range n {
			if !yield(anyCharge(random), nil) {
				return
			}
		}
	}
}

func anyCharge(random *rand.Rand) focus.Row {
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	quantity, picos := random.Int64N(1e9)+1, prices.Picos(random.Int64N(100_000)*25_000)
	r := focus.Row{
		Day: month.Month.AddDate(0, 0, random.IntN(31)), Tenant: one("acme", "Example, Inc."), Product: one("", "chat", `the "agent"`),
		Provider: one("openai", "aws.bedrock"), Model: one("gpt-5.4", "meta-llama/Llama-4"), Publisher: one("", "Meta"),
		Tier: one(prices.Tiers...), Region: one("", "eu", "us-east-1"), ContextOver: uint64(random.IntN(2)) * 272_000,
		Unit: prices.Units[random.IntN(len(prices.Units))], Quantity: big.NewInt(quantity), UnitPicos: picos,
		Cost: new(big.Int).Mul(big.NewInt(quantity), big.NewInt(int64(picos))), Currency: one("USD", "EUR", "CNY"), Book: uint64(1 + random.IntN(9)),
	}
	if random.IntN(5) > 0 {
		return r
	}
	r.Correction, r.Day = true, r.Day.AddDate(0, 0, -31*(1+random.IntN(3)))
	if random.IntN(2) == 0 { // Less was used.
		r.Quantity.Neg(r.Quantity)
		r.Cost.Neg(r.Cost)
	} else { // Another price held.
		r.Quantity.SetInt64(0)
		r.Cost.SetInt64(random.Int64N(1e12) - 2e12)
	}
	return r
}

// exported returns n charges as a file of CSV, by the names of columns.
func exported(t *testing.T, n int) []map[string]string {
	t.Helper()
	var b bytes.Buffer
	if err := focus.WriteCSV(&b, charges(1, n), month); err != nil {
		t.Fatal(err)
	}
	return read(t, b.String())
}

func read(t *testing.T, text string) []map[string]string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, cell := range line {
			row[lines[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}
