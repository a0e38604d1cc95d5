package grafana

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Frame is Grafana's data frame as JSON. The function dataFrameFromJSON of @grafana/data reads it.
type Frame struct {
	Schema schema `json:"schema"`
	Data   values `json:"data"`
}

type schema struct {
	RefID  string  `json:"refId"`
	Name   string  `json:"name"`
	Meta   meta    `json:"meta"`
	Fields []field `json:"fields"`
}

type meta struct {
	ExecutedQueryString string `json:"executedQueryString"`
	PreferredType       string `json:"preferredVisualisationType"`
	Type                string `json:"type,omitempty"`
	TypeVersion         []int  `json:"typeVersion,omitempty"`
}

type field struct {
	Name     string            `json:"name"`
	Type     Kind              `json:"type"`
	TypeInfo typeInfo          `json:"typeInfo"`
	Labels   map[string]string `json:"labels,omitempty"`
}

type typeInfo struct {
	Frame    string `json:"frame"`
	Nullable bool   `json:"nullable"`
}

type values struct {
	Values   [][]any     `json:"values"`
	Entities []*Entities `json:"entities,omitempty"`
}

// Entities are the rows of a field whose number is none; the row itself has null.
type Entities struct {
	NaN    []int `json:"NaN,omitempty"`
	Inf    []int `json:"Inf,omitempty"`
	NegInf []int `json:"NegInf,omitempty"`
}

// goTypes are the types of values in the plugin's frames.
var goTypes = map[Kind]string{KindTime: "time.Time", KindNumber: "float64", KindString: "string", KindBoolean: "bool"}

// add appends a field with its values.
func (f *Frame) add(c Column, labels map[string]string) {
	f.Schema.Fields = append(f.Schema.Fields, field{
		Name: c.Name, Type: c.Kind, TypeInfo: typeInfo{Frame: goTypes[c.Kind], Nullable: c.Nullable}, Labels: labels,
	})
	values, special := c.Values, (*Entities)(nil)
	for row, value := range c.Values {
		d, ok := value.(Denormal)
		if !ok {
			continue
		}
		if special == nil {
			values, special = slices.Clone(values), &Entities{}
		}
		values[row] = nil
		switch d {
		case NotANumber:
			special.NaN = append(special.NaN, row)
		case Infinity:
			special.Inf = append(special.Inf, row)
		case NegativeInfinity:
			special.NegInf = append(special.NegInf, row)
		}
	}
	f.Data.Values = append(f.Data.Values, values)
	f.Data.Entities = append(f.Data.Entities, special)
}

// NewFrame makes the frame for a target: a time series in several series becomes wide, anything else stays as it is.
func NewFrame(t *Table, refID, sql string, format int) (*Frame, error) {
	f := &Frame{Schema: schema{RefID: refID, Name: refID, Meta: meta{ExecutedQueryString: sql, PreferredType: "graph"}, Fields: []field{}}, Data: values{Values: [][]any{}}}
	if format != FormatTimeSeries {
		f.Schema.Meta.PreferredType = "table"
	}
	if format == FormatTimeSeries && t.Rows() > 0 && t.long() {
		if err := f.widen(t); err != nil {
			return nil, err
		}
		f.Schema.Meta.Type, f.Schema.Meta.TypeVersion = "timeseries-wide", []int{0, 1}
	} else {
		for _, c := range t.Columns {
			f.add(c, nil)
		}
	}
	if !slices.ContainsFunc(f.Data.Entities, func(e *Entities) bool { return e != nil }) {
		f.Data.Entities = nil
	}
	return f, nil
}

// time returns the index of the column that is the time of a series, -1 if there is none.
func (t *Table) time() int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Kind == KindTime })
}

// long reports whether the table holds several series one below the other: it has a time, something to tell series apart,
// and a value.
func (t *Table) long() bool {
	at := t.time()
	var factor, value bool
	for i, c := range t.Columns {
		factor = factor || c.factor
		value = value || !c.factor && i != at
	}
	return at >= 0 && factor && value
}

