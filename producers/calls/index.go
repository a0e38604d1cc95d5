package calls

import (
	"hash/maphash"
	"slices"
)

// key is a hash of what calls are found by. Two of 128 bits with seeds of their own are not equal by chance.
type key [2]uint64

// keyKind is what a key is made of.
type keyKind uint8

const (
	kindLog keyKind = iota
	kindSpan
	kindTrace
	kindResponse
	kindReporter
	kindCounts
	kindIdentity // Of calls that were recalled.
	numKeyKinds
	kindTenant = numKeyKinds
)

// reportKeys are the keys of a report; zero where it has none.
type reportKeys [numKeyKinds]key

// maxKeys bounds by how many keys one call is found.
const maxKeys = 4 * maxReports

// index finds calls by keys. What it has beside the calls has no pointers, so that it costs the garbage collector nothing.
type index struct {
	seeds   [2]maphash.Seed
	heads   []int32 // By the lowest bits of a key: the newest of the entries with such a key.
	entries []entry // The first one is none.
	used    int     // Entries in use.
	free    int32   // An entry that is not used, 0 for none; its next one is another.
	calls   []*call
	empty   []int32 // The places in calls that are free.
}

// entry is a call and a key that finds it. The entries of one head are a list.
type entry struct {
	key          key
	call         int32
	older, newer int32 // In the list; 0 for none.
	next         int32 // Another entry of the call; 0 for none.
}

// perHead is the part of the lists that have an entry at most: a look into an empty one costs no look at entries.
const perHead = 4

// firstHeads is how many lists an index begins with, a power of two.
const firstHeads = 256

func newIndex() index {
	return index{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, heads: make([]int32, firstHeads), entries: make([]entry, 1)}
}

// head returns the place of the list that a key is in.
func (x *index) head(k key) *int32 { return &x.heads[k[0]&uint64(len(x.heads)-1)] }

// grow doubles the lists.
func (x *index) grow() {
	old := x.heads
	x.heads = make([]int32, 2*len(old))
	for _, at := range old {
		// From the newest on, behind those that are there already.
		var last [2]int32
		for at != 0 {
			e := &x.entries[at]
			next, head := e.older, x.head(e.key)
			half := e.key[0] / uint64(len(old)) & 1
			e.newer, e.older = last[half], 0
			if last[half] == 0 {
				*head = at
			} else {
				x.entries[last[half]].older = at
			}
			last[half], at = at, next
		}
	}
}

// hash returns the key of a kind for a text.
func (x *index) hash(kind keyKind, tenant *key, text string) key {
	return x.hashOf(kind, tenant, [16]byte{}, [8]byte{}, maphash.String(x.seeds[0], text), maphash.String(x.seeds[1], text))
}

// keysOf returns the keys of a report of a tenant.
func (x *index) keysOf(tenant *key, r *Report) (keys reportKeys) {
	if r.LogID != "" {
		keys[kindLog] = x.hash(kindLog, tenant, r.Client+"\x00"+r.LogID)
	}
	if r.hasSpan() {
		keys[kindSpan] = x.hashOf(kindSpan, tenant, r.Trace, r.Span, 0, 0)
	}
	if r.Trace != [16]byte{} {
		keys[kindTrace] = x.hashOf(kindTrace, tenant, r.Trace, [8]byte{}, 0, 0)
	}
	if r.ResponseID != "" {
		keys[kindResponse] = x.hash(kindResponse, tenant, r.ResponseID)
	}
	if r.ReporterID != "" {
		keys[kindReporter] = x.hash(kindReporter, tenant, r.Client+"\x00"+r.ReporterID)
	}
	keys[kindCounts] = x.hashOf(kindCounts, tenant, [16]byte{}, [8]byte{}, r.inputs, r.spends)
	return keys
}

// hashOf is hash for what has a fixed size.
func (x *index) hashOf(kind keyKind, tenant *key, trace [16]byte, span [8]byte, a, b uint64) (out key) {
	all := struct {
		kind   uint64
		tenant key
		trace  [16]byte
		span   [8]byte
		a, b   uint64
	}{uint64(kind), *tenant, trace, span, a, b}
	for i := range out {
		out[i] = maphash.Comparable(x.seeds[i], all)
	}
	return out
}

// add gives a call a place.
func (x *index) add(c *call) {
	if n := len(x.empty); n > 0 {
		c.place, x.empty = x.empty[n-1], x.empty[:n-1]
		x.calls[c.place] = c
		return
	}
	c.place = int32(len(x.calls))
	x.calls = append(x.calls, c)
}

// put makes a call findable by the keys of a report.
func (x *index) put(c *call, keys *reportKeys) {
	if c.keys > maxKeys {
		return
	}
	for kind, k := range keys {
		if k == (key{}) || keyKind(kind) == kindTrace && keys[kindSpan] == (key{}) || x.has(c, k) {
			continue
		}
		at := x.free
		if at == 0 {
			at = int32(len(x.entries))
			x.entries = append(x.entries, entry{})
		} else {
			x.free = x.entries[at].next
		}
		if x.used++; x.used > len(x.heads)/perHead {
			x.grow()
		}
		head := x.head(k)
		x.entries[at] = entry{key: k, call: c.place, older: *head, next: c.lastEntry}
		x.entries[*head].newer = at // That of none does not matter.
		*head, c.lastEntry = at, at
		c.keys++
	}
}

// has reports whether a call is found by a key.
func (x *index) has(c *call, k key) bool {
	for at := c.lastEntry; at != 0; at = x.entries[at].next {
		if x.entries[at].key == k {
			return true
		}
	}
	return false
}

// remove forgets a call.
func (x *index) remove(c *call) {
	for at := c.lastEntry; at != 0; {
		e := &x.entries[at]
		if e.newer == 0 {
			*x.head(e.key) = e.older
		} else {
			x.entries[e.newer].older = e.older
		}
		x.entries[e.older].newer = e.newer
		next := e.next
		*e = entry{next: x.free}
		x.free, at = at, next
		x.used--
	}
	x.calls[c.place] = nil
	x.empty = append(x.empty, c.place)
}

// find returns at most the last most entries of a key, oldest first. The memory of into is used.
func (x *index) find(k key, most int, into []int32) []int32 {
	into = into[:0]
	if k == (key{}) {
		return into
	}
	for at := *x.head(k); at != 0 && len(into) < most; at = x.entries[at].older {
		if x.entries[at].key == k {
			into = append(into, at)
		}
	}
	slices.Reverse(into)
	return into
}

// at returns the call of an entry.
func (x *index) at(entry int32) *call { return x.calls[x.entries[entry].call] }
