package schemas

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// UserHasher turns the identifiers of users into what events carry of them. It is not for concurrent use.
type UserHasher struct {
	mac hash.Hash
	buf []byte
	sum []byte
}

// NewUserHasher returns a hasher under the key, of which nothing is kept out of the hash: whoever has it can tell who a
// user is by trying names. The same key gives the same users for ever.
func NewUserHasher(key []byte) *UserHasher { return &UserHasher{mac: hmac.New(sha256.New, key)} }

// Hash returns the user of an event: the first 8 bytes, as a big-endian number, of the HMAC-SHA-256 of the tenant and the
// user's identifier, each preceded by its length. It is 0, which means unknown, for no identifier alone.
func (h *UserHasher) Hash(tenant, user string) uint64 {
	if user == "" {
		return 0
	}
	h.buf = appendLengthed(appendLengthed(h.buf[:0], tenant), user)
	h.mac.Reset()
	h.mac.Write(h.buf)
	h.sum = h.mac.Sum(h.sum[:0])
	return max(binary.BigEndian.Uint64(h.sum), 1)
}
