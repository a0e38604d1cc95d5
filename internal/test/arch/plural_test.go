package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// countedNoun is a number in a format with several of something behind it. What is behind "of" is a whole, what is behind "than" or
// "and" a bound; events/s is a rate, and offsets [ an interval.
var countedNoun = regexp.MustCompile(`(of |than |and )?%(?:\[\d+\])?[ds](?: (?:more|raw|dead|distinct|active|poison))? ([a-z]+s)\b(/s| \[)?`)

// notCounted are words that end like nouns and are none, and units.
var notCounted = strings.Fields("is has was does says holds takes costs keeps stays stands continues speaks needs comes reads sends ends matches as this its ms us")

// countedAsIs are formats whose number is never 1, or no number, and why.
var countedAsIs = map[string]string{
	"  migrated   %d tables and views, %d topics\n  models     %s\n  prices     %s\n": "the schema has many",
	"\nrun %s, namespace %s, %s arrivals\n\n":                                         "it is how events arrive",
	"say what book %d prices: %w":                                                     "it is what the book does",
	"calls of %s still have no rate after %d tries":                                   "it tries often",
}

// pluralsIn returns the formats of a Go file that print several of something whatever the number is.
func pluralsIn(file *ast.File) (found []string) {
	ast.Inspect(file, func(node ast.Node) bool {
		lit, is := node.(*ast.BasicLit)
		if !is || lit.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(lit.Value)
		if err != nil || countedAsIs[text] != "" {
			return true
		}
		for _, m := range countedNoun.FindAllStringSubmatch(text, -1) {
			if m[1] == "" && m[3] == "" && !slices.Contains(notCounted, m[2]) {
				found = append(found, text)
				break
			}
		}
		return true
	})
	return found
}

// TestPlurals: what commands, processes and audits print says "1 row", not "1 rows": plural.Of and cli's count know how.
func TestPlurals(t *testing.T) {
	if got := pluralsIn(parsed(t, `package p; var a = []string{"%d rows", "x %s more tables are", "%d of %d rows", "%s events/s", "%s is", "%s dead letters"}`)); len(got) != 3 {
		t.Errorf("of six formats these are plurals: %q", got)
	}
	root := env.ModuleRoot(t)
	for _, dir := range []string{"internal/cli", "internal/app", "consumers/audit", "consumers/namespaces", "consumers/rollup", "consumers/pricing", "consumers/ingest"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(filepath.Dir(path), "test") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, format := range pluralsIn(parsed(t, string(text))) {
				t.Errorf("%s prints several whatever the number is: %q", strings.TrimPrefix(path, root+"/"), format)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func parsed(t *testing.T, source string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
