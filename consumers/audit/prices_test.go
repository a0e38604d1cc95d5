package audit_test

import (
	"strings"
	"testing"
	"time"

	"tidemark/consumers/audit"
	"tidemark/consumers/pricing"
	"tidemark/consumers/rollup"
	"tidemark/consumers/spans"
	"tidemark/schemas/prices"
)

// TestCostsAreAudited: costs by another book than that of their time, and rates that no book says, are differences. Rates that are gone are not.
func TestCostsAreAudited(t *testing.T) {
	w := world(t)
	check := func(when string, wants ...string) {
		t.Helper()
		result, report := run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}})
		if result.OK != (len(wants) == 0) {
			t.Errorf("%s: verdict OK is %v:\n%s", when, result.OK, report)
		}
		for _, want := range wants {
			if !strings.Contains(report, want) {
				t.Errorf("%s: the report lacks %q:\n%s", when, want, report)
			}
		}
	}
	check("at first")

	price := prices.Price{Key: prices.Key{Provider: "openai", Model: "gpt-5", Tier: prices.Standard, Unit: prices.Input}, Currency: "USD", Picos: 1_250_000, Published: "1.25", Per: 1_000_000, Source: "test"}
	for _, statement := range prices.InsertSQL(prices.Made{Number: 1, ImportID: 1, Source: "test"}, nil, []prices.Price{price}, nil, nil) {
		w.Exec("%s", statement)
	}
	check("a book that prices nothing")
	always := spans.Span{From: spans.First, To: spans.End}
	w.Exec("%s", pricing.PeriodSQL(pricing.Period{Made: uint64(time.Now().UnixMicro()), Span: always, Book: 1, Reason: pricing.Reprice}))
	check("a period of which no bucket knows", "difference  rollup equals costs_1h: costs_1h bucket 1950-01-01 00:00, ", `book="`)
	w.Exec("%s", rollup.RequestCostsSQL(always))
	_, report := run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}, Limits: audit.Limits{Patience: time.Millisecond}})
	if want := "pending     rollup equals costs_1h: "; !strings.Contains(report, want) || strings.Contains(report, "difference") {
		t.Errorf("what is requested is not pending:\n%s", report)
	}
	rollUp(t, w)
	check("after the request")

	w.Exec("ALTER TABLE costs_1h_rows UPDATE tokens = tokens + 1 WHERE bucket < '1960-01-01' SETTINGS mutations_sync = 2")
	check("a sum that somebody changed", "difference  rollup equals costs_1h: costs_1h bucket 1950-01-01 00:00, ", "tokens is ", "; costs_1d bucket 1950-01-01 00:00 is made from costs_1h bucket")
	w.Exec("ALTER TABLE costs_1h_rows UPDATE tokens = tokens - 1 WHERE bucket < '1960-01-01' SETTINGS mutations_sync = 2")
	w.Exec("ALTER TABLE price_rates UPDATE reason = 'no_unit' WHERE book = 1 AND reason = 'no_model' SETTINGS mutations_sync = 2")
	check("rates that somebody changed", "difference  rates follow books price_rates: the rate of ", " should say ")
	w.Exec("TRUNCATE TABLE price_rates")
	check("rates that are gone")

	w.Exec("%s", pricing.PeriodSQL(pricing.Period{Made: uint64(time.Now().UnixMicro()), Span: always, Book: 7, Reason: pricing.Reprice}))
	check("a period of a book that is not there", "error       rollup equals costs_1h: ", "there is no book of prices 7")
}
