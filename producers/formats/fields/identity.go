package fields

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// AppendLengthed appends the length of s and s, so that no two lists of strings give the same bytes.
func AppendLengthed(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// RowID returns the id of a row: its number, from 1, and a hash of key. buf is memory for it, which is returned.
func RowID(row uint64, key, buf []byte) (string, []byte) {
	sum := sha256.Sum256(key)
	buf = append(strconv.AppendUint(buf[:0], row, 10), '-')
	buf = hex.AppendEncode(buf, sum[:8])
	return string(buf), buf
}
