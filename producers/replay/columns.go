package replay

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Columns is in how many of the rows the columns were that a mapping names.
type Columns struct {
	Rows int64 // Read.
	Used int64 // Those that where does not leave out.
	// Empty is how many records had none of the elements that each unfolds.
	Empty int64
	// Weighted are the calls with a weight above 1 that a column says.
	Weighted int64
	// Missing are the fields of which no row had a column.
	Missing []Missing
	// Untold is how many local times come twice, and nothing told which they are: they were taken for the first.
	Untold int64

	mapping *Mapping
	found   []int64
	near    []string
}

// Missing is a field of which no row had a column.
type Missing struct {
	Field, Column string
	Near          string // What the first row has there, for people.
	Lost          bool   // Usage is counted by the field: what it says is lost.
	Default       string // What the field is instead; empty if it is unknown.
}

// add adds what was in a file.
func (c *Columns) add(s *seen) {
	if s.mapping == nil {
		return
	}
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

// list returns the counts with the fields that are missing.
func (c Columns) list() Columns {
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

// lacks reports that no row had a column of a rule, whose field is then nowhere set. Of a sum each column has to be there.
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

// isMissing reports whether no row has the column.
func (c Columns) isMissing(of *ref) bool { return c.near[of.at] != "" && c.found[of.at] == 0 }

// isUsage reports whether usage is counted by the field of a rule.
func isUsage(r *rule) bool {
	switch name := r.field.TextName(); name {
	case fieldWeight, fieldUserWeight, fieldCost, fieldRequests:
		return true
	default:
		return r.field.Kind() == protoreflect.Uint64Kind && (strings.HasPrefix(name, "input_") || strings.HasPrefix(name, "output_"))
	}
}

// untold is how many local times nothing has told of which they are.
func (s *seen) untold() int64 {
	if s.clock == nil {
		return 0
	}
	return s.clock.Untold()
}
