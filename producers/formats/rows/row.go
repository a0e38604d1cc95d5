// Package rows reads the rows of text: CSV, JSON objects, and the elements of arrays in them.
//
//	text -> Lines -> CSV               ─┐
//	              -> Objects -> JSON   ─┼─> Reader: Row
//	                         -> Paths  ─┘
//
// A Reader reads forward and keeps at most one row, in memory that the next call of Next overwrites: whoever keeps a
// value copies it. A row that cannot be read is a *faults.RowError and costs one row, as a rule: reading goes on with
// the line after its first one.
package rows

import (
	"fmt"
	"slices"

	"tidemark/producers/formats/faults"
)

// Column is a column that a reader looks for.
type Column struct {
	Name     string
	Others   []string // Names that mean the same.
	Required bool     // The file must have it; its values may be empty.
	Why      string   // Why it is required, for messages; empty if the format requires it.
	Exact    bool     // Identities are made of it, so that its bytes must not be changed.
}

// in returns the index of the column in a header; -1 if it is not there.
func (c Column) in(header []string) int {
	at := slices.Index(header, c.Name)
	for _, other := range c.Others {
		if at < 0 {
			at = slices.Index(header, other)
		}
	}
	return at
}

// missing is the end of a message about a missing column: why it is required, and which columns there are.
func (c Column) missing(header []string) string {
	if c.Why == "" {
		return ""
	}
	return fmt.Sprintf(", %s; the columns are %s", c.Why, faults.Names(header))
}

// Reader reads the data rows of a file. Next returns a *faults.RowError or *faults.OnceError for a row that cannot be
// read, ErrHeader for a header again, and io.EOF after the last row. Any other error ends the file.
type Reader interface {
	Next() (Row, error)
}

// Row is one data row, valid until the next is asked for.
type Row struct {
	Values []string // By the columns of the format, without space around them; empty where the row has none.
	Line   int
	Column func(i int) int    // Where value i stands, in bytes from 1.
	Bare   []bool             // Of values of JSON: those that are numbers or truths and no texts; nil elsewhere.
	Wrong  []string           // Of values of JSON: why they are no text and no number; nil elsewhere.
	Found  []bool             // Of paths into JSON: those that the row has; nil where the file has every column.
	Near   func(i int) string // What the row has where path i leads to nothing; nil like found.
}
