// Package wire reads and writes the primitive types of the Kafka protocol: fixed-width big-endian integers, varints, and
// strings, bytes and arrays in their classic and compact ("flexible") forms.
//
// Writing appends to a byte slice. Reading goes through Reader, which keeps the first error and returns zero values
// after it, so that a decoder is a plain list of reads and one check. Reader never allocates and never reads beyond its
// input; the strings and bytes it returns point into it.
package wire

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrShort is the error of a Reader whose input ended before the value did.
var ErrShort = errors.New("kafka message is truncated")

// ErrMalformed is the error of a Reader that met a length or varint that cannot be.
var ErrMalformed = errors.New("kafka message is malformed")

// AppendInt8 appends one byte.
func AppendInt8(dst []byte, v int8) []byte { return append(dst, byte(v)) }

// AppendInt16 appends two bytes, big-endian.
func AppendInt16(dst []byte, v int16) []byte { return binary.BigEndian.AppendUint16(dst, uint16(v)) }

// AppendInt32 appends four bytes, big-endian.
func AppendInt32(dst []byte, v int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v)) }

// AppendInt64 appends eight bytes, big-endian.
func AppendInt64(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }

// AppendBool appends 0 or 1.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendVarint appends a zigzag varint.
func AppendVarint(dst []byte, v int64) []byte {
	return binary.AppendUvarint(dst, uint64(v)<<1^uint64(v>>63))
}

// VarintSize is the number of bytes that AppendVarint appends.
func VarintSize(v int64) int {
	n := 1
	for u := uint64(v)<<1 ^ uint64(v>>63); u >= 0x80; u >>= 7 {
		n++
	}
	return n
}

// AppendString appends a string; compact is its form in flexible messages.
func AppendString(dst []byte, s string, compact bool) []byte {
	if compact {
		dst = binary.AppendUvarint(dst, uint64(len(s))+1)
	} else {
		dst = AppendInt16(dst, int16(len(s)))
	}
	return append(dst, s...)
}

// AppendNullString appends an absent string.
func AppendNullString(dst []byte, compact bool) []byte {
	if compact {
		return append(dst, 0)
	}
	return AppendInt16(dst, -1)
}

// AppendArrayLen appends the length of an array; -1 is the absent array.
func AppendArrayLen(dst []byte, n int, compact bool) []byte {
	if compact {
		return binary.AppendUvarint(dst, uint64(n+1))
	}
	return AppendInt32(dst, int32(n))
}

// AppendTags appends an empty tag section, which flexible messages end every structure with.
func AppendTags(dst []byte, flexible bool) []byte {
	if flexible {
		return append(dst, 0)
	}
	return dst
}

// Reader reads values one after the other from a message. The zero Reader is an empty one.
type Reader struct {
	buf []byte
	err error
}

// NewReader returns a Reader of buf, which it does not copy.
func NewReader(buf []byte) Reader { return Reader{buf: buf} }

// Err is the first error met, or nil.
func (r *Reader) Err() error { return r.err }

// Len is the number of bytes not read yet; 0 after an error.
func (r *Reader) Len() int { return len(r.buf) }

// Rest returns the bytes not read yet.
func (r *Reader) Rest() []byte { return r.buf }

func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.buf = nil
}

// Next returns the next n bytes, which are part of the input, or nil after an error.
func (r *Reader) Next(n int) []byte {
	if n < 0 {
		r.fail(ErrMalformed)
		return nil
	}
	if n > len(r.buf) {
		r.fail(ErrShort)
		return nil
	}
	b := r.buf[:n:n]
	r.buf = r.buf[n:]
	return b
}

// Int8 reads one byte.
func (r *Reader) Int8() int8 {
	if len(r.buf) < 1 {
		r.fail(ErrShort)
		return 0
	}
	v := int8(r.buf[0])
	r.buf = r.buf[1:]
	return v
}

// Bool reads one byte; anything but 0 is true.
func (r *Reader) Bool() bool { return r.Int8() != 0 }

