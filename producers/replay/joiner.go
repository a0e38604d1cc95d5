package replay

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/schemas"
)

// joiner makes one event of rows that are parts of it. It has the time of the first row, and its revision is how many rows
// have said something after the first, so that what is read when the file has grown replaces what was read before.
//
// Quantities of parts are those that a row has set. By repeatsSum those that several rows have add up, what rows take back
// being negative; a quantity that two rows of repeatsParts say, which are not the same throughout, is a fault, since nothing
// says which holds, or whether they add up. All other fields are of the last row that has them, but for those that usage is counted by, in which
// the rows have to agree.
type joiner struct {
	tally   *tally
	files   []*file // Lines are of them, see chain.
	mapping *Mapping
	rows    *mappedRows // Judges what is whole.
	// constant are the quantities that are the same in all rows since the mapping says what they are.
	constant map[string]bool

	event, next schemas.Event
	line        int
	more        uint64 // Rows after the first that have said something.
}

func newJoiner(a *arranging, files []*file, mapping *Mapping) *joiner {
	constant := map[string]bool{}
	for i := range mapping.rules {
		if r := &mapping.rules[i]; r.origin == fromConstant {
			constant[r.name] = true
		}
	}
	return &joiner{
		constant: constant,
		tally:    a.tally, files: files, mapping: mapping, event: schemas.NewEvent(mapping.typ), next: schemas.NewEvent(mapping.typ),
		rows: &mappedRows{mapping: mapping, lenient: &lenient{}},
	}
}

// problem tells what is wrong with the event of a row.
func (j *joiner) problem(line int, text string) {
	file, number := lineIn(line)
	j.tally.problem(Problem{File: shownFile(j.files[file].name), Line: number, Text: text})
}

// begin begins an event with its first row.
func (j *joiner) begin(record []byte) error {
	j.line, j.more = recordLine(record), 0
	return readRecord(record, j.event)
}

// join adds a row at a place in the file, from 1.
func (j *joiner) join(place uint64, record []byte) error {
	if err := readRecord(record, j.next); err != nil {
		return err
	}
	revision := max(revisionOf(j.event), revisionOf(j.next))
	setTime(j.next, j.event.GetTimeUs())
	setRevision(j.next, revisionOf(j.event))
	if problem := j.differs(); problem != "" {
		j.problem(recordLine(record), problem)
		return nil
	}
	into, from := j.event.ProtoReflect(), j.next.ProtoReflect()
	if j.mapping.repeats == repeatsParts && j.covers(into, from) {
		j.tally.repeated++
		return nil
	}
	if problem := j.add(into, from); problem != "" {
		j.problem(recordLine(record), problem)
		return nil
	}
	proto.Merge(j.event, j.next)
	j.more++
	j.tally.joined++
	switch j.mapping.revision.kind {
	case revisionOfRow:
		revision = j.more
	case revisionPosition:
		revision = place
	case revisionFrom:
	}
	setRevision(j.event, revision)
	return nil
}

// counted are the texts that usage is counted by.
var counted = []string{fieldProduct, "provider", "model", "kind", fieldCurrency, "organization", "base_model"}

// differs says in which of them the next row is not what the rows before are.
func (j *joiner) differs() string {
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

// isQuantity reports whether a field is one that adds up.
func (j *joiner) isQuantity(fd protoreflect.FieldDescriptor) bool {
	switch fd.TextName() {
	case fieldWeight:
		return j.mapping.typ != schemas.TokenCallType // There it is how many calls the record stands for.
	case fieldUserWeight, fieldRevision, fieldTime, fieldPicos, fieldUser, "latency_us", "first_token_us":
		return false // Durations are those of the whole event.
	}
	return fd.Kind() == protoreflect.Uint64Kind || fd.Kind() == protoreflect.Sfixed64Kind
}

// covers reports whether the rows before have said all that a row says.
func (j *joiner) covers(into, from protoreflect.Message) bool {
	covered := true
	from.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		covered = into.Has(fd) && into.Get(fd).Equal(v)
		return covered
	})
	return covered
}

// add adds what both rows have of quantities to the first, and takes it out of the second.
func (j *joiner) add(into, from protoreflect.Message) (problem string) {
	fields := into.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !j.isQuantity(fd) || !into.Has(fd) || !from.Has(fd) {
			continue
		}
		have, more := quantityOf(into, fd), quantityOf(from, fd)
		switch {
		case j.mapping.repeats == repeatsSum:
			if bad := have.add(more, false); bad != "" {
				return fd.TextName() + " " + bad
			}
		case have != more || !j.constant[fd.TextName()]:
			return fd.TextName() + " is said twice by rows of the same id: if they add up, give repeats: sum; if the last one counts, repeats: last; if each row says that of all, say by where in which it counts"
		}
		setQuantity(into, fd, have)
		from.Clear(fd)
		if fd.Kind() == protoreflect.Sfixed64Kind {
			from.Clear(fields.ByTextName(fieldPicos))
		}
	}
	return ""
}

// quantityOf is what a field of a quantity is set to.
func quantityOf(m protoreflect.Message, fd protoreflect.FieldDescriptor) value {
	if fd.Kind() == protoreflect.Sfixed64Kind {
		return value{money: m.Get(fd).Int(), picos: m.Get(m.Descriptor().Fields().ByTextName(fieldPicos)).Uint()}
	}
	return value{number: m.Get(fd).Uint()}
}

func setQuantity(m protoreflect.Message, fd protoreflect.FieldDescriptor, v value) {
	if fd.Kind() == protoreflect.Sfixed64Kind {
		setMoney(m, fd, v)
		return
	}
	m.Set(fd, protoreflect.ValueOfUint64(v.number))
}

// end returns the event; nil if it stands for nothing, or is refused and told.
func (j *joiner) end() (schemas.Event, error) {
	if problem := j.negative(); problem != "" {
		j.problem(j.line, problem)
		return nil, nil
	}
	m := j.event.ProtoReflect()
	if fd := m.Descriptor().Fields().ByTextName(fieldWeight); fd != nil && j.isQuantity(fd) && j.mapping.lines[fieldWeight] > 0 && !m.Has(fd) {
		j.tally.nothing++
		return nil, nil
	}
	j.rows.lenient.noted = j.rows.lenient.noted[:0]
	bad, err := j.rows.finish(j.event)
	switch {
	case errors.Is(err, errNothing):
		j.tally.nothing++
		return nil, nil
	case err != nil:
		return nil, err
	case bad != nil:
		_, text := j.rows.blame(bad)
		j.problem(j.line, text)
		return nil, nil
	}
	j.tally.unread.add(j.rows.lenient.noted)
	return j.event, nil
}

// negative says which quantity the rows of the event take back more of than they give.
func (j *joiner) negative() (problem string) {
	j.event.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if j.isQuantity(fd) && fd.Kind() == protoreflect.Uint64Kind && int64(v.Uint()) < 0 {
			problem = fmt.Sprintf("%s of the rows of id %s comes to %d: replay them together with the rows that they correct, in one command", fd.TextName(), quote(j.event.GetId()), int64(v.Uint()))
		}
		return problem == ""
	})
	return problem
}
