package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a scenario file and a table, in bytes.
const maxFile = 4 << 20

// Load reads the scenario file name of fsys and the tables that it names, which lie beside it. The error is an *Error if
// the files can be read and are wrong.
func Load(fsys fs.FS, name string) (*Scenario, error) {
	content, err := readFile(fsys, name)
	if err != nil {
		return nil, err
	}
	s, w, err := parse(name, content)
	if err != nil {
		return nil, err
	}
	s.Tables = map[string]*Table{}
	for _, use := range s.tableUses() {
		if s.Tables[use.file] == nil {
			table, err := loadTable(fsys, path.Join(path.Dir(name), use.file), w, use.path)
			if err != nil {
				return nil, err
			}
			s.Tables[use.file] = table
		}
		s.checkTable(w, s.Tables[use.file], use)
	}
	s.uniqueFacts(w)
	if err := w.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// Parse reads a scenario file without its tables: Tables is nil. The name stands in errors. What is wrong is in one *Error.
func Parse(name string, content []byte) (*Scenario, error) {
	s, _, err := parse(name, content)
	return s, err
}

// readFile reads a file of fsys that is not too large.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the scenario's file: %w", err)
	}
	defer func() { _ = f.Close() }() // It was only read.
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the scenario's file %s: %w", name, err)
	}
	if len(content) > maxFile {
		return nil, &Error{Problems: []Problem{{File: name, What: fmt.Sprintf("is larger than %d bytes", maxFile), Remedy: "reduce it to what the scenario needs"}}}
	}
	return content, nil
}

func parse(name string, content []byte) (*Scenario, *walk, error) {
	w := &walk{problems: &problems{file: name}, at: map[string]position{}}
	root := w.read(content)
	if root == nil {
		return nil, nil, w.err()
	}
	w.check(root, document, "", 0)
	if err := w.err(); err != nil {
		return nil, nil, err
	}
	var s Scenario
	if err := root.Decode(&s); err != nil { // The shape has let nothing through that this could refuse.
		w.add(position{root.Line, root.Column}, "", "compare it with the JSON Schema", "cannot be read: %v", err)
		return nil, nil, w.err()
	}
	s.defaults()
	s.rules(w)
	if err := w.err(); err != nil {
		return nil, nil, err
	}
	return &s, w, nil
}

// yamlLine is how the library says where it stopped.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// read returns the one document of the file, nil if there is a problem.
func (w *walk) read(content []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			w.add(position{}, "", "begin with id:", "is empty")
			return nil
		}
		at, what := position{}, err.Error()
		if found := yamlLine.FindStringSubmatch(what); found != nil {
			at.line, _ = strconv.Atoi(found[1])
			what = found[2]
		}
		w.add(at, "", "check indentation, quotes and brackets there and in the block that begins there", "is not YAML: %s", what)
		return nil
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		w.add(position{more.Line, more.Column}, "", "keep one scenario a file", "has a second document")
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		w.add(position{}, "", "begin with id:", "is empty")
		return nil
	}
	return doc.Content[0]
}

func (s *Scenario) defaults() {
	if s.Grain == "" {
		s.Grain = Day
	}
	for i := range s.Streams {
		stream := &s.Streams[i]
		stream.UserWeight = max(stream.UserWeight, 1)
		stream.EventsPerUser = max(stream.EventsPerUser, 1)
	}
	for i := range s.ReferencePoints {
		if s.ReferencePoints[i].Scale == 0 {
			s.ReferencePoints[i].Scale = 1
		}
	}
}
