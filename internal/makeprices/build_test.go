package makeprices

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"tidemark/internal/test/env"
)

// TestShippedFile makes the shipped book again: whoever changes a rule has to run the command.
func TestShippedFile(t *testing.T) {
	env.Data(t, "litellm-prices/price_history.csv.gz")
	got, err := Build(env.Data(t, "."))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), "schemas", "prices", "default.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("schemas/prices/default.csv is not what its sources give: run `go run ./internal/makeprices/cmd`")
	}
}
