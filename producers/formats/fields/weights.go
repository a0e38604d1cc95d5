package fields

import (
	"errors"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// The weights of an event. On the wire 0 means 1, as in a record without a weight. A row with a weight of 0 stands for
// nothing, so it must not become an event.
const (
	Weight     = "weight"
	UserWeight = "user_weight"
)

// ErrNothing is the error of a row that stands for nothing: it makes no event, and it is not a problem.
var ErrNothing = errors.New("the row stands for nothing")

// amount is what a row has as a weight.
type amount uint8

const (
	unsaid amount = iota
	none
	some
)

// Weights are the weights of the current row.
type Weights struct{ events, users amount }

// of returns the amount of a field; nil if the field is not a weight.
func (w *Weights) of(fd protoreflect.FieldDescriptor) *amount {
	switch fd.TextName() {
	case Weight:
		return &w.events
	case UserWeight:
		return &w.users
	}
	return nil
}

// Note keeps the value of a field of m that the row has set, if it is a weight.
func (w *Weights) Note(m protoreflect.Message, fd protoreflect.FieldDescriptor) {
	if w.of(fd) != nil {
		w.Keep(fd, m.Get(fd).Uint())
	}
}

// Keep keeps that the row has set a field to n, if it is a weight.
func (w *Weights) Keep(fd protoreflect.FieldDescriptor, n uint64) {
	if said := w.of(fd); said != nil {
		*said = some
		if n == 0 {
			*said = none
		}
	}
}

// Said reports whether the row has set the field and it is a weight.
func (w *Weights) Said(fd protoreflect.FieldDescriptor) bool {
	said := w.of(fd)
	return said != nil && *said != unsaid
}

// Settle returns ErrNothing for a row with a weight of 0, or with only a user weight of 0. An event with a user weight
// of 0 counts without its user.
func (w *Weights) Settle(m protoreflect.Message) error {
	switch {
	case w.events == none, w.events == unsaid && w.users == none:
		return ErrNothing
	case w.users == none:
		m.Clear(m.Descriptor().Fields().ByTextName(User))
	}
	return nil
}
