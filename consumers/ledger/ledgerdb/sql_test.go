package ledgerdb

import (
	"testing"

	"tidemark/consumers/ledger"
	"tidemark/consumers/spans"
	"tidemark/internal/test/golden"
)

func TestStatements(t *testing.T) {
	cursors := Bounds{{Epoch: 1, ID: 0}: 100, {Epoch: 1, ID: 1}: 5_000_000}
	ends := Bounds{{Epoch: 1, ID: 0}: 150, {Epoch: 1, ID: 1}: 5_000_200, {Epoch: 2, ID: 0}: 7}
	losers := []Loser{{ledger.Partition{Epoch: 1, ID: 0}, ledger.Range{From: 10, To: 20, Generation: 3}}}
	s := spans.Span{From: -10512000, To: -10512000 + spans.Day}
	golden.Statements(t, []golden.Statement{
		{"cursors", cursorsSQL},
		{"all ranges of the ledger", rangesSQL("queries.v1", nil)}, {"new ranges of the ledger", rangesSQL("queries.v1", cursors)},
		{"chain of a partition", chainSQL(ledger.Partition{Topic: "queries.v1", Epoch: 1, ID: 2})}, {"touched minutes", touchedSQL("queries.v1", cursors, ends)},
		{"overlaps", overlapsSQL("queries.v1", ends, s)}, {"minutes of the ledger", minutesSQL("queries.v1", ends, nil, s)},
		{"minutes of the ledger with losers", minutesSQL("queries.v1", ends, losers, s)},
	})
}
