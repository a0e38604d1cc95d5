package replay

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// mappedRows gives the events that a mapping makes of rows.
type mappedRows struct {
	mapping *Mapping
	options Options
	reader  rowReader
	base    schemas.Event // What every event has.
	event   schemas.Event
	key, id []byte
	users   userHash
	weights weights
}

func readMappedCSV(l *lines, o Options) (rows, error)  { return readMapped(l, o, readCSV) }
func readMappedJSON(l *lines, o Options) (rows, error) { return readMapped(l, o, readPaths) }

func readMapped(l *lines, o Options, read func(*lines, []column) (rowReader, error)) (rows, error) {
	reader, err := read(l, o.Mapping.columns)
	if err != nil {
		return nil, err
	}
	m := &mappedRows{mapping: o.Mapping, options: o, reader: reader, base: base(o.Mapping.typ, o), event: schemas.NewEvent(o.Mapping.typ), users: o.hash()}
	if call, ok := m.base.(*usagev1.TokenCall); ok {
		call.Status = usagev1.Status_STATUS_OK
	}
	return m, nil
}

func (m *mappedRows) next(n uint64) (schemas.Event, error) {
	r, err := m.reader.next()
	if err != nil {
		return nil, err
	}
	if column, text := m.set(r, n); text != "" {
		return nil, &rowError{r.line, r.column(max(column, 0)), text}
	}
	if err := m.weights.settle(m.event.ProtoReflect()); err != nil {
		return nil, err
	}
	return m.event, nil
}

// set makes the event of a row, the nth. It returns the column that is at fault, -1 for none, and what is wrong; an empty
// text if nothing is.
func (m *mappedRows) set(r row, n uint64) (int, string) {
	values := r.values
	copyInto(m.event, m.base)
	m.weights = weights{}
	message := m.event.ProtoReflect()
	fields := message.Descriptor().Fields()
	for _, users := range []bool{false, true} { // A user is hashed within the tenant.
		for i := range m.mapping.rules {
			if rule := &m.mapping.rules[i]; (rule.name == fieldUser) == users {
				if column, text := m.apply(rule, r); text != "" {
					return column, text
				}
			}
		}
	}
	for i := range m.mapping.rules {
		rule := &m.mapping.rules[i]
		of, isTotal := totalNamed(rule.name)
		if !isTotal {
			continue
		}
		if problem := subtract(message, of); problem != "" {
			return m.fault(rule.column, rule.name, problem)
		}
	}
	us, problem := m.mapping.time.read(values[m.mapping.time.column], m.options.Start)
	if problem != "" {
		return m.mapping.time.column, m.mapping.columns[m.mapping.time.column].name + " " + problem
	}
	id, column, problem := m.identify(values, n)
	if problem != "" {
		return column, m.mapping.columns[column].name + " " + problem
	}
	for name, text := range map[string]string{fieldSource: m.mapping.source, fieldID: id} {
		setField(message, fields.ByTextName(name), text, 0) // Both are UTF-8.
	}
	setTime(m.event, us)
	switch m.mapping.revision.kind {
	case revisionPosition:
		setRevision(m.event, n)
	case revisionFrom:
		from := m.mapping.revision.column
		revision, problem := m.mapping.revision.read(values[from])
		if problem != "" {
			return m.fault(from, fieldRevision, problem)
		}
		setRevision(m.event, revision)
	case revisionOfRow: // Known when the rows of the id are together.
	}
	return m.validate()
}

// apply sets the field of a rule. Flags that name tenant or product go before the mapping.
func (m *mappedRows) apply(r *rule, from row) (int, string) {
	if r.name == fieldTenant && m.options.Tenant != "" || r.name == fieldProduct && m.options.Product != "" {
		return 0, ""
	}
	text := r.constant
	if r.column >= 0 {
		text = from.values[r.column]
		meaning, known := r.values[text]
		switch {
		case text == "" && !known:
			text = r.fallback
		case r.values == nil:
		case known:
			text = meaning
		case r.fallback != "":
			text = r.fallback
		default:
			return m.fault(r.column, r.name, quote(text)+" is not among the values that "+m.mapping.file+" lists")
		}
	}
	if text == "" {
		return 0, ""
	}
	problem := ""
	if r.name == fieldUser {
		problem = m.setUser(r, text, from)
	} else {
		problem = setField(m.event.ProtoReflect(), r.field, text, r.shift)
		m.weights.note(m.event.ProtoReflect(), r.field)
	}
	if problem != "" {
		return m.fault(r.column, r.name, problem)
	}
	return 0, ""
}

