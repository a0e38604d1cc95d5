package replay

import (
	"strings"
	"testing"

	"tidemark/producers/formats/mapping"
)

// TestCostsBelowNanos reads costs of single tokens, of which more than a tenth used to be cut off.
func TestCostsBelowNanos(t *testing.T) {
	const text = "source: s\ntime: {column: at, format: unix_s}\nfields: {tenant: {constant: t}, product: {constant: p}, model: m, cost_currency: {constant: USD}, reported_cost_nanos: {column: c, unit: %}}\n"
	f := func(format, unit, data string, nanos int64, picos uint64) {
		t.Helper()
		o := options(format, write(t, "f", []byte(data)))
		if unit != "" {
			m, err := mapping.Parse("m.yaml", []byte(strings.Replace(text, "%", unit, 1)))
			if err != nil {
				t.Fatal(err)
			}
			o.Mapping = m
		}
		log, result := replayed(t, o)
		if len(log.calls) != 1 || log.calls[0].GetReportedCostNanos() != nanos || log.calls[0].GetReportedCostPicos() != picos {
			t.Errorf("%s: got %v, %v, want %d and %d", data, log.calls, result.Problems, nanos, picos)
		}
	}
	f("csv", "one", "at,m,c\n1,m,0.00000000115\n", 1, 150)
	f("csv", "one", "at,m,c\n1,m,-1.15e-9\n", -2, 850)
	f("csv", "micro", "at,m,c\n1,m,0.00115\n", 1, 150)
	f("csv", "one", "at,m,c\n1,m,2\n", 2e9, 0)
	f("jsonl", "cent", `{"at":1,"m":"m","c":1.15e-7}`, 1, 150)
	f("cloudevents", "", `{"specversion":"1.0","type":"token_call","time":"2024-05-10T00:00:00Z","source":"s","id":"1","data":{"tenant":"t","product":"p","cost_reported":1.15e-9,"cost_currency":"USD"}}`, 1, 150)
}
