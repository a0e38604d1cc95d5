package mapping

import (
	"strings"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/numbers"
	"tidemark/producers/formats/rows"
	"tidemark/schemas"
)

// apply sets the field of a rule from the row. It returns the column at fault, which may be nil, and its problem; an
// empty problem if there is none.
func (m *Rows) apply(f *field, r *rows.Row) (*ref, string) {
	if len(f.where) > 0 && !f.where.holds(r.Values) {
		return nil, ""
	}
	switch f.origin {
	case fromSum:
		return m.applySum(f, r)
	case fromSpan:
		return m.applySpan(f, r)
	default:
	}
	text, from, problem := m.text(f, r)
	switch {
	case problem != "" && from != nil && r.Wrong != nil && r.Wrong[from.at] != "" && !fields.IsRefused(f.field):
		m.lenient.Note(f.field.TextName(), text, r.Wrong[from.at])
		return nil, ""
	case problem != "":
		return from, problem
	case text == "":
		if (f.name == fields.Requests || f.name == fields.Weight) && from != nil && !f.optional && !m.mapping.repeats.joins() {
			m.lenient.Keep(f.name, "", "is empty, and the row counts as one; give default: N to the field if that is right")
		}
		return nil, ""
	case f.users:
		m.setUser(f, text, from, r)
		return nil, ""
	}
	return m.put(f, text, from, r)
}

// text returns the text for a field and its column; an empty text if the row has none.
func (m *Rows) text(f *field, r *rows.Row) (text string, from *ref, problem string) {
	if f.origin == fromConstant {
		return f.constant, nil, ""
	}
	for _, from = range f.columns {
		if from, problem := wrong(r, from); problem != "" {
			return "", from, problem
		}
		if text = r.Values[from.at]; text != "" && !m.mapping.nothing.set[text] {
			break
		}
		if _, known := f.values[text]; known {
			break
		}
		text = ""
	}
	meaning, known := f.values[text]
	switch {
	case known:
		return meaning, from, ""
	case f.cell.Exact && isNothing(text) && !m.mapping.nothing.none():
		_, problem = m.fault(from, f.name, faults.Quote(text)+" stands for nothing, most likely: list it in the mapping, null: ["+yamlText(text)+"], or write null: [] if it is a name")
		return "", from, problem
	case text == "":
		return f.fallback, from, ""
	case f.values == nil:
		return m.something(f, text), from, ""
	case f.fallback != "":
		return f.fallback, from, ""
	}
	problem = "is not among the values that " + m.mapping.file + " lists: add it there, or default: VALUE"
	if !fields.IsRefused(f.field) {
		m.lenient.Note(f.name, text, problem)
		return "", from, ""
	}
	_, problem = m.fault(from, f.name, faults.Quote(text)+" "+problem)
	return "", from, problem
}

// something returns the text. If it is a word for nothing that the mapping does not list, it is noted, and the fallback
// returned: but not for numbers and codes, which no such word is.
func (m *Rows) something(f *field, text string) string {
	if m.mapping.nothing.none() || f.cell.Text == nil && !f.users || f.cell.Upper > 0 || f.cell.Exact || !isNothing(text) {
		return text
	}
	m.lenient.Note(f.name, text, "is taken for unknown: list it in the mapping, null: ["+yamlText(text)+"], or null: [] if it is a name")
	return f.fallback
}

// put sets a field to the value of a text.
func (m *Rows) put(f *field, text string, from *ref, r *rows.Row) (*ref, string) {
	shift, problem := f.shiftOf(r)
	if problem != "" {
		return f.unit, problem
	}
	if f.cell.Upper > 0 {
		text = fields.UpperCase(f.field, text)
	}
	v, problem := m.number(f, text, shift)
	switch {
	case problem == "":
		f.cell.Set(v)
		if f.cell.Number != nil {
			m.weights.Keep(f.field, v.Number)
			if f.name == fields.Weight && v.Number > 1 && from != nil && m.mapping.typ == schemas.TokenCallType {
				m.seen.weighted++
			}
		}
	case fields.IsRefused(f.field):
		return m.fault(from, f.name, problem)
	default:
		m.lenient.Note(f.field.TextName(), text, problem)
	}
	return nil, ""
}

