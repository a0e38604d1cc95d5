package rollup

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares named statements with a file of testdata.
func golden(t *testing.T, file string, statements [][2]string) {
	t.Helper()
	var out strings.Builder
	for _, s := range statements {
		fmt.Fprintf(&out, "-- %s\n%s;\n\n", s[0], s[1])
	}
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("statements differ from %s; if that is meant, run the test with -update and read the difference", path)
	}
}

func TestStatements(t *testing.T) {
	ends := ledgerdb.Bounds{{Epoch: 1, Partition: 0}: 150, {Epoch: 1, Partition: 1}: 5_000_200, {Epoch: 2, Partition: 0}: 7}
	r := spans.Span{From: -10512000, To: -10512000 + day}
	s := Source{From: r.From, To: r.To, Bounds: ends}
	bad := []spans.Span{{From: r.From, To: r.From + 1}, {From: r.From + 60, To: r.From + 120}}
	settings := Limits{}.withDefaults().settings()
	statements := [][2]string{
		{"clock", clockSQL}, {"newest version", publishedSQL}, {"version of marks asked for", markSQL}, {"cursors", cursorsSQL}, {"pending", pendingSQL},
		{"rows that are stored", storedSQL(schemas.SpecOf(schemas.QueryType), ends, r)},
		{"save pending", savePendingSQL([]pending{{"queries_1m", r, reasonDeferred}, {"queries_1h", r, reasonMismatch}}, false, 9)},
		{"pending is done", savePendingSQL([]pending{{"queries_1m", r, reasonAsked}}, true, 9)},
		{"save cursors", saveCursorsSQL("queries.v1", ends, 9)},
		{"rebuild: clock", nowSQL}, {"rebuild: days of the ledger", storedDaysSQL("queries.v1", r.From, r.To)},
		{"rebuild: days that are shown", shownDaysSQL(names(Tables()[:2]), r.From+60, r.To)}, {"rebuild: marks that wait", markedSQL(9)},
		{"rebuild: what was left", unequalSQL(names(Tables()[:2]), r.From, r.To)}, {"rebuild: oldest version", oldestSQL(names(Tables()[:2]), r.From+60, r.To)},
	}
	for _, table := range Tables() {
		if table.From != "" {
			statements = append(statements, [2]string{table.Name + ": insert", insertSQL(&table, table.SelectMerge(r.From, r.To), r.From, r.To, 9, settings)})
		} else {
			sources := []Source{s, s}[:len(table.Types)]
			statements = append(statements, [2]string{table.Name + ": insert", insertSQL(&table, table.SelectRaw(sources), r.From, r.To, 9, settings)})
			for i := range sources {
				sources[i].Once = true
			}
			statements = append(statements, [2]string{table.Name + ": insert, each event once", insertSQL(&table, table.SelectRaw(sources), r.From, r.To, 9, settings)})
		}
		if !table.audience {
			statements = append(statements, [2]string{table.Name + ": read back", writtenSQL(&table, r.From, r.To, 9)})
		}
		statements = append(statements, [2]string{table.Name + ": publish", publishSQL(&table, r.From, r.To, nil, 9, settings)},
			[2]string{table.Name + ": publish but for some", publishSQL(&table, r.From, r.To, bad, 9, settings)})
	}
	golden(t, "statements.sql", statements)
}
