package schemas

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
)

// slot is where a field is in the memory of its generated message, and its tag on the wire. Validation and encoding
// follow from slots, so that the numbers and kinds of fields stand in fields.go alone.
type slot struct {
	offset uintptr
	number uint8
	form   form
	fixed  bool // The wire form of a number is 8 bytes, and not a varint.
	tag    uint16
}

// form is what a slot holds.
type form uint8

const (
	formText     form = iota
	formWord          // 8 bytes: an integer or a float.
	formEnum          // An int32.
	formBool          // One byte.
	formOptional      // A pointer to 8 bytes; nil for absent.
)

// messages are the slots of the types in the order of the fields' numbers, in which the generated code encodes them.
var messages = func() (all [NumTypes][]slot) {
	for t := range all {
		all[t] = slotsOf(Type(t))
	}
	return all
}()

// slotsOf returns the slots of a type.
func slotsOf(t Type) []slot {
	var slots []slot
	message := reflect.TypeOf(NewEvent(t)).Elem()
	for i := range message.NumField() {
		part := message.Field(i)
		tag := strings.Split(part.Tag.Get("protobuf"), ",") // Such as "bytes,1,opt,name=source,proto3".
		if len(tag) < 2 {
			continue // The generated code's own.
		}
		number, err := strconv.ParseUint(tag[1], 10, 8)
		at := slices.IndexFunc(tables[t].fields, func(f field) bool { return uint64(f.number) == number })
		if err != nil || at < 0 {
			continue // TestAppendEventFields fails for a field that is not in the table.
		}
		wire, _ := tables[t].fields[at].kind.wire()
		slots = append(slots, slot{
			offset: part.Offset, number: uint8(number), form: formOf(part.Type), fixed: protowire.Type(wire) == protowire.Fixed64Type,
			tag: uint16(protowire.EncodeTag(protowire.Number(number), protowire.Type(wire))),
		})
	}
	slices.SortFunc(slots, func(a, b slot) int { return cmp.Compare(a.number, b.number) })
	return slots
}

// formOf returns what a field of that Go type holds.
func formOf(t reflect.Type) form {
	switch t.Kind() {
	case reflect.String:
		return formText
	case reflect.Int32:
		return formEnum
	case reflect.Bool:
		return formBool
	case reflect.Pointer:
		return formOptional
	default:
		return formWord
	}
}

// load takes the fields of e, a message of type t, into v, which must be zero. The texts are those of e.
func (v *values) load(t Type, e Event) {
	message := reflect.ValueOf(e).UnsafePointer()
	for i := range messages[t] {
		s := &messages[t][i]
		at := unsafe.Add(message, s.offset)
		var x uint64
		switch s.form {
		case formText:
			v.setText(s.number, *(*string)(at))
			continue
		case formWord:
			x = *(*uint64)(at)
		case formEnum:
			x = uint64(*(*int32)(at))
		case formBool:
			x = uint64(*(*uint8)(at))
		case formOptional:
			word := *(**uint64)(at)
			if word == nil {
				continue
			}
			x = *word
		}
		v.set(s.number, x)
	}
}

// appendSlots appends the wire form of e, a message of type t, to dst, absent fields not at all. It returns false if a
// text is not UTF-8. It is several times faster than the generated code; BenchmarkAppendEvent has the numbers.
func appendSlots(dst []byte, t Type, e Event) (out []byte, valid bool) {
	message := reflect.ValueOf(e).UnsafePointer()
	valid = true
	for i := range messages[t] {
		s := &messages[t][i]
		at := unsafe.Add(message, s.offset)
		var x uint64
		switch s.form {
		case formText:
			text := *(*string)(at)
			if text == "" {
				continue
			}
			valid = valid && utf8.ValidString(text)
			dst = append(appendVarint(s.appendTag(dst), uint64(len(text))), text...)
			continue
		case formWord:
			x = *(*uint64)(at)
		case formEnum:
			x = uint64(*(*int32)(at))
		case formBool:
			x = uint64(*(*uint8)(at))
		case formOptional:
			word := *(**uint64)(at)
			if word == nil {
				continue
			}
			x = *word
		}
		if x == 0 && s.form != formOptional {
			continue
		}
		dst = s.appendTag(dst)
		if s.fixed {
			dst = protowire.AppendFixed64(dst, x)
		} else {
			dst = appendVarint(dst, x)
		}
	}
	return dst, valid
}

// appendTag appends the tag of the slot, which has one or two bytes.
func (s *slot) appendTag(dst []byte) []byte {
	if s.tag < 0x80 {
		return append(dst, byte(s.tag))
	}
	return append(dst, byte(s.tag)|0x80, byte(s.tag>>7))
}

// appendVarint is protowire.AppendVarint, faster for the small numbers that most are.
func appendVarint(dst []byte, x uint64) []byte {
	if x < 0x80 {
		return append(dst, byte(x))
	}
	return protowire.AppendVarint(dst, x)
}
