package cli

import (
	"bytes"
	"strings"
	"testing"
)

// TestCostReport reads costs in two currencies, some of them unknown.
func TestCostReport(t *testing.T) {
	b := newModelsBench(t, "cost_report")
	b.migrate()
	call := func(stdin string, args ...string) (int, string) {
		t.Helper()
		var out, errOut bytes.Buffer
		code := run(t.Context(), append(args, "--clickhouse", b.url, "--namespace", b.database), Streams{In: strings.NewReader(stdin), Out: &out, Err: &errOut})
		return code, out.String() + errOut.String()
	}
	report := func(wants []string, args ...string) {
		t.Helper()
		code, out := call("", append([]string{"cost", "report"}, args...)...)
		for _, want := range wants {
			if !strings.Contains(out, want) || code != exitOK {
				t.Errorf("cost report %v: exit code %d, and %q is not in\n%s", args, code, want, out)
			}
		}
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if code, out := call("", append([]string{"cost", "report"}, args...)...); code == exitOK || !strings.Contains(out, want) {
			t.Errorf("cost report %v: exit code %d, %q is not in\n%s", args, code, want, out)
		}
	}
	report([]string{"no calls in this time"})
	b.query("INSERT INTO costs_1d_rows (bucket, tenant, product, provider, model, currency, reason, book, calls, records, tokens, unpriced_tokens, input_cost_picos, output_cost_picos, at_most_cost_picos, version, slot) VALUES " +
		"('2026-10-05 00:00:00', 'acme', 'api', 'openai', 'm1', 'USD', '', 1, 10, 10, 1000, 0, 1500000000001, 500000000000, 0, 1, 0), " +
		"('2026-10-05 00:00:00', 'acme', 'api', 'qwen', 'm2', 'CNY', '', 1, 2, 2, 200, 0, 7200000000000, 0, 7200000000000, 1, 0), " +
		"('2026-10-20 00:00:00', 'acme', 'api', 'qwen', 'm2', 'CNY', '', 2, 1, 1, 100, 0, 3600000000000, 0, 0, 1, 0), " +
		"('2026-10-20 00:00:00', 'globex', 'api', 'house', 'm3', '', 'no_model', 2, 1, 1, 77, 77, 0, 0, 0, 1, 0), " +
		"('2026-10-05 00:00:00', 'globex', 'api', 'openai', 'm1', '', 'no_unit', 1, 1, 1, 33, 33, 0, 0, 0, 1, 0)")
	b.query("INSERT INTO rollup_versions (rollup, bucket, version, slot) VALUES ('costs_1d', '2026-10-05 00:00:00', 1, 0), ('costs_1d', '2026-10-20 00:00:00', 1, 0)")
	october := []string{"--from", "2026-10-01", "--to", "2026-11-01"}

	// In several currencies nobody knows which one what has no price is in.
	report([]string{"COST            CURRENCY  BOOK  CALLS  TOKENS  UNPRICED", "2.000000000001  USD       1     10     1000    0", "10.8            CNY       1,2   3      300     0", "unknown         -         1,2   2      110     110",
		"at most what is in the sums", "book 1 of "}, october...)
	report([]string{">= 2.000000000001  USD       1     11     1033    33", "unknown            -         2     1      77      77"}, append(october, "--by", "model")...)
	report([]string{"input   1.500000000001  USD", "output  0.5             USD", "input   10.8            CNY"}, append(october, "--by", "class")...)
	report([]string{"no_model  unknown"}, append(october, "--by", "reason")...)
	report([]string{`"day": "2026-10-05"`, `"cost": "2.000000000001"`, `"currency": null`, `"cost": null`, `"tokens_unpriced": "77"`, `"cost_with_inexact_classes": "7.2"`}, append(october, "--by", "day,model", "--output", "json")...)
	report([]string{"no calls in this time"}, append(october, "--tenant", "nobody")...)

	// Minutes have three calls more than the costs.
	report([]string{`"calls_not_yet": "0"`}, append(october, "--output", "json")...)
	b.query("INSERT INTO token_calls_1m_rows (bucket, product, provider, model, status, calls, records, checksum, version, slot) VALUES ('2026-10-05 00:00:00', 'api', 'openai', 'm1', 'ok', 17, 17, 0, 1, 0), ('2026-10-05 00:00:00', 'api', 'qwen', 'm2', 'ok', 1, 1, 0, 1, 0)")
	b.query("INSERT INTO rollup_versions (rollup, bucket, version, slot) VALUES ('token_calls_1m', '2026-10-05 00:00:00', 1, 0)")
	report([]string{"these costs lack 3 calls of this time, of any tenant"}, october...)
	report([]string{`"calls_not_yet": "3"`}, append(october, "--tenant", "acme", "--output", "json")...)
	report([]string{"these costs lack 6 calls"}, append(october, "--provider", "openai")...)
	if code, out := call("", append([]string{"cost", "report", "--provider", "qwen"}, october...)...); code != exitOK || strings.Contains(out, "not whole yet") {
		t.Errorf("exit code %d\n%s", code, out)
	}

	// One of the two days has a rate.
	if code, out := call("date,from,to,rate\n2026-10-05,USD,CNY,7.2\n", "prices", "fx", "import", "-"); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	report([]string{"3.000000000001  USD       1     12", "3.6             CNY       2     1"}, append(october, "--currency", "USD")...)
	report([]string{"acme    3.000000000001  USD", "acme    3.6             CNY", "globex  unknown"}, append(october, "--currency", "USD", "--by", "tenant")...)
	report([]string{"input   2.500000000001  USD"}, append(october, "--currency", "USD", "--by", "class")...)

	refused(`--by: "color" is not one of`, "--by", "color")
	refused("--by: model is there twice", "--by", "model,model")
	refused("is not a whole hour", "--from", "2026-10-01T00:30:00Z")
	refused("--to: 2026-10-01 is not after --from", "--from", "2026-10-01", "--to", "2026-10-01")
	refused(`--currency: "usd" is not three letters`, "--currency", "usd")
}
