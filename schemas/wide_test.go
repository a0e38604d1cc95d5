package schemas

import (
	"math"
	"math/big"
	"testing"
)

func TestWide(t *testing.T) {
	var sum Wide
	want := new(big.Int)
	r := seeded(t, 0)
	for range 1000 {
		x := pick(r, 0, 1, math.MaxUint64, r.Uint64())
		sum.Add(x)
		want.Add(want, new(big.Int).SetUint64(x))
		if sum.String() != want.String() {
			t.Fatalf("got %s, want %s", sum, want)
		}
	}
	if less := sum.Plus(Wide{Low: math.MaxUint64}).Minus(math.MaxUint64); less != sum {
		t.Errorf("with a number and without it again: got %s, want %s", less, sum)
	}
	if less := (Wide{High: 1}).Minus(1); less != (Wide{Low: math.MaxUint64}) {
		t.Errorf("2^64 - 1: got %s", less)
	}
	if twice := sum.Plus(sum); twice.String() != want.Lsh(want, 1).String() {
		t.Errorf("twice: got %s, want %s", twice, want)
	}
	if f := (Wide{High: 3, Low: 1 << 63}).Float64(); f != 3.5*math.Exp2(64) {
		t.Errorf("as a float64: %g", f)
	}
}
