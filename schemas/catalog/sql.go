package catalog

import (
	"fmt"
	"strings"

	"tidemark/schemas"
)

// batch is how many models a statement names at the most.
const batch = 500

// SelectSQL returns the query for the whole catalog, each row a text for every column of Columns: see Read.
func SelectSQL() string {
	var columns []string
	for _, column := range Columns() {
		columns = append(columns, "ifNull(toString("+column+"), '')")
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + schemas.ModelsTable + " FINAL ORDER BY model"
}

// Read makes a model of one row of SelectSQL. scan copies the row into pointers to its columns' values.
func Read(scan func(dest ...any) error) (Model, error) {
	var m Model
	dest := []any{&m.ID}
	for _, f := range facts {
		known := f.of(&m)
		dest = append(dest, &known.Value, &known.Source)
	}
	if err := scan(dest...); err != nil {
		return Model{}, fmt.Errorf("read a model: %w", err)
	}
	if m.Weights.Value == unknown {
		m.Weights.Value = ""
	}
	return m, nil
}

// InsertSQL returns the statements that put the models into the table, where they take the place of those of the same
// name. Each may be run again.
func InsertSQL(models []Model) []string {
	return batches(models, "INSERT INTO "+schemas.ModelsTable+" ("+strings.Join(Columns(), ", ")+") VALUES ", "", func(m Model) string {
		values := []string{schemas.Quote(m.ID)}
		for _, f := range facts {
			known, value := f.of(&m), f.blank
			if known.Value != "" {
				value = schemas.Quote(known.Value)
			}
			values = append(values, value, schemas.Quote(known.Source))
		}
		return "(" + strings.Join(values, ", ") + ")"
	})
}

// DeleteSQL returns the statements that take the models out of the table. Each may be run again.
func DeleteSQL(models []Model) []string {
	return batches(models, "DELETE FROM "+schemas.ModelsTable+" WHERE model IN (", ")", func(m Model) string { return schemas.Quote(m.ID) })
}

func batches(models []Model, head, tail string, one func(Model) string) []string {
	var out []string
	for len(models) > 0 {
		n := min(len(models), batch)
		parts := make([]string, n)
		for i, m := range models[:n] {
			parts[i] = one(m)
		}
		out = append(out, head+strings.Join(parts, ", ")+tail)
		models = models[n:]
	}
	return out
}
