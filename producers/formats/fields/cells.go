package fields

import (
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/schemas"
)

// Cell is one field of an event that is filled again and again. It is set in place, which costs less than the
// reflection of the generated code.
type Cell struct {
	field protoreflect.FieldDescriptor
	Exact bool // An identity is made of it.
	Upper int  // Letters of a code that has to be in upper case; 0 for others.

	Text   *string
	Number *uint64
	float  *float64
	truth  *bool
	enum   reflect.Value
	Maybe  **uint64
	Money  **int64
	picos  *uint64 // Beside money: what is below a nano.

	names map[string]protoreflect.EnumNumber

	memory uint64 // What maybe points to.
	cost   int64  // What money points to.
}

// Cells returns the cells of an event by the names of its fields.
func Cells(e schemas.Event) map[string]*Cell {
	fields := e.ProtoReflect().Descriptor().Fields()
	cells := map[string]*Cell{}
	message := reflect.ValueOf(e).Elem()
	for i := range message.NumField() {
		name := wireName(message.Type().Field(i).Tag.Get("protobuf"))
		fd := fields.ByTextName(name)
		if fd == nil {
			continue
		}
		c := &Cell{field: fd, Exact: slices.Contains(identifying, name), Upper: codeLetters[name]}
		switch p := message.Field(i).Addr().Interface().(type) {
		case *string:
			c.Text = p
		case *uint64:
			c.Number = p
		case *float64:
			c.float = p
		case *bool:
			c.truth = p
		case **uint64:
			c.Maybe = p
		case **int64:
			c.Money = p
		default:
			c.enum, c.names = message.Field(i), enumValues(fd)
		}
		cells[name] = c
	}
	if picos := cells[Picos]; picos != nil {
		cells[Cost].picos = picos.Number
	}
	return cells
}

// wireName returns the name in the tag of a generated field; empty if there is none.
func wireName(tag string) string {
	for part := range strings.SplitSeq(tag, ",") {
		if name, ok := strings.CutPrefix(part, "name="); ok {
			return name
		}
	}
	return ""
}

// Read reads a text that is not empty for the field, see readValue. The problem is to be read after a name.
func (c *Cell) Read(text string, shift int, negative bool) (Value, string) {
	return readValue(c.field, c.names, text, shift, negative)
}

// Set sets the field.
func (c *Cell) Set(v Value) {
	switch {
	case c.Text != nil:
		*c.Text = v.Text
	case c.Number != nil:
		*c.Number = v.Number
	case c.Maybe != nil:
		c.memory = v.Number
		*c.Maybe = &c.memory
	case c.Money != nil:
		c.cost = v.Money
		*c.Money, *c.picos = &c.cost, v.Picos
	case c.truth != nil:
		*c.truth = v.Number != 0
	case c.float != nil:
		*c.float = v.float
	default:
		c.enum.SetInt(int64(v.enum))
	}
}

// At sets a time, microseconds since 1970.
func (c *Cell) At(us int64) {
	c.cost = us
	*c.Money = &c.cost
}

// Get returns the value of the field.
func (c *Cell) Get() (v Value) {
	switch {
	case c.Text != nil:
		v.Text = *c.Text
	case c.Number != nil:
		v.Number = *c.Number
	case c.truth != nil:
		if *c.truth {
			v.Number = 1
		}
	case c.float != nil:
		v.float = *c.float
	case c.Maybe != nil || c.Money != nil: // Absent in every event that has not set it.
	default:
		v.enum = protoreflect.EnumNumber(c.enum.Int())
	}
	return v
}

// Reset sets the field to v, the value that Get returned before rows set it, or makes it absent if it may be.
func (c *Cell) Reset(v Value) {
	switch {
	case c.Maybe != nil:
		*c.Maybe = nil
	case c.Money != nil:
		*c.Money, *c.picos = nil, 0
	default:
		c.Set(v)
	}
}
