package replay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers/replay/times"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// errLeftOut is the error of a row that the mapping leaves out: it gives no event, and nothing is wrong with it.
var errLeftOut = errors.New("the row is left out by where")

// mappedRows gives the events that a mapping makes of rows.
type mappedRows struct {
	mapping *Mapping
	options Options
	reader  rowReader
	lenient *lenient
	seen    *seen
	event   schemas.Event
	cells   map[string]*cell
	fields  []field // Those that rows set, the user's last, since it is hashed within the tenant.
	pivot   map[string][]field
	id      *cell
	time    *cell
	resets  []reset
	tenant  *cell

	clock, revisions *times.Reader

	key, joined []byte
	users       userHash
	weights     weights
}

// field is a rule and what it sets.
type field struct {
	*rule
	cell  *cell
	clock [2]*times.Reader // Of a span.
	users bool
}

// reset is a field that rows set and what it is before.
type reset struct {
	cell *cell
	to   value
}

func readMappedCSV(l *lines, o Options) (rows, error)  { return readMapped(l, o, readCSV) }
func readMappedJSON(l *lines, o Options) (rows, error) { return readMapped(l, o, readPaths) }

func readMapped(l *lines, o Options, read func(*lines, []column) (rowReader, error)) (rows, error) {
	l.delimiter = o.Mapping.delimiter
	reader, err := read(l, o.Mapping.columns)
	if err != nil {
		return nil, err
	}
	switch p, ok := reader.(*pathRows); {
	case ok:
		p.unfold(o.Mapping.each)
	case o.Mapping.each != nil:
		return nil, fmt.Errorf("%s says each, which is for arrays in JSON and Parquet, and the file is CSV", o.Mapping.file)
	}
	m := &mappedRows{
		mapping: o.Mapping, options: o, reader: reader, lenient: &l.lenient, seen: &l.seen, event: base(o.Mapping.typ, o), users: o.hash(),
		clock: o.Mapping.time.reader(), revisions: o.Mapping.revision.time.reader(),
	}
	m.seen.begin(o.Mapping)
	m.seen.clock = m.clock
	if call, ok := m.event.(*usagev1.TokenCall); ok {
		call.Status = usagev1.Status_STATUS_OK
	}
	m.compile()
	return m, nil
}

// compile finds the cells that rows set.
func (m *mappedRows) compile() {
	m.cells = cellsOf(m.event)
	m.cells[fieldSource].set(value{text: m.mapping.source}) // It is UTF-8.
	m.id, m.time, m.tenant = m.cells[fieldID], m.timeCell(), m.cells[fieldTenant]
	var users []field
	for i := range m.mapping.rules {
		f := m.field(&m.mapping.rules[i])
		switch {
		case f.name == fieldTenant && m.options.Tenant != "" || f.name == fieldProduct && m.options.Product != "": // Flags go before.
		case f.users:
			users = append(users, f)
		default:
			m.fields = append(m.fields, f)
		}
	}
	m.fields = append(m.fields, users...)
	if m.mapping.pivot != nil {
		m.pivot = map[string][]field{}
		for kind, rules := range m.mapping.pivot.fields {
			m.pivot[kind] = nil
			for i := range rules {
				m.pivot[kind] = append(m.pivot[kind], m.field(&rules[i]))
			}
		}
	}
	for name, c := range m.cells {
		if name != fieldSource && name != fieldTime && (m.mapping.lines[name] > 0 || name == fieldID || name == fieldRevision || m.isPart(name) || m.mapping.typ == schemas.TokenCallType && name == "model") {
			m.resets = append(m.resets, reset{c, c.get()})
		}
	}
}

// isPart reports whether the field is what a total that rows have sets.
func (m *mappedRows) isPart(name string) bool {
	return slices.ContainsFunc(totals, func(of total) bool { return of.part == name && m.mapping.lines[of.name] > 0 })
}

// timeCell returns the cell of the time, which is there from now on.
func (m *mappedRows) timeCell() *cell {
	setTime(m.event, 0)
	return m.cells[fieldTime]
}

