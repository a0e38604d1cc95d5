package schemas

import (
	"fmt"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// A row has three checksums, each a sum of words times an odd constant of their own, mixed once. Changing any one word
// changes the sum, since an odd number has an inverse modulo 2^64; mixing makes swaps between rows show. The checksum of
// rows is the sum of theirs, so it depends neither on order nor on blocks. All of it is arithmetic that ClickHouse does in
// the same way.
//
//	checksum  the coordinates, the identity and the numbers: what the rollups compare with the ledger
//	body      what the event says: the identity, every number and every text; not where it lies, in which revision and of
//	          which run. Two statements of one event are equal if it is.
//	content   checksum, body and run: every column, at its place
//
// Tenant, source and id are in the body by the identity, which the audit computes again.
//
// Fields that came later, when there were rows and rollups, are in the body alone, so that rollups read no column for the
// checksum that they do not sum. A row without them keeps its checksums: an absent number is a word of 0, and what empty texts
// would add to the body is taken off it.
//
// They find what goes wrong by accident. They are no protection against somebody who wants a collision.

// mix is ClickHouse's intHash64: the finalizer of MurmurHash3 after a constant, so that 0 does not stay 0.
func mix(x uint64) uint64 {
	x ^= 0x4cf2d2baae6da887
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// textHash is ClickHouse's xxHash64: the word of a text.
func textHash(s string) uint64 { return xxhash.Sum64String(s) }

// The first words of every row; those of the fields follow, then those of the content.
const (
	wordOffset = iota
	wordPlace  // Epoch and partition.
	wordLow    // Of the identity.
	wordHigh
	wordFields
	// Field numbers were below 32 at first. The words of larger ones follow the checksum, whose word thus stays.
	wordChecksum = wordFields + 32
	words        = wordFields + maxFieldNumbers + 1
)

// factors are the constants the words are multiplied by.
var factors = func() (f [words]uint64) {
	for i := range f {
		f[i] = mix(uint64(i)+1) | 1
	}
	return f
}()

// factor is the field's constant.
func (f *field) factor() uint64 {
	if f.isText() && (f.number == numTenant || f.number == numSource || f.number == numID || f.number == numRun) {
		return 0
	}
	word := wordFields + int(f.number)
	if word >= wordChecksum {
		word++
	}
	return factors[word]
}

func (f *field) isText() bool { return f.kind == kindText || f.kind == kindLowCardinality }

// isSummed reports whether the field is part of the checksum.
func (f *field) isSummed() bool {
	return !f.later && !f.isText() && f.kind != kindEnum && f.kind != kindBool
}

// placeWord is the word of the epoch and the partition.
func placeWord(at Coordinates) uint64 { return uint64(at.Epoch)<<32 | uint64(uint32(at.Partition)) }

// contentOf is the checksum of every column; run is the hash of that text.
func contentOf(checksum, body, run uint64) uint64 {
	return mix(body + checksum*factors[wordChecksum] + run*factors[wordFields+numRun])
}

// ChecksumSQL returns a ClickHouse expression over the columns of the raw table, of type UInt64, equal to the
// Meta.Checksum of the row. Sums of it wrap as those in Go do.
func (s Spec) ChecksumSQL() string {
	return mixed(append([]string{
		term("offset", factors[wordOffset]),
		term("(bitShiftLeft(toUInt64(epoch), 32) + partition)", factors[wordPlace]),
	}, s.terms((*field).isSummed)...))
}

// BodySQL returns the expression that is equal to the Meta.Body of the row.
func (s Spec) BodySQL() string {
	terms := s.terms(func(f *field) bool { return f.number != numRevision && f.factor() != 0 })
	if unsaid := tables[s.Type].unsaid; unsaid != 0 {
		terms = append(terms, fmt.Sprintf("toUInt64(%d)", -unsaid))
	}
	return mixed(terms)
}

// RevisionSQL returns the expression, of type UInt64, that is equal to the Meta.Revision of the row.
func (s Spec) RevisionSQL() string {
	if tables[s.Type].revised {
		return "revision"
	}
	return "toUInt64(0)"
}

// ContentSQL returns the expression that is equal to the Meta.Content of the row.
func (s Spec) ContentSQL() string {
	return mixed([]string{s.BodySQL(), term(s.ChecksumSQL(), factors[wordChecksum]), term("xxHash64(run)", factors[wordFields+numRun])})
}

// terms returns the terms of the identity and of the fields that are wanted.
func (s Spec) terms(wanted func(*field) bool) []string {
	terms := []string{
		term("reinterpretAsUInt64(identity)", factors[wordLow]),
		term("reinterpretAsUInt64(bitShiftRight(identity, 64))", factors[wordHigh]),
	}
	for i := range tables[s.Type].fields {
		if f := &tables[s.Type].fields[i]; wanted(f) {
			terms = append(terms, term(f.wordSQL(), f.factor()))
		}
	}
	return terms
}

// wordSQL is the word of a column.
func (f *field) wordSQL() string {
	column := Ident(f.column)
	switch f.kind {
	case kindText, kindLowCardinality:
		return "xxHash64(" + column + ")"
	case kindEnum:
		return "toUInt64(toInt8(" + column + "))"
	case kindBool:
		return "toUInt64(" + column + ")"
	case kindTime:
		return "reinterpretAsUInt64(toUnixTimestamp64Micro(" + column + "))"
	case kindFloat:
		return "reinterpretAsUInt64(" + column + ")"
	case kindNullableCount:
		return "ifNull(" + column + " + 1, 0)"
	case kindNullableMoney:
		return "ifNull(reinterpretAsUInt64(" + column + ") + 1, 0)"
	default:
		return column
	}
}

func mixed(terms []string) string { return "intHash64(" + strings.Join(terms, " + ") + ")" }

func term(word string, factor uint64) string { return fmt.Sprintf("%s * toUInt64(%d)", word, factor) }
