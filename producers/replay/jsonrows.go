package replay

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// pathRows gives the values at the paths that the columns' names are, of the objects of a file or of the elements of arrays
// in them.
type pathRows struct {
	objects
	columns []column
	each    []string // The path to the arrays.
	depths  []int    // Of each column: how many parts of each its path begins with; it is looked up in the element there.
	rests   []string // Of each column: its path from there.

	levels []level // Of each part of the path: the elements there.
	depth  int     // The least depth at which the next row is another than the last one given.

	values []string
	bare   []bool
	wrong  []string
	found  []bool
	within []object // Of the current row: the record, and the elements on the way down.
}

// level is the elements of an array, each as it stands.
type level struct {
	items []json.RawMessage
	at    int // Of the next one.
}

func readPaths(l *lines, columns []column) (rowReader, error) {
	l.want(columns)
	n := len(columns)
	p := &pathRows{objects: objects{lines: l}, columns: columns, values: make([]string, n), bare: make([]bool, n), wrong: make([]string, n), found: make([]bool, n)}
	p.unfold(nil)
	return p, nil
}

// unfold makes a row of each element of the arrays along a path.
func (p *pathRows) unfold(each []string) {
	p.each = each
	p.levels, p.within = make([]level, len(each)), make([]object, len(each)+1)
	p.depths, p.rests = make([]int, len(p.columns)), make([]string, len(p.columns))
	for i, want := range p.columns {
		p.rests[i] = want.name
		for depth := 1; depth <= len(each); depth++ {
			if rest, ok := strings.CutPrefix(want.name, strings.Join(each[:depth], ".")+"."); ok {
				p.depths[i], p.rests[i] = depth, rest
			}
		}
	}
}

func (p *pathRows) next() (row, error) {
	for {
		some, problem := p.element()
		if problem != "" {
			each := strings.Join(p.each, ".")
			return row{}, p.bad(each, each+" "+problem)
		}
		if some {
			break
		}
		found, err := p.objects.next()
		if err != nil {
			return row{}, err
		}
		p.within[0], p.depth = found, 0
		if len(p.each) == 0 {
			break
		}
		problem = p.open(1)
		if problem == "" && len(p.levels[0].items) == 0 {
			p.lines.seen.empty++
		}
		if problem != "" {
			return row{}, p.bad(p.each[0], p.each[0]+" "+problem)
		}
	}
	for i, want := range p.columns {
		if p.depths[i] < p.depth {
			continue // As it was.
		}
		value, ok := p.within[p.depths[i]].lookup(p.rests[i])
		read := plain
		if want.exact {
			read = exact
		}
		p.found[i], p.bare[i] = ok, !isText(value)
		if p.values[i], p.wrong[i] = read(value); p.wrong[i] != "" {
			p.values[i] = string(value) // For a condition: there is something.
		}
	}
	p.depth = len(p.each) + 1
	return row{
		values: p.values, bare: p.bare, wrong: p.wrong, found: p.found, near: p.near, line: p.number, column: p.place,
	}, nil
}

// place is where column i begins; of elements the beginning of the record, in which they are not looked for one by one.
func (p *pathRows) place(i int) int {
	if len(p.each) > 0 {
		return p.indent + 1
	}
	return p.columnOf(p.columns[i].name)
}

// element goes to the next element of the record; false if there is none. The problem, to be read after the path, is that of one
// element: there may be others after it.
func (p *pathRows) element() (some bool, problem string) {
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
		var element object
		if json.Unmarshal(item, &element) != nil {
			return false, "has an element that is no object: " + quote(string(item))
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
func (p *pathRows) open(d int) (problem string) {
	l := &p.levels[d-1]
	l.items, l.at = nil, 0
	value, ok := p.within[d-1].lookup(p.each[d-1])
	value = unquoted(bytes.TrimSpace(value))
	switch {
	case !ok, string(value) == "null":
	case bytes.HasPrefix(value, []byte("{")):
		l.items = []json.RawMessage{value}
	case !bytes.HasPrefix(value, []byte("[")) || json.Unmarshal(value, &l.items) != nil:
		return "is no array of objects: " + quote(string(value))
	}
	return ""
}

// near says what the current row has where path i leads to nothing.
func (p *pathRows) near(i int) string { return nearest(p.within[p.depths[i]], p.rests[i]) }

// nearest says what an object has in the place where a path leads to nothing: the keys beside it, or what is in the way.
func nearest(o object, path string) string {
	for at := len(path); at > 0; at = strings.LastIndexByte(path[:at], '.') {
		inner, ok := o.lookup(path[:max(at, 0)])
		if !ok {
			continue
		}
		inner = unquoted(inner)
		var beside object
		switch {
		case bytes.HasPrefix(inner, []byte("[")):
			return path[:at] + " is an array: write each: " + path[:at] + " for a row of each element, or the place of one, as in " + path[:at] + ".0" + path[at:]
		case json.Unmarshal(inner, &beside) == nil && beside != nil:
			return path[:at] + " has " + keysOf(beside)
		default:
			return path[:at] + " is " + quote(string(inner)) + ", which has no parts"
		}
	}
	return "there are " + keysOf(o)
}

func keysOf(o object) string {
	if len(o) == 0 {
		return "nothing"
	}
	return shownNames(slices.Sorted(maps.Keys(o)))
}
