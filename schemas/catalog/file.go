package catalog

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	// maxFile is the largest file in bytes: it is held in memory.
	maxFile = 16 << 20
	// maxProblems is how many problems of a file are told one by one.
	maxProblems = 50
)

// ParseError is something wrong in a file, and what to do about it.
type ParseError struct {
	File   string // The name given.
	Line   int    // From 1.
	Column string // The column's name; empty when the whole line is meant.
	Text   string
	Remedy string
}

// Error returns it in the form of compilers: file:line: column: what is wrong: what to do.
func (p *ParseError) Error() string {
	where := fmt.Sprintf("%s:%d: ", p.File, p.Line)
	if p.Column != "" {
		where += p.Column + ": "
	}
	return where + p.Text + ": " + p.Remedy
}

// Parse reads a file in CSV, whose first line names the columns that Columns returns, in any order. name is what
// problems call the file. It returns the models in the order of the file, or every problem at once as one error of
// joined *ParseError (of more than 50 the rest is counted), or the error of the reader.
func Parse(name string, r io.Reader) ([]Model, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB: a catalog has a line a model, is this one?", name, maxFile>>20)
	}
	p := parser{file: name, lines: map[string]int{}}
	// Spreadsheets put a byte order mark first.
	p.csv = csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	p.csv.FieldsPerRecord = -1 // Checked here, with the names of the columns.
	p.csv.ReuseRecord = true
	if p.header() {
		p.body()
	}
	if p.found > 0 {
		if more := p.found - len(p.problems); more > 0 {
			p.problems = append(p.problems, fmt.Errorf("%s: and %d problems more", name, more))
		}
		return nil, errors.Join(p.problems...)
	}
	return p.models, nil
}

// parser is the state of one Parse.
type parser struct {
	file     string
	csv      *csv.Reader
	columns  []string // Of the file, in its order.
	models   []Model
	lines    map[string]int // Of each model.
	problems []error
	found    int
}

func (p *parser) problem(line int, column, text, remedy string) {
	if p.found++; len(p.problems) < maxProblems {
		p.problems = append(p.problems, &ParseError{File: p.file, Line: line, Column: column, Text: text, Remedy: remedy})
	}
}

// next returns the next line that is CSV, and false at the end.
func (p *parser) next() (record []string, line int, ok bool) {
	for {
		record, err := p.csv.Read()
		var bad *csv.ParseError
		switch {
		case err == nil:
			line, _ := p.csv.FieldPos(0)
			return record, line, true
		case errors.As(err, &bad):
			p.problem(bad.StartLine, "", bad.Err.Error(), "quote cells that hold a comma or a quote, and double the quote inside")
		default: // The end: nothing else comes from memory.
			return nil, 0, false
		}
	}
}

// formerColumns are the names that columns had in files of older versions, by which a file may still call them.
//
//nolint:misspell // They were spelled so.
var formerColumns = map[string]string{
	"licence": "license", "licence_source": "license_source", "organisation": "organization", "organisation_source": "organization_source",
}

// header reads the names of the columns; without all of them there is no use in going on.
func (p *parser) header() bool {
	record, line, ok := p.next()
	p.columns = slices.Clone(record)
	for i, column := range p.columns {
		p.columns[i] = cmp.Or(formerColumns[column], column)
	}
	var wrong []string
	switch want := Columns(); {
	case !ok:
		wrong, line = []string{"the file is empty"}, 1
	case !slices.Contains(p.columns, modelColumn), len(p.columns) > 2*len(want):
		wrong = []string{"this is not the line that names the columns"}
	default:
		for i, column := range p.columns {
			if !slices.Contains(want, column) {
				wrong = append(wrong, fmt.Sprintf("%q is not a column", shorten(column)))
			} else if slices.Index(p.columns, column) < i {
				wrong = append(wrong, column+" is there twice")
			}
		}
		for _, column := range want {
			if !slices.Contains(p.columns, column) {
				wrong = append(wrong, column+" is missing")
			}
		}
	}
	if len(wrong) > 0 {
		p.problem(line, "", strings.Join(wrong, ", "), "the first line must be "+strings.Join(Columns(), ","))
	}
	return len(wrong) == 0
}

func (p *parser) body() {
	for {
		record, line, ok := p.next()
		if !ok {
			return
		}
		if len(record) != len(p.columns) {
			p.problem(line, "", fmt.Sprintf("has %d cells of %d", len(record), len(p.columns)), "leave a cell empty if its fact is unknown, but keep the comma")
			continue
		}
		p.models = append(p.models, p.model(record, line))
	}
}

// model checks one line and returns what it says.
func (p *parser) model(record []string, line int) Model {
	cells := make(map[string]string, len(record))
	for i, value := range record {
		cells[p.columns[i]] = value
		if problem, remedy := checkText(value); problem != "" {
			p.problem(line, p.columns[i], problem, remedy)
		}
	}
	m := Model{ID: cells[modelColumn]}
	if m.ID == "" {
		p.problem(line, modelColumn, "is empty", "write the model's name as events carry it")
	} else if first, twice := p.lines[m.ID]; twice {
		p.problem(line, modelColumn, fmt.Sprintf("%q is in line %d already", shorten(m.ID), first), "remove one of the two")
	} else {
		p.lines[m.ID] = line
	}
	for _, f := range facts {
		known := Fact{Value: cells[f.column], Source: cells[f.column+sourceSuffix]}
		if f.column == facts[0].column && known.Value == unknown {
			known.Value = ""
		}
		switch {
		case known.Value == "" && known.Source != "":
			p.problem(line, f.column+sourceSuffix, "there is a source but no fact", "write the fact, or remove the source")
		case known.Value != "" && known.Source == "":
			p.problem(line, f.column+sourceSuffix, "there is a fact but no source", "write who says so, or remove the fact")
		}
		if known.Value != "" {
			if problem, remedy := f.check(known.Value); problem != "" {
				p.problem(line, f.column, problem, remedy)
			}
		}
		*f.of(&m) = known
	}
	return m
}

// Write writes the models as a file that Parse reads, in the order of their names.
func Write(w io.Writer, models []Model) error {
	buffered := bufio.NewWriter(w)
	out := csv.NewWriter(buffered)
	_ = out.Write(Columns()) // Error returns the first error of all.
	for _, m := range sorted(models) {
		_ = out.Write(cells(&m))
	}
	out.Flush()
	err := out.Error()
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		return fmt.Errorf("write the catalog: %w", err)
	}
	return nil
}

// cells are the values of a model in the order of Columns.
func cells(m *Model) []string {
	values := []string{m.ID}
	for _, f := range facts {
		known := f.of(m)
		values = append(values, known.Value, known.Source)
	}
	if values[1] == "" {
		values[1] = unknown
	}
	return values
}
