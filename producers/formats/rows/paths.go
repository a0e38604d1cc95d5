package rows

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/jsonpath"
)

// PathRows reads the values at paths of the objects of a file, or of the elements of arrays in them.
type PathRows struct {
	Objects
	columns []Column
	each    []string // The path to the arrays.
	depths  []int    // Of each column: how many parts of each its path begins with; it is looked up in the element there.
	rests   []string // Of each column: its path from there.

	levels []level // Of each part of the path: the elements there.
	depth  int     // The least depth at which the next row is another than the last one given.

	values []string
	bare   []bool
	wrong  []string
	found  []bool
	Empty  int64             // Records without an element.
	within []jsonpath.Object // Of the current row: the record, and the elements on the way down.
}

// level is the elements of an array, each as it stands.
type level struct {
	items []json.RawMessage
	at    int // Of the next one.
}

// Paths reads the values at the paths that the names of the columns are.
func Paths(l *Lines, columns []Column) (Reader, error) {
	l.want(columns)
	n := len(columns)
	p := &PathRows{Objects: Objects{Lines: l}, columns: columns, values: make([]string, n), bare: make([]bool, n), wrong: make([]string, n), found: make([]bool, n)}
	p.Unfold(nil)
	return p, nil
}

// Unfold makes one row of each element of the arrays along a path. Call it before the first Next.
func (p *PathRows) Unfold(each []string) {
	p.each = each
	p.levels, p.within = make([]level, len(each)), make([]jsonpath.Object, len(each)+1)
	p.depths, p.rests = make([]int, len(p.columns)), make([]string, len(p.columns))
	for i, want := range p.columns {
		p.rests[i] = want.Name
		for depth := 1; depth <= len(each); depth++ {
			if rest, ok := strings.CutPrefix(want.Name, strings.Join(each[:depth], ".")+"."); ok {
				p.depths[i], p.rests[i] = depth, rest
			}
		}
	}
}

// Next returns the next row, see Reader.
func (p *PathRows) Next() (Row, error) {
	for {
		some, problem := p.element()
		if problem != "" {
			each := strings.Join(p.each, ".")
			return Row{}, p.Bad(each, each+" "+problem)
		}
		if some {
			break
		}
		found, err := p.Objects.Next()
		if err != nil {
			return Row{}, err
		}
		p.within[0], p.depth = found, 0
		if len(p.each) == 0 {
			break
		}
		problem = p.open(1)
		if problem == "" && len(p.levels[0].items) == 0 {
			p.Empty++
		}
		if problem != "" {
			return Row{}, p.Bad(p.each[0], p.each[0]+" "+problem)
		}
	}
	for i, want := range p.columns {
		if p.depths[i] < p.depth {
			continue // As it was.
		}
		value, ok := p.within[p.depths[i]].Lookup(p.rests[i])
		read := jsonpath.Text
		if want.Exact {
			read = jsonpath.Exact
		}
		p.found[i], p.bare[i] = ok, !jsonpath.IsText(value)
		if p.values[i], p.wrong[i] = read(value); p.wrong[i] != "" {
			p.values[i] = string(value) // For a condition: there is something.
		}
	}
	p.depth = len(p.each) + 1
	return Row{
		Values: p.values, Bare: p.bare, Wrong: p.wrong, Found: p.found, Near: p.near, Line: p.number, Column: p.place,
	}, nil
}

// place is where column i begins; of elements the beginning of the record, in which they are not looked for one by one.
func (p *PathRows) place(i int) int {
	if len(p.each) > 0 {
		return p.indent + 1
	}
	return p.columnOf(p.columns[i].Name)
}

// element goes to the next element of the record; false if there is none. The problem, to be read after the path, is
// that of one element: there may be others after it.
func (p *PathRows) element() (some bool, problem string) {
	for d := len(p.each); d > 0; {
		l := &p.levels[d-1]
		if l.at == len(l.items) {
			d--
			continue
		}
		item := l.items[l.at]
		l.at++
		if string(item) == "null" {
			continue
		}
		var element jsonpath.Object
		if json.Unmarshal(item, &element) != nil {
			return false, "has an element that is no object: " + faults.Quote(string(item))
		}
		p.within[d], p.depth = element, min(p.depth, d)
		if d == len(p.each) {
			return true, ""
		}
		d++
		if problem := p.open(d); problem != "" {
			return false, problem
		}
	}
	return false, ""
}

// open begins with the elements at a depth, from 1, of what is above it. The problem is to be read after the path.
func (p *PathRows) open(d int) (problem string) {
	l := &p.levels[d-1]
	l.items, l.at = nil, 0
	value, ok := p.within[d-1].Lookup(p.each[d-1])
	value = jsonpath.Unquoted(bytes.TrimSpace(value))
	switch {
	case !ok, string(value) == "null":
	case bytes.HasPrefix(value, []byte("{")):
		l.items = []json.RawMessage{value}
	case !bytes.HasPrefix(value, []byte("[")) || json.Unmarshal(value, &l.items) != nil:
		return "is no array of objects: " + faults.Quote(string(value))
	}
	return ""
}

// near says what the current row has where path i leads to nothing.
func (p *PathRows) near(i int) string { return nearest(p.within[p.depths[i]], p.rests[i]) }

// nearest says what an object has in the place where a path leads to nothing: the keys beside it, or what is in the
// way.
func nearest(o jsonpath.Object, path string) string {
	for at := len(path); at > 0; at = strings.LastIndexByte(path[:at], '.') {
		inner, ok := o.Lookup(path[:max(at, 0)])
		if !ok {
			continue
		}
		inner = jsonpath.Unquoted(inner)
		var beside jsonpath.Object
		switch {
		case bytes.HasPrefix(inner, []byte("[")):
			return path[:at] + " is an array: write each: " + path[:at] + " for a row of each element, or the place of one, as in " + path[:at] + ".0" + path[at:]
		case json.Unmarshal(inner, &beside) == nil && beside != nil:
			return path[:at] + " has " + keysOf(beside)
		default:
			return path[:at] + " is " + faults.Quote(string(inner)) + ", which has no parts"
		}
	}
	return "there are " + keysOf(o)
}

func keysOf(o jsonpath.Object) string {
	if len(o) == 0 {
		return "nothing"
	}
	return faults.Names(slices.Sorted(maps.Keys(o)))
}