func (m *mappedRows) field(r *rule) field {
	f := field{rule: r, cell: m.cells[r.field.TextName()], users: r.name == fieldUser}
	if r.origin == fromSpan {
		f.clock = [2]*times.Reader{r.time.reader(), r.time.reader()}
	}
	return f
}

func (m *mappedRows) next(n uint64) (schemas.Event, error) {
	r, err := m.reader.next()
	if err != nil {
		return nil, err
	}
	m.seen.row(r)
	if !m.mapping.where.holds(r.values) {
		return nil, errLeftOut
	}
	m.seen.used++
	if from, text := m.set(r, n); text != "" {
		return nil, &rowError{line: r.line, column: r.column(place(from)), text: text}
	}
	if err := m.weights.settle(m.event.ProtoReflect()); err != nil {
		return nil, err
	}
	if m.mapping.repeats.joins() {
		return m.event, nil // It is judged when it is whole.
	}
	if problem, err := m.finish(m.event); problem != nil {
		from, text := m.blame(problem)
		return nil, &rowError{line: r.line, column: r.column(place(from)), text: text}
	} else if err != nil {
		return nil, err
	}
	return m.event, nil
}

// place is where a column is; the first for none.
func place(from *ref) int {
	if from == nil {
		return 0
	}
	return from.at
}

// skim returns the identity and the time of the next row, and nothing else of it; an error as next does.
func (m *mappedRows) skim(n uint64) (identity schemas.Identity, us int64, err error) {
	r, err := m.reader.next()
	if err != nil {
		return identity, 0, err
	}
	if !m.mapping.where.holds(r.values) {
		return identity, 0, errLeftOut
	}
	for i := range m.fields {
		if f := &m.fields[i]; f.cell == m.tenant {
			f.cell.reset(value{text: m.options.Tenant})
			if from, text := m.apply(f, &r); text != "" {
				return identity, 0, &rowError{line: r.line, column: r.column(place(from)), text: text}
			}
		}
	}
	if from, text := m.identify(&r, n); text != "" {
		return identity, 0, &rowError{line: r.line, column: r.column(place(from)), text: text}
	}
	return schemas.IdentityOf(*m.tenant.text, m.mapping.source, *m.id.text), m.event.GetTimeUs(), nil
}

// set makes the event of a row, the nth. It returns the column that is at fault, nil for none, and what is wrong; an empty
// text if nothing is.
func (m *mappedRows) set(r row, n uint64) (*ref, string) {
	for _, of := range m.resets {
		of.cell.reset(of.to)
	}
	m.weights = weights{}
	for i := range m.fields {
		if from, text := m.apply(&m.fields[i], &r); text != "" {
			return from, text
		}
	}
	if m.pivot != nil {
		if from, text := m.applyPivot(&r); text != "" {
			return from, text
		}
	}
	return m.identify(&r, n)
}

// applyPivot sets the fields that the row's kind says.
func (m *mappedRows) applyPivot(r *row) (*ref, string) {
	from := m.mapping.pivot.column
	fields, known := m.pivot[r.values[from.at]]
	if !known {
		return from, from.name + " " + quote(r.values[from.at]) + " is not among the kinds that " + m.mapping.file + " lists under pivot.fields: add it, or write " + yamlText(r.values[from.at]) + ": " + ignored
	}
	for i := range fields {
		if from, text := m.apply(&fields[i], r); text != "" {
			return from, text
		}
	}
	return nil, ""
}

// identify sets time, id and revision.
func (m *mappedRows) identify(r *row, n uint64) (*ref, string) {
	if from, text := wrong(r, m.mapping.time.column); text != "" {
		return from, text
	}
	us, problem := m.mapping.time.read(m.clock, r.values[m.mapping.time.column.at], m.options.Start)
	if problem != "" {
		return m.mapping.time.column, m.mapping.time.column.name + " " + problem
	}
	id, from, problem := m.idOf(r, n)
	if problem != "" {
		return from, from.name + " " + problem
	}
	m.time.at(us)
	*m.id.text = id
	switch m.mapping.revision.kind {
	case revisionPosition:
		setRevision(m.event, n)
	case revisionFrom:
		from := m.mapping.revision.column
		revision, problem := m.mapping.revision.read(m.revisions, r.values[from.at])
		if problem != "" {
			return m.fault(from, fieldRevision, problem)
		}
		setRevision(m.event, revision)
	case revisionOfRow: // Known when the rows of the id are together.
	}
	return nil, ""
}

