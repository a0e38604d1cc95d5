package otlp

import (
	"errors"
	"io"
)

// The types of fields on the wire.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

var (
	errWire  = errors.New("a field has another type than in OTLP")
	errTag   = errors.New("a field has no number")
	errLong  = errors.New("a number is too long")
	errID    = errors.New("an id is not of 16 bytes (trace_id) or 8 (span_id)")
	errDepth = errors.New("the values nest too deep")
	errType  = errors.New("a field has a type that OTLP does not have")
)

// fields are the fields of a message that are left.
type fields struct {
	rest string
	// The current field: its number, its type, its number or its bytes.
	number int32
	wire   uint8
	bits   uint64
	bytes  string
}

// next reads the next field; false at the end of the message.
func (f *fields) next() (bool, error) {
	if f.rest == "" {
		return false, nil
	}
	if len(f.rest) > 1 && f.rest[0] < 0x80 && f.rest[0]&7 == wireBytes && f.rest[1] < 0x80 { // As most fields are.
		end := 2 + int(f.rest[1])
		if f.rest[0] < 1<<3 || end > len(f.rest) {
			return false, io.ErrUnexpectedEOF
		}
		f.number, f.wire, f.bytes, f.rest = int32(f.rest[0]>>3), wireBytes, f.rest[2:end], f.rest[end:]
		return true, nil
	}
	tag, err := f.varint()
	if err != nil {
		return false, err
	}
	f.number, f.wire = int32(tag>>3), uint8(tag&7)
	if f.number <= 0 {
		return false, errTag
	}
	switch f.wire {
	case wireVarint:
		f.bits, err = f.varint()
	case wireBytes:
		if f.bits, err = f.varint(); err != nil {
			return false, err
		}
		if f.bits > uint64(len(f.rest)) {
			return false, io.ErrUnexpectedEOF
		}
		f.bytes, f.rest = f.rest[:f.bits], f.rest[f.bits:]
	case wire64:
		f.bits, err = f.fixed(8)
	case wire32:
		f.bits, err = f.fixed(4)
	default:
		err = errType
	}
	return err == nil, err
}

// varint reads a number of variable length.
func (f *fields) varint() (n uint64, err error) {
	if f.rest != "" && f.rest[0] < 0x80 {
		n, f.rest = uint64(f.rest[0]), f.rest[1:]
		return n, nil
	}
	for i := range 10 {
		if i == len(f.rest) {
			return 0, io.ErrUnexpectedEOF
		}
		b := f.rest[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			f.rest = f.rest[i+1:]
			return n, nil
		}
	}
	return 0, errLong
}

// fixed reads a number of some bytes.
func (f *fields) fixed(size int) (n uint64, err error) {
	if len(f.rest) < size {
		return 0, io.ErrUnexpectedEOF
	}
	for i := size - 1; i >= 0; i-- {
		n = n<<8 | uint64(f.rest[i])
	}
	f.rest = f.rest[size:]
	return n, nil
}

// shape is a kind of message: the types of its fields, by their numbers, and which of them are messages.
type shape struct {
	wires [17]uint8 // The type plus 1; 0 for a number that it does not have.
	inner [17]*shape
	ids   [17]uint8 // The length of an id.
}

// shapeOf returns a shape with fields from 1 on; a dash is no field, and the others are v(arint), 6(4 bits), 3(2 bits), b(ytes).
func shapeOf(wires string) *shape {
	s := &shape{}
	for i, c := range wires {
		switch c {
		case 'v':
			s.wires[i+1] = wireVarint + 1
		case '6':
			s.wires[i+1] = wire64 + 1
		case '3':
			s.wires[i+1] = wire32 + 1
		case 'b':
			s.wires[i+1] = wireBytes + 1
		}
	}
	return s
}

var (
	shapeOfRequest  = shapeOf("b")
	shapeOfResource = shapeOf("bvb")
	shapeOfScope    = shapeOf("bbbv")
	shapeOfSpan     = shapeOf("bbbbbv66bvbvbvb3")
	shapeOfEvent    = shapeOf("6bbv")
	shapeOfLink     = shapeOf("bbbbv3")
	shapeOfStatus   = shapeOf("-bv")
	shapeOfEntity   = shapeOf("bbbb")
	shapeOfSpans    = shapeOf("bbb") // The spans of a resource.
	shapeOfScoped   = shapeOf("bbb") // The spans of a scope.
	shapeOfPair     = shapeOf("bbv")
	shapeOfValue    = shapeOf("bvv6bbbv")
	shapeOfArray    = shapeOf("b")
	shapeOfMap      = shapeOf("b")
)

func init() {
	shapeOfResource.inner[1], shapeOfResource.inner[3] = shapeOfPair, shapeOfEntity
	shapeOfScope.inner[3] = shapeOfPair
	shapeOfEvent.inner[3] = shapeOfPair
	shapeOfLink.inner[4] = shapeOfPair
	shapeOfScoped.inner[1], shapeOfScoped.inner[2] = shapeOfScope, shapeOfSpan
	shapeOfSpan.inner[9], shapeOfSpan.inner[11], shapeOfSpan.inner[13], shapeOfSpan.inner[15] = shapeOfPair, shapeOfEvent, shapeOfLink, shapeOfStatus
	shapeOfPair.inner[2] = shapeOfValue
	shapeOfValue.inner[5], shapeOfValue.inner[6] = shapeOfArray, shapeOfMap
	shapeOfArray.inner[1], shapeOfMap.inner[1] = shapeOfValue, shapeOfPair
	for _, s := range []*shape{shapeOfSpan, shapeOfLink} {
		s.ids[1], s.ids[2] = 16, 8
	}
	shapeOfSpan.ids[4] = 8
}

// check returns what is wrong with the type of the current field, and with the length of an id.
func (s *shape) check(f *fields) error {
	if f.number >= int32(len(s.wires)) {
		return nil
	}
	if want := s.wires[f.number]; want != 0 && want != f.wire+1 {
		return errWire
	}
	if n := s.ids[f.number]; n != 0 && len(f.bytes) != 0 && len(f.bytes) != int(n) {
		return errID
	}
	return nil
}

// lookOver returns what is wrong with a message that is not read, whose values may nest depth messages deep. A pair is the first
// of them.
func (s *shape) lookOver(message string, depth int) error {
	nests := s == shapeOfPair || s == shapeOfValue || s == shapeOfArray || s == shapeOfMap
	if nests {
		if depth--; depth < 0 {
			return errDepth
		}
	}
	f := fields{rest: message}
	for {
		more, err := f.next()
		if err != nil || !more {
			return err
		}
		if err := s.check(&f); err != nil {
			return err
		}
		if f.wire != wireBytes || f.number >= int32(len(s.inner)) || s.inner[f.number] == nil {
			continue
		}
		if err := s.inner[f.number].lookOver(f.bytes, depth); err != nil {
			return err
		}
	}
}
