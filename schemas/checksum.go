package schemas

import (
	"fmt"
	"strings"
)

// The checksum of a row is a hash of its coordinates, identity, time and every number of its type: each word times an
// odd constant of its own, summed, then mixed once. Changing any one word changes the sum, since an odd number has an
// inverse modulo 2^64; mixing makes swaps between rows show. The checksum of rows is the sum of theirs, so it depends neither on order nor on blocks. All of it is arithmetic that ClickHouse does in the same way.
//
// It finds what goes wrong by accident. It is no protection against somebody who wants a collision.

// mix is ClickHouse's intHash64: the finalizer of MurmurHash3 after a constant, so that 0 does not stay 0.
func mix(x uint64) uint64 {
	x ^= 0x4cf2d2baae6da887
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// The first words of every row; those of the fields follow.
const (
	wordOffset = iota
	wordPlace  // Epoch and partition.
	wordLow    // Of the identity.
	wordHigh
	wordFields
)

// factors are the constants the words are multiplied by.
var factors = func() (f [wordFields + maxFieldNumbers]uint64) {
	for i := range f {
		f[i] = mix(uint64(i)+1) | 1
	}
	return f
}()

// isSummed reports whether fields of this kind are part of the checksum.
func (k kind) isSummed() bool {
	return k != kindText && k != kindSymbol && k != kindEnum && k != kindBool
}

// placeWord is the word of the epoch and the partition.
func placeWord(at Coordinates) uint64 { return uint64(at.Epoch)<<32 | uint64(uint32(at.Partition)) }

// ChecksumSQL returns a ClickHouse expression over the columns of the raw table, of type UInt64, equal to the
// Meta.Checksum of the row. Sums of it wrap as those in Go do.
func (s Spec) ChecksumSQL() string {
	terms := []string{
		term("offset", factors[wordOffset]),
		term("(bitShiftLeft(toUInt64(epoch), 32) + partition)", factors[wordPlace]),
		term("reinterpretAsUInt64(identity)", factors[wordLow]),
		term("reinterpretAsUInt64(bitShiftRight(identity, 64))", factors[wordHigh]),
	}
	for _, f := range tables[s.Type].fields {
		if !f.kind.isSummed() {
			continue
		}
		column := Ident(f.column)
		switch f.kind {
		case kindTime:
			column = "reinterpretAsUInt64(toUnixTimestamp64Micro(" + column + "))"
		case kindFloat:
			column = "reinterpretAsUInt64(" + column + ")"
		case kindMaybeCount:
			column = "ifNull(" + column + " + 1, 0)"
		case kindMaybeMoney:
			column = "ifNull(reinterpretAsUInt64(" + column + ") + 1, 0)"
		}
		terms = append(terms, term(column, factors[wordFields+int(f.number)]))
	}
	return "intHash64(" + strings.Join(terms, " + ") + ")"
}

func term(word string, factor uint64) string { return fmt.Sprintf("%s * toUInt64(%d)", word, factor) }
