package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// codeName is the form in which ARCHITECTURE.md names code, alone between backticks: `ingest.Worker.Run`,
// `schemas.Specs`, with parentheses or not; where two packages share a name, the folder says which:
// `consumers/kafka.Source.Fetch`. All of that form is ours; a name of another module is written with its module
// (`kafka-go`'s `Reader`).
var codeName = regexp.MustCompile("`((?:[a-z0-9_]+/)*[a-z][a-z0-9]*(?:\\.[A-Za-z_][A-Za-z0-9_]*){1,2})(?:\\(\\))?`")

// notCode is what has that form without being code: file names and topics.
var notCode = regexp.MustCompile(`\.(go|mod|sum|md|sql|proto|ya?ml|json|jsonl|xml|so|csv|gz|v[0-9]+)$`)

// codeNames returns the names of our code that the text mentions, each once, in order.
func codeNames(text string) []string {
	var names []string
	for _, match := range codeName.FindAllStringSubmatch(text, -1) {
		if name := match[1]; !notCode.MatchString(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// lookup finds a name that may have a folder in front.
func (s source) lookup(name string) (decl, bool) {
	slash := strings.LastIndexByte(name, '/')
	for _, d := range s.decls {
		if d.name != name[slash+1:] {
			continue
		}
		// "consumers/kafka.Source" is package kafka in the folder that ends in consumers/kafka.
		pkg, _, _ := strings.Cut(name, ".")
		if slash < 0 || d.dir == pkg || strings.HasSuffix(d.dir, "/"+pkg) {
			return d, true
		}
	}
	return decl{}, false
}

func TestArchitectureNamesExist(t *testing.T) {
	root := env.ModuleRoot(t)
	text, err := os.ReadFile(filepath.Join(root, "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	src := readSource(t, root)
	functions := 0
	for _, name := range codeNames(string(text)) {
		d, ok := src.lookup(name)
		if !ok {
			t.Errorf("docs/ARCHITECTURE.md names `%s`, which is not declared anywhere", name)
		}
		if d.function {
			functions++
		}
	}
	if functions < 15 {
		t.Errorf("docs/ARCHITECTURE.md names %d functions, want at least 15: it must let a reader follow one event", functions)
	}
}

func TestCodeNames(t *testing.T) {
	text := "Follow `ingest.Worker.Run` and `schemas.Specs()`, then `consumers/kafka.Source.Fetch`; `ingest.Worker.Run` " +
		"again. Not code: `main.go`, `usage.proto`, `token_calls.v1`, `queries.v1`, `ledger`, `--window`, `go test ./...`, " +
		"`deploy/kafka/pom.xml`, ingest.Plain."
	want := []string{"ingest.Worker.Run", "schemas.Specs", "consumers/kafka.Source.Fetch"}
	if got := codeNames(text); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}

	src := source{decls: []decl{
		{dir: "consumers/kafka", name: "kafka.Source.Fetch", function: true},
		{dir: "schemas", name: "schemas.Specs", function: true},
	}}
	for name, want := range map[string]bool{
		"kafka.Source.Fetch":           true,
		"consumers/kafka.Source.Fetch": true,
		"producers/kafka.Source.Fetch": false,
		"schemas.Specs":                true,
		"schemas.Spec":                 false,
		"ingest.Worker.Run":            false,
	} {
		if _, got := src.lookup(name); got != want {
			t.Errorf("lookup(%q) = %v, want %v", name, got, want)
		}
	}
}
