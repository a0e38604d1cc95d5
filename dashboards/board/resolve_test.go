package board

import (
	"strings"
	"testing"

	"tidemark/schemas"
)

func TestResolve(t *testing.T) {
	relations := map[string]schemas.Relation{
		"a_1m": {Name: "a_1m", Columns: []string{"n"}}, "a_1h": {Name: "a_1h", Columns: []string{"n", "tenant"}}, "a_1d": {Name: "a_1d", Columns: []string{"n", "tenant"}},
		"a_all_1h": {Name: "a_all_1h", Columns: []string{"n"}}, "a_all_1d": {Name: "a_all_1d", Columns: []string{"n"}},
		"a_tenant_1m": {Name: "a_tenant_1m", Columns: []string{"n", "tenant"}},
		"b":           {Name: "b", Columns: []string{"m"}},
	}
	f := func(sql, want, problem string) {
		t.Helper()
		r := NewResolver(relations, map[string]string{"half": "{=} / 2", "loop": "{:loop}", "m_of_b": "(SELECT max({m}) FROM {@b})", "hole": "{=name}"})
		got := r.Resolve("here", sql)
		if problem == "" && (got != want || len(r.problems) > 0) || problem != "" && strings.Join(r.problems, ";") != problem {
			t.Errorf("%s: got %s, %v", sql, got, r.problems)
		}
	}
	const ns = `"${namespace:percentencode}".`
	f("SELECT {n} FROM {@a_?} WHERE x = '${resolution:percentencode}'", "SELECT n FROM "+ns+"\"a_${resolution:percentencode}\" WHERE x = '${resolution:percentencode}'", "")
	f("{@a_?day_table} {@a_?audience_table}", ns+`"a_${day_table:percentencode}" `+ns+`"a_${audience_table:percentencode}"`, "")
	f("{tenant} {@a_?audience_table}", "tenant "+ns+`"a_${audience_table:percentencode}"`, "")
	f("{tenant} {@a_?day_table}", "", "here: column tenant: not in a_all_1d")
	f("{n} {@a_?tenant_table} {@a_?edge_table}", "n "+ns+`"a_${tenant_table:percentencode}" `+ns+`"a_${edge_table:percentencode}"`, "")
	f("SELECT {m}, {n} FROM {@b}, {@a_1m}", "SELECT m, n FROM "+ns+"b, "+ns+"a_1m", "")
	f("{~tenant} {@a_?}", `"${tenant_column:percentencode}" `+ns+`"a_${resolution:percentencode}"`, "")
	f("{tenant} {@a_?}", "", "here: column tenant: not in a_1m, a_all_1d, a_all_1h")
	f("{x} {@b}", "", "here: column x: not in b")
	f("{@c}", "", "here: table or view c: no migration makes it")
	f("SELECT 1 AS {n}", "", "here: column n: not in any table that the statement names")

	f("{:half {n}} {@a_1m}", "n / 2 "+ns+"a_1m", "")
	f("{:half f({:half {n}})} {@a_1m}", "f(n / 2) / 2 "+ns+"a_1m", "")
	f("{@a_1m} {:range}", ns+"a_1m bucket >= $__fromTime_ms AND bucket < $__toTime_ms", "here: column bucket: not in a_1m;here: column bucket: not in a_1m")
	f("{:m_of_b} {n} {@a_1m}", "(SELECT max(m) FROM "+ns+"b) n "+ns+"a_1m", "")
	f("{:now}", panelNow, "")
	f("{:half}", "", "here: {:half}: an argument is given: false; one is needed: true")
	f("{:m_of_b x}", "", "here: {:m_of_b x}: an argument is given: true; one is needed: false")
	f("{:whole}", "", "here: {:whole}: no relation stands before it")
	f("{@b} {:chosen}", "", `here: {:chosen}: no variables narrow down the relation "b": name them`)
	f("{:users}", "", "here: {:users}: it needs the dimensions to choose from")
	f("{:quantile 0.95 n} {:quantile 0.5 n if {n} > 1} {@a_1m}",
		"quantilesBFloat16WeightedMerge(0.5, 0.9, 0.95, 0.99)(n)[3] quantilesBFloat16WeightedMergeIf(0.5, 0.9, 0.95, 0.99)(n, n > 1)[1] "+ns+"a_1m", "")
	f("{:quantile 0.8 n}", "", "here: {:quantile 0.8 n}: the quantile 0.8 is not kept: there are [0.5 0.9 0.95 0.99]")
	f("{:quantile n}", "", "here: {:quantile n}: write {:quantile LEVEL COLUMN} or {:quantile LEVEL COLUMN if CONDITION}")
	f("{:intervals}", "", "here: {:intervals}: it needs the column with the times")
	f("{:rows a_?}", "", "here: {:rows a_?}: write {:rows RELATION with COLUMN, COLUMN}")
	f("{@b} {:buckets}", "", `here: {:buckets}: "b" is no choice of rollups`)
	f("{:half {n}", "", `here: "{:half {n}" has no closing brace`)
	f("{:hole}", "", "here: {:hole}: {=name}: nothing gives it a value")

	r := NewResolver(relations, map[string]string{"half": "{=} / 2", "loop": "{:loop}"})
	r.Resolve("here", "{:wole}")
	r.Resolve("there", "{:loop}")
	if got := strings.Join(r.problems, "\n"); !strings.Contains(got, "here: {:wole}: there is no such expression: there are all_tenants, buckets, chosen, days, distinct_users, half, ") ||
		!strings.Contains(got, "there: {:loop}: ") || !strings.Contains(got, "expressions more than 10 deep") {
		t.Errorf("unknown and endless expressions: %s", got)
	}
}

