package schemas

import (
	"regexp"
	"slices"
	"testing"
)

// TestVerdicts expects that the table audits can hold the verdicts, and no other.
func TestVerdicts(t *testing.T) {
	for _, table := range Current().Tables {
		if table.Name != AuditsTable {
			continue
		}
		var held []string
		for _, m := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(find(table.Columns, "verdict").Type, -1) {
			held = append(held, m[1])
		}
		want := Verdicts()
		slices.Sort(held)
		slices.Sort(want)
		if !slices.Equal(held, want) {
			t.Errorf("the table holds %q, the verdicts are %q", held, want)
		}
		return
	}
	t.Fatal("there is no table of audits")
}
