package replay

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/schemas"
)

// The fields of an event that rows do not set by their name.
const (
	fieldSource  = "source"
	fieldID      = "id"
	fieldTime    = "time_us"
	fieldRun     = "run"
	fieldTenant  = "tenant"
	fieldProduct = "product"
	fieldUser    = "user"
	// fieldRequests is how many calls the tokens and the cost of an event are those of.
	fieldRequests = "requests"
)

// identifying are the fields that an identity is made of.
var identifying = []string{fieldTenant, fieldSource, fieldID}

// notUTF8 is what is wrong with such a text of an identity: what cannot be read in it would be put right in other texts
// and make different identities the same.
func notUTF8(text string) string { return quote(text) + " is not UTF-8: convert the file" }

// total is a sum that a row may have instead of one of its parts: the other parts, where they are known, are taken off.
type total struct {
	name   string
	part   string   // The field that is set.
	others []string // The fields whose values are parts of the total, too.
}

var totals = []total{
	{"input_total", "input_uncached", []string{"input_cache_read", "input_cache_write"}},
	{"output_total", "output_visible", []string{"output_reasoning"}},
}

// totalNamed returns the total of that name.
func totalNamed(name string) (total, bool) {
	for _, of := range totals {
		if of.name == name {
			return of, true
		}
	}
	return total{}, false
}

// fieldNamed returns the field of events of type t that a row can set under that name; nil if there is none. For a
// total it is the part that is set.
func fieldNamed(t schemas.Type, name string) protoreflect.FieldDescriptor {
	switch name {
	case fieldSource, fieldID, fieldTime, fieldRun:
		return nil
	}
	if of, ok := totalNamed(name); ok {
		name = of.part
	}
	return schemas.NewEvent(t).ProtoReflect().Descriptor().Fields().ByTextName(name)
}

// fieldNames are the names that fieldNamed knows.
func fieldNames(t schemas.Type) []string {
	var names []string
	fields := schemas.NewEvent(t).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		names = append(names, fields.Get(i).TextName())
	}
	for _, of := range totals {
		names = append(names, of.name)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return fieldNamed(t, name) == nil })
	slices.Sort(names)
	return names
}

// Units by the digits from them to what the field counts.
var (
	timeUnits  = map[string]int{"us": 0, "ms": 3, "s": 6}
	moneyUnits = map[string]int{"nano": 0, "micro": 3, "milli": 6, "cent": 7, "one": 9}
	countUnits = map[string]int{"one": 0, "thousand": 3, "million": 6}
)

// unitsOf returns the units a field can be given in; nil if it is no quantity.
func unitsOf(fd protoreflect.FieldDescriptor) map[string]int {
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

// listed puts the keys of a map in words.
func listed[V any](m map[string]V) string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }

// value is what a text says of a field.
type value struct {
	text   string
	number uint64 // Of a truth 1, and of what is negative the two's complement.
	money  int64
	picos  uint64
	float  float64
	enum   protoreflect.EnumNumber
}

// readValue reads a text that is not empty, given in a unit that is shift digits more than the field's, any but the user and
// the time; a whole number that is negative only where that is asked for. The names are those of an enum's values. The problem
// is to be read after a name.
func readValue(fd protoreflect.FieldDescriptor, names map[string]protoreflect.EnumNumber, text string, shift int, negative bool) (v value, problem string) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		if slices.Contains(identifying, fd.TextName()) && !utf8.ValidString(text) {
			return v, notUTF8(text)
		}
		v.text = strings.ToValidUTF8(text, "\ufffd")
	case protoreflect.Uint64Kind:
		v.number, problem = wholeNumber(fd, text, shift, negative)
	case protoreflect.Sfixed64Kind:
		v.money, v.picos, problem = money(text, shift)
	case protoreflect.BoolKind:
		truth, known := truths[strings.ToLower(text)]
		if !known {
			problem = "is neither true nor false"
		} else if truth {
			v.number = 1
		}
	case protoreflect.EnumKind:
		var known bool
		if v.enum, known = names[strings.ToLower(text)]; !known {
			problem = "is not one of " + listed(names)
		}
	case protoreflect.DoubleKind:
		var err error
		v.float, err = strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(v.float, 0) || math.IsNaN(v.float) {
			problem = "is not a number"
		}
	default:
		return v, "cannot be set"
	}
	if problem != "" {
		return v, quote(text) + " " + problem
	}
	return v, ""
}

// wholeNumber reads a whole number.
func wholeNumber(fd protoreflect.FieldDescriptor, text string, shift int, negative bool) (uint64, string) {
	digits, minus := text, false
	if negative {
		digits, minus = strings.CutPrefix(text, "-")
	}
	n, exact, problem := decimal(digits, shift)
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

// setField sets a field of m, any but the user, from text that is not empty, given in a unit that is shift digits more than
// the field's. It returns what is wrong, to be read after a name; empty if nothing is.
func setField(m protoreflect.Message, fd protoreflect.FieldDescriptor, text string, shift int) string {
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
		m.Set(fd, protoreflect.ValueOfString(v.text))
	case protoreflect.Uint64Kind:
		m.Set(fd, protoreflect.ValueOfUint64(v.number))
	case protoreflect.BoolKind:
		m.Set(fd, protoreflect.ValueOfBool(v.number != 0))
	case protoreflect.EnumKind:
		m.Set(fd, protoreflect.ValueOfEnum(v.enum))
	case protoreflect.DoubleKind:
		m.Set(fd, protoreflect.ValueOfFloat64(v.float))
	default:
		setMoney(m, fd, v)
	}
	return ""
}

// setMoney sets a cost.
func setMoney(m protoreflect.Message, fd protoreflect.FieldDescriptor, v value) {
	picos := m.Descriptor().Fields().ByTextName(fieldPicos)
	m.Set(fd, protoreflect.ValueOfInt64(v.money))
	if v.picos > 0 {
		m.Set(picos, protoreflect.ValueOfUint64(v.picos))
	} else {
		m.Clear(picos)
	}
}

var truths = map[string]bool{"true": true, "1": true, "yes": true, "false": false, "0": false, "no": false}

// signed is decimal for numbers that may be negative; what is after the point is cut off.
func signed(text string, shift int) (int64, string) {
	digits, negative := strings.CutPrefix(text, "-")
	n, _, problem := decimal(digits, shift)
	if strings.HasPrefix(digits, "-") {
		problem = "is not a number"
	}
	if negative {
		return -int64(n), problem
	}
	return int64(n), problem
}

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

// subtract makes the part of a total that is set what is left when the other parts are taken off. It returns what is
// wrong, to be read after a name.
func subtract(m protoreflect.Message, of total) string {
	fields := m.Descriptor().Fields()
	part := fields.ByTextName(of.part)
	if !m.Has(part) {
		return ""
	}
	rest := m.Get(part).Uint()
	for _, name := range of.others {
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

// base sets what an event has whatever its row says: the labels of the options.
func base(t schemas.Type, o Options) schemas.Event {
	e := schemas.NewEvent(t)
	m := e.ProtoReflect()
	for name, text := range map[string]string{fieldTenant: o.Tenant, fieldProduct: o.Product, fieldRun: o.Run} {
		if fd := m.Descriptor().Fields().ByTextName(name); fd != nil && text != "" {
			m.Set(fd, protoreflect.ValueOfString(text))
		}
	}
	return e
}

// copyInto makes dst equal to src.
func copyInto(dst, src proto.Message) {
	proto.Reset(dst)
	proto.Merge(dst, src)
}
