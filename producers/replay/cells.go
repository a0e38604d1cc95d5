package replay

import (
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/schemas"
)

// cell is one field of an event that is filled again and again: it is set in place, which costs less than the generated
// code's reflection does.
type cell struct {
	field protoreflect.FieldDescriptor
	exact bool // An identity is made of it.
	upper int  // Letters of a code that has to be in upper case; 0 for others.

	text   *string
	number *uint64
	float  *float64
	truth  *bool
	enum   reflect.Value
	maybe  **uint64
	money  **int64
	picos  *uint64 // Beside money: what is below a nano.

	names map[string]protoreflect.EnumNumber

	memory uint64 // What maybe points to.
	cost   int64  // What money points to.
}

// cellsOf returns the cells of an event by the names of its fields.
func cellsOf(e schemas.Event) map[string]*cell {
	fields := e.ProtoReflect().Descriptor().Fields()
	cells := map[string]*cell{}
	message := reflect.ValueOf(e).Elem()
	for i := range message.NumField() {
		name := wireName(message.Type().Field(i).Tag.Get("protobuf"))
		fd := fields.ByTextName(name)
		if fd == nil {
			continue
		}
		c := &cell{field: fd, exact: slices.Contains(identifying, name), upper: codeLetters[name]}
		switch p := message.Field(i).Addr().Interface().(type) {
		case *string:
			c.text = p
		case *uint64:
			c.number = p
		case *float64:
			c.float = p
		case *bool:
			c.truth = p
		case **uint64:
			c.maybe = p
		case **int64:
			c.money = p
		default:
			c.enum, c.names = message.Field(i), enumValues(fd)
		}
		cells[name] = c
	}
	if picos := cells[fieldPicos]; picos != nil {
		cells[fieldCost].picos = picos.number
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

// read reads a text for the field, see readValue.
func (c *cell) read(text string, shift int, negative bool) (value, string) {
	return readValue(c.field, c.names, text, shift, negative)
}

// set sets the field.
func (c *cell) set(v value) {
	switch {
	case c.text != nil:
		*c.text = v.text
	case c.number != nil:
		*c.number = v.number
	case c.maybe != nil:
		c.memory = v.number
		*c.maybe = &c.memory
	case c.money != nil:
		c.cost = v.money
		*c.money, *c.picos = &c.cost, v.picos
	case c.truth != nil:
		*c.truth = v.number != 0
	case c.float != nil:
		*c.float = v.float
	default:
		c.enum.SetInt(int64(v.enum))
	}
}

// at sets a time, microseconds since 1970.
func (c *cell) at(us int64) {
	c.cost = us
	*c.money = &c.cost
}

// get returns what the field is set to.
func (c *cell) get() (v value) {
	switch {
	case c.text != nil:
		v.text = *c.text
	case c.number != nil:
		v.number = *c.number
	case c.truth != nil:
		if *c.truth {
			v.number = 1
		}
	case c.float != nil:
		v.float = *c.float
	case c.maybe != nil || c.money != nil: // Absent in every event that has not set it.
	default:
		v.enum = protoreflect.EnumNumber(c.enum.Int())
	}
	return v
}

// reset makes the field what it was in the beginning, or absent.
func (c *cell) reset(v value) {
	switch {
	case c.maybe != nil:
		*c.maybe = nil
	case c.money != nil:
		*c.money, *c.picos = nil, 0
	default:
		c.set(v)
	}
}
