package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	for _, compact := range []bool{false, true} {
		b := AppendInt8(nil, -3)
		b = AppendInt16(b, -300)
		b = AppendInt32(b, math.MinInt32)
		b = AppendInt64(b, math.MaxInt64)
		b = AppendBool(b, true)
		b = AppendString(b, "text", compact)
		b = AppendNullString(b, compact)
		b = AppendArrayLen(b, 2, compact)
		b = AppendTags(b, compact)
		b = append(b, "rest"...)
		r := NewReader(b)
		if r.Int8() != -3 || r.Int16() != -300 || r.Int32() != math.MinInt32 || r.Int64() != math.MaxInt64 || !r.Bool() ||
			r.String(compact) != "text" || r.String(compact) != "" || r.ArrayLen(compact) != 2 {
			t.Errorf("compact %v: other values", compact)
		}
		if r.Tags(compact); string(r.Rest()) != "rest" || r.Err() != nil {
			t.Errorf("compact %v: rest %q, %v", compact, r.Rest(), r.Err())
		}
	}
}

func TestVarint(t *testing.T) {
	for _, v := range []int64{0, -1, 1, 63, 64, -64, -65, 8191, 8192, -8193, math.MaxInt32, math.MinInt64, math.MaxInt64} {
		b := AppendVarint(nil, v)
		if want := binary.AppendVarint(nil, v); !bytes.Equal(b, want) {
			t.Errorf("AppendVarint(%d) = %x, want %x", v, b, want)
		}
		if len(b) != VarintSize(v) {
			t.Errorf("VarintSize(%d) = %d, it has %d bytes", v, VarintSize(v), len(b))
		}
		for _, tail := range []string{"", "x"} {
			r := NewReader(append(b[:len(b):len(b)], tail...))
			if got := r.Varint(); got != v || r.Err() != nil || r.Len() != len(tail) {
				t.Errorf("Varint = %d, want %d; %v, %d bytes left", got, v, r.Err(), r.Len())
			}
		}
		r := NewReader(b[:len(b)-1])
		if r.Varint(); !errors.Is(r.Err(), ErrShort) {
			t.Errorf("Varint of a part of %d: %v", v, r.Err())
		}
	}
	r := NewReader(bytes.Repeat([]byte{0xff}, 11))
	if r.Uvarint(); !errors.Is(r.Err(), ErrMalformed) {
		t.Errorf("a varint of 11 bytes: %v", r.Err())
	}
}

// TestHostileLengths: no length leads beyond the input, and what follows an error reads as nothing.
func TestHostileLengths(t *testing.T) {
	reads := map[string]func(r *Reader){
		"string":         func(r *Reader) { _ = r.String(false) },
		"compact string": func(r *Reader) { _ = r.String(true) },
		"bytes":          func(r *Reader) { r.Bytes(false) },
		"compact bytes":  func(r *Reader) { r.Bytes(true) },
		"varint bytes":   func(r *Reader) { r.VarintBytes() },
		"array":          func(r *Reader) { r.ArrayLen(false) },
		"compact array":  func(r *Reader) { r.ArrayLen(true) },
		"tags":           func(r *Reader) { r.Tags(true) },
	}
	for name, read := range reads {
		for _, in := range []string{"", "\x7f\xff\xff\xff", "\xfe\xff\xff\xff\x0f", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x80\x00\x00\x00"} {
			r := NewReader([]byte(in))
			read(&r)
			if r.Err() != nil && (r.Len() != 0 || r.Int64() != 0 || r.Next(1) != nil) {
				t.Errorf("%s of %x: values after %v", name, in, r.Err())
			}
			if in == "" && r.Err() == nil {
				t.Errorf("%s of nothing: no error", name)
			}
		}
	}
}
