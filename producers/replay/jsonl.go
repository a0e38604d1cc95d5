package replay

// jsonRows reads the values of objects as they are written.
type jsonRows struct {
	objects
	columns []column
	values  []string
}

func readJSON(l *lines, columns []column) (rowReader, error) {
	l.want(columns)
	return &jsonRows{objects: objects{lines: l}, columns: columns, values: make([]string, len(columns))}, nil
}

func (j *jsonRows) next() (row, error) {
	found, err := j.objects.next()
	if err != nil {
		return row{}, err
	}
	for i, want := range j.columns {
		value, ok := found[want.name]
		for _, other := range want.others {
			if !ok {
				value, ok = found[other]
			}
		}
		if !ok && want.required {
			return row{}, j.fault(0, "there is no "+want.name)
		}
		j.values[i] = string(value)
		if j.values[i] == "null" {
			j.values[i] = ""
		}
	}
	return row{values: j.values, line: j.number, column: func(i int) int { return j.columnOf(j.columns[i].name) }}, nil
}
