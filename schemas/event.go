package schemas

import (
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"

	usagev1 "tidemark/schemas/usage/v1"
)

// Event is a message of one of the types.
type Event interface {
	proto.Message
	GetSource() string
	GetId() string
	GetTimeUs() int64 // Microseconds since 1970; 0 also if there is none, which Validate refuses.
	GetTenant() string
	GetRun() string
}

// TypeOf returns the type of e, and whether it is one of the types.
func TypeOf(e Event) (Type, bool) {
	switch e.(type) {
	case *usagev1.Query:
		return QueryType, true
	case *usagev1.Signup:
		return SignupType, true
	case *usagev1.TokenCall:
		return TokenCallType, true
	case *usagev1.ModelEvent:
		return ModelEventType, true
	case *usagev1.ReferencePoint:
		return ReferencePointType, true
	case *usagev1.Run:
		return RunType, true
	}
	return 0, false
}

// NewEvent returns an empty message of type t, which must be one of the Type constants.
func NewEvent(t Type) Event {
	switch t {
	case QueryType:
		return &usagev1.Query{}
	case SignupType:
		return &usagev1.Signup{}
	case TokenCallType:
		return &usagev1.TokenCall{}
	case ModelEventType:
		return &usagev1.ModelEvent{}
	case ReferencePointType:
		return &usagev1.ReferencePoint{}
	default:
		return &usagev1.Run{}
	}
}

// SetRun labels e as part of a run.
func SetRun(e Event, run string) {
	switch e := e.(type) {
	case *usagev1.Query:
		e.Run = run
	case *usagev1.Signup:
		e.Run = run
	case *usagev1.TokenCall:
		e.Run = run
	case *usagev1.ModelEvent:
		e.Run = run
	case *usagev1.ReferencePoint:
		e.Run = run
	case *usagev1.Run:
		e.Run = run
	}
}

// FieldError is a field of an event that no consumer accepts.
type FieldError struct {
	Field   string // The field's name in the wire contract: "time_us".
	Problem string // What is wrong, to be read after the name: "is missing".
	Value   string // The bad value, quoted and shortened; empty if there is none to show.
}

// Error returns the field, the problem and the value.
func (e *FieldError) Error() string {
	if e.Value == "" {
		return e.Field + " " + e.Problem
	}
	return e.Field + " " + e.Problem + ": " + e.Value
}

var errNoEvent = errors.New("not an event")

// Validate returns nil if every consumer accepts e, and otherwise one *FieldError per bad field, joined. The rules are
// those of Columns.Append: a valid event, encoded, is always appended.
func Validate(e Event) error {
	t, ok := TypeOf(e)
	if !ok || !e.ProtoReflect().IsValid() {
		return errNoEvent
	}
	var v values
	v.load(t, e)
	problems := tables[t].problems(&v)
	if len(problems) == 0 {
		return nil
	}
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// AppendEvent appends the wire form of e to dst, the value of its Kafka record, and returns the extended slice. Equal
// events give equal bytes. It does not validate e.
func AppendEvent(dst []byte, e Event) ([]byte, error) {
	// Fields that this program does not know, and errors, are left to the generated code.
	if t, ok := TypeOf(e); ok && e.ProtoReflect().IsValid() && len(e.ProtoReflect().GetUnknown()) == 0 {
		if out, ok := appendSlots(dst, t, e); ok {
			return out, nil
		}
	}
	return appendMessage(dst, e)
}

// appendMessage appends the wire form of e by the generated code.
func appendMessage(dst []byte, e Event) ([]byte, error) {
	out, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst, e)
	if err != nil {
		return dst, fmt.Errorf("encode event: %w", err)
	}
	return out, nil
}

// ExcerptBytes is how many bytes of a bad value an error shows.
const ExcerptBytes = 40

// Excerpt quotes a bad value for an error, in ASCII, and cuts it to ExcerptBytes.
func Excerpt(s string) string {
	if len(s) <= ExcerptBytes {
		return strconv.QuoteToASCII(s)
	}
	return strconv.QuoteToASCII(s[:ExcerptBytes]) + "..."
}