// maxCells bounds what a long table may become: as a wide one it has a cell for each series at each time, however few rows
// there were. Two million are 100 series over two weeks of minutes.
const maxCells = 2_000_000

// widen puts the series of a long table side by side, as LongToWide of Grafana's plugin SDK does: a row a time, a field
// for every value column of every combination of labels, null where a series has nothing at a time, the last row where
// it has several. Fields are in the order of their names, then their labels.
func (f *Frame) widen(t *Table) error {
	at := t.time()
	lines, err := timeLines(t.Columns[at])
	if err != nil {
		return err
	}
	var factors, measures []int
	for i, c := range t.Columns {
		switch {
		case i == at:
		case c.factor:
			factors = append(factors, i)
		default:
			measures = append(measures, i)
		}
	}
	series, labels, err := t.series(factors)
	if err != nil {
		return err
	}
	rows := lines[len(lines)-1] + 1
	if n := len(labels) * len(measures); n*rows > maxCells {
		return fmt.Errorf("%d series of %d points are more than can be drawn: choose a shorter range, or fewer values above", n, rows)
	}
	type wide struct {
		Column
		labels []string
	}
	fields := make([]wide, 0, len(labels)*len(measures))
	for _, text := range labels {
		for _, m := range measures {
			c := t.Columns[m]
			c.Nullable, c.Values = true, make([]any, rows)
			fields = append(fields, wide{c, text})
		}
	}
	for k, m := range measures {
		for row, value := range t.Columns[m].Values {
			fields[series[row]*len(measures)+k].Values[lines[row]] = value
		}
	}
	slices.SortStableFunc(fields, func(a, b wide) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return slices.Compare(a.labels, b.labels)
	})
	times := t.Columns[at]
	times.Nullable, times.Values = false, make([]any, rows)
	for row, line := range lines {
		times.Values[line] = t.Columns[at].Values[row]
	}
	f.add(times, nil)
	for _, w := range fields {
		named := make(map[string]string, len(factors))
		for i, factor := range factors {
			named[t.Columns[factor].Name] = w.labels[i]
		}
		f.add(w.Column, named)
	}
	return nil
}

// timeLines returns for each row of a long table the row of the wide one.
func timeLines(times Column) ([]int, error) {
	lines := make([]int, len(times.Values))
	line, last := -1, int64(0)
	for row, value := range times.Values {
		ms, ok := value.(int64)
		switch {
		case !ok:
			return nil, fmt.Errorf("row %d of the time series has no time", row+1)
		case line < 0 || ms > last:
			line, last = line+1, ms
		case ms < last:
			return nil, errors.New("the rows of the time series are not in the order of time, which Grafana refuses: add ORDER BY time")
		}
		lines[row] = line
	}
	return lines, nil
}

// series returns for each row the series it belongs to, and the labels of each series, in the order of factors.
func (t *Table) series(factors []int) (of []int, labels [][]string, err error) {
	names := map[string]bool{}
	for _, i := range factors {
		if names[t.Columns[i].Name] {
			return nil, nil, fmt.Errorf("two columns are called %s", t.Columns[i].Name)
		}
		names[t.Columns[i].Name] = true
	}
	known := map[string]int{}
	of = make([]int, t.Rows())
	var key strings.Builder
	for row := range of {
		key.Reset()
		text := make([]string, len(factors))
		for k, i := range factors {
			text[k] = cell(t.Columns[i].Values[row]) // A null is an empty label.
			key.WriteString(strconv.Itoa(len(text[k])))
			key.WriteByte(' ')
			key.WriteString(text[k])
		}
		id, ok := known[key.String()]
		if !ok {
			id = len(labels)
			known[key.String()] = id
			labels = append(labels, text)
		}
		of[row] = id
	}
	return of, labels, nil
}