// setUser sets the user that the text is, or the number where the column has one.
func (m *mappedRows) setUser(r *rule, text string, from row) (problem string) {
	var user uint64
	if r.column >= 0 && from.bare != nil && from.bare[r.column] && text == from.values[r.column] {
		user, problem = m.users.ofBare(m.event.GetTenant(), text)
	} else {
		user, problem = m.users.of(m.event.GetTenant(), text)
	}
	m.event.ProtoReflect().Set(r.field, protoreflect.ValueOfUint64(user))
	return problem
}

// fault is a problem with the column of a field.
func (m *mappedRows) fault(column int, field, problem string) (int, string) {
	if column < 0 {
		return column, field + " " + problem
	}
	if name := m.mapping.columns[column].name; name != field {
		return column, name + ", the " + field + ", " + problem
	}
	return column, field + " " + problem
}

// escapes keep what joins the parts of an id apart from what is in them.
var escapes = strings.NewReplacer(`\`, `\\`, "/", `\/`)

// identify returns the id of the row by the rule in the package's comment; or the column at fault and what is wrong with
// it, to be read after a name.
func (m *mappedRows) identify(values []string, n uint64) (id string, column int, problem string) {
	if len(m.mapping.id) > 0 {
		parts := make([]string, len(m.mapping.id))
		for i, from := range m.mapping.id {
			part := values[from]
			switch {
			case part == "":
				return "", from, "is empty, and the id is made of it"
			case !utf8.ValidString(part):
				return "", from, notUTF8(part)
			case len(parts) > 1:
				part = escapes.Replace(part)
			}
			parts[i] = part
		}
		return strings.Join(parts, "/"), 0, ""
	}
	m.key = m.key[:0]
	if m.mapping.time.relative {
		m.key = binary.BigEndian.AppendUint64(m.key, uint64(m.options.Start.UnixMicro()))
	}
	for i, column := range m.mapping.columns {
		m.key = appendLengthed(appendLengthed(m.key, column.name), values[i])
	}
	id, m.id = rowID(n, m.key, m.id)
	return id, 0, ""
}

// validate returns the first thing that is wrong with the event, and the column it comes from.
func (m *mappedRows) validate() (int, string) {
	bad := firstError(m.event)
	if bad == nil {
		return 0, ""
	}
	if bad.Field == fieldTime {
		return m.fault(m.mapping.time.column, "time", "does not fit: "+bad.Error())
	}
	for i := range m.mapping.rules {
		if r := &m.mapping.rules[i]; r.field.TextName() == bad.Field {
			return m.fault(r.column, r.name, "does not fit: "+bad.Error())
		}
	}
	return -1, bad.Error()
}

// setTime sets the time of an event, in microseconds since 1970.
func setTime(e schemas.Event, us int64) {
	m := e.ProtoReflect()
	m.Set(m.Descriptor().Fields().ByTextName(fieldTime), protoreflect.ValueOfInt64(us))
}

// read returns the time a text says, in microseconds since 1970. The problem is to be read after a name.
func (t timeRule) read(text string, start time.Time) (int64, string) {
	switch {
	case text == "":
		return 0, "is empty"
	case t.number:
		n, problem := signed(text, t.digits)
		if problem != "" {
			return 0, quote(text) + " " + problem
		}
		if t.relative {
			if from := start.UnixMicro(); n <= math.MaxInt64-max(from, 0) {
				return from + n, ""
			}
			return 0, quote(text) + " is too large"
		}
		return n, ""
	case t.layout != "":
		at, err := time.ParseInLocation(t.layout, text, t.zone)
		if err != nil {
			return 0, quote(text) + " is not a time like " + t.layout
		}
		return at.UnixMicro(), ""
	}
	return parseTimeIn(text, t.zone)
}
