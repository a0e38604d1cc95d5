package fields

import (
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/schemas"
)

// Revision is the field whose highest value marks the newest statement of an event.
const Revision = "revision"

// RevisionOf returns the revision of an event.
func RevisionOf(e schemas.Event) uint64 {
	if r, ok := e.(interface{ GetRevision() uint64 }); ok {
		return r.GetRevision()
	}
	return 0
}

// SetRevision sets the revision of an event.
func SetRevision(e schemas.Event, revision uint64) {
	m := e.ProtoReflect()
	fd := m.Descriptor().Fields().ByTextName(Revision)
	switch {
	case fd == nil:
	case revision == 0:
		m.Clear(fd)
	default:
		m.Set(fd, protoreflect.ValueOfUint64(revision))
	}
}

// Errors returns the errors of single fields that schemas.Validate has joined.
func Errors(err error) []*schemas.FieldError {
	var out []*schemas.FieldError
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return nil
	}
	for _, one := range joined.Unwrap() {
		var bad *schemas.FieldError
		if errors.As(one, &bad) {
			out = append(out, bad)
		}
	}
	return out
}

// FirstError returns the first error of a field of e; nil if e is valid.
func FirstError(e schemas.Event) *schemas.FieldError {
	if bad := Errors(schemas.Validate(e)); len(bad) > 0 {
		return bad[0]
	}
	return nil
}

// SetTime sets the time of an event, in microseconds since 1970.
func SetTime(e schemas.Event, us int64) {
	m := e.ProtoReflect()
	m.Set(m.Descriptor().Fields().ByTextName(Time), protoreflect.ValueOfInt64(us))
}

// Labels are the fields that are the same in all events of a run; empty for those that rows set.
type Labels struct{ Tenant, Product, Run string }

// New returns an event with the labels.
func New(t schemas.Type, l Labels) schemas.Event {
	e := schemas.NewEvent(t)
	m := e.ProtoReflect()
	for name, text := range map[string]string{Tenant: l.Tenant, Product: l.Product, Run: l.Run} {
		if fd := m.Descriptor().Fields().ByTextName(name); fd != nil && text != "" {
			m.Set(fd, protoreflect.ValueOfString(text))
		}
	}
	return e
}

// Copy makes dst equal to src.
func Copy(dst, src proto.Message) {
	proto.Reset(dst)
	proto.Merge(dst, src)
}