// Int16 reads two bytes.
func (r *Reader) Int16() int16 {
	if len(r.buf) < 2 {
		r.fail(ErrShort)
		return 0
	}
	v := int16(binary.BigEndian.Uint16(r.buf))
	r.buf = r.buf[2:]
	return v
}

// Int32 reads four bytes.
func (r *Reader) Int32() int32 {
	if len(r.buf) < 4 {
		r.fail(ErrShort)
		return 0
	}
	v := int32(binary.BigEndian.Uint32(r.buf))
	r.buf = r.buf[4:]
	return v
}

// Int64 reads eight bytes.
func (r *Reader) Int64() int64 {
	if len(r.buf) < 8 {
		r.fail(ErrShort)
		return 0
	}
	v := int64(binary.BigEndian.Uint64(r.buf))
	r.buf = r.buf[8:]
	return v
}

// Uvarint reads an unsigned varint.
func (r *Reader) Uvarint() uint64 {
	// Most are one byte long, the lengths of values two.
	if len(r.buf) > 1 && r.buf[0] < 0x80 {
		v := uint64(r.buf[0])
		r.buf = r.buf[1:]
		return v
	}
	if len(r.buf) > 1 && r.buf[1] < 0x80 {
		v := uint64(r.buf[0]&0x7f) | uint64(r.buf[1])<<7
		r.buf = r.buf[2:]
		return v
	}
	v, n := binary.Uvarint(r.buf)
	switch {
	case n > 0:
		r.buf = r.buf[n:]
		return v
	case n == 0:
		r.fail(ErrShort)
	default:
		r.fail(ErrMalformed)
	}
	return 0
}

// Varint reads a zigzag varint.
func (r *Reader) Varint() int64 {
	u := r.Uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// String reads a string; an absent one reads as "".
func (r *Reader) String(compact bool) string {
	if compact {
		n := r.Uvarint()
		if n == 0 {
			return ""
		}
		return string(r.Next(r.length(n - 1)))
	}
	n := r.Int16()
	if n == -1 {
		return ""
	}
	return string(r.Next(int(n)))
}

// Bytes reads a byte string with a 32-bit length; an absent one is nil. It points into the input.
func (r *Reader) Bytes(compact bool) []byte {
	if compact {
		n := r.Uvarint()
		if n == 0 {
			return nil
		}
		return r.Next(r.length(n - 1))
	}
	n := r.Int32()
	if n == -1 {
		return nil
	}
	return r.Next(int(n))
}

// VarintBytes reads a byte string with a zigzag varint length, as records have; an absent one is nil.
func (r *Reader) VarintBytes() []byte {
	n := r.Varint()
	if n == -1 {
		return nil
	}
	if n < 0 || n > math.MaxInt32 {
		r.fail(ErrMalformed)
		return nil
	}
	return r.Next(int(n))
}

// ArrayLen reads the length of an array, 0 for an absent one. It is never more than the bytes left, so that a caller may
// allocate by it.
func (r *Reader) ArrayLen(compact bool) int {
	var n int
	if compact {
		u := r.Uvarint()
		if u == 0 {
			return 0
		}
		n = r.length(u - 1)
	} else {
		n = int(r.Int32())
		if n == -1 {
			return 0
		}
	}
	if n < 0 {
		r.fail(ErrMalformed)
		return 0
	}
	if n > len(r.buf) {
		r.fail(ErrShort)
		return 0
	}
	return n
}

// Tags skips a tag section.
func (r *Reader) Tags(flexible bool) {
	if !flexible {
		return
	}
	for n := r.Uvarint(); n > 0 && r.err == nil; n-- {
		r.Uvarint()
		r.Next(r.length(r.Uvarint()))
	}
}

func (r *Reader) length(u uint64) int {
	if u > math.MaxInt32 {
		r.fail(ErrMalformed)
		return 0
	}
	return int(u)
}
