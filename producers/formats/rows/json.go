package rows

// jsonRows reads the values of objects as they are written.
type jsonRows struct {
	Objects
	columns []Column
	values  []string
}

// JSON reads the values of JSON objects as they are written. An object that lacks a required column is a problem of its
// row.
func JSON(l *Lines, columns []Column) (Reader, error) {
	l.want(columns)
	return &jsonRows{Objects: Objects{Lines: l}, columns: columns, values: make([]string, len(columns))}, nil
}

func (j *jsonRows) Next() (Row, error) {
	found, err := j.Objects.Next()
	if err != nil {
		return Row{}, err
	}
	for i, want := range j.columns {
		value, ok := found[want.Name]
		for _, other := range want.Others {
			if !ok {
				value, ok = found[other]
			}
		}
		if !ok && want.Required {
			return Row{}, j.fault(0, "there is no "+want.Name)
		}
		j.values[i] = string(value)
		if j.values[i] == "null" {
			j.values[i] = ""
		}
	}
	return Row{Values: j.values, Line: j.number, Column: func(i int) int { return j.columnOf(j.columns[i].Name) }}, nil
}
