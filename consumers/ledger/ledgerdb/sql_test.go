package ledgerdb

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark/consumers/ledger"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestStatements(t *testing.T) {
	cursors := Bounds{{1, 0}: 100, {1, 1}: 5_000_000}
	ends := Bounds{{1, 0}: 150, {1, 1}: 5_000_200, {2, 0}: 7}
	losers := []Loser{{Place{1, 0}, ledger.Range{From: 10, To: 20, Generation: 3}}}
	const from, to = -10512000, -10512000 + 24*60
	var out strings.Builder
	for _, s := range [][2]string{
		{"all ranges of the ledger", newRangesSQL("queries.v1", nil)}, {"new ranges of the ledger", newRangesSQL("queries.v1", cursors)},
		{"chain of a partition", chainSQL("queries.v1", Place{1, 2})}, {"touched minutes", touchedSQL("queries.v1", cursors, ends)},
		{"overlaps", overlapsSQL("queries.v1", ends, from, to)}, {"minutes of the ledger", minutesSQL("queries.v1", ends, nil, from, to)},
		{"minutes of the ledger with losers", minutesSQL("queries.v1", ends, losers, from, to)},
	} {
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
