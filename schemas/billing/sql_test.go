package billing

import (
	"math/big"
	"strings"
	"testing"
)

// TestInsertSQL: the rows come first, and last, in one statement, the import with its periods.
func TestInsertSQL(t *testing.T) {
	n := uint64(5)
	from, to := at("2026-11-01"), at("2026-11-02")
	r := Report{Format: "litellm-logs", Source: "litellm", Covered: map[Kind][]Span{Usage: {{from, to}}, Cost: {{from, to}, {at("2026-11-03"), at("2026-11-04")}}}}
	for range 2 * rowsPerStatement {
		r.Observations = append(r.Observations, Observation{From: from, To: to, Kind: Usage, Provider: "openai", Model: "it's", Tokens: Tokens{Input: &n}})
	}
	r.Observations = append(r.Observations, Observation{From: from, To: to, Kind: Cost, Provider: "openai", Line: `a\b`, Currency: "USD", Cost: big.NewInt(-7)})
	all := InsertSQL(Import{ID: 9, Source: "litellm", Account: "a'b", Format: "litellm-logs", File: "f", SHA256: "00"}, r)
	if len(all) != 4 {
		t.Fatalf("%d statements", len(all))
	}
	rows := 0
	for _, statement := range all[:3] {
		if !strings.HasPrefix(statement, "INSERT INTO billing_usage (import_id, ") {
			t.Errorf("%.80s", statement)
		}
		rows += strings.Count(statement, "(9, 'litellm', 'a\\'b', ")
	}
	if rows != len(r.Observations) {
		t.Errorf("%d rows", rows)
	}
	if want := `(9, 'litellm', 'a\'b', 'usage', 1793491200, 1793577600, 'openai', '', 'it\'s', '', '', 5, NULL, NULL, NULL, NULL, NULL, NULL), `; !strings.Contains(all[0], want) {
		t.Errorf("%s is not in %.400s", want, all[0])
	}
	if want := `VALUES (9, 'litellm', 'a\'b', 'cost', 1793491200, 1793577600, 'openai', '', '', 'a\\b', 'USD', NULL, NULL, NULL, NULL, NULL, NULL, toInt128('-7'))`; !strings.HasSuffix(all[2], want) {
		t.Errorf("%s is not\n%s", all[2], want)
	}
	want := `INSERT INTO billing_imports (import_id, source, account, kind, provider, period_from, period_to, format, file, sha256) VALUES ` +
		`(9, 'litellm', 'a\'b', 'usage', '', 1793491200, 1793577600, 'litellm-logs', 'f', '00'), (9, 'litellm', 'a\'b', 'cost', '', 1793491200, 1793577600, 'litellm-logs', 'f', '00'), ` +
		`(9, 'litellm', 'a\'b', 'cost', '', 1793664000, 1793750400, 'litellm-logs', 'f', '00')`
	if all[3] != want {
		t.Errorf("%s is not\n%s", all[3], want)
	}
}
