package rollup

import (
	"testing"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/internal/test/golden"
	"tidemark/schemas"
)

func TestStatements(t *testing.T) {
	ends := ledgerdb.Bounds{{Epoch: 1, ID: 0}: 150, {Epoch: 1, ID: 1}: 5_000_200, {Epoch: 2, ID: 0}: 7}
	r := spans.Span{From: -10512000, To: -10512000 + spans.Day}
	s := Source{From: r.From, To: r.To, Bounds: ends}
	later := spans.Span{From: r.From + 60, To: r.To}
	bad := []spans.Span{{From: r.From, To: r.From + 1}, {From: r.From + 60, To: r.From + 120}}
	limits, err := Limits{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	settings := limits.settings()
	statements := []golden.Statement{
		{"clock", clockSQL}, {"newest version", publishedSQL}, {"version of requests", requestVersionSQL()}, {"pending", pendingSQL()},
		{"rows that are stored", storedSQL(schemas.SpecOf(schemas.QueryType), ends, r)},
		{"events that come twice", repeatedSQL(schemas.SpecOf(schemas.QueryType), ends, nil, r)},
		{"events that come twice since", repeatedSQL(schemas.SpecOf(schemas.QueryType), ends, ledgerdb.Bounds{{Epoch: 1, ID: 0}: 100}, r)},
		{"save pending", savePendingSQL([]pending{{"queries_1m", r, schemas.ReasonDeferred}, {"queries_1h", r, schemas.ReasonMismatch}}, false, 9)},
		{"pending is done", savePendingSQL([]pending{{"queries_1m", r, schemas.ReasonRequested}}, true, 9)},
		{"save cursors", saveCursorsSQL("queries.v1", ends, 9)},
		{"rebuild: clock", nowSQL}, {"rebuild: days of the ledger", storedDaysSQL("queries.v1", r)},
		{"rebuild: days that are shown", shownDaysSQL(names(Tables()[:2]), later)}, {"rebuild: open requests", openRequestsSQL(9)},
		{"rebuild: ranges with mismatches", mismatchedSQL(names(Tables()[:2]), r)}, {"rebuild: oldest version", oldestSQL(names(Tables()[:2]), later)},
	}
	for _, table := range Tables() {
		if table.From != "" {
			statements = append(statements, golden.Statement{table.Name + ": insert", insertSQL(&table, table.SelectMerge(r.From, r.To), r, 9, settings)})
		} else {
			sources := []Source{s, s}[:len(table.Types)]
			statements = append(statements, golden.Statement{table.Name + ": insert", insertSQL(&table, table.SelectRaw(sources), r, 9, settings)})
			if table.Name == "token_calls_1m" {
				statements = append(statements, golden.Statement{table.Name + ": insert grown", insertSQL(&table, table.SelectGrown(s, []base{{r, ends, 9}}), r, 9, settings)})
			}
			for i := range sources {
				sources[i].Deduplicate = true
			}
			statements = append(statements, golden.Statement{table.Name + ": insert deduplicated", insertSQL(&table, table.SelectRaw(sources), r, 9, settings)})
		}
		if !table.Audience {
			statements = append(statements, golden.Statement{table.Name + ": read back", writtenSQL(&table, r, 9)})
		}
		statements = append(statements, golden.Statement{table.Name + ": publish", publishSQL(&table, r, nil, 9, settings)},
			golden.Statement{table.Name + ": publish except some", publishSQL(&table, r, bad, 9, settings)})
	}
	golden.Statements(t, statements)
}
