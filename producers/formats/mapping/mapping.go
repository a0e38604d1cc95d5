// Package mapping makes events of rows by the rules of a YAML file, which people write for data of their own.
//
//	YAML -> Parse -> Mapping (rules)
//	rows.Reader -> NewRows(Mapping) -> where -> rules of fields, pivot -> time, id, revision -> whole event
//	rows of one id that are parts of one event -> Join
//
// A Mapping does not change and may be shared. The next row overwrites the event of a row.
package mapping

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/numbers"
	"tidemark/producers/formats/rows"
	"tidemark/schemas"
)

// Mapping holds the rules by which the columns of CSV or JSON become the fields of events.
type Mapping struct {
	file   string // As given, for messages.
	typ    schemas.Type
	source string
	where  condition // Of the rows that count.
	each   []string  // The path to the arrays that are unfolded into rows.
	time   timeRule
	id     []idPart // None if the row's place and content are the id.
	rules  []rule
	pivot  *pivot
	// repeats is what the rows of one id are to each other.
	repeats repetition
	// revision decides which row of an id is the newest; not used without an id.
	revision revisionRule
	lines    map[string]int // Of the keys of fields, those that a pivot sets among them.
	// columns are the columns that the mapping names, in the order of their names.
	columns   []rows.Column
	nothing   words // Texts that stand for nothing.
	numbers   *numbers.Form
	delimiter byte // Between the fields of a CSV file; 0 to find out.
}

// idPart is a part of an id: the first of its columns that is not empty.
type idPart struct {
	columns  []*ref
	optional bool // All of them may be empty.
}

// ref is a column that the mapping names.
type ref struct {
	name string
	at   int // Its place among the columns.
}

// maxMapping is the largest size of a mapping file, in bytes.
const maxMapping = 1 << 20

// Read reads a mapping file. The error joins one error per fault, each of the form "file:line: problem; remedy".
func Read(name string) (*Mapping, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxMapping+1))
	if err != nil {
		return nil, fmt.Errorf("read the mapping: %w", err)
	}
	return Parse(name, text)
}

// Parse reads the text of a mapping, see Read. The name is for messages.
func Parse(name string, text []byte) (*Mapping, error) {
	p := &mappingParser{file: name, mapping: &Mapping{file: name, typ: schemas.TokenCallType, lines: map[string]int{}}, columns: map[string]int{}, refs: map[string]*ref{}}
	if len(text) > maxMapping {
		return nil, fmt.Errorf("%s:1: the file has more than %d bytes; a mapping is short: is this the data?", name, maxMapping)
	}
	root := p.document(text)
	if root != nil {
		p.top(root)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	p.number()
	return p.mapping, nil
}

// File is the name of the mapping that Read or Parse was given.
func (m *Mapping) File() string { return m.file }

// Relative reports whether the times of the rows count from the start of the file.
func (m *Mapping) Relative() bool { return m.time.relative }

// HasID reports whether columns are the ids; otherwise an id is the place and the content of a row.
func (m *Mapping) HasID() bool { return len(m.id) > 0 }

// Joins reports whether the rows of one id are parts of one event, see Join.
func (m *Mapping) Joins() bool { return m.repeats.joins() }

// FirstCounts reports whether the first of several rows of one id counts.
func (m *Mapping) FirstCounts() bool { return m.repeats == repeatsFirst }

// Revision says where the revision of an event comes from.
func (m *Mapping) Revision() revisionKind { return m.revision.kind }

// Sets reports whether rows set a field or a total with the name.
func (m *Mapping) Sets(field string) bool { return m.lines[field] > 0 }

// lacks reports whether the mapping leaves a field to the settings.
func (m *Mapping) lacks(field string) bool {
	_, has := m.lines[field]
	return !has && fields.Named(m.typ, field) != nil
}

// From lists the columns that a field of the events comes from, for messages; empty if there are none.
func (m *Mapping) From(field string) string {
	var names []string
	add := func(from *ref) {
		if from != nil && !slices.Contains(names, from.name) {
			names = append(names, from.name)
		}
	}
	switch field {
	case fields.Time:
		add(m.time.column)
	case fields.ID:
		for _, part := range m.id {
			for _, from := range part.columns {
				add(from)
			}
		}
	case fields.Revision:
		add(m.revision.column)
	}
	for _, r := range m.allRules() {
		if r.field.TextName() == field {
			for _, from := range slices.Concat(r.columns, r.minus) {
				add(from)
			}
		}
	}
	return strings.Join(names, ", ")
}

// allRules are the rules of the fields and of the pivot.
func (m *Mapping) allRules() []rule {
	all := slices.Clone(m.rules)
	if m.pivot != nil {
		for _, of := range m.pivot.fields {
			all = append(all, of...)
		}
	}
	return all
}

// yamlText writes a text so that YAML reads it as that.
func yamlText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
