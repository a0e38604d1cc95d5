// Package fields sets the fields of events from texts: Set by name and once, Cell in place and again and again, Filler
// from JSON objects. It knows the rules that are the same for all formats: which malformed values cost the event and
// which are unknown and noted (Lenient), what a weight of 0 means (Weights), how users are hashed (Users), and what ids
// are made of (RowID).
//
// Problems are texts to be read after the name of a field or column. Nothing here keeps a text that it was given.
package fields

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/numbers"
	"tidemark/schemas"
)

// Fields with rules of their own.
const (
	Source  = "source"
	ID      = "id"
	Time    = "time_us"
	Run     = "run"
	Tenant  = "tenant"
	Product = "product"
	User    = "user"
	// Requests is the number of calls whose tokens and cost an event adds up.
	Requests = "requests"
	// Usage says where the counts of tokens come from.
	Usage = "usage"
)

// The parts of the tokens that were written to a cache. Neither is a class of tokens.
const (
	cacheWrite5m = "cache_write_5m"
	cacheWrite1h = "cache_write_1h"
)

// Cost and Currency are the reported cost of a call.
const (
	Cost     = "reported_cost_nanos"
	Currency = "cost_currency"
)

// Picos is the field for the part of a cost below 1e-9 of its unit, in 1e-12.
const Picos = "reported_cost_picos"

// UnknownModel is the model of a call that names none.
const UnknownModel = "unknown"

// identifying are the fields that an identity is made of.
var identifying = []string{Tenant, Source, ID}

// NotUTF8 is the problem of a text of an identity that is not UTF-8. In other texts the bytes are replaced, which would
// make different identities equal.
func NotUTF8(text string) string { return faults.Quote(text) + " is not UTF-8: convert the file" }

// Total is a sum that a row may have instead of one of its parts: the other parts, if known, are subtracted from it.
type Total struct {
	Name   string
	Part   string   // The field that is set.
	Others []string // The fields whose values are parts of the total, too.
}

// Totals are the totals of tokens.
var Totals = []Total{
	{"input_total", "input_uncached", []string{"input_cache_read", "input_cache_write"}},
	{"output_total", "output_visible", []string{"output_reasoning"}},
}

// IsClass reports whether a field is a class of tokens, a part of a total.
func IsClass(name string) bool {
	return slices.ContainsFunc(Totals, func(of Total) bool { return name == of.Part || slices.Contains(of.Others, name) })
}

// TotalNamed returns the total with the name.
func TotalNamed(name string) (Total, bool) {
	for _, of := range Totals {
		if of.Name == name {
			return of, true
		}
	}
	return Total{}, false
}

// Named returns the field of events of type t that a row can set by the name; nil if there is none. For a total it is
// the part that is set.
func Named(t schemas.Type, name string) protoreflect.FieldDescriptor {
	switch name {
	case Source, ID, Time, Run:
		return nil
	}
	if of, ok := TotalNamed(name); ok {
		name = of.Part
	}
	return schemas.NewEvent(t).ProtoReflect().Descriptor().Fields().ByTextName(name)
}

// Names are the names that Named knows.
func Names(t schemas.Type) []string {
	var names []string
	fields := schemas.NewEvent(t).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		names = append(names, fields.Get(i).TextName())
	}
	for _, of := range Totals {
		names = append(names, of.Name)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return Named(t, name) == nil })
	slices.Sort(names)
	return names
}

// The digits from each unit to that of the field.
var (
	timeUnits  = map[string]int{"us": 0, "ms": 3, "s": 6}
	moneyUnits = map[string]int{"nano": 0, "micro": 3, "milli": 6, "cent": 7, "one": 9}
	countUnits = map[string]int{"one": 0, "thousand": 3, "million": 6}
)

// Units returns the units in which a field can be given, and the digits from each to that of the field; nil if the
// field is not a quantity.
func Units(fd protoreflect.FieldDescriptor) map[string]int {
	switch {
	case strings.HasSuffix(fd.TextName(), "_us"):
		return timeUnits
	case fd.Kind() == protoreflect.Sfixed64Kind:
		return moneyUnits
	case fd.Kind() == protoreflect.Uint64Kind:
		return countUnits
	}
	return nil
}

// Value is the value of a field that a text has; which of its parts, the kind of the field decides.
type Value struct {
	Text   string
	Number uint64 // Of a truth 1, and of what is negative the two's complement.
	Money  int64
	Picos  uint64
	float  float64
	enum   protoreflect.EnumNumber
}

// readValue reads a text that is not empty, for any field but the user and the time. The unit of the text is shift
// digits more than that of the field. A whole number may be below 0 if negative is true. names are those of the values
// of an enum. The problem is to be read after a name.
func readValue(fd protoreflect.FieldDescriptor, names map[string]protoreflect.EnumNumber, text string, shift int, negative bool) (v Value, problem string) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		if slices.Contains(identifying, fd.TextName()) && !utf8.ValidString(text) {
			return v, NotUTF8(text)
		}
		v.Text = strings.ToValidUTF8(text, "\ufffd")
	case protoreflect.Uint64Kind:
		v.Number, problem = wholeNumber(fd, text, shift, negative)
	case protoreflect.Sfixed64Kind:
		v.Money, v.Picos, problem = numbers.Money(text, shift)
	case protoreflect.BoolKind:
		truth, known := Truths[strings.ToLower(text)]
		if !known {
			problem = "is neither true nor false"
		} else if truth {
			v.Number = 1
		}
	case protoreflect.EnumKind:
		var known bool
		if v.enum, known = names[strings.ToLower(text)]; !known {
			problem = "is not one of " + faults.Keys(names)
		}
	case protoreflect.DoubleKind:
		var err error
		v.float, err = strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(v.float, 0) || math.IsNaN(v.float) {
			problem = numbers.NotNumber
		}
	default:
		return v, "cannot be set"
	}
	if problem != "" {
		return v, faults.Quote(text) + " " + problem
	}
	return v, ""
}

