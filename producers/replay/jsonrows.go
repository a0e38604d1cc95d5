package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
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

	waiting [][]object // Elements of the record that are still to come: the objects from the record down to the element.

	values []string
	bare   []bool
	wrong  []string
	found  []bool
	within []object // Of the current row.
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
	for len(p.waiting) == 0 {
		found, err := p.objects.next()
		if err != nil {
			return row{}, err
		}
		if len(p.each) == 0 {
			p.waiting = append(p.waiting[:0], []object{found})
			break
		}
		if problem := p.elements([]object{found}, 0); problem != "" {
			p.waiting = p.waiting[:0]
			each := strings.Join(p.each, ".")
			return row{}, p.bad(each, each+" "+problem)
		}
		if len(p.waiting) == 0 {
			p.lines.seen.empty++
		}
	}
	p.within = p.waiting[0]
	p.waiting = p.waiting[1:]
	for i, want := range p.columns {
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
	return row{
		values: p.values, bare: p.bare, wrong: p.wrong, found: p.found, near: p.near, line: p.number,
		column: func(i int) int { return p.columnOf(p.columns[i].name) },
	}, nil
}

// elements adds the elements below the last of the objects, which is at a depth of the path. The problem is to be read after
// the path.
func (p *pathRows) elements(within []object, depth int) (problem string) {
	if depth == len(p.each) {
		p.waiting = append(p.waiting, slices.Clone(within))
		return ""
	}
	value, ok := within[depth].lookup(p.each[depth])
	value = unquoted(bytes.TrimSpace(value))
	switch {
	case !ok, string(value) == "null":
		return ""
	case bytes.HasPrefix(value, []byte("{")):
		value = slices.Concat([]byte("["), value, []byte("]"))
	case !bytes.HasPrefix(value, []byte("[")):
		return "is no array of objects: " + quote(string(value))
	}
	var items []json.RawMessage
	if json.Unmarshal(value, &items) != nil {
		return "is no array of objects"
	}
	for _, item := range items {
		var element object
		if json.Unmarshal(item, &element) != nil || element == nil {
			return "has an element that is no object: " + quote(string(item))
		}
		if problem := p.elements(append(within[:depth+1:depth+1], element), depth+1); problem != "" {
			return problem
		}
	}
	return ""
}

// near says what the current row has where path i leads to nothing.
func (p *pathRows) near(i int) string { return nearest(p.within[p.depths[i]], p.rests[i]) }

// shownKeys is how many keys a message lists.
const shownKeys = 12

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
	keys := slices.Sorted(maps.Keys(o))
	for i := range keys {
		keys[i] = shown(keys[i])
	}
	if more := len(keys) - shownKeys; more > 0 {
		return strings.Join(keys[:shownKeys], ", ") + fmt.Sprintf(" and %d more", more)
	}
	if len(keys) == 0 {
		return "nothing"
	}
	return strings.Join(keys, ", ")
}

// shown returns a name as it is, or quoted where it may have what a terminal should not get.
func shown(name string) string {
	if quoted := quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
