package schemas

import (
	"strings"
	"testing"
)

// TestUserHash holds the rule that every producer follows, in whatever language: the values come from another
// implementation of HMAC.
func TestUserHash(t *testing.T) {
	f := func(key, tenant, user string, want uint64) {
		t.Helper()
		h := NewUserHasher([]byte(key))
		for range 2 {
			if got := h.Hash(tenant, user); got != want {
				t.Errorf("%q of %q: got %d, want %d", user, tenant, got, want)
			}
		}
	}
	var counted [32]byte
	for i := range counted {
		counted[i] = byte(i)
	}
	key := string(counted[:])
	f(key, "org", "team/alice", 4556871633306261758)
	f(key, "org/team", "alice", 12770378124367556522)
	f(key, "org", "42", 8359024903278506230)
	f(key, "ü", "x", 8306963042177240959)
	f("0123456789abcdef", strings.Repeat("a", 200), "b", 2700565711971330963)
	f(key, "org", "", 0)
}

// TestUserHashJoins cuts one text into tenant and user at every place: all of them are different people.
func TestUserHashJoins(t *testing.T) {
	h := NewUserHasher([]byte("0123456789abcdef"))
	const text = "a/b/c\x01d\x00e/f"
	seen := map[uint64]string{}
	for i := range text {
		tenant, user := text[:i], text[i:]
		hash := h.Hash(tenant, user)
		if other, is := seen[hash]; is || hash == 0 {
			t.Errorf("%q of %q is %q", user, tenant, other)
		}
		seen[hash] = user + " of " + tenant
	}
}
