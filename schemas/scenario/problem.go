package scenario

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a scenario file or a table it names.
type Problem struct {
	File         string
	Line, Column int    // From 1, the column in bytes; 0 where there is none.
	Where        string // The field: "streams[0].curve.points[1].value". Empty for the whole file.
	What         string // What is wrong: "is 0".
	Remedy       string // What to do about it.
}

// String returns the problem in the form of compilers: file:line:column: where what; remedy.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	b.WriteString(": ")
	if p.Where != "" {
		b.WriteString(p.Where + " ")
	}
	b.WriteString(p.What)
	if p.Remedy != "" {
		b.WriteString("; " + p.Remedy)
	}
	return b.String()
}

// Error is all that is wrong with a scenario, in the order of its lines.
type Error struct{ Problems []Problem }

// Error returns the problems, one a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// problems gathers what is wrong with one file.
type problems struct {
	file string
	list []Problem
}

func (p *problems) add(at position, where, remedy, format string, args ...any) {
	p.list = append(p.list, Problem{
		File: p.file, Line: at.line, Column: at.column, Where: where, What: fmt.Sprintf(format, args...), Remedy: remedy,
	})
}

// err returns what was gathered, nil if nothing was.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return &Error{Problems: p.list}
}

// position is a place in a file, from 1.
type position struct{ line, column int }
