package audit

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestStatements(t *testing.T) {
	bounds := ledgerdb.Bounds{{Epoch: 1, Partition: 0}: 150, {Epoch: 1, Partition: 1}: 5_000_200, {Epoch: 2, Partition: 0}: 7}
	losers := []ledgerdb.Loser{{Place: ledgerdb.Place{Epoch: 1}, Range: ledger.Range{From: 10, To: 20, Generation: 3}}}
	s := spans.Span{From: -10512000, To: -10512000 + day}
	b := block{Place: ledgerdb.Place{Epoch: 1, Partition: 3}, from: 5, to: 9}
	settings := (&run{Auditor: &Auditor{}}).settings()
	spec := schemas.SpecOf(schemas.SignupType)
	statements := [][2]string{
		{"clock", clockSQL}, {"cursors", cursorsSQL}, {"waiting", waitingSQL}, {"epoch", epochSQL("signups.v1", [16]byte{1, 15: 2})},
		{"ledger row that contradicts itself", ledgerRowSQL("signups.v1")}, {"ledger totals", ledgerTotalsSQL("signups.v1", bounds, losers)},
		{"years in the ledger", yearsSQL("signups.v1", bounds)}, {"rows beyond", beyondSQL(spec, bounds)},
		{"incarnations", epochsSQL("signups.v1")}, {"contents by minute", contentsSQL("signups.v1", bounds, losers, s)}, {"rows by minute", storedSQL(spec, bounds, s, settings)},
		{"exceptions counted", exceptionTotalsSQL("signups.v1", bounds, losers)}, {"exceptions", spansSQL("signups.v1", bounds, losers)},
		{"rows at exceptions", storedAfterAllSQL(spec, bounds, losers, settings)}, {"originals", originalsSQL(spec, b.Place, 5, 9, []string{"000102030405060708090a0b0c0d0e0f", "ff"})},
		{"row from an offset", fromOffsetSQL(spec, b.Place, 7)}, {"row in another time", outsideSQL(spec, bounds, []spans.Span{s})},
		{"row in any time", outsideSQL(spec, bounds, nil)}, {"blocks of a minute", blocksSQL("signups.v1", bounds, losers, 5)},
		{"rows of a block", blockSQL(spec, 5, b)}, {"rows of a minute", placesSQL(spec, bounds, 5)}, {"offsets of a block", offsetsSQL(spec, b)}, {"exceptions of a block", exceptionsSQL("signups.v1", b)},
		{"years published", publishedSQL("signups_1m")}, {"runs", runsSQL},
		{"what became of runs", runCountsSQL("signups.v1", bounds, losers)},
	}
	for _, spec := range schemas.Specs() {
		statements = append(statements, [2]string{spec.Name + ": events of runs", runEventsSQL(spec, bounds, s, settings)},
			[2]string{spec.Name + ": times of identities", timesSQL(spec, bounds, 1, 4, settings)})
	}
	for _, table := range rollup.Tables() {
		c := &comparison{run: &run{Auditor: &Auditor{}}, table: &table}
		for range table.Types {
			c.topics = append(c.topics, &topic{bounds: bounds})
		}
		statements = append(statements, [2]string{table.Name + ": compare", compareSQL(&table, c.recompute(s), s, &excuse{newer: newerSQL(&table, s, 1767225600000000)}, false, settings)},
			[2]string{table.Name + ": compare in detail", compareSQL(&table, c.recompute(s), s, &excuse{}, true, settings)})
	}
	first := &rollup.Tables()[0]
	news := newsSQL(first, []string{"queries.v1", "signups.v1"}, s)
	e := &excuse{waiting: []spans.Span{{From: s.From, To: s.From + 60}, {From: s.From + 120, To: s.From + 180}}, newer: newerSQL(first, s, 7), news: news}
	all := &excuse{waiting: []spans.Span{s}, newer: newerSQL(first, s, 7), news: news}
	statements = append(statements, [2]string{"buckets that do not wait or have no news", strings.Join(e.conditions(s), " AND ")},
		[2]string{"buckets that have no news", strings.Join(all.conditions(s), " AND ")},
		[2]string{"buckets that wait without news", withoutNewsSQL(first, s, news)}, [2]string{"versions to come", futureSQL(1767225600000000)})
	statements = append(statements, [2]string{"buckets published again", countSQL(newerSQL(&rollup.Tables()[0], s, 1767225600000000))})
	statements = append(statements, [2]string{"write", auditsSQL(Result{ID: "id", Findings: []Finding{
		{Check: checkTiles, Scope: "signups.v1", Verdict: Difference, Detail: "it's", Took: time.Second}, {Check: checkHolds, Scope: "x", Verdict: OK}}})})

	var out strings.Builder
	for _, s := range statements {
		fmt.Fprintf(&out, "-- %s\n%s;\n\n", s[0], s[1])
	}
	path := filepath.Join("testdata", "statements.sql")
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
