package fields

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/formats/numbers"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Users is how users become the hashes that events carry. Make one with KeyedUsers or LegacyUsers.
type Users struct {
	key    []byte
	legacy bool
}

// KeyedUsers hashes users under a key and within their tenant, see schemas.UserHasher. With another key the same people
// are other users, and rows that were sent before become events in conflict with the stored ones.
func KeyedUsers(key []byte) *Users { return &Users{key: slices.Clone(key)} }

// LegacyUsers hashes users as versions before keys did, for rows that such a version has stored: without a key, tenant
// and user joined with a slash (in traces source and session), and numbers in the data of CloudEvents as they are.
func LegacyUsers() *Users { return &Users{legacy: true} }

// UserHash hashes the users of one file.
type UserHash struct {
	legacy bool
	hasher *schemas.UserHasher
}

// Hash returns a hasher for one file; the zero value if u is nil, which is for rows without users.
func (u *Users) Hash() UserHash {
	switch {
	case u == nil:
		return UserHash{}
	case u.legacy:
		return UserHash{legacy: true}
	}
	return UserHash{hasher: schemas.NewUserHasher(u.key)}
}

// Of returns the hash of a user of the tenant; 0 for an empty user. The problem is to be read after a name.
func (h *UserHash) Of(tenant, user string) (hash uint64, problem string) {
	switch {
	case user == "":
		return 0, ""
	case !utf8.ValidString(user):
		return 0, NotUTF8(user)
	case !h.legacy:
		return h.hasher.Hash(tenant, user), ""
	}
	sum := sha256.Sum256([]byte(tenant + "/" + user))
	return max(binary.BigEndian.Uint64(sum[:8]), 1), ""
}

// OfTrace returns the hash of the user of a call in a trace, see Of.
func (h *UserHash) OfTrace(e *usagev1.TokenCall, user string) (hash uint64, problem string) {
	if h.legacy {
		return h.Of(e.GetSource(), user)
	}
	return h.Of(e.GetTenant(), user)
}

// OfBare returns the hash of a user that is a JSON value without quotes, see Of: a number is the same user as a text of
// its digits.
func (h *UserHash) OfBare(tenant, value string) (hash uint64, problem string) {
	if h.legacy {
		return h.Of(tenant, value)
	}
	text, problem := integer(value)
	if problem != "" {
		return 0, problem
	}
	return h.Of(tenant, text)
}

// OfData returns the hash of a user that is a JSON value, see Of.
func (h *UserHash) OfData(tenant string, value json.RawMessage) (hash uint64, problem string) {
	text, problem := jsonpath.Exact(value)
	switch {
	case problem != "" || text == "":
		return 0, problem
	case jsonpath.IsText(value):
		return h.Of(tenant, text)
	case !h.legacy:
		return h.OfBare(tenant, text)
	}
	if hash, err := strconv.ParseUint(text, 10, 64); err == nil { // It was taken for a hash.
		return hash, ""
	}
	return 0, faults.Quote(text) + " is not a hash of 64 bits"
}

// maxExact is the largest number up to which a float holds every integer. A larger one with a point or an exponent may
// have lost its last digits, and two people would become one.
const maxExact = 1 << 53

// integer returns the digits of a JSON number that is a user: 42, 42.0 and 4.2e1 are all 42. The problem is to be
// read after a name.
func integer(number string) (digits, problem string) {
	rest, negative := strings.CutPrefix(number, "-")
	plain := rest != "" && strings.Trim(rest, "0123456789") == ""
	if !plain {
		n, exact, bad := numbers.Decimal(rest, 0)
		switch {
		case bad == "is too large" || bad == "" && n > maxExact:
			return "", faults.Quote(number) + " may have lost digits: write users as texts, in quotes"
		case bad != "":
			return "", faults.Quote(number) + " " + bad + " and no user"
		case !exact:
			return "", faults.Quote(number) + " is not a whole number: write users as texts, in quotes"
		}
		rest = strconv.FormatUint(n, 10)
	}
	if negative && rest != "0" {
		return "-" + rest, ""
	}
	return rest, ""
}
