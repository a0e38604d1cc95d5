package schemas

import (
	"crypto/sha256"
	"encoding/binary"
)

// Identity names an event: the first 16 bytes of a SHA-256 over its tenant, source and id, each preceded by its length.
// In ClickHouse it is a UInt128 whose little-endian bytes are these.
type Identity [16]byte

// IdentityOf returns the identity of the event with the given tenant, source and id.
func IdentityOf(tenant, source, id string) Identity {
	var buf [512]byte
	b := appendLengthed(buf[:0], tenant)
	b = appendLengthed(b, source)
	b = appendLengthed(b, id)
	sum := sha256.Sum256(b)
	return Identity(sum[:16])
}

// appendLengthed appends s after its length, so that no two lists of strings give the same bytes.
func appendLengthed(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// Partition returns the partition, of n > 0, that every record of the event goes to: the first 8 bytes as a big-endian
// number, modulo n.
func (id Identity) Partition(n int) int32 {
	return int32(binary.BigEndian.Uint64(id[:8]) % uint64(n))
}

// low and high return the halves of the UInt128 that the identity is in ClickHouse.
func (id Identity) low() uint64  { return binary.LittleEndian.Uint64(id[:8]) }
func (id Identity) high() uint64 { return binary.LittleEndian.Uint64(id[8:]) }
