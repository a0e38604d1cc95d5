package preview

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// frame is Grafana's data frame as JSON (dataFrameFromJSON of @grafana/data reads it).
type frame struct {
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
	Type     kind              `json:"type"`
	TypeInfo typeInfo          `json:"typeInfo"`
	Labels   map[string]string `json:"labels,omitempty"`
}

type typeInfo struct {
	Frame    string `json:"frame"`
	Nullable bool   `json:"nullable"`
}

type values struct {
	Values   [][]any     `json:"values"`
	Entities []*entities `json:"entities,omitempty"`
}

// entities are the rows of a field whose number is none; the row itself has null.
type entities struct {
	NaN    []int `json:"NaN,omitempty"`
	Inf    []int `json:"Inf,omitempty"`
	NegInf []int `json:"NegInf,omitempty"`
}

// goTypes are the types of values in the plugin's frames.
var goTypes = map[kind]string{kindTime: "time.Time", kindNumber: "float64", kindString: "string", kindBoolean: "bool"}

// add appends a field with its values.
func (f *frame) add(c column, labels map[string]string) {
	f.Schema.Fields = append(f.Schema.Fields, field{
		Name: c.name, Type: c.kind, TypeInfo: typeInfo{Frame: goTypes[c.kind], Nullable: c.nullable}, Labels: labels,
	})
	values, special := c.values, (*entities)(nil)
	for row, value := range c.values {
		d, ok := value.(denormal)
		if !ok {
			continue
		}
		if special == nil {
			values, special = slices.Clone(values), &entities{}
		}
		values[row] = nil
		switch d {
		case notANumber:
			special.NaN = append(special.NaN, row)
		case infinity:
			special.Inf = append(special.Inf, row)
		case negativeInfinity:
			special.NegInf = append(special.NegInf, row)
		}
	}
	f.Data.Values = append(f.Data.Values, values)
	f.Data.Entities = append(f.Data.Entities, special)
}

// newFrame makes the frame for a target: a time series in several series becomes wide, anything else stays as it is.
func newFrame(t *table, refID, sql string, format int) (*frame, error) {
	f := &frame{Schema: schema{RefID: refID, Name: refID, Meta: meta{ExecutedQueryString: sql, PreferredType: "graph"}, Fields: []field{}}, Data: values{Values: [][]any{}}}
	if format != formatTimeSeries {
		f.Schema.Meta.PreferredType = "table"
	}
	if format == formatTimeSeries && t.rows() > 0 && t.long() {
		if err := f.widen(t); err != nil {
			return nil, err
		}
		f.Schema.Meta.Type, f.Schema.Meta.TypeVersion = "timeseries-wide", []int{0, 1}
	} else {
		for _, c := range t.columns {
			f.add(c, nil)
		}
	}
	if !slices.ContainsFunc(f.Data.Entities, func(e *entities) bool { return e != nil }) {
		f.Data.Entities = nil
	}
	return f, nil
}

// time returns the index of the column that is the time of a series, -1 if there is none.
func (t *table) time() int {
	return slices.IndexFunc(t.columns, func(c column) bool { return c.kind == kindTime })
}

// long reports whether the table holds several series one below the other: it has a time, something to tell series apart,
// and a value.
func (t *table) long() bool {
	at := t.time()
	var factor, value bool
	for i, c := range t.columns {
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
func (f *frame) widen(t *table) error {
	at := t.time()
	lines, err := timeLines(t.columns[at])
	if err != nil {
		return err
	}
	var factors, measures []int
	for i, c := range t.columns {
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
		column
		labels []string
	}
	fields := make([]wide, 0, len(labels)*len(measures))
	for _, text := range labels {
		for _, m := range measures {
			c := t.columns[m]
			c.nullable, c.values = true, make([]any, rows)
			fields = append(fields, wide{c, text})
		}
	}
	for k, m := range measures {
		for row, value := range t.columns[m].values {
			fields[series[row]*len(measures)+k].values[lines[row]] = value
		}
	}
	slices.SortStableFunc(fields, func(a, b wide) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return slices.Compare(a.labels, b.labels)
	})
	times := t.columns[at]
	times.nullable, times.values = false, make([]any, rows)
	for row, line := range lines {
		times.values[line] = t.columns[at].values[row]
	}
	f.add(times, nil)
	for _, w := range fields {
		named := make(map[string]string, len(factors))
		for i, factor := range factors {
			named[t.columns[factor].name] = w.labels[i]
		}
		f.add(w.column, named)
	}
	return nil
}

// timeLines returns for each row of a long table the row of the wide one.
func timeLines(times column) ([]int, error) {
	lines := make([]int, len(times.values))
	line, last := -1, int64(0)
	for row, value := range times.values {
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
func (t *table) series(factors []int) (of []int, labels [][]string, err error) {
	names := map[string]bool{}
	for _, i := range factors {
		if names[t.columns[i].name] {
			return nil, nil, fmt.Errorf("two columns are called %s", t.columns[i].name)
		}
		names[t.columns[i].name] = true
	}
	known := map[string]int{}
	of = make([]int, t.rows())
	var key strings.Builder
	for row := range of {
		key.Reset()
		text := make([]string, len(factors))
		for k, i := range factors {
			text[k] = cell(t.columns[i].values[row]) // A null is an empty label.
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
