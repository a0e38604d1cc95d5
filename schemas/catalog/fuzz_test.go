package catalog

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
)

// scanJSON copies a row of texts in JSON as a driver does.
func scanJSON(line string) func(dest ...any) error {
	return func(dest ...any) error { return json.Unmarshal([]byte(line), &dest) }
}

// FuzzParse expects of any bytes an error, or models that are the same after Write and Parse.
func FuzzParse(f *testing.F) {
	f.Add(defaultFile[:2000])
	f.Add([]byte(header + "m,open,us,MIT,us,\"A, \"\"B\"\"\",us,NA,us,2024-02-29,us\r\nn,unknown,,,,,,,,,\n"))
	f.Add([]byte("\ufeff" + header + "\"a\"b,,,,,,,,,,\n \"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		models, err := Parse("f", bytes.NewReader(text))
		if err != nil {
			if models != nil || err.Error() == "" {
				t.Fatalf("models %v beside the error %q", models, err)
			}
			return
		}
		var file bytes.Buffer
		if err := Write(&file, models); err != nil {
			t.Fatal(err)
		}
		again, err := Parse("f", &file)
		if err != nil || !slices.Equal(again, sorted(models)) {
			t.Fatalf("%v\nread back as\n%v, %v", models, again, err)
		}
		if change := Compare(models, again, true); len(change.Added)+len(change.Changed)+len(change.Removed) != 0 {
			t.Fatalf("a list differs from itself: %+v", change)
		}
	})
}
