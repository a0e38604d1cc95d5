package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"tidemark/schemas/billing"
)

// reconcile runs a command under "cost reconcile" on a bench.
func (b *modelsBench) reconcile(stdin string, args ...string) (code int, out, errOut string) {
	b.t.Helper()
	var stdout, stderr bytes.Buffer
	args = append(append([]string{"cost", "reconcile"}, args...), "--clickhouse", b.url, "--namespace", b.database)
	code = run(b.t.Context(), args, Streams{In: strings.NewReader(stdin), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}

// reconcileBench is a bench with checks on what commands write.
type reconcileBench struct{ *modelsBench }

func (b reconcileBench) good(stdin string, args ...string) string {
	b.t.Helper()
	code, out, errOut := b.reconcile(stdin, args...)
	if code != exitOK || errOut != "" {
		b.t.Fatalf("cost reconcile %v: exit code %d\n%s%s", args, code, out, errOut)
	}
	return out
}

// has compares without regard to how many spaces are between words.
func (b reconcileBench) has(out string, wants ...string) {
	b.t.Helper()
	for _, want := range wants {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			b.t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func (b reconcileBench) fails(want, stdin string, args ...string) {
	b.t.Helper()
	if code, out, errOut := b.reconcile(stdin, args...); code == exitOK || !strings.Contains(errOut, want) {
		b.t.Errorf("cost reconcile %v: exit code %d, %s%s; want %q", args, code, out, errOut, want)
	}
}

// costsFile is an export of OpenAI's costs: dollars by day of November 2026, for a model.
func costsFile(first int, dollars ...string) string {
	var buckets []string
	for i, d := range dollars {
		from := time.Date(2026, 11, first+i, 0, 0, 0, 0, time.UTC)
		results := ""
		if d != "" {
			results = fmt.Sprintf(`{"object":"organization.costs.result","amount":{"value":%s,"currency":"usd"},"line_item":"gpt-5.6-terra, input","project_id":"p"}`, d)
		}
		buckets = append(buckets, fmt.Sprintf(`{"object":"bucket","start_time":%d,"end_time":%d,"results":[%s]}`, from.Unix(), from.AddDate(0, 0, 1).Unix(), results))
	}
	return `{"object":"page","data":[` + strings.Join(buckets, ",") + `],"has_more":false}`
}

// usageFile is an export of OpenAI's usage of 1 November 2026.
const usageFile = `{"data":[{"start_time":1793491200,"end_time":1793577600,"results":[
	{"object":"organization.usage.completions.result","input_tokens":1000,"input_cached_tokens":400,"input_cache_write_tokens":0,"output_tokens":100,"num_model_requests":7,"model":"gpt-5.6-terra"}]}]}`

// newReconcileBench makes our side: cost in a table of the form of the view, tokens in the rollup.
func newReconcileBench(t *testing.T, database string) reconcileBench {
	b := reconcileBench{newModelsBench(t, database)}
	b.migrate()
	b.query("DROP TABLE IF EXISTS costs_1d SYNC")
	b.query(`CREATE TABLE costs_1d (bucket DateTime64(0, 'UTC'), tenant LowCardinality(String), product LowCardinality(String), provider LowCardinality(String), model LowCardinality(String),
		currency LowCardinality(String), reason LowCardinality(String), book UInt32, calls UInt128, tokens UInt128, unpriced_tokens UInt128, cost_picos Int128, input_cost_picos Int128,
		cache_read_cost_picos Int128, cache_write_cost_picos Int128, output_cost_picos Int128, reasoning_cost_picos Int128, request_cost_picos Int128) ENGINE = MergeTree ORDER BY bucket`)
	b.query(`INSERT INTO costs_1d (bucket, tenant, product, provider, model, currency, reason, calls, tokens, unpriced_tokens, cost_picos) VALUES
		('2026-11-01 00:00:00', 't', 'x', 'openai', 'gpt-5.6-terra', 'USD', '', 7, 1000, 0, 1000000000000), ('2026-11-01 00:00:00', 'u', 'x', 'openai', 'gpt-5.6-terra', 'USD', '', 1, 1, 0, 500000000000),
		('2026-11-01 00:00:00', 't', 'x', 'openai', 'gpt-new', '', 'no_model', 1, 77, 77, 0), ('2026-11-02 00:00:00', 't', 'x', 'openai', 'gpt-5.6-terra', 'USD', '', 7, 1000, 0, 2000000000001),
		('2026-11-04 00:00:00', 't', 'x', 'openai', 'gpt-5.6-terra', 'USD', '', 7, 1000, 0, 99000000000000), ('2026-11-01 00:00:00', 't', 'x', 'anthropic', 'claude', 'USD', '', 1, 1, 0, 88000000000000)`)
	b.query(`INSERT INTO token_calls_1d_rows (bucket, tenant, product, provider, model, status, calls, input_uncached, input_cache_read, output_visible, output_reasoning, version, slot) VALUES
		('2026-11-01 00:00:00', 't', 'x', 'openai', 'gpt-5.6-terra', 'ok', 8, 500, 400, 60, 40, 1, 0), ('2026-11-02 00:00:00', 't', 'x', 'openai', 'gpt-5.6-terra', 'ok', 8, 9999, 0, 1, 1, 1, 0)`)
	b.query("INSERT INTO rollup_versions (rollup, bucket, version, slot) VALUES ('token_calls_1d', '2026-11-01 00:00:00', 1, 0), ('token_calls_1d', '2026-11-02 00:00:00', 1, 0)")
	return b
}

// november are the flags of a comparison of the first four days of November 2026.
func november(more ...string) []string {
	return append([]string{"show", "--from", "2026-11-01", "--to", "2026-11-05"}, more...)
}

// TestReconcile imports files, replaces periods, and compares, on the real engine.
func TestReconcile(t *testing.T) {
	b := newReconcileBench(t, "reconcile_life")
	b.has(b.good("", november()...), "no imported file is about 2026-11-01 to 2026-11-05")

	dry := b.good(costsFile(1, "1.25", "2", "3"), "import", "-", "--dry-run")
	b.has(dry, "cost from 2026-11-01 to 2026-11-04", "openai cost 6.25 USD", "openai-costs: 3 rows would be stored, 0 of earlier imports would be replaced")
	if n := strings.TrimSpace(b.query("SELECT count() FROM billing_usage")); n != "0" {
		t.Errorf("a dry run stored %s rows", n)
	}
	b.has(b.good(costsFile(1, "1.25", "2", "3"), "import", "-"), "openai-costs: 3 rows stored, 0 of earlier imports replaced")
	b.has(b.good("", november()...), "openai - openai 3 closed USD 3.500000 6.250000 -2.750000 -44.00% 77 - - - -", "openai, account -: no cost was imported for 1 of 4 days")

	// The same file again replaces itself, and nothing counts twice.
	b.has(b.good(costsFile(1, "1.25", "2", "3"), "import", "-"), "3 rows stored, 3 of earlier imports replaced")
	b.has(b.good("", november()...), "USD 3.500000 6.250000")

	// A corrected day replaces that day alone; a day that became empty is empty.
	b.has(b.good(costsFile(2, "2.000000000001", ""), "import", "-"), "1 row stored, 2 of earlier imports replaced")
	b.has(b.good("", november("--by", "day")...), "openai - 2026-11-01 1 closed USD 1.500000 1.250000 0.250000 20.00% 77", "openai - 2026-11-02 1 closed USD 2.000000 2.000000 0.000000 0.00% 0")
	b.has(b.good("", "show", "--from", "2026-11-01", "--to", "2026-11-02"), "openai - openai 1 closed USD 1.500000 1.250000")
	b.has(b.good("", november("--by", "model")...), "openai - openai gpt-5.6-terra 2 closed USD 3.500000 3.250000 0.250000 7.69% 0", "openai - openai gpt-new 1 closed - - - - - 77")
	b.has(b.good("", november("--by", "day", "--tenant", "u")...), "openai - 2026-11-01 1 closed USD 0.500000 1.250000 -0.750000 -60.00% 0")
	b.has(b.good("", "list"), "openai - openai cost 2026-11-02 2026-11-04 closed 1 1 -", "2026-11-01 2026-11-04 closed 3 1 -", "2026-11-01 2026-11-04 closed 3 0 -")

	// Other kinds and accounts are apart.
	b.has(b.good(usageFile, "import", "-"), "openai tokens 1,000 input, 100 output", "openai-usage: 1 row stored, 0 of earlier")
	b.has(b.good(costsFile(1, "5"), "import", "-", "--account", "second"), "1 row stored, 0 of earlier")
	out := b.good("", november()...)
	b.has(out, "openai - openai 2 closed USD 3.500000 3.250000 0.250000 7.69% 77 1,000 1,100 -100 -9.09%", "openai second openai 1 closed USD 1.500000 5.000000 -3.500000 -70.00% 77 - - - -")
	b.has(b.good("", november("--account", "second")...), "openai second openai")
	b.checkJSON()

	b.good(costsFile(1, "3"), "import", "-", "--account", `o'hara \ x`)
	b.has(b.good("", november("--account", `o'hara \ x`, "--source", "openai", "--provider", "openai")...), `openai o'hara \ x openai 1 closed USD 1.500000 3.000000`)

	b.fails("nothing was imported: -: line 1, item 1, result 1, amount: value: \"x\" is not a decimal number", costsFile(1, `"x"`), "import", "-")
	b.fails("--format: \"xls\" is not one of openai-usage, ", "", "import", "-", "--format", "xls")
	b.fails("--to: 2026-11-01 is not after --from, 2026-11-01", "", "show", "--from", "2026-11-01", "--to", "2026-11-01")
	b.fails("--from: 2026-11-01T00:30:00Z is not the beginning of a day, UTC", "", "show", "--from", "2026-11-01T00:30:00Z")
	b.fails("--from: 2020-01-01 is more than 1100 days before --to", "", "show", "--from", "2020-01-01")
	// Half of a day would leave the other half unknown.
	half := strings.ReplaceAll(costsFile(1, "9"), "1793577600", "1793534400")
	b.fails("has 1 row of periods that this is only a part of, such as 2026-11-01 00:00:00 to 2026-11-02 00:00:00 UTC", half, "import", "-")
}

// checkJSON checks what is written for programs.
func (b reconcileBench) checkJSON() {
	b.t.Helper()
	var got comparisonJSON
	if err := json.Unmarshal([]byte(b.good("", november("--output", "json", "--by", "day", "--account", "")...)), &got); err != nil {
		b.t.Fatal(err)
	}
	var lines []string
	for _, r := range got.Rows {
		line := fmt.Sprintf("%s %q %s %s %d %s", r.Source, r.Account, r.Day, r.State, r.Days, r.Unpriced)
		for _, c := range r.Costs {
			line += fmt.Sprintf(" %s %s-%s=%s %s", c.Currency, c.Ours, c.Theirs, c.Difference, c.Share)
		}
		if r.Tokens != nil {
			line += fmt.Sprintf(" tokens %s %s %s-%s %s %s, %s", r.Tokens.Ours.Uncached, r.Tokens.Ours.CacheRead, r.Tokens.Ours.Output, r.Tokens.Theirs.Uncached, r.Tokens.Theirs.CacheRead, r.Tokens.Theirs.Output, r.Tokens.Theirs.Requests)
		}
		lines = append(lines, line)
	}
	want := []string{
		`openai "" 2026-11-01 closed 1 77 USD 1.5-1.25=0.25 20.00 tokens 500 400 100-600 400 100, 7`,
		`openai "" 2026-11-02 closed 1 0 USD 2.000000000001-2.000000000001=0 0.00`,
		`openai "second" 2026-11-01 closed 1 77 USD 1.5-5=-3.5 -70.00`,
	}
	if text := strings.Join(lines, "\n"); text != strings.Join(want, "\n") {
		b.t.Errorf("JSON:\n%s\nwant\n%s", text, strings.Join(want, "\n"))
	}
}

// TestSettleDays: the command and the dashboard, which has no flags, close a day after the same time.
func TestSettleDays(t *testing.T) {
	field, _ := reflect.TypeFor[settleFlags]().FieldByName("Settle")
	if got, want := field.Tag.Get("default"), strconv.Itoa(billing.SettleDays); got != want {
		t.Errorf("--settle is %s by default, and on the dashboard %s", got, want)
	}
}

// TestReconcileInterrupted: of an import that did not end, nothing counts, and a statement that was sent twice counts once.
func TestReconcileInterrupted(t *testing.T) {
	b := newReconcileBench(t, "reconcile_interrupted")
	b.good(costsFile(1, "1", "2"), "import", "-")
	// The rows of another import are there, its periods are not.
	b.query("INSERT INTO billing_usage SELECT * REPLACE (7 AS import_id, cost_picos + 5 AS cost_picos) FROM billing_usage")
	b.has(b.good("", november()...), "USD 3.500000 3.000000")
	b.has(b.good("", "list"), "closed 2 2 -")
	// It is run again, and every statement of it twice.
	b.query("INSERT INTO billing_imports SELECT * REPLACE (7 AS import_id, imported_at + 1 AS imported_at) FROM billing_imports")
	b.query("INSERT INTO billing_imports SELECT * REPLACE (imported_at + 3600 AS imported_at) FROM billing_imports WHERE import_id != 7")
	b.query("INSERT INTO billing_usage SELECT * FROM billing_usage")
	b.has(b.good("", november("--output", "json")...), `"theirs": "3.00000000001"`)
	b.has(b.good("", "list"), "closed 2 2 -", "closed 2 0 -")
	b.has(b.good(costsFile(1, "1"), "import", "-"), "1 row stored, 1 of earlier imports replaced")
}

// focusRow is a row of a Parquet file.
type focusRow struct {
	BilledCost        float64   `parquet:"BilledCost"`
	BillingCurrency   string    `parquet:"BillingCurrency"`
	ChargeCategory    string    `parquet:"ChargeCategory"`
	ChargePeriodStart time.Time `parquet:"ChargePeriodStart,timestamp"`
	ChargePeriodEnd   time.Time `parquet:"ChargePeriodEnd,timestamp"`
	ProviderName      string    `parquet:"ProviderName"`
	ServiceName       string    `parquet:"ServiceName"`
	ServiceCategory   *string   `parquet:"ServiceCategory,optional"`
}

// TestReconcileFiles imports a bill with several providers as Parquet, and a packed file.
func TestReconcileFiles(t *testing.T) {
	b := newReconcileBench(t, "reconcile_files")
	row := func(d int, service string, cost float64) focusRow {
		from := time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC)
		return focusRow{cost, "USD", "Usage", from, from.AddDate(0, 0, 1), "openai", service, nil}
	}
	ai := row(1, "mini", 0.1)
	category := "AI and Machine Learning"
	ai.ServiceCategory = &category
	file := filepath.Join(t.TempDir(), "bill.parquet")
	if err := parquet.WriteFile(file, []focusRow{ai, row(2, "Amazon Bedrock", 4), row(2, "Amazon EC2", 100)}); err != nil {
		t.Fatal(err)
	}
	b.has(b.good("", "import", file), "cost from 2026-11-01 to 2026-11-03", "openai cost 0.1 USD", "aws.bedrock cost 4 USD", "left out: 1 rows of the service Amazon EC2", "focus: 2 rows stored")
	b.has(b.good("", november()...), "focus - aws.bedrock 1 closed USD 0.000000 4.000000 -4.000000 -100.00% 0", "focus - openai 2 closed USD 3.500000 0.100000 3.400000 3400.00% 77")
	// Its rows of one provider alone replace those alone.
	b.has(b.good("", "import", file, "--provider", "openai"), "focus: 1 row stored, 1 of earlier imports replaced")
	b.has(b.good("", november()...), "focus - aws.bedrock 1 closed USD 0.000000 4.000000", "focus - openai 2 closed USD 3.500000 0.100000")
	b.fails("it has no row of the provider \"mistral_ai\"; it has 'aws.bedrock', 'openai'", "", "import", file, "--provider", "mistral_ai")
	b.oldImport()
	broken := filepath.Join(t.TempDir(), "broken.parquet")
	if err := os.WriteFile(broken, []byte("PAR1 and no more"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.fails("broken.parquet: the file is a Parquet file that is damaged or cut off", "", "import", broken)
	b.fails("no-such-file.json", "", "import", "no-such-file.json")
}

// oldImport imports a charge of a month, after somebody had imported it while the month was not over.
func (b reconcileBench) oldImport() {
	b.t.Helper()
	const bill = "BilledCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName\n30,USD,2026-01-01,2026-02-01,Purchase,Vertex AI\n"
	show := []string{"show", "--from", "2026-01-01", "--to", "2026-02-01", "--by", "day"}
	b.good(bill, "import", "-")
	b.query("ALTER TABLE billing_imports UPDATE imported_at = '2026-01-10 00:00:00' WHERE period_from = '2026-01-01 00:00:00' SETTINGS mutations_sync = 2")
	b.has(b.good("", show...), "focus - 2026-01-01 1 closed* USD 0.000000 30.000000", "* imported before the period was closed", "more than a day, shown at its first one: 1 sum of theirs")
	b.has(b.good(bill, "import", "-"), "gcp.vertex_ai cost 30 USD", "1 row stored, 1 of earlier imports replaced")
	b.has(b.good("", show...), "focus - 2026-01-01 1 closed USD 0.000000 30.000000")
	b.has(b.good("", "list"), "2026-01-01 2026-02-01 closed 1 1 -", "2026-01-01 2026-02-01 closed, imported while open 1 0 -")
}
