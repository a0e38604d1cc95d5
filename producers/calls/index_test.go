package calls

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestIndex adds and removes calls at random and expects of each key what a map of slices has.
func TestIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	x := newIndex()
	want := map[key][]*call{}
	var all []*call
	keysOf := map[*call][]key{}
	keyAt := func() key { return key{random.Uint64N(400) * 64, 1} } // Some share a list.
	for range 20_000 {
		switch n := random.IntN(10); {
		case n < 5 || len(all) == 0:
			c := &call{}
			x.add(c)
			all = append(all, c)
		case n < 7:
			i := random.IntN(len(all))
			c := all[i]
			x.remove(c)
			for _, k := range keysOf[c] {
				want[k] = slices.DeleteFunc(want[k], func(other *call) bool { return other == c })
			}
			delete(keysOf, c)
			all = slices.Delete(all, i, i+1)
			continue
		}
		c, keys := all[random.IntN(len(all))], reportKeys{}
		for kind := range keys {
			keys[kind] = keyAt()
		}
		x.put(c, &keys)
		for _, k := range keys {
			if !slices.Contains(keysOf[c], k) {
				keysOf[c], want[k] = append(keysOf[c], k), append(want[k], c)
			}
		}
		k, most := keyAt(), 1+random.IntN(5)
		var got []*call
		for _, at := range x.find(k, most, nil) {
			got = append(got, x.at(at))
		}
		if last := want[k][max(0, len(want[k])-most):]; !slices.Equal(got, last) {
			t.Fatalf("%d calls of a key, want %d", len(got), len(last))
		}
	}
	for _, c := range all {
		x.remove(c)
	}
	if x.used != 0 || slices.ContainsFunc(x.heads, func(at int32) bool { return at != 0 }) {
		t.Errorf("%d entries are left", x.used)
	}
}
