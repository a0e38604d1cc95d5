package ledgerdb

import (
	"slices"
	"testing"

	"tidemark/consumers/ledger"
)

// TestARowWrittenTwiceIsNoLoser: leaving it out by its place would leave out the winner too.
func TestARowWrittenTwiceIsNoLoser(t *testing.T) {
	row, other := ledger.Range{From: 0, To: 9, Generation: 2}, ledger.Range{From: 0, To: 9, Generation: 1}
	chain := newChain([]ledger.Range{row, other, row})
	if chain.End != 9 || !slices.Equal(chain.Winners, []ledger.Range{row}) || !slices.Equal(chain.Losers, []ledger.Range{other}) {
		t.Errorf("got %+v", chain)
	}
}

func TestBounds(t *testing.T) {
	f := func(b Bounds, want string) {
		t.Helper()
		if got := b.RawSQL(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(nil, "0")
	f(Bounds{{Epoch: 2, ID: 0}: 3, {Epoch: 1, ID: 1}: 5, {Epoch: 1, ID: 0}: 7}, "((epoch = 1 AND offset < transform(partition, [0, 1], [7, 5], toUInt64(0))) OR (epoch = 2 AND offset < transform(partition, [0], [3], toUInt64(0))))")
}