// number reads the text of a field, which may be a number as people write it.
func (m *Rows) number(f *field, text string, shift int) (fields.Value, string) {
	isCount, isMoney := f.cell.Number != nil || f.cell.Maybe != nil, f.cell.Money != nil
	if !isCount && !isMoney || f.origin == fromConstant {
		return f.cell.Read(text, shift, false)
	}
	plain, form := text, f.numbers
	switch {
	case numbers.IsDigits(text): // Most are.
		return f.cell.Read(text, shift, false)
	case form != nil:
		var digits int
		var problem string
		if plain, digits, problem = form.Plain(text); problem != "" {
			if problem == numbers.NotNumber {
				problem += hint(form, text)
			}
			return fields.Value{}, faults.Quote(text) + " " + problem
		}
		shift += digits
	case (isCount && shift == 0 || isMoney && shift == unitShift) && thousands.MatchString(text):
		return fields.Value{}, faults.Quote(text) + ` may be thousands or decimals: say in the mapping how numbers are written, numbers: {group: "."} or {decimal: "."}`
	}
	if isCount && numbers.Rounded(plain, false) {
		return fields.Value{}, faults.Quote(text) + " is a rounded number, as spreadsheets write long ones: export the column as a whole number"
	}
	v, problem := f.cell.Read(plain, shift, m.mapping.repeats == repeatsSum)
	if problem != "" {
		problem = faults.Quote(text) + strings.TrimPrefix(problem, faults.Quote(plain))
		switch {
		case strings.HasSuffix(problem, numbers.NotNumber):
			problem += hint(form, text)
		case strings.HasSuffix(problem, "is negative") && fields.IsRefused(f.field):
			problem += ": rows that take something back are added up with those that they correct by repeats: sum"
		}
	}
	return v, problem
}

// unitShift are the digits from a unit of money to that of its field.
const unitShift = 9

// shiftOf returns the digits of the unit, which may be in a column of the row.
func (f *field) shiftOf(r *rows.Row) (int, string) {
	if f.unit == nil {
		return f.shift, ""
	}
	shift, known := f.units[r.Values[f.unit.at]]
	if !known {
		return 0, f.unit.name + ", the unit of " + f.name + ", " + faults.Quote(r.Values[f.unit.at]) + " is not among the values that the mapping lists"
	}
	return shift, ""
}

// applySum sets a field to the sum of columns. Empty columns add nothing; if all are empty, the field is unknown.
func (m *Rows) applySum(f *field, r *rows.Row) (*ref, string) {
	var sum fields.Value
	known := false
	for _, part := range []struct {
		columns []*ref
		minus   bool
	}{{f.columns, false}, {f.minus, true}} {
		for _, from := range part.columns {
			text := r.Values[from.at]
			if text == "" || m.mapping.nothing.set[text] {
				continue
			}
			if from, problem := wrong(r, from); problem != "" {
				return from, problem
			}
			shift, problem := f.shiftOf(r)
			if problem != "" {
				return f.unit, problem
			}
			v, problem := m.number(f, text, shift)
			if problem == "" {
				problem = sum.Add(v, part.minus)
			}
			if problem != "" {
				return m.fault(from, f.name, problem)
			}
			known = true
		}
	}
	switch {
	case !known && f.fallback != "":
		return m.put(f, f.fallback, nil, r)
	case !known:
		return nil, ""
	case int64(sum.Number) < 0 && m.mapping.repeats != repeatsSum:
		return m.fault(f.columns[0], f.name, "is negative: what is taken off is more than what there is")
	}
	f.cell.Set(sum)
	if f.cell.Number != nil {
		m.weights.Keep(f.field, sum.Number)
	}
	return nil, ""
}

// applySpan sets a duration to the time from one column to another. It is unknown if one of them is empty or malformed.
func (m *Rows) applySpan(f *field, r *rows.Row) (*ref, string) {
	var ends [2]int64
	for i, from := range f.columns {
		text := r.Values[from.at]
		if text == "" || m.mapping.nothing.set[text] {
			return nil, ""
		}
		us, problem := f.time.read(f.clock[i], text, m.start)
		if problem != "" {
			m.lenient.Note(f.field.TextName(), text, problem)
			return nil, ""
		}
		ends[i] = us
	}
	if ends[1] < ends[0] {
		m.lenient.Note(f.field.TextName(), r.Values[f.columns[1].at], "is before "+f.columns[0].name)
		return nil, ""
	}
	f.cell.Set(fields.Value{Number: uint64(ends[1] - ends[0])})
	return nil, ""
}

// setUser sets the user to the hash of a text or number. The user is unknown if it is malformed.
func (m *Rows) setUser(f *field, text string, from *ref, r *rows.Row) {
	var user uint64
	var problem string
	switch {
	case numbers.LostDigits(text):
		problem = faults.Quote(text) + " is a rounded number, as spreadsheets write long ones: export the column as text"
	case from != nil && r.Bare != nil && r.Bare[from.at] && text == r.Values[from.at]:
		user, problem = m.users.OfBare(m.event.GetTenant(), text)
	default:
		user, problem = m.users.Of(m.event.GetTenant(), text)
	}
	m.lenient.Note(fields.User, text, problem)
	f.cell.Set(fields.Value{Number: user})
}
