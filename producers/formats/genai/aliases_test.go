package genai

import (
	"slices"
	"testing"

	"tidemark/producers/formats/fields"
	"tidemark/schemas"
)

// TestAliases checks that what aliases and totals name is there.
func TestAliases(t *testing.T) {
	for _, a := range slices.Concat(aliases, dollars, details) {
		if fields.Named(schemas.TokenCallType, a.field) == nil {
			t.Errorf("alias of %s", a.field)
		}
	}
	if len(totalPaths) != len(fields.Totals) {
		t.Errorf("%d totals have paths, of %d", len(totalPaths), len(fields.Totals))
	}
	for i, of := range fields.Totals {
		if totalPaths[i][0] != of.Name {
			t.Errorf("the paths of %s begin with %s", of.Name, totalPaths[i][0])
		}
	}
}
