package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// testName is the name of a function that go test runs.
var testName = regexp.MustCompile(`^(Test|Fuzz|Benchmark|Example)([A-Z_]\w*)?$`)

// misnamedComments returns a line for every doc comment of a function, method or type that does not begin with its name,
// alone or after an article. The comment of a test may be any sentence that does not begin with the name of another test.
func misnamedComments(file string, text []byte) ([]string, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil || ast.IsGenerated(parsed) {
		return nil, err
	}
	var bad []string
	check := func(doc *ast.CommentGroup, name string) {
		words := strings.Fields(doc.Text()) // Without directives such as //go:generate.
		if len(words) > 1 && slices.Contains([]string{"A", "An", "The"}, words[0]) {
			words = words[1:]
		}
		if len(words) == 0 {
			return
		}
		first := strings.TrimRight(words[0], ",.:")
		if first == name || words[0] == "Deprecated:" || testName.MatchString(name) && !testName.MatchString(first) {
			return
		}
		bad = append(bad, fmt.Sprintf("%s: the comment of %s begins with %q", set.Position(doc.Pos()), name, words[0]))
	}
	for _, d := range parsed.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			check(d.Doc, d.Name.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok && d.Lparen.IsValid() {
					check(s.Doc, s.Name.Name)
				} else if ok {
					check(d.Doc, s.Name.Name)
				}
			}
		}
	}
	return bad, nil
}

func TestCommentsBeginWithNames(t *testing.T) {
	eachGoFile(t, env.ModuleRoot(t), func(name string, text []byte) error {
		bad, err := misnamedComments(name, text)
		for _, line := range bad {
			t.Error(line)
		}
		return err
	})
}

func TestMisnamedComments(t *testing.T) {
	bad, err := misnamedComments("planted.go", []byte(`package p
// Right does it.
func Right() {}
// The Articled function.
func Articled() {}
// Deprecated: gone.
func Old() {}
// Writes it.
func (w *Writer) Write() {}
// most is a number.
type count int
type (
	// size is right.
	size int
	// length is not.
	width int
)
// Any sentence.
func TestFree() {}
// TestOther does it.
func TestOne() {}
func bare() {}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`planted.go:8:1: the comment of Write begins with "Writes"`, `planted.go:10:1: the comment of count begins with "most"`,
		`planted.go:15:2: the comment of width begins with "length"`, `planted.go:20:1: the comment of TestOne begins with "TestOther"`,
	}
	if !slices.Equal(bad, want) {
		t.Errorf("got %q, want %q", bad, want)
	}
}
