package mapping

import (
	"cmp"
	"slices"
	"strings"

	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/rows"
	"tidemark/producers/formats/times"
)

// Columns counts in how many rows the columns of a mapping were.
type Columns struct {
	Rows int64 // Read.
	Used int64 // Those that where does not leave out.
	// Empty is how many records had no element in the array that each names.
	Empty int64
	// Weighted is how many calls have a weight above 1 from a column.
	Weighted int64
	// Missing are the fields whose column is in no row.
	Missing []Missing
	// Untold is how many local times occur twice, when clocks are put back, and were taken for the first of the two
	// because nothing shows which one they are.
	Untold int64

	mapping *Mapping
	found   []int64
	near    []string
}

// Missing is a field whose column is in no row.
type Missing struct {
	Field, Column string
	Near          string // What the first row has there, for people.
	Lost          bool   // Usage is counted by the field, so that usage is lost.
	Default       string // What the field is instead; empty if it is unknown.
}

// Add adds the counts of a file.
func (c *Columns) Add(s *Seen) {
	c.Rows, c.Used, c.Empty, c.Untold = c.Rows+s.rows, c.Used+s.used, c.Empty+s.empty, c.Untold+s.untold()
	c.Weighted += s.weighted
	if c.mapping == nil {
		c.mapping, c.found, c.near = s.mapping, make([]int64, len(s.found)), make([]string, len(s.found))
	}
	for i := range s.found {
		c.found[i] += s.found[i]
		if c.near[i] == "" {
			c.near[i] = s.near[i]
		}
	}
}

// List returns the counts with the fields that are missing.
func (c Columns) List() Columns {
	if c.mapping == nil {
		return c
	}
	rules := c.mapping.allRules()
	for i := range rules {
		if missing, is := c.lacks(&rules[i]); is && !slices.Contains(c.Missing, missing) {
			c.Missing = append(c.Missing, missing)
		}
	}
	for _, of := range c.mapping.where.columns() {
		if c.isMissing(of) && c.near[of.at] != emptyColumn {
			c.Missing = append(c.Missing, Missing{Field: "where", Column: of.name, Near: c.near[of.at]})
		}
	}
	slices.SortFunc(c.Missing, func(a, b Missing) int { return strings.Compare(a.Field, b.Field) })
	return c
}

// lacks reports that the column of a rule is in no row. Of a sum every column must be there.
func (c Columns) lacks(r *rule) (Missing, bool) {
	all := slices.Concat(r.columns, r.minus)
	if r.optional || len(all) == 0 {
		return Missing{}, false
	}
	first := slices.IndexFunc(all, c.isMissing)
	if first < 0 || r.origin == fromFirst && slices.ContainsFunc(all, func(of *ref) bool { return !c.isMissing(of) }) {
		return Missing{}, false
	}
	near := c.near[all[first].at]
	return Missing{Field: r.name, Column: all[first].name, Near: near, Lost: isUsage(r) && near != emptyColumn, Default: r.fallback}, true
}

// isMissing reports whether the column is in no row.
func (c Columns) isMissing(of *ref) bool { return c.near[of.at] != "" && c.found[of.at] == 0 }

// isUsage reports whether usage is counted by the field of a rule.
func isUsage(r *rule) bool {
	switch name := r.field.TextName(); name {
	case fields.Weight, fields.UserWeight, fields.Cost, fields.Requests:
		return true
	default:
		return fields.IsClass(name)
	}
}

// untold is the number of local times that occur twice and were taken for the first.
func (s *Seen) untold() int64 {
	if s.clock == nil {
		return 0
	}
	return s.clock.Untold()
}

// emptyColumn is what a CSV file has in the place of a column that is empty in all rows.
const emptyColumn = "the column is empty in all of them"

// Seen counts in how many rows the columns of a mapping were.
type Seen struct {
	mapping *Mapping
	rows    int64 // Read.
	used    int64 // Of which where holds.
	empty   int64 // Records without an element that each names.
	found   []int64
	near    []string // Of each column: what the first row that lacks it has instead.
	clock   *times.Reader

	weighted int64 // Calls with a weight above 1.
}

func (s *Seen) begin(m *Mapping) {
	*s = Seen{mapping: m, found: make([]int64, len(m.columns)), near: make([]string, len(m.columns))}
}

// row counts a row.
func (s *Seen) row(r rows.Row) {
	s.rows++
	for i := range s.found {
		switch {
		case r.Found == nil && r.Values[i] != "", r.Found != nil && r.Found[i]:
			s.found[i]++
		case s.near[i] != "":
		case r.Near != nil && !r.Found[i]:
			s.near[i] = cmp.Or(r.Near(i), "-")
		case r.Found == nil:
			s.near[i] = emptyColumn
		}
	}
}