// TestChosen asks for the conditions of relations: by the variables of the stem, and by the tenant's column or its stand-in.
func TestChosen(t *testing.T) {
	relations := schemas.Relations()
	f := func(sql string, want ...string) {
		t.Helper()
		r := NewResolver(relations, nil)
		got := r.Resolve("here", sql)
		if len(r.problems) > 0 {
			t.Error(r.problems)
		}
		conditions := strings.Split(got, "$__conditionalAll(")[1:]
		if len(conditions) != len(want) {
			t.Errorf("%s: %d conditions, want %d: %s", sql, len(conditions), len(want), got)
			return
		}
		for i, column := range want {
			if !strings.HasPrefix(conditions[i], column+" IN (") {
				t.Errorf("%s: condition %d is %s, want one of %s", sql, i, conditions[i], column)
			}
		}
	}
	f("{@token_calls_?} {:chosen}", `"${tenant_column:percentencode}"`, "product", "provider", "model")
	f("{@token_calls_?tenant_table} {:chosen}", "tenant", "product", "provider", "model")
	f("{@token_calls} {:chosen}", "tenant", "product", "provider", "model")
	f("{@costs_?cost_table} {:chosen}", `"${tenant_column:percentencode}"`, "product", "provider", "model")
	f("{@costs_?hour_table} {:chosen}", `"${tenant_column:percentencode}"`, "product", "provider", "model")
	f("{@costs_?audience_table} {:chosen}", "tenant", "product", "provider", "model")
	f("{@queries_?} {:chosen}", `"${tenant_column:percentencode}"`, "product", "toString(segment)", "country")
	f("{@queries_?} {:chosen tenant, product}", `"${tenant_column:percentencode}"`, "product")
	f("{@signups_?day_table} {:chosen}", `"${tenant_column:percentencode}"`, "product", "toString(segment)", "country")
	f("{@ledger} {:chosen}", "topic")
	f("{:chosen topic} {@log_ends}", "topic")
}

func TestOneLine(t *testing.T) {
	f := func(sql, want string) {
		t.Helper()
		if got := oneLine(sql); got != want {
			t.Errorf("%q: got %q, want %q", sql, got, want)
		}
	}
	f("\n\tSELECT\n\t\ta,\n\t\tb\nFROM (\n\tSELECT [\n1, 2 ] )\n", "SELECT a, b FROM (SELECT [1, 2])")
	f(`SELECT ' a  b ', 'it\'s  (  x', a AS "two  words"`, "SELECT ' a  b ', 'it\\'s  (  x', a AS `two  words`")
	f("'open", "'open")
	f("'a\nb'  `c  d`", "'a\nb' `c  d`")
	f("", "")
}