// wholeNumber reads a whole number.
func wholeNumber(fd protoreflect.FieldDescriptor, text string, shift int, negative bool) (uint64, string) {
	digits, minus := text, false
	if negative {
		digits, minus = strings.CutPrefix(text, "-")
	}
	n, exact, problem := numbers.Decimal(digits, shift)
	if problem == "" && !exact && !strings.HasSuffix(fd.TextName(), "_us") {
		problem = "is not a whole number"
		if shift > 0 {
			problem = "is not a whole number in the unit of " + fd.TextName()
		}
	}
	if minus {
		n = -n
	}
	return n, problem
}

// Set sets a field of m, any but the user and the time, from a text that is not empty. The unit of the text is shift
// digits more than that of the field. The problem is to be read after a name; empty if there is none.
func Set(m protoreflect.Message, fd protoreflect.FieldDescriptor, text string, shift int) string {
	var names map[string]protoreflect.EnumNumber
	if fd.Kind() == protoreflect.EnumKind {
		names = enumValues(fd)
	}
	v, problem := readValue(fd, names, text, shift, false)
	if problem != "" {
		return problem
	}
	switch fd.Kind() {
	case protoreflect.StringKind:
		m.Set(fd, protoreflect.ValueOfString(v.Text))
	case protoreflect.Uint64Kind:
		m.Set(fd, protoreflect.ValueOfUint64(v.Number))
	case protoreflect.BoolKind:
		m.Set(fd, protoreflect.ValueOfBool(v.Number != 0))
	case protoreflect.EnumKind:
		m.Set(fd, protoreflect.ValueOfEnum(v.enum))
	case protoreflect.DoubleKind:
		m.Set(fd, protoreflect.ValueOfFloat64(v.float))
	default:
		SetMoney(m, fd, v)
	}
	return ""
}

// SetMoney sets a cost and what of it is below 1e-9 of a unit.
func SetMoney(m protoreflect.Message, fd protoreflect.FieldDescriptor, v Value) {
	picos := m.Descriptor().Fields().ByTextName(Picos)
	m.Set(fd, protoreflect.ValueOfInt64(v.Money))
	if v.Picos > 0 {
		m.Set(picos, protoreflect.ValueOfUint64(v.Picos))
	} else {
		m.Clear(picos)
	}
}

// Truths are the words for true and false, in lower case.
var Truths = map[string]bool{"true": true, "1": true, "yes": true, "false": false, "0": false, "no": false}

// enumValues are the values of an enum field by their short names: STATUS_OK is ok.
func enumValues(fd protoreflect.FieldDescriptor) map[string]protoreflect.EnumNumber {
	values := fd.Enum().Values()
	prefix := strings.TrimSuffix(string(values.Get(0).Name()), "UNSPECIFIED")
	names := make(map[string]protoreflect.EnumNumber, values.Len())
	for i := 1; i < values.Len(); i++ {
		v := values.Get(i)
		names[strings.ToLower(strings.TrimPrefix(string(v.Name()), prefix))] = v.Number()
	}
	return names
}

// Subtract subtracts the other parts of a total from the part that was set to the total. The problem is to be read
// after a name; empty if there is none.
func Subtract(m protoreflect.Message, of Total) string {
	fields := m.Descriptor().Fields()
	part := fields.ByTextName(of.Part)
	if !m.Has(part) {
		return ""
	}
	rest := m.Get(part).Uint()
	for _, name := range of.Others {
		other := fields.ByTextName(name)
		if !m.Has(other) {
			continue
		}
		n := m.Get(other).Uint()
		if n > rest {
			return fmt.Sprintf("is less than %s, which is a part of it", name)
		}
		rest -= n
	}
	m.Set(part, protoreflect.ValueOfUint64(rest))
	return ""
}

// Add adds another quantity, or subtracts it if minus is true. The problem is to be read after a name.
func (v *Value) Add(other Value, minus bool) (problem string) {
	if minus {
		other.Number = -other.Number
		other.Money, other.Picos = negated(other.Money, other.Picos)
	}
	number, ok := added(int64(v.Number), int64(other.Number))
	cost, picos := int64(0), v.Picos+other.Picos
	if picos >= numbers.PicosPerNano {
		cost, picos = 1, picos-numbers.PicosPerNano
	}
	cost, fits := added(v.Money+cost, other.Money)
	if !ok || !fits {
		return "is too large a sum"
	}
	v.Number, v.Money, v.Picos = uint64(number), cost, picos
	return ""
}

// negated returns the cost that is to be added to subtract a cost.
func negated(nanos int64, picos uint64) (int64, uint64) {
	if picos == 0 {
		return -nanos, 0
	}
	return -nanos - 1, numbers.PicosPerNano - picos
}

// added is the sum of two numbers; false if it overflows.
func added(a, b int64) (int64, bool) {
	if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
		return 0, false
	}
	return a + b, true
}
