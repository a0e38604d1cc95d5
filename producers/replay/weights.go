package replay

import (
	"errors"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// The fields that say how much a record stands for. On the wire 0 means 1, as in a record that does not say; a row that
// says 0 stands for nothing, which has to be noticed before.
const (
	fieldWeight     = "weight"
	fieldUserWeight = "user_weight"
)

// errNothing is the error of a row that stands for nothing: it gives no event, and nothing is wrong with it.
var errNothing = errors.New("the row stands for nothing")

// amount is what a row says of a weight.
type amount uint8

const (
	unsaid amount = iota
	none
	some
)

// weights is what the current row says of how much it stands for.
type weights struct{ events, users amount }

// of returns where a field's amount is kept; nil if it is no weight.
func (w *weights) of(fd protoreflect.FieldDescriptor) *amount {
	switch fd.TextName() {
	case fieldWeight:
		return &w.events
	case fieldUserWeight:
		return &w.users
	}
	return nil
}

// note keeps what the row says of a field that was set.
func (w *weights) note(m protoreflect.Message, fd protoreflect.FieldDescriptor) {
	if w.of(fd) != nil {
		w.keep(fd, m.Get(fd).Uint())
	}
}

// keep keeps that a field is set to n.
func (w *weights) keep(fd protoreflect.FieldDescriptor, n uint64) {
	if said := w.of(fd); said != nil {
		*said = some
		if n == 0 {
			*said = none
		}
	}
}

// said reports whether the row has said something of a field that is a weight.
func (w *weights) said(fd protoreflect.FieldDescriptor) bool {
	said := w.of(fd)
	return said != nil && *said != unsaid
}

// settle returns errNothing for a row of no events, or one that says only that it is of no users. Events of no users
// count without one.
func (w *weights) settle(m protoreflect.Message) error {
	switch {
	case w.events == none, w.events == unsaid && w.users == none:
		return errNothing
	case w.users == none:
		m.Clear(m.Descriptor().Fields().ByTextName(fieldUser))
	}
	return nil
}
