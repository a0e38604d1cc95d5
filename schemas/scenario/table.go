package scenario

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table is a CSV file that a scenario names. The first line names the columns; lines that begin with # are remarks.
type Table struct {
	File    string
	Columns []string
	Rows    []Row
}

// Row is one row of a table.
type Row struct {
	Line   int
	Fields []string // By column.
	starts []int    // Where each begins in its line, in bytes from 1.
}

// Column returns the index of a column, -1 if there is none of that name.
func (t *Table) Column(name string) int { return slices.Index(t.Columns, name) }

// loadTable reads a table; what is wrong with it goes to w.
func loadTable(fsys fs.FS, name string, w *walk, path string) (*Table, error) {
	content, err := readFile(fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.add(w.at[path], path, "put the file beside the scenario", "names %s, which is not there", name)
		return &Table{File: name}, nil
	case err != nil:
		return nil, err
	}
	return parseTable(name, content, w.problems), nil
}

// tableProblem adds a problem of a table, which is another file than the scenario's.
func tableProblem(p *problems, file string, line, column int, remedy, format string, args ...any) {
	p.list = append(p.list, Problem{File: file, Line: line, Column: column, What: fmt.Sprintf(format, args...), Remedy: remedy})
}

func parseTable(name string, content []byte, p *problems) *Table {
	t := &Table{File: name}
	if !utf8.Valid(content) {
		tableProblem(p, name, 0, 0, "save it as UTF-8", "is not UTF-8")
		return t
	}
	reader := csv.NewReader(bytes.NewReader(content))
	reader.Comment = '#'
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			var bad *csv.ParseError
			if !errors.As(err, &bad) {
				tableProblem(p, name, 0, 0, "check the file", "cannot be read: %v", err)
				return t
			}
			tableProblem(p, name, bad.Line, bad.Column, "give each row as many fields as there are columns, quotes doubled within quotes", "is not CSV: %v", bad.Err)
			return t
		}
		line, _ := reader.FieldPos(0)
		if t.Columns == nil {
			t.Columns = record
			continue
		}
		starts := make([]int, len(record))
		for i := range record {
			_, starts[i] = reader.FieldPos(i)
		}
		t.Rows = append(t.Rows, Row{Line: line, Fields: record, starts: starts})
	}
	if len(t.Rows) == 0 {
		tableProblem(p, name, 0, 0, "add a line with the names of the columns, then rows", "has no rows")
	}
	return t
}

// tableUse is one place where a scenario names a table, and the columns it needs there.
type tableUse struct {
	path    string // In the scenario file.
	file    string
	columns []column
}

// column is what the values of a column have to be.
type column struct {
	name  string
	valid func(string) bool
	want  string
}

var countryCode = regexp.MustCompile(`^([A-Z]{2})?$`)

func isDate(s string) bool { _, ok := parseDate(s); return ok }

func isNumber(s string) bool {
	x, err := strconv.ParseFloat(s, 64)
	return err == nil && !math.IsNaN(x) && !math.IsInf(x, 0) && math.Abs(x) <= 1e30
}

func isShare(s string) bool {
	x, err := strconv.ParseFloat(s, 64)
	return err == nil && x > 0 && x <= 1e15
}

func isText(s string) bool {
	return s != "" && len(s) <= 200 && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) < 0
}

func isShortText(s string) bool { return s == "" || isText(s) }

func (s *Scenario) isSource(name string) bool { _, ok := s.Sources[name]; return ok }

// tableUses returns every use of a table.
func (s *Scenario) tableUses() []tableUse {
	var (
		dates  = column{"at", isDate, dateRemedy}
		models = column{"model", isText, "write a model's name, up to 200 characters"}
		uses   []tableUse
	)
	for i, r := range s.ReferencePoints {
		if r.File != "" {
			uses = append(uses, tableUse{fmt.Sprintf("reference_points[%d].file", i), r.File, []column{
				{"entity", isText, "write what the figure is about, up to 200 characters"}, dates, {"value", isNumber, "write a number"},
			}})
		}
	}
	for i, r := range s.Releases {
		uses = append(uses, tableUse{fmt.Sprintf("releases[%d].file", i), r.File, []column{
			dates, models, {"organization", isShortText, "write up to 200 characters"},
			{"country", countryCode.MatchString, "write an ISO 3166 code of two capitals, or nothing"},
			{"weights", func(s string) bool { return s == "open" || s == "closed" || s == "unknown" }, "write open, closed or unknown"},
			{"license", isShortText, "write up to 200 characters"}, {"source", s.isSource, "name one of the scenario's sources"},
		}})
	}
	if s.Workload != nil {
		shares := column{"share", isShare, "write a number above 0"}
		uses = append(uses, tableUse{"workload.tenants", s.Workload.Tenants, []column{shares}},
			tableUse{"workload.models", s.Workload.Models, []column{models, {"provider", isText, "write who sells it"}, shares}})
	}
	for i, e := range s.Expectations {
		if e.Series == nil {
			continue
		}
		use := tableUse{path: fmt.Sprintf("expectations[%d].series.file", i), file: e.Series.File}
		for _, by := range e.Series.By {
			if by == "year" {
				use.columns = append(use.columns, dates)
				continue
			}
			use.columns = append(use.columns, column{by, utf8.ValidString, ""})
		}
		for name := range e.Series.Where {
			use.columns = append(use.columns, column{name, utf8.ValidString, ""})
		}
		uses = append(uses, use)
	}
	return uses
}

// shownRows is how many bad rows of a table are told.
const shownRows = 20

// checkTable checks the columns that a use needs.
func (s *Scenario) checkTable(w *walk, t *Table, use tableUse) {
	if t.Columns == nil {
		return // Told already.
	}
	for _, c := range use.columns {
		index := t.Column(c.name)
		if index < 0 {
			w.add(w.at[use.path], use.path, "its columns are "+strings.Join(t.Columns, ", "), "needs the column %s in %s", c.name, t.File)
			continue
		}
		shown := 0
		for _, row := range t.Rows {
			if c.valid(row.Fields[index]) {
				continue
			}
			if shown++; shown > shownRows {
				break
			}
			tableProblem(w.problems, t.File, row.Line, row.starts[index], c.want, "%s is %s", c.name, quote(row.Fields[index]))
		}
	}
}

// Count returns the rows counted by the columns of the series, joined with a tab each.
func (s *Series) Count(t *Table) map[string]float64 {
	counts := map[string]float64{}
	for _, row := range t.Rows {
		if !s.counts(t, row) {
			continue
		}
		keys := make([]string, len(s.By))
		for i, by := range s.By {
			if by == "year" {
				keys[i] = row.Fields[t.Column("at")][:4]
			} else {
				keys[i] = row.Fields[t.Column(by)]
			}
		}
		counts[strings.Join(keys, "\t")]++
	}
	return counts
}

func (s *Series) counts(t *Table, row Row) bool {
	for name, want := range s.Where {
		if row.Fields[t.Column(name)] != want {
			return false
		}
	}
	return true
}

// Date returns the date in the given column, which must be one of dates.
func (r Row) Date(column int) Date {
	d, _ := parseDate(r.Fields[column])
	return d
}

// Number returns the number in the given column, which must be one of numbers.
func (r Row) Number(column int) float64 {
	x, _ := strconv.ParseFloat(r.Fields[column], 64)
	return x
}
