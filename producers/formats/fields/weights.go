package fields

import (
	"errors"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// The fields that say how much a record stands for. On the wire 0 means 1, as in a record that does not say; a row that
// says 0 stands for nothing, which has to be noticed before.
const (
	Weight     = "weight"
	UserWeight = "user_weight"
)

// ErrNothing is the error of a row that stands for nothing: it gives no event, and nothing is wrong with it.
var ErrNothing = errors.New("the row stands for nothing")

// amount is what a row says of a weight.
type amount uint8

const (
	unsaid amount = iota
	none
	some
)

// Weights is what the current row says of how much it stands for.
type Weights struct{ events, users amount }

// of returns where a field's amount is kept; nil if it is no weight.
func (w *Weights) of(fd protoreflect.FieldDescriptor) *amount {
	switch fd.TextName() {
	case Weight:
		return &w.events
	case UserWeight:
		return &w.users
	}
	return nil
}

// Note keeps what the row says of a field that was set.
func (w *Weights) Note(m protoreflect.Message, fd protoreflect.FieldDescriptor) {
	if w.of(fd) != nil {
		w.Keep(fd, m.Get(fd).Uint())
	}
}

// Keep keeps that a field is set to n.
func (w *Weights) Keep(fd protoreflect.FieldDescriptor, n uint64) {
	if said := w.of(fd); said != nil {
		*said = some
		if n == 0 {
			*said = none
		}
	}
}

// Said reports whether the row has said something of a field that is a weight.
func (w *Weights) Said(fd protoreflect.FieldDescriptor) bool {
	said := w.of(fd)
	return said != nil && *said != unsaid
}

// Settle returns errNothing for a row of no events, or one that says only that it is of no users. Events of no users
// count without one.
func (w *Weights) Settle(m protoreflect.Message) error {
	switch {
	case w.events == none, w.events == unsaid && w.users == none:
		return ErrNothing
	case w.users == none:
		m.Clear(m.Descriptor().Fields().ByTextName(User))
	}
	return nil
}
