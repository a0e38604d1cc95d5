// Package arch tests the rules of the layout: who may import whom, that ARCHITECTURE.md names code that exists, and that doc
// comments begin with the name of what they document.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "tidemark"

// edge is one import of one file.
type edge struct {
	file string // Slash-separated, relative to the module's root.
	test bool   // The file is a test or belongs to a package that is there for tests (see testPackage).
	from string // Import path of the package that imports; an external test package has that of the package it tests.
	to   string // Import path of what is imported.
}

// source is what the Go files of the module say.
type source struct {
	edges []edge
	decls []decl
}

// decl is a name declared at the top of a file, or a method.
type decl struct {
	dir      string // Slash-separated, relative to the module's root.
	name     string // "ingest.Worker", "ingest.Worker.Run", "schemas.Specs".
	function bool   // A function or a method, also of an interface.
}

// readSource parses every Go file of the module.
func readSource(t *testing.T, root string) source {
	t.Helper()
	var src source
	eachGoFile(t, root, src.addFile)
	return src
}

// eachGoFile calls fn with the name of every Go file of the module, slash-separated and relative to the root, and its text.
// Nested modules, testdata and hidden folders are not part of the module.
func eachGoFile(t *testing.T, root string, fn func(name string, text []byte) error) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path != root && skipDir(path, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(rel), text)
	})
	if err != nil {
		t.Fatalf("read the module's source: %v", err)
	}
}

func skipDir(path, name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

// addFile adds the imports and declarations of the file, whose name is slash-separated and relative to the root.
func (s *source) addFile(name string, text []byte) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir := "."
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		dir = name[:i]
	}
	from := module
	if dir != "." {
		from += "/" + dir
	}
	testFile := strings.HasSuffix(name, "_test.go")
	test := testFile || testPackage(dir)
	for _, spec := range file.Imports {
		to, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		s.edges = append(s.edges, edge{file: name, test: test, from: from, to: to})
	}
	if !testFile {
		s.addDecls(dir, file)
	}
	return nil
}

// testPackage reports that the folder holds support for tests: testenv, or a name that ends in "test", as httptest does.
func testPackage(dir string) bool {
	return slices.ContainsFunc(strings.Split(dir, "/"), func(name string) bool {
		return name == "testenv" || strings.HasSuffix(name, "test")
	})
}

func (s *source) addDecls(dir string, file *ast.File) {
	add := func(name string, function bool) {
		s.decls = append(s.decls, decl{dir: dir, name: file.Name.Name + "." + name, function: function})
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add(d.Name.Name, true)
			} else {
				add(receiver(d.Recv.List[0].Type)+"."+d.Name.Name, true)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					add(spec.Name.Name, false)
					addMembers(add, spec)
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						add(name.Name, false)
					}
				}
			}
		}
	}
}

// addMembers adds the methods of an interface and the fields of a struct (a hook is a field).
func addMembers(add func(name string, function bool), spec *ast.TypeSpec) {
	var fields *ast.FieldList
	switch t := spec.Type.(type) {
	case *ast.InterfaceType:
		fields = t.Methods
	case *ast.StructType:
		fields = t.Fields
	default:
		return
	}
	for _, field := range fields.List {
		_, function := field.Type.(*ast.FuncType)
		for _, name := range field.Names {
			add(spec.Name.Name+"."+name.Name, function)
		}
	}
}

// receiver is the type's name in a method's receiver: T, *T, T[K] or *T[K, V].
func receiver(expr ast.Expr) string {
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return "?"
		}
	}
}
