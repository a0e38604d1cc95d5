package audit

import (
	"strings"
	"testing"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
	"tidemark/consumers/spans"
	"tidemark/internal/test/golden"
	"tidemark/schemas"
)

func TestStatements(t *testing.T) {
	bounds := ledgerdb.Bounds{{Epoch: 1, ID: 0}: 150, {Epoch: 1, ID: 1}: 5_000_200, {Epoch: 2, ID: 0}: 7}
	losers := []ledgerdb.Loser{{Partition: ledger.Partition{Epoch: 1}, Range: ledger.Range{From: 10, To: 20, Generation: 3}}}
	s := spans.Span{From: -10512000, To: -10512000 + spans.Day}
	b := ledgerBlock{Partition: ledger.Partition{Topic: "signups.v1", Epoch: 1, ID: 3}, from: 5, to: 9}
	limits, err := Limits{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	settings := limits.settings()
	spec := schemas.SpecOf(schemas.SignupType)
	statements := []golden.Statement{
		{"clock", clockSQL}, {"pending", pendingSQL()}, {"epoch", epochSQL("signups.v1", schemas.TopicID{1, 15: 2})},
		{"ledger row that contradicts itself", ledgerRowSQL("signups.v1")}, {"ledger totals", ledgerTotalsSQL("signups.v1", bounds, losers)},
		{"years in the ledger", ledgerYearsSQL("signups.v1", bounds)}, {"rows without a ledger row", orphansSQL(spec, bounds)},
		{"incarnations", epochsSQL("signups.v1")}, {"contents by minute", contentsSQL("signups.v1", bounds, losers, s)}, {"rows by minute", storedSQL(spec, bounds, s, settings)},
		{"exceptions counted", exceptionTotalsSQL("signups.v1", bounds, losers)}, {"exceptions", exceptionSpansSQL("signups.v1", bounds, losers)},
		{"rows at exceptions", storedExceptionSQL(spec, bounds, losers, settings)}, {"originals", originalsSQL(spec, []offsets{{b.Partition, 5, 9}}, []string{"000102030405060708090a0b0c0d0e0f", "ff"})},
		{"row from an offset", fromOffsetSQL(spec, b.Partition, 7)}, {"row in another time", outsideSQL(spec, bounds, []spans.Span{s})},
		{"row in any time", outsideSQL(spec, bounds, nil)}, {"blocks of a minute", ledgerBlocksSQL("signups.v1", bounds, losers, 5)},
		{"rows of a block", blockRowsSQL(spec, 5, b)}, {"rows of a minute", coordinatesSQL(spec, bounds, 5)}, {"offsets of a block", offsetsSQL(spec, b)}, {"exceptions of a block", exceptionsSQL(b)},
		{"years published", shownYearsSQL("signups_1m")}, {"runs", runsSQL},
		{"what became of runs", runCountsSQL("signups.v1", bounds, losers)},
	}
	for _, spec := range schemas.Specs() {
		statements = append(statements, golden.Statement{spec.Name + ": events of runs", runEventsSQL(spec, bounds, s, true, settings)},
			golden.Statement{spec.Name + ": minutes with an event in two rows", repeatedSQL(spec, bounds, s, settings)},
			golden.Statement{spec.Name + ": rows of runs", runEventsSQL(spec, bounds, s, false, settings)},
			golden.Statement{spec.Name + ": times of identities", timesSQL(spec, bounds, 1, 4, settings)})
	}
	for _, table := range rollup.Tables() {
		c := &comparison{pass: &pass{Auditor: &Auditor{}}, table: &table}
		for range table.Types {
			c.topics = append(c.topics, &topic{bounds: bounds})
		}
		statements = append(statements, golden.Statement{table.Name + ": compare", compareSQL(&table, c.recompute(s, true), s, &excuse{newer: newerSQL(&table, s, 1767225600000000)}, false, settings)},
			golden.Statement{table.Name + ": compare buckets", differSQL(&table, c.recompute(s, false), s, &excuse{newer: newerSQL(&table, s, 1767225600000000)}, settings)},
			golden.Statement{table.Name + ": compare in detail", compareSQL(&table, c.recompute(s, true), s, &excuse{}, true, settings)})
	}
	first := &rollup.Tables()[0]
	news := newsSQL(first, []string{"queries.v1", "signups.v1"}, s)
	e := &excuse{pending: []spans.Span{{From: s.From, To: s.From + 60}, {From: s.From + 120, To: s.From + 180}}, newer: newerSQL(first, s, 7), news: news}
	all := &excuse{pending: []spans.Span{s}, newer: newerSQL(first, s, 7), news: news}
	statements = append(statements, golden.Statement{"buckets that are not pending or have no news", strings.Join(e.conditions(s), " AND ")},
		golden.Statement{"buckets that have no news", strings.Join(all.conditions(s), " AND ")},
		golden.Statement{"buckets without news", withoutNewsSQL(first, s, news)}, golden.Statement{"versions to come", futureSQL(1767225600000000)})
	statements = append(statements, golden.Statement{"buckets published again", countSQL(newerSQL(&rollup.Tables()[0], s, 1767225600000000))})
	statements = append(statements, golden.Statement{"write", auditsSQL(Result{ID: "id", Findings: []Finding{
		{Check: checkTiles, Scope: "signups.v1", Verdict: Difference, Detail: "it's", Took: time.Second}, {Check: checkHolds, Scope: "x", Verdict: OK}}})})
	golden.Statements(t, statements)
}
