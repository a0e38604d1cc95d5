package schemas

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// mutate returns value with a random change, of the bytes or of the fields they hold.
func mutate(r *rand.Rand, value []byte) []byte {
	v := slices.Clone(value)
	switch r.IntN(9) {
	case 0:
		if len(v) > 0 {
			v[r.IntN(len(v))] = byte(r.Uint32())
		}
	case 1:
		v = v[:r.IntN(len(v)+1)]
	case 2:
		i := r.IntN(len(v) + 1)
		v = slices.Insert(v, i, byte(r.Uint32()))
	case 3:
		if len(v) > 0 {
			v[r.IntN(len(v))] ^= 1 << r.IntN(8)
		}
	case 4: // A field of a number and a wire type, known or not, with a value or garbage.
		v = append(v, randomField(r)...)
	case 5:
		v = append(randomField(r), v...)
	case 6: // A field between two others.
		if i := boundary(r, v); i >= 0 {
			v = slices.Insert(v, i, randomField(r)...)
		}
	case 7: // Two messages in one: the last value of each field counts.
		v = append(v, v[:r.IntN(len(v)+1)]...)
	case 8:
		if i := boundary(r, v); i >= 0 {
			v = append(slices.Clone(v[i:]), v[:i]...)
		}
	}
	return v
}

// boundary returns the index of a random field of the message v, -1 if it has none.
func boundary(r *rand.Rand, v []byte) int {
	var starts []int
	for i := 0; i < len(v); {
		starts = append(starts, i)
		_, _, n := protowire.ConsumeField(v[i:])
		if n < 0 {
			break
		}
		i += n
	}
	if len(starts) == 0 {
		return -1
	}
	return starts[r.IntN(len(starts))]
}

func randomField(r *rand.Rand) []byte {
	number := protowire.Number(1 + r.IntN(46))
	if r.IntN(8) == 0 {
		number = pick[protowire.Number](r, 47, 63, 64, 100, 19000, protowire.MaxValidNumber)
	}
	switch r.IntN(9) {
	case 0:
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType),
			pick[uint64](r, 0, 1, 3, 1<<32, 1<<63, math.MaxUint64, 1e12, 1e12+1, r.Uint64()))
	case 1:
		return protowire.AppendFixed64(protowire.AppendTag(nil, number, protowire.Fixed64Type),
			pick(r, 0, 1, r.Uint64(), uint64(maxTime), uint64(maxTime+1), uint64(minTime), uint64(minTime-1), math.Float64bits(math.NaN()), math.Float64bits(math.Inf(1))))
	case 2:
		return protowire.AppendFixed32(protowire.AppendTag(nil, number, protowire.Fixed32Type), r.Uint32())
	case 3:
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType),
			pick(r, "", "x", "US", "usd", "EUR", "\xff", "a\x00b", "\u0085", "\x7f", strings.Repeat("y", pick(r, 256, 257, 512, 513)), "\xc3\x28", "é"))
	case 4: // A group, perhaps nested, perhaps closed by the wrong number.
		g := protowire.AppendTag(nil, number, protowire.StartGroupType)
		g = protowire.AppendVarint(protowire.AppendTag(g, 1, protowire.VarintType), 5)
		if r.IntN(2) == 0 {
			g = protowire.AppendTag(protowire.AppendTag(g, 2, protowire.StartGroupType), 2, protowire.EndGroupType)
		}
		if r.IntN(4) == 0 {
			number++
		}
		return protowire.AppendTag(g, number, protowire.EndGroupType)
	case 5: // An integer in more bytes than it needs, up to one too many.
		b := protowire.AppendTag(nil, number, protowire.VarintType)
		b = append(b, bytes.Repeat([]byte{0x80}, r.IntN(11))...)
		return append(b, pick[byte](r, 0, 1, 2, 0x7f))
	case 6: // A tag in more bytes than it needs.
		return append(padded(protowire.EncodeTag(number, protowire.VarintType)), 1)
	case 7: // A bad tag: number 0, a number above the limit, wire types 6 and 7, an unopened end of group.
		return append(protowire.AppendVarint(nil, pick[uint64](r, 0, 2, 1<<32, 1<<35|2, protowire.EncodeTag(number, 6),
			protowire.EncodeTag(number, 7), protowire.EncodeTag(number, protowire.EndGroupType))), 0)
	default: // A length beyond the end, or one that overflows.
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.BytesType), pick[uint64](r, 1<<20, math.MaxUint64, 1<<63, 300))
	}
}

// padded returns the tag as a varint of three bytes.
func padded(tag uint64) []byte {
	return []byte{byte(tag) | 0x80, byte(tag>>7) | 0x80, byte(tag >> 14)}
}