// wrong says why the value of a column is no text or number.
func wrong(r *row, from *ref) (*ref, string) {
	if r.wrong == nil || r.wrong[from.at] == "" {
		return nil, ""
	}
	return from, from.name + " " + r.wrong[from.at]
}

// fault is a problem with the column of a field.
func (m *mappedRows) fault(from *ref, field, problem string) (*ref, string) {
	switch {
	case from == nil || from.name == field:
		return from, field + " " + problem
	default:
		return from, from.name + ", the " + field + ", " + problem
	}
}

// blame returns the column that an event's error comes from.
func (m *mappedRows) blame(bad *schemas.FieldError) (*ref, string) {
	if bad.Field == fieldTime {
		return m.fault(m.mapping.time.column, "time", "does not fit: "+bad.Error())
	}
	for i := range m.mapping.rules {
		r := &m.mapping.rules[i]
		if r.field.TextName() != bad.Field && r.name != bad.Field {
			continue
		}
		var from *ref
		if len(r.columns) > 0 {
			from = r.columns[0]
		}
		if _, isTotal := totalNamed(bad.Field); isTotal {
			return m.fault(from, r.name, bad.Problem)
		}
		return m.fault(from, r.name, "does not fit: "+bad.Error())
	}
	return nil, bad.Error()
}

// escapes keep what joins the parts of an id apart from what is in them.
var escapes = strings.NewReplacer(`\`, `\\`, "/", `\/`)

// idOf returns the id of the row by the rule in the package's comment; or the column at fault and what is wrong with
// it, to be read after a name.
func (m *mappedRows) idOf(r *row, n uint64) (id string, from *ref, problem string) {
	values := r.values
	if len(m.mapping.id) == 0 {
		m.key = m.key[:0]
		if m.mapping.time.relative {
			m.key = binary.BigEndian.AppendUint64(m.key, uint64(m.options.Start.UnixMicro()))
		}
		for i, column := range m.mapping.columns {
			m.key = appendLengthed(appendLengthed(m.key, column.name), values[i])
		}
		id, m.joined = rowID(n, m.key, m.joined)
		return id, nil, ""
	}
	m.joined = m.joined[:0]
	for i, of := range m.mapping.id {
		part, from, problem := m.partOf(r, of)
		switch {
		case problem != "":
			return "", from, problem
		case len(m.mapping.id) == 1:
			return part, nil, ""
		}
		if i > 0 {
			m.joined = append(m.joined, '/')
		}
		m.joined = append(m.joined, escapes.Replace(part)...)
	}
	return string(m.joined), nil, ""
}

// partOf returns a part of the id; or the column at fault and what is wrong with it, to be read after a name.
func (m *mappedRows) partOf(r *row, of idPart) (part string, from *ref, problem string) {
	for _, from = range of.columns {
		if part = r.values[from.at]; part != "" && !m.mapping.nothing.set[part] {
			break
		}
		part = ""
	}
	switch {
	case part == "" && of.optional && len(m.mapping.id) > 1:
		return "", from, ""
	case part == "":
		return "", from, "is empty, and the id is made of it: if it may be, write {column: " + from.name + ", optional: true} in a list of several, or {first: [...]}"
	case r.wrong != nil && r.wrong[from.at] != "":
		return "", from, r.wrong[from.at]
	case !utf8.ValidString(part):
		return "", from, notUTF8(part)
	case lostDigits(part):
		return "", from, quote(part) + " is a rounded number, as spreadsheets write long ones, and the same for others: export the column as text"
	case isNothing(part) && !m.mapping.nothing.none():
		return "", from, quote(part) + " stands for nothing, most likely, and is the same in other rows: list it in the mapping, null: [" + yamlText(part) + "], or write null: [] if it is a name"
	}
	return part, from, ""
}

// setTime sets the time of an event, in microseconds since 1970.
func setTime(e schemas.Event, us int64) {
	m := e.ProtoReflect()
	m.Set(m.Descriptor().Fields().ByTextName(fieldTime), protoreflect.ValueOfInt64(us))
}
