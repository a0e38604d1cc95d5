package schemas

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
)

// values are the fields of one event by number, as they were on the wire or in a message, before any rule. Clearing them
// for each event would cost more than reading it, so number and text hold something else where present says that a field
// was not there: numberOf and textOf know.
type values struct {
	number  [maxFieldNumbers]uint64 // Integers, bit patterns of signed ones and floats, truncated nowhere.
	text    [maxFieldNumbers]string // Valid as long as the bytes or the message they came from.
	present uint64                  // Bit n is set if the field n was there.
	end     uintptr                 // Where the bytes end that the texts are part of.
}

// numberOf and textOf return a field, 0 and an empty text if it was not there.
func (v *values) numberOf(number uint8) uint64 {
	number %= maxFieldNumbers
	return v.number[number] & -(v.present >> number & 1)
}

func (v *values) textOf(number uint8) string {
	number %= maxFieldNumbers
	if v.present>>number&1 == 0 {
		return ""
	}
	return v.text[number]
}

// room returns how many bytes can be read from the beginning of s, a text that decode found.
func (v *values) room(s string) int {
	return int(v.end - uintptr(unsafe.Pointer(unsafe.StringData(s))))
}

func (v *values) has(number uint8) bool { return v.present&(1<<number) != 0 }

func (v *values) set(number uint8, x uint64) {
	number %= maxFieldNumbers
	v.number[number] = x
	v.present |= 1 << number
}

func (v *values) setText(number uint8, s string) {
	number %= maxFieldNumbers
	v.text[number] = s
	v.present |= 1 << number
}

// action is what the decoder does with a field, by its tag: the field's number and wire type. A known number with
// another wire type is an unknown field, as it is to the generated code.
type action uint8

const (
	actionSkip action = iota
	actionText
	actionVarint
	actionFixed
)

// actions are what to do by tag: the field number times 8, and the wire type.
type actions [8 * maxFieldNumbers]action

// wire returns the wire type of the kind and how to read it.
func (k kind) wire() (uint8, action) {
	switch k {
	case kindText, kindLowCardinality:
		return uint8(protowire.BytesType), actionText
	case kindCount, kindWeight, kindEnum, kindBool, kindNullableCount:
		return uint8(protowire.VarintType), actionVarint
	default:
		return uint8(protowire.Fixed64Type), actionFixed
	}
}

// decode reads the message in b into v, by the actions of its tags. It returns what is wrong with b, to be read after
// "the value"; empty if b is well formed. It accepts what the generated code accepts, except that the caller must check
// whether the texts in v are UTF-8. (decode has checked those that a later one replaced.)
// It is one long function because a call per field would cost speed.
func (v *values) decode(b []byte, actions *actions) string {
	v.present, v.end = 0, uintptr(unsafe.Pointer(unsafe.SliceData(b)))+uintptr(len(b))
	for i := 0; i < len(b); {
		tag := uint64(b[i])
		switch {
		case tag < 0x80:
			i++
		case i+1 < len(b) && b[i+1] < 0x80:
			tag = tag&0x7f | uint64(b[i+1])<<7
			i += 2
		default:
			var n int
			if tag, n = protowire.ConsumeVarint(b[i:]); n < 0 {
				return "has a bad field tag"
			}
			i += n
		}
		act := actionSkip
		if tag < uint64(len(actions)) {
			act = actions[tag]
		}
		number := uint8(tag>>3) % maxFieldNumbers
		switch act {
		case actionText:
			var size uint64
			n := i + 1
			if i < len(b) && b[i] < 0x80 {
				size = uint64(b[i])
			} else {
				size, n = consumeVarint(b, i)
			}
			if n < 0 || size > uint64(len(b)-n) {
				return "ends within a text"
			}
			i = n
			if v.present>>number&1 != 0 && !utf8.ValidString(v.text[number]) {
				return badUTF8
			}
			v.setText(number, unsafe.String(unsafe.SliceData(b[i:]), int(size)))
			i += int(size)
		case actionVarint:
			x, n := consumeVarint(b, i)
			if n < 0 {
				return "has a bad integer"
			}
			v.set(number, x)
			i = n
		case actionFixed:
			if len(b)-i < 8 {
				return "ends within a number"
			}
			v.set(number, binary.LittleEndian.Uint64(b[i:]))
			i += 8
		default:
			n, wrong := unknownLen(tag, b[i:])
			if wrong != "" {
				return wrong
			}
			i += n
		}
	}
	return ""
}

// unknownLen returns the length of the value that b begins with, of an unknown field, or what is wrong with the field.
func unknownLen(tag uint64, b []byte) (n int, wrong string) {
	field := tag >> 3
	if field < uint64(protowire.MinValidNumber) || field > uint64(protowire.MaxValidNumber) {
		return 0, "has a bad field number"
	}
	if n = protowire.ConsumeFieldValue(protowire.Number(field), protowire.Type(tag&7), b); n < 0 {
		return 0, "has a bad unknown field"
	}
	return n, ""
}

const badUTF8 = "has a text of invalid UTF-8"

// consumeVarint reads a varint of b at i and returns it and the index after it, negative if there is none.
func consumeVarint(b []byte, i int) (uint64, int) {
	if len(b)-i >= 8 {
		// Eight bytes at once, without one branch per byte: the lengths of counts are hard to predict.
		w := binary.LittleEndian.Uint64(b[i:])
		if stops := ^w & 0x8080808080808080; stops != 0 {
			w &= stops ^ (stops - 1) // Up to the first byte without the continuation bit.
			w = w&0x007f007f007f007f | w&0x7f007f007f007f00>>1
			w = w&0x00003fff00003fff | w&0x3fff00003fff0000>>2
			w = w&0x000000000fffffff | w&0x0fffffff00000000>>4
			return w, i + bits.TrailingZeros64(stops)/8 + 1
		}
	}
	x, n := protowire.ConsumeVarint(b[i:])
	if n < 0 {
		return 0, -1
	}
	return x, i + n
}
