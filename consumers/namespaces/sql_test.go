package namespaces

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tidemark/consumers/ledger"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
	"tidemark/consumers/spans"
	"tidemark/internal/test/golden"
	"tidemark/schemas"
)

func TestStatements(t *testing.T) {
	s := spans.Span{From: -spans.Day, To: spans.Day}
	bounds := ledgerdb.Bounds{{Epoch: 1, ID: 0}: 100}
	losers := []ledgerdb.Loser{{Partition: ledger.Partition{Epoch: 1}, Range: ledger.Range{From: 10, To: 20, Generation: 3}}}
	statements := []golden.Statement{
		{"candidates", candidatesSQL}, {"database", databaseSQL("a")}, {"tables", tablesSQL("a")},
		{"size", sizeSQL("a")}, {"used", usedSQL("a")}, {"stored", storedSQL("queries.v1", bounds, losers)}, {"last audit", lastAuditSQL}, {"behind", behindSQL(rolledUpTopics())},
		{"drop a table", dropTableSQL("a", "t")}, {"drop the database", dropDatabaseSQL("a")},
	}
	all := relations(true)
	diff, err := Diff{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	settings := diff.settings()
	for _, r := range all {
		statements = append(statements, golden.Statement{r.name + ": days", r.daysSQL("a", "b", s)}, golden.Statement{r.name + ": count", r.countSQL("a", "b", s, settings)},
			golden.Statement{r.name + ": list", r.listSQL("a", "b", s, settings)})
		if len(r.totals) > 0 {
			statements = append(statements, golden.Statement{r.name + ": totals", r.totalsSQL("a", s, settings)})
		}
	}
	golden.Statements(t, statements)
}

// TestRelations expects every rollup with every measure that events decide, and every column of an event but those that
// say where it lies.
func TestRelations(t *testing.T) {
	all := relations(true)
	byName := make(map[string]relation)
	for _, r := range all {
		byName[r.name] = r
	}
	for _, table := range rollup.Tables() {
		r, known := byName[table.Name]
		if !known || !slices.Equal(r.dims, table.Dims) {
			t.Errorf("%s is compared by %v, want %v", table.Name, r.dims, table.Dims)
		}
		for _, m := range table.Measures {
			if compared := slices.Contains(r.columns, m.Column); compared != (m.Column != "checksum") {
				t.Errorf("%s: %s is compared: %v", table.Name, m.Column, compared)
			}
		}
	}
	views := schemas.Relations()
	for _, spec := range schemas.Specs() {
		r, known := byName[spec.Name]
		if known == (spec.Type == schemas.RunType) {
			t.Errorf("%s is compared: %v", spec.Name, known)
		}
		if !known {
			continue
		}
		for _, column := range views[spec.Name].Columns {
			where := slices.Contains([]string{"minute", "identity", "epoch", "partition", "offset", "run"}, column)
			if compared := slices.Contains(r.columns, column) || slices.Contains(r.dims, column); compared == where {
				t.Errorf("%s: %s is compared: %v", spec.Name, column, compared)
			}
			if strings.HasSuffix(column, "_") {
				t.Errorf("%s: the name of %s is one that queries give", spec.Name, column)
			}
		}
	}
}

func TestPieces(t *testing.T) {
	at := func(n int32, rows uint64) piece {
		return piece{Span: spans.Span{From: n * spans.Day, To: (n + 1) * spans.Day}, rows: rows}
	}
	f := func(length int32, days []piece, want string) {
		t.Helper()
		var got []string
		for _, p := range planPieces(days, 100, length) {
			got = append(got, fmt.Sprintf("%d-%d:%d", p.From, p.To, p.rows))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	f(1, nil, "")
	f(1, []piece{at(0, 100)}, "0-1440:100")
	f(1, []piece{at(-1, 40), at(0, 60), at(5, 1)}, "-1440-1440:100 7200-8640:1")
	f(1, []piece{at(0, 300)}, "0-480:100 480-960:100 960-1440:100")
	f(60, []piece{at(0, 700)}, "0-240:116 240-480:116 480-720:116 720-960:116 960-1200:116 1200-1440:116")
	f(spans.Day, []piece{at(0, 700), at(1, 700)}, "0-1440:700 1440-2880:700")
	f(60, []piece{at(0, 1<<40)}, strings.Join(func() (hours []string) {
		for h := range 24 {
			hours = append(hours, fmt.Sprintf("%d-%d:%d", h*60, h*60+60, uint64(1<<40)*60/uint64(spans.Day)))
		}
		return hours
	}(), " "))
	// What is left of a day takes the next days too.
	f(1, []piece{at(0, 150), at(1, 20)}, "0-720:75 720-2880:95")
}

// TestNegativeLimits expects an error that names each field, before anything is sent to the database or the brokers.
func TestNegativeLimits(t *testing.T) {
	_, diffErr := (&Diff{Rows: -1, Memory: -1, Threads: -1, Show: -1}).Run(t.Context())
	dropErr := (&Dropper{Patience: -1}).Drop(t.Context(), Plan{})
	for want, err := range map[string]error{"Rows must not be negative": diffErr, "Memory must": diffErr, "Threads must": diffErr, "Show must": diffErr, "Patience must": dropErr} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
