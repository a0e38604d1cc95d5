package replay

import (
	"cmp"
	"math"
	"strings"

	"tidemark/producers/replay/times"
	"tidemark/schemas"
)

// apply sets the field of a rule from the row. It returns the column that is at fault, nil for none, and what is wrong; an
// empty text if nothing is.
func (m *mappedRows) apply(f *field, r *row) (*ref, string) {
	if len(f.where) > 0 && !f.where.holds(r.values) {
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
	case problem != "" && from != nil && r.wrong != nil && r.wrong[from.at] != "" && !refuses(f.field):
		m.lenient.note(f.field.TextName(), text, r.wrong[from.at])
		return nil, ""
	case problem != "":
		return from, problem
	case text == "":
		if (f.name == fieldRequests || f.name == fieldWeight) && from != nil && !f.optional && !m.mapping.repeats.joins() {
			m.lenient.keep(f.name, "", "is empty, and the row counts as one; give default: N to the field if that is right")
		}
		return nil, ""
	case f.users:
		m.setUser(f, text, from, r)
		return nil, ""
	}
	return m.put(f, text, from, r)
}

// text returns what the row says of a field, and in which column; an empty text for nothing.
func (m *mappedRows) text(f *field, r *row) (text string, from *ref, problem string) {
	if f.origin == fromConstant {
		return f.constant, nil, ""
	}
	for _, from = range f.columns {
		if from, problem := wrong(r, from); problem != "" {
			return "", from, problem
		}
		if text = r.values[from.at]; text != "" && !m.mapping.nothing.set[text] {
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
	case f.cell.exact && isNothing(text) && !m.mapping.nothing.none():
		_, problem = m.fault(from, f.name, quote(text)+" stands for nothing, most likely: list it in the mapping, null: ["+yamlText(text)+"], or write null: [] if it is a name")
		return "", from, problem
	case text == "":
		return f.fallback, from, ""
	case f.values == nil:
		return m.something(f, text), from, ""
	case f.fallback != "":
		return f.fallback, from, ""
	}
	problem = "is not among the values that " + m.mapping.file + " lists: add it there, or default: VALUE"
	if !refuses(f.field) {
		m.lenient.note(f.name, text, problem)
		return "", from, ""
	}
	_, problem = m.fault(from, f.name, quote(text)+" "+problem)
	return "", from, problem
}

// something returns the text, or the fallback for a word for nothing that the mapping does not speak of: that is counted. It
// is not for numbers, which such a word is not, nor for codes.
func (m *mappedRows) something(f *field, text string) string {
	if m.mapping.nothing.none() || f.cell.text == nil && !f.users || f.cell.upper > 0 || f.cell.exact || !isNothing(text) {
		return text
	}
	m.lenient.note(f.name, text, "is taken for unknown: list it in the mapping, null: ["+yamlText(text)+"], or null: [] if it is a name")
	return f.fallback
}

// put sets a field to what a text says.
func (m *mappedRows) put(f *field, text string, from *ref, r *row) (*ref, string) {
	shift, problem := f.shiftOf(r)
	if problem != "" {
		return f.unit, problem
	}
	if f.cell.upper > 0 {
		text = upperCase(f.field, text)
	}
	v, problem := m.number(f, text, shift)
	switch {
	case problem == "":
		f.cell.set(v)
		if f.cell.number != nil {
			m.weights.keep(f.field, v.number)
			if f.name == fieldWeight && v.number > 1 && from != nil && m.mapping.typ == schemas.TokenCallType {
				m.seen.weighted++
			}
		}
	case refuses(f.field):
		return m.fault(from, f.name, problem)
	default:
		m.lenient.note(f.field.TextName(), text, problem)
	}
	return nil, ""
}

// number reads the text of a field, which may be a number as people write it.
func (m *mappedRows) number(f *field, text string, shift int) (value, string) {
	isCount, isMoney := f.cell.number != nil || f.cell.maybe != nil, f.cell.money != nil
	if !isCount && !isMoney || f.origin == fromConstant {
		return f.cell.read(text, shift, false)
	}
	plain, form := text, f.numbers
	switch {
	case isDigits(text): // Most are.
		return f.cell.read(text, shift, false)
	case form != nil:
		var digits int
		var problem string
		if plain, digits, problem = form.plain(text); problem != "" {
			return value{}, quote(text) + " " + problem
		}
		shift += digits
	case (isCount && shift == 0 || isMoney && shift == unitShift) && thousands.MatchString(text):
		return value{}, quote(text) + ` may be thousands or decimals: say in the mapping how numbers are written, numbers: {group: "."} or {decimal: "."}`
	}
	if isCount && rounded(plain, false) {
		return value{}, quote(text) + " is a rounded number, as spreadsheets write long ones: export the column as a whole number"
	}
	v, problem := f.cell.read(plain, shift, m.mapping.repeats == repeatsSum)
	if problem != "" {
		problem = quote(text) + strings.TrimPrefix(problem, quote(plain))
		switch {
		case strings.HasSuffix(problem, "is not a number"):
			problem += form.hint(text)
		case strings.HasSuffix(problem, "is negative") && refuses(f.field):
			problem += ": rows that take something back are added up with those that they correct by repeats: sum"
		}
	}
	return v, problem
}

// unitShift are the digits from a unit of money to what its field counts.
const unitShift = 9

// shiftOf returns the digits of the unit, which a column of the row may say.
func (f *field) shiftOf(r *row) (int, string) {
	if f.unit == nil {
		return f.shift, ""
	}
	shift, known := f.units[r.values[f.unit.at]]
	if !known {
		return 0, f.unit.name + ", the unit of " + f.name + ", " + quote(r.values[f.unit.at]) + " is not among the values that the mapping lists"
	}
	return shift, ""
}

// applySum sets a field to the sum of columns; those that are empty add nothing, and if all are, it is unknown.
func (m *mappedRows) applySum(f *field, r *row) (*ref, string) {
	var sum value
	known := false
	for _, part := range []struct {
		columns []*ref
		minus   bool
	}{{f.columns, false}, {f.minus, true}} {
		for _, from := range part.columns {
			text := r.values[from.at]
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
				problem = sum.add(v, part.minus)
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
	case int64(sum.number) < 0 && m.mapping.repeats != repeatsSum:
		return m.fault(f.columns[0], f.name, "is negative: what is taken off is more than what there is")
	}
	f.cell.set(sum)
	if f.cell.number != nil {
		m.weights.keep(f.field, sum.number)
	}
	return nil, ""
}

// add adds another quantity or takes it off.
func (v *value) add(other value, minus bool) (problem string) {
	if minus {
		other.number = -other.number
		other.money, other.picos = negated(other.money, other.picos)
	}
	number, ok := added(int64(v.number), int64(other.number))
	cost, picos := int64(0), v.picos+other.picos
	if picos >= picosPerNano {
		cost, picos = 1, picos-picosPerNano
	}
	cost, fits := added(v.money+cost, other.money)
	if !ok || !fits {
		return "is too large a sum"
	}
	v.number, v.money, v.picos = uint64(number), cost, picos
	return ""
}

// negated is what is to be added instead of taking a cost off.
func negated(nanos int64, picos uint64) (int64, uint64) {
	if picos == 0 {
		return -nanos, 0
	}
	return -nanos - 1, picosPerNano - picos
}

// added is the sum of two numbers; false if it does not fit.
func added(a, b int64) (int64, bool) {
	if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
		return 0, false
	}
	return a + b, true
}

// applySpan sets a duration to the time from one column to another; unknown if one of them is empty or malformed.
func (m *mappedRows) applySpan(f *field, r *row) (*ref, string) {
	var ends [2]int64
	for i, from := range f.columns {
		text := r.values[from.at]
		if text == "" || m.mapping.nothing.set[text] {
			return nil, ""
		}
		us, problem := f.time.read(f.clock[i], text, m.options.Start)
		if problem != "" {
			m.lenient.note(f.field.TextName(), text, problem)
			return nil, ""
		}
		ends[i] = us
	}
	if ends[1] < ends[0] {
		m.lenient.note(f.field.TextName(), r.values[f.columns[1].at], "is before "+f.columns[0].name)
		return nil, ""
	}
	f.cell.set(value{number: uint64(ends[1] - ends[0])})
	return nil, ""
}

// setUser sets the user that the text is, or the number where the column has one; unknown if it is malformed.
func (m *mappedRows) setUser(f *field, text string, from *ref, r *row) {
	var user uint64
	var problem string
	switch {
	case lostDigits(text):
		problem = quote(text) + " is a rounded number, as spreadsheets write long ones: export the column as text"
	case from != nil && r.bare != nil && r.bare[from.at] && text == r.values[from.at]:
		user, problem = m.users.ofBare(m.event.GetTenant(), text)
	default:
		user, problem = m.users.of(m.event.GetTenant(), text)
	}
	m.lenient.note(fieldUser, text, problem)
	f.cell.set(value{number: user})
}

// lostDigits reports whether a text that names something is a long number that was rounded.
func lostDigits(text string) bool {
	const kept, long = 15, 19 // Digits that a spreadsheet keeps, and of a number that is an id.
	if len(text) >= long && isDigits(text) && strings.Trim(text[kept:], "0") == "" {
		return true
	}
	return strings.IndexByte(text, '+') > 0 && rounded(text, true)
}

// emptyColumn is what a CSV file has of a column that is empty in all rows.
const emptyColumn = "the column is empty in all of them"

// seen counts in how many rows the columns of a mapping were.
type seen struct {
	mapping *Mapping
	rows    int64 // Read.
	used    int64 // Of which where holds.
	empty   int64 // Records without an element that each names.
	found   []int64
	near    []string // Of each column: what the first row that lacks it has instead.
	clock   *times.Reader

	weighted int64 // Calls with a weight above 1.
}

func (s *seen) begin(m *Mapping) {
	*s = seen{mapping: m, found: make([]int64, len(m.columns)), near: make([]string, len(m.columns))}
}

// row counts a row.
func (s *seen) row(r row) {
	s.rows++
	for i := range s.found {
		switch {
		case r.found == nil && r.values[i] != "", r.found != nil && r.found[i]:
			s.found[i]++
		case s.near[i] != "":
		case r.near != nil && !r.found[i]:
			s.near[i] = cmp.Or(r.near(i), "-")
		case r.found == nil:
			s.near[i] = emptyColumn
		}
	}
}
