package synthetic

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// fillerField is a field of no event: consumers skip it.
const fillerField = 15_000

// filler makes fields that only take up room.
type filler struct{ text, field []byte }

// upTo returns a field of n bytes, or the smallest there is if that is more; nothing if n is not above 0. It is valid until the next call. Its
// text is 64 signs in random order, which depend on the seed alone and compress to three quarters at best.
func (f *filler) upTo(n int, seed uint64) []byte {
	if n <= 0 {
		return nil
	}
	head := protowire.SizeTag(fillerField)
	length := max(n-head-1, 0)
	length = max(length-max(protowire.SizeBytes(length)+head-n, 0), 0)
	if protowire.SizeBytes(length)+head < n {
		length++ // Where the length itself takes another byte, no field has n bytes.
	}
	f.text = f.text[:0]
	for random := newRandom(seed); len(f.text) < length; {
		const six, zero = 0x3f3f3f3f3f3f3f3f, 0x3030303030303030 // Each byte becomes one from "0" on.
		f.text = binary.LittleEndian.AppendUint64(f.text, random.next()&six+zero)
	}
	f.field = protowire.AppendTag(f.field[:0], fillerField, protowire.BytesType)
	f.field = protowire.AppendBytes(f.field, f.text[:length])
	return f.field
}
