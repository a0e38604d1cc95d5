package cli

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// json runs a command that must end well with --output json. Its standard output must be one object that has the texts, blanks aside.
func (b *modelsBench) json(stdin, line string, wants ...string) {
	b.t.Helper()
	var out, errOut bytes.Buffer
	args := append(strings.Fields(line), "--output", "json", "--clickhouse", b.url, "--namespace", b.database)
	if code := run(b.t.Context(), args, Streams{In: strings.NewReader(stdin), Out: &out, Err: &errOut}); code != exitOK {
		b.t.Errorf("%s: exit code %d\n%s", line, code, &errOut)
		return
	}
	b.is1(line, out.Bytes(), wants...)
}

// is1 checks that the output of a command is one object that has the texts, blanks aside.
func (b *modelsBench) is1(line string, out []byte, wants ...string) {
	b.t.Helper()
	var object map[string]any
	if err := json.Unmarshal(out, &object); err != nil {
		b.t.Errorf("%s: %v:\n%s", line, err, out)
	}
	flat := strings.Join(strings.Fields(string(out)), "")
	for _, want := range wants {
		if !strings.Contains(flat, want) {
			b.t.Errorf("%s: %s is not in\n%s", line, want, out)
		}
	}
}

// TestOutputOfResults: what commands say of models, prices and costs is one object for programs, also what they warn of meanwhile.
func TestOutputOfResults(t *testing.T) {
	b := newModelsBench(t, "output_results")
	b.migrate()
	b.json("", "prices books", `{"books":[{"book":1,"made_at":"20`, `"source":"shipped"`)
	const mine = "prices:\n- {provider: house, model: m1, currency: EUR, per: 1000000, is: {input: 2.5, cache_read: 0.25, output: 10}}\n" +
		"- {provider: house, model: m1, tier: batch, currency: EUR, per: 1000000, is: {input: 1.25, cache_read: 0.25, output: 5}}\n"
	b.json(mine, "prices import - --dry-run --skipped --valid-from 2026-01-01", `"dry_run":true,"book_before":1,"book":1,"prices_read":6,`, `"added":6,"changed":0,`, `"warnings":["housem1`)
	b.json(mine, "prices import - --valid-from 2026-01-01", `"book_before":1,"book":2,`,
		`"change":"added","provider":"house","model":"m1","conditions":"batch","unit":"input","from":"2026-01-01T00:00:00Z","to":null,"price_per_million_before":null,"currency_before":null,"price_per_million_after":"1.25","currency_after":"EUR"`)
	const rates = "date,from,to,rate\n2026-11-27,EUR,USD,1.16\n"
	b.json(rates, "prices fx import -", `{"dry_run":false,"rates_read":1,"added":1,"changed":[]}`)
	b.json(strings.Replace(rates, "1.16", "1.17", 1), "prices fx import - --correct", `"changed":[{"day":"2026-11-27","base":"EUR","quote":"USD","rate":"1.17","rate_before":"1.16","source":"file"}]`)
	b.json("", "prices fx list --at 2026-11-28", `{"day":"2026-11-28","rates_known":1,"rates":[{"day":"2026-11-27","base":"EUR","quote":"USD","rate":"1.17","source":"file"}]}`)
	b.query("INSERT INTO token_calls_raw (time, tenant, product, id, identity, offset, provider, model, status, weight, input_uncached, output_visible, reported_cost_nanos, reported_cost_picos, cost_currency) VALUES " +
		"('2026-01-31 12:00:00', 't', 'p', 'call-1', 1, 1, 'house', 'm1', 1, 1, 1000000, 2000000, 12000000, 5, 'USD'), " +
		"('2026-01-31 12:00:00', 't', 'p', 'call-2', 2, 2, '', 'm1', 1, 1, 1000000, 2000000, NULL, 0, ''), " +
		"('2026-01-31 12:00:00', 't', 'p', 'call-3', 3, 3, 'house', 'm1', 1, 1, 0, 0, 0, 0, 'USD')")
	b.json("", "prices explain call-1", `{"book":2,"book_note":`, `"id":"call-1","time":"2026-01-31T12:00:00Z","tenant":"t","provider":"house","model":"m1"`, `{"class":"input","quantity":"1000000","charged_as":"input","price_per_million":"2.5","cost":"2.5"}`,
		`"exact":true,"cost":"22.5","currency":"EUR","tokens_unpriced":"0"`, `"reported_cost":"0.012000000005","reported_currency":"USD"`)
	b.json("", "prices explain call-2", `"exact":false,"cost":null,"currency":null,"tokens_unpriced":"3000000","reason":"no_provider"`, `"reported_cost":null,"reported_currency":null`)
	b.json("", "prices explain call-3", `"exact":true,"cost":"0",`, `"reported_cost":"0","reported_currency":"USD"`)
	b.json("", "cost export --month 2026-01 --out "+filepath.Join(t.TempDir(), "costs.csv"), `"format":"CSV","focus":"1.2","month":"2026-01","month_is_over":true,"charges":0,"corrections":0,"costs":[]`)
	b.json(usageFile, "cost reconcile import -", `"format":"openai-usage","source":"openai","rows_stored":1,"rows_replaced":0,`, `"periods":[{"kind":"usage","from":"2026-11-01T00:00:00Z","to":"2026-11-02T00:00:00Z"}]`,
		`"sums":[{"provider":"openai","input_tokens":"1000","output_tokens":"100","complete":true}]`)
	b.json("", "cost reconcile list", `"kind":"usage","from":"2026-11-01T00:00:00Z","to":"2026-11-02T00:00:00Z","state":"`, `"rows":1,"rows_that_count":1,`)
	b.json("", "models import --dry-run", `{"dry_run":true,"added":[],"changed":[],"removed":[],"unchanged":`)
}

// TestOutputOfShown: what commands print that need no server is one object for programs.
func TestOutputOfShown(t *testing.T) {
	b := &modelsBench{t: t}
	for line, want := range map[string]string{
		"dashboards generate --dir " + t.TempDir() + " --alerts-dir " + t.TempDir(): `{"files":[{"file":"`,
		"scenarios show diurnal":                                     `{"scenario":"diurnal","title":"`,
		"dashboards check --alerts-dir /x":                           `{"ok":true,"dashboards":`,
		"load --generator-only --rate 100 --duration 1s --warmup 0s": `{"schema_version":1,"kind":"generator","run":"load-`,
	} {
		code, out, errOut := command(t, append(strings.Fields(line), "--output", "json")...)
		if code != exitOK && code != exitThreshold {
			t.Errorf("%s: exit code %d\n%s", line, code, errOut)
		}
		b.is1(line, []byte(out), want)
	}
}
