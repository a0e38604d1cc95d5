package replay

import (
	"slices"
	"strings"
)

// From returns the columns that a field of the events comes from, for people; empty if it has none.
func (m *Mapping) From(field string) string {
	var names []string
	add := func(from *ref) {
		if from != nil && !slices.Contains(names, from.name) {
			names = append(names, from.name)
		}
	}
	switch field {
	case fieldTime:
		add(m.time.column)
	case fieldID:
		for _, part := range m.id {
			for _, from := range part.columns {
				add(from)
			}
		}
	case fieldRevision:
		add(m.revision.column)
	}
	for _, r := range m.allRules() {
		if r.field.TextName() == field {
			for _, from := range slices.Concat(r.columns, r.minus) {
				add(from)
			}
		}
	}
	return strings.Join(names, ", ")
}

// allRules are those of the fields and of the pivot.
func (m *Mapping) allRules() []rule {
	all := slices.Clone(m.rules)
	if m.pivot != nil {
		for _, of := range m.pivot.fields {
			all = append(all, of...)
		}
	}
	return all
}
