package mapping

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/schemas"
)

// Join makes one event of rows that are parts of it. The event has the time of the first row. Its revision is the
// number of rows after the first that added something, so that the event of a file that has grown replaces the one of
// before.
//
// With "repeats: sum" the quantities of the rows add up; corrections are negative. With "repeats: parts" each quantity
// must come from one row: two rows with the same quantity are a problem, unless it is a constant. Other fields come
// from the last row that has them, but the rows must agree in the fields by which usage is counted.
type Join struct {
	mapping *Mapping
	rows    *Rows // Judges what is whole.
	// constant are the quantities that the mapping sets to a constant.
	constant map[string]bool

	event, next schemas.Event
	more        uint64 // Rows after the first that have said something.
}

// NewJoin returns a Join for rows of a mapping that Joins.
func NewJoin(m *Mapping) *Join {
	constant := map[string]bool{}
	for i := range m.rules {
		if r := &m.rules[i]; r.origin == fromConstant {
			constant[r.name] = true
		}
	}
	return &Join{
		constant: constant, mapping: m, event: schemas.NewEvent(m.typ), next: schemas.NewEvent(m.typ), rows: &Rows{mapping: m},
	}
}

// Begin returns the memory of a new event: the caller sets it to the event of the first row.
func (j *Join) Begin() schemas.Event {
	j.more = 0
	return j.event
}

// Next returns the memory of another event: the caller sets it to the event of another row and calls Add.
func (j *Join) Next() schemas.Event { return j.next }

// Add adds the event in the memory of Next, whose row is at a place in the file, from 1. It reports whether the row has
// added something. A row with a problem is left out.
func (j *Join) Add(place uint64) (joined bool, problem string) {
	revision := max(fields.RevisionOf(j.event), fields.RevisionOf(j.next))
	fields.SetTime(j.next, j.event.GetTimeUs())
	fields.SetRevision(j.next, fields.RevisionOf(j.event))
	if problem := j.differs(); problem != "" {
		return false, problem
	}
	into, from := j.event.ProtoReflect(), j.next.ProtoReflect()
	if j.mapping.repeats == repeatsParts && j.covers(into, from) {
		return false, ""
	}
	if problem := j.add(into, from); problem != "" {
		return false, problem
	}
	proto.Merge(j.event, j.next)
	j.more++
	switch j.mapping.revision.kind {
	case RevisionOfRow:
		revision = j.more
	case revisionPosition:
		revision = place
	case RevisionFrom:
	}
	fields.SetRevision(j.event, revision)
	return true, ""
}

// counted are the texts by which usage is counted.
var counted = []string{fields.Product, "provider", "model", "kind", fields.Currency, "organization", "base_model"}

// differs returns the problem of a row that differs from the rows before in one of these texts.
func (j *Join) differs() string {
	into, from := j.event.ProtoReflect(), j.next.ProtoReflect()
	for _, name := range counted {
		fd := into.Descriptor().Fields().ByTextName(name)
		if fd == nil || !into.Has(fd) || !from.Has(fd) || into.Get(fd).Equal(from.Get(fd)) {
			continue
		}
		return fmt.Sprintf("%s is %q, and %q in a row before of the same id, of whose event this is a part: name its column under id, too", name, from.Get(fd).String(), into.Get(fd).String())
	}
	return ""
}

// isQuantity reports whether the values of a field add up.
func (j *Join) isQuantity(fd protoreflect.FieldDescriptor) bool {
	switch fd.TextName() {
	case fields.Weight:
		return j.mapping.typ != schemas.TokenCallType // There it is how many calls the record stands for.
	case fields.UserWeight, fields.Revision, fields.Time, fields.Picos, fields.User, "latency_us", "first_token_us", "attempt", "joined":
		return false // Durations are those of the whole event, and so are the number of the try and that of the reports.
	}
	return fd.Kind() == protoreflect.Uint64Kind || fd.Kind() == protoreflect.Sfixed64Kind
}

// covers reports whether the rows before have all values of a row.
func (j *Join) covers(into, from protoreflect.Message) bool {
	covered := true
	from.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		covered = into.Has(fd) && into.Get(fd).Equal(v)
		return covered
	})
	return covered
}

// add adds the quantities that both events have to the first, and clears them in the second.
func (j *Join) add(into, from protoreflect.Message) (problem string) {
	all := into.Descriptor().Fields()
	for i := range all.Len() {
		fd := all.Get(i)
		if !j.isQuantity(fd) || !into.Has(fd) || !from.Has(fd) {
			continue
		}
		have, more := quantityOf(into, fd), quantityOf(from, fd)
		switch {
		case j.mapping.repeats == repeatsSum:
			if bad := have.Add(more, false); bad != "" {
				return fd.TextName() + " " + bad
			}
		case have != more || !j.constant[fd.TextName()]:
			return fd.TextName() + " is said twice by rows of the same id: if they add up, give repeats: sum; if the last one counts, repeats: last; if each row says that of all, say by where in which it counts"
		}
		setQuantity(into, fd, have)
		from.Clear(fd)
		if fd.Kind() == protoreflect.Sfixed64Kind {
			from.Clear(all.ByTextName(fields.Picos))
		}
	}
	return ""
}

// quantityOf is what a field of a quantity is set to.
func quantityOf(m protoreflect.Message, fd protoreflect.FieldDescriptor) fields.Value {
	if fd.Kind() == protoreflect.Sfixed64Kind {
		return fields.Value{Money: m.Get(fd).Int(), Picos: m.Get(m.Descriptor().Fields().ByTextName(fields.Picos)).Uint()}
	}
	return fields.Value{Number: m.Get(fd).Uint()}
}

func setQuantity(m protoreflect.Message, fd protoreflect.FieldDescriptor, v fields.Value) {
	if fd.Kind() == protoreflect.Sfixed64Kind {
		fields.SetMoney(m, fd, v)
		return
	}
	m.Set(fd, protoreflect.ValueOfUint64(v.Number))
}

// End returns the whole event, valid until Begin, and the values of it that could not be read. The event is nil if
// there is a problem, or if it stands for nothing.
func (j *Join) End() (e schemas.Event, unread []fields.Unread, problem string) {
	if problem := j.negative(); problem != "" {
		return nil, nil, problem
	}
	m := j.event.ProtoReflect()
	if fd := m.Descriptor().Fields().ByTextName(fields.Weight); fd != nil && j.isQuantity(fd) && j.mapping.lines[fields.Weight] > 0 && !m.Has(fd) {
		return nil, nil, ""
	}
	j.rows.lenient.Reset()
	bad, err := j.rows.finish(j.event)
	switch {
	case errors.Is(err, fields.ErrNothing):
		return nil, nil, ""
	case bad != nil:
		_, text := j.rows.blame(bad)
		return nil, nil, text
	}
	return j.event, j.rows.lenient.Noted, ""
}

// negative returns the problem of a quantity whose sum is below 0.
func (j *Join) negative() (problem string) {
	j.event.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if j.isQuantity(fd) && fd.Kind() == protoreflect.Uint64Kind && int64(v.Uint()) < 0 {
			problem = fmt.Sprintf("%s of the rows of id %s comes to %d: replay them together with the rows that they correct, in one command", fd.TextName(), faults.Quote(j.event.GetId()), int64(v.Uint()))
		}
		return problem == ""
	})
	return problem
}
