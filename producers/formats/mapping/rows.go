package mapping

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/numbers"
	"tidemark/producers/formats/rows"
	"tidemark/producers/formats/times"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// ErrLeftOut is the error of a row that the condition where of the mapping leaves out. It is not a problem.
var ErrLeftOut = errors.New("the row is left out by where")

// Rows makes the events of rows by a mapping.
type Rows struct {
	mapping *Mapping
	labels  fields.Labels
	start   time.Time
	reader  rows.Reader
	lenient fields.Lenient
	seen    Seen
	event   schemas.Event
	cells   map[string]*fields.Cell
	fields  []field // Those that rows set, the user's last, since it is hashed within the tenant.
	pivot   map[string][]field
	id      *fields.Cell
	time    *fields.Cell
	resets  []reset
	tenant  *fields.Cell

	clock, revisions *times.Reader

	key, joined []byte
	users       fields.UserHash
	weights     fields.Weights
}

// field is a rule and what it sets.
type field struct {
	*rule
	cell  *fields.Cell
	clock [2]*times.Reader // Of a span.
	users bool
}

// reset is a field that rows set, and its value before.
type reset struct {
	cell *fields.Cell
	to   fields.Value
}

// NewRows returns the events of lines by a mapping. read makes rows of the lines. start is that of relative times, and
// users may be nil if the mapping sets no user.
func NewRows(m *Mapping, l *rows.Lines, read func(*rows.Lines, []rows.Column) (rows.Reader, error), labels fields.Labels, start time.Time, users *fields.Users) (*Rows, error) {
	l.Delimiter = m.delimiter
	reader, err := read(l, m.columns)
	if err != nil {
		return nil, err
	}
	switch p, ok := reader.(*rows.PathRows); {
	case ok:
		p.Unfold(m.each)
	case m.each != nil:
		return nil, fmt.Errorf("%s says each, which is for arrays in JSON and Parquet, and the file is CSV", m.file)
	}
	r := &Rows{
		mapping: m, labels: labels, start: start, reader: reader, event: fields.New(m.typ, labels), users: users.Hash(),
		clock: m.time.reader(), revisions: m.revision.time.reader(),
	}
	r.seen.begin(m)
	r.seen.clock = r.clock
	if call, ok := r.event.(*usagev1.TokenCall); ok {
		call.Status = usagev1.Status_STATUS_OK
	}
	r.compile()
	return r, nil
}

