package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// goroutines returns a line for each place of a file that starts a goroutine, or lets a test run beside others.
func goroutines(file string, text []byte) (found []string, err error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, fmt.Sprint(set.Position(n.Pos())))
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Go", "Parallel"}, s.Sel.Name) {
				found = append(found, fmt.Sprint(set.Position(n.Pos())))
			}
		}
		return true
	})
	return found, nil
}

// TestSequential holds that the packages that scripts/gotest runs without the race detector start no goroutine.
func TestSequential(t *testing.T) {
	root := env.ModuleRoot(t)
	script, err := os.ReadFile(filepath.Join(root, "scripts", "gotest"))
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?m)^sequential=\(([^)]*)\)$`).FindSubmatch(script)
	if list == nil {
		t.Fatal("scripts/gotest has no list of packages without the race detector")
	}
	for dir := range strings.FieldsSeq(string(list[1])) {
		files := 0
		eachGoFile(t, root, func(name string, text []byte) error {
			if path.Dir(name) != strings.TrimPrefix(dir, "./") {
				return nil
			}
			files++
			found, err := goroutines(name, text)
			if len(found) > 0 {
				t.Errorf("%s is tested without the race detector and starts goroutines at %s", dir, strings.Join(found, ", "))
			}
			return err
		})
		if files == 0 {
			t.Errorf("scripts/gotest names %s, which has no Go files", dir)
		}
	}
}

func TestGoroutines(t *testing.T) {
	const text = "package p\nfunc f() {\n\tgo g()\n\tgroup.Go(g)\n\tt.Parallel()\n\tg()\n}\n"
	found, err := goroutines("p.go", []byte(text))
	if want := []string{"p.go:3:2", "p.go:4:2", "p.go:5:2"}; err != nil || !slices.Equal(found, want) {
		t.Errorf("got %q, %v, want %q", found, err, want)
	}
}
