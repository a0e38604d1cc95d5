// Package golden compares the statements that a package sends with a file of its testdata.
package golden

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// Statement is an SQL statement with a title.
type Statement = [2]string

// Statements compares statements with testdata/statements.sql. With the flag -update it writes the file.
func Statements(t *testing.T, statements []Statement) {
	t.Helper()
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
