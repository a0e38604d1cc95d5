package dashboards

import (
	"testing"
)

func TestGenerate(t *testing.T) {
	files, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		t.Log(f.UID, len(f.JSON))
	}
}