// compile finds the cells that the rules set.
func (m *Rows) compile() {
	m.cells = fields.Cells(m.event)
	m.cells[fields.Source].Set(fields.Value{Text: m.mapping.source}) // It is UTF-8.
	m.id, m.time, m.tenant = m.cells[fields.ID], m.timeCell(), m.cells[fields.Tenant]
	var users []field
	for i := range m.mapping.rules {
		f := m.field(&m.mapping.rules[i])
		switch {
		case f.name == fields.Tenant && m.labels.Tenant != "" || f.name == fields.Product && m.labels.Product != "": // Flags go before.
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
		if name != fields.Source && name != fields.Time && (m.mapping.lines[name] > 0 || name == fields.ID || name == fields.Revision || m.isPart(name) || m.mapping.typ == schemas.TokenCallType && name == "model") {
			m.resets = append(m.resets, reset{c, c.Get()})
		}
	}
}

// isPart reports whether a total that rows have sets the field.
func (m *Rows) isPart(name string) bool {
	return slices.ContainsFunc(fields.Totals, func(of fields.Total) bool { return of.Part == name && m.mapping.lines[of.Name] > 0 })
}

// timeCell returns the cell of the time, which is there from now on.
func (m *Rows) timeCell() *fields.Cell {
	fields.SetTime(m.event, 0)
	return m.cells[fields.Time]
}

func (m *Rows) field(r *rule) field {
	f := field{rule: r, cell: m.cells[r.field.TextName()], users: r.name == fields.User}
	if r.origin == fromSpan {
		f.clock = [2]*times.Reader{r.time.reader(), r.time.reader()}
	}
	return f
}

// Noted are the values that could not be read in the row of the last Next.
func (m *Rows) Noted() *fields.Lenient { return &m.lenient }

// Notes are warnings about the file: there are none.
func (m *Rows) Notes() []string { return nil }

// Columns counts in how many rows the columns were.
func (m *Rows) Columns() *Seen {
	if p, ok := m.reader.(*rows.PathRows); ok {
		m.seen.empty = p.Empty
	}
	return &m.seen
}

// Next returns the event of the next row, number n of the file from 1, valid until the next call. It returns
// ErrLeftOut, fields.ErrNothing or a *faults.RowError for a row that makes no event.
func (m *Rows) Next(n uint64) (schemas.Event, error) {
	m.lenient.Reset()
	r, err := m.reader.Next()
	if err != nil {
		return nil, err
	}
	m.seen.row(r)
	if !m.mapping.where.holds(r.Values) {
		return nil, ErrLeftOut
	}
	m.seen.used++
	if from, text := m.set(r, n); text != "" {
		return nil, &faults.RowError{Line: r.Line, Column: r.Column(place(from)), Text: text}
	}
	if err := m.weights.Settle(m.event.ProtoReflect()); err != nil {
		return nil, err
	}
	if m.mapping.repeats.joins() {
		return m.event, nil // It is judged when it is whole.
	}
	if problem, err := m.finish(m.event); problem != nil {
		from, text := m.blame(problem)
		return nil, &faults.RowError{Line: r.Line, Column: r.Column(place(from)), Text: text}
	} else if err != nil {
		return nil, err
	}
	return m.event, nil
}

// place is the index of a column; 0 for nil.
func place(from *ref) int {
	if from == nil {
		return 0
	}
	return from.at
}

// Skim is Next for the identity and the time alone, in microseconds since 1970. It does not validate the rest of the
// row.
func (m *Rows) Skim(n uint64) (identity schemas.Identity, us int64, err error) {
	m.lenient.Reset()
	r, err := m.reader.Next()
	if err != nil {
		return identity, 0, err
	}
	if !m.mapping.where.holds(r.Values) {
		return identity, 0, ErrLeftOut
	}
	for i := range m.fields {
		if f := &m.fields[i]; f.cell == m.tenant {
			f.cell.Reset(fields.Value{Text: m.labels.Tenant})
			if from, text := m.apply(f, &r); text != "" {
				return identity, 0, &faults.RowError{Line: r.Line, Column: r.Column(place(from)), Text: text}
			}
		}
	}
	if from, text := m.identify(&r, n); text != "" {
		return identity, 0, &faults.RowError{Line: r.Line, Column: r.Column(place(from)), Text: text}
	}
	return schemas.IdentityOf(*m.tenant.Text, m.mapping.source, *m.id.Text), m.event.GetTimeUs(), nil
}

// set makes the event of row n. It returns the column at fault, which may be nil, and its problem; an empty problem if
// there is none.
func (m *Rows) set(r rows.Row, n uint64) (*ref, string) {
	for _, of := range m.resets {
		of.cell.Reset(of.to)
	}
	m.weights = fields.Weights{}
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

// applyPivot sets the fields for the kind of the row.
func (m *Rows) applyPivot(r *rows.Row) (*ref, string) {
	from := m.mapping.pivot.column
	fields, known := m.pivot[r.Values[from.at]]
	if !known {
		return from, from.name + " " + faults.Quote(r.Values[from.at]) + " is not among the kinds that " + m.mapping.file + " lists under pivot.fields: add it, or write " + yamlText(r.Values[from.at]) + ": " + ignored
	}
	for i := range fields {
		if from, text := m.apply(&fields[i], r); text != "" {
			return from, text
		}
	}
	return nil, ""
}

// identify sets time, id and revision.
func (m *Rows) identify(r *rows.Row, n uint64) (*ref, string) {
	if from, text := wrong(r, m.mapping.time.column); text != "" {
		return from, text
	}
	us, problem := m.mapping.time.read(m.clock, r.Values[m.mapping.time.column.at], m.start)
	if problem != "" {
		return m.mapping.time.column, m.mapping.time.column.name + " " + problem
	}
	id, from, problem := m.idOf(r, n)
	if problem != "" {
		return from, from.name + " " + problem
	}
	m.time.At(us)
	*m.id.Text = id
	switch m.mapping.revision.kind {
	case revisionPosition:
		fields.SetRevision(m.event, n)
	case RevisionFrom:
		from := m.mapping.revision.column
		revision, problem := m.mapping.revision.read(m.revisions, r.Values[from.at])
		if problem != "" {
			return m.fault(from, fields.Revision, problem)
		}
		fields.SetRevision(m.event, revision)
	case RevisionOfRow: // Known when the rows of the id are together.
	}
	return nil, ""
}

// wrong returns the problem of a value that is neither a text nor a number.
func wrong(r *rows.Row, from *ref) (*ref, string) {
	if r.Wrong == nil || r.Wrong[from.at] == "" {
		return nil, ""
	}
	return from, from.name + " " + r.Wrong[from.at]
}

// fault words a problem with the column of a field.
func (m *Rows) fault(from *ref, field, problem string) (*ref, string) {
	switch {
	case from == nil || from.name == field:
		return from, field + " " + problem
	default:
		return from, from.name + ", the " + field + ", " + problem
	}
}

// blame returns the column that set the field of an error, and the problem in words.
func (m *Rows) blame(bad *schemas.FieldError) (*ref, string) {
	if bad.Field == fields.Time {
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
		if _, isTotal := fields.TotalNamed(bad.Field); isTotal {
			return m.fault(from, r.name, bad.Problem)
		}
		return m.fault(from, r.name, "does not fit: "+bad.Error())
	}
	return nil, bad.Error()
}

// escapes keep slashes within a part of an id apart from those between parts.
var escapes = strings.NewReplacer(`\`, `\\`, "/", `\/`)

// idOf returns the id of the row by the rule in the comment of package formats; or the column at fault and its problem,
// to be read after a name.
func (m *Rows) idOf(r *rows.Row, n uint64) (id string, from *ref, problem string) {
	values := r.Values
	if len(m.mapping.id) == 0 {
		m.key = m.key[:0]
		if m.mapping.time.relative {
			m.key = binary.BigEndian.AppendUint64(m.key, uint64(m.start.UnixMicro()))
		}
		for i, column := range m.mapping.columns {
			m.key = fields.AppendLengthed(fields.AppendLengthed(m.key, column.Name), values[i])
		}
		id, m.joined = fields.RowID(n, m.key, m.joined)
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

// partOf returns a part of the id; or the column at fault and its problem, to be read after a name.
func (m *Rows) partOf(r *rows.Row, of idPart) (part string, from *ref, problem string) {
	for _, from = range of.columns {
		if part = r.Values[from.at]; part != "" && !m.mapping.nothing.set[part] {
			break
		}
		part = ""
	}
	switch {
	case part == "" && of.optional && len(m.mapping.id) > 1:
		return "", from, ""
	case part == "":
		return "", from, "is empty, and the id is made of it: if it may be, write {column: " + from.name + ", optional: true} in a list of several, or {first: [...]}"
	case r.Wrong != nil && r.Wrong[from.at] != "":
		return "", from, r.Wrong[from.at]
	case !utf8.ValidString(part):
		return "", from, fields.NotUTF8(part)
	case numbers.LostDigits(part):
		return "", from, faults.Quote(part) + " is a rounded number, as spreadsheets write long ones, and the same for others: export the column as text"
	case isNothing(part) && !m.mapping.nothing.none():
		return "", from, faults.Quote(part) + " stands for nothing, most likely, and is the same in other rows: list it in the mapping, null: [" + yamlText(part) + "], or write null: [] if it is a name"
	}
	return part, from, ""
}
