package numbers

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func TestMoney(t *testing.T) {
	f := func(text string, shift int, nanos int64, picos uint64, problem string) {
		t.Helper()
		n, p, bad := Money(text, shift)
		if n != nanos || p != picos || bad != problem {
			t.Errorf("money(%q, %d) = %d, %d, %q; want %d, %d, %q", text, shift, n, p, bad, nanos, picos, problem)
		}
	}
	f("0", 9, 0, 0, "")
	f("-0.0", 9, 0, 0, "")
	f("1.35", 9, 1_350_000_000, 0, "")
	f("0.0000000015", 9, 1, 500, "")
	f("1.5e-9", 9, 1, 500, "")
	f("0.00000015e-2", 9, 1, 500, "")
	f("-0.0000000015", 9, -2, 500, "")
	f("-1E-12", 9, -1, 999, "")
	f("-2e-9", 9, -2, 0, "")
	f("0.00123", 7, 12_300, 0, "")     // Cents.
	f("0.00000012", 7, 1, 200, "")     // A hundredth of a millionth of one.
	f("2.5", 0, 2, 500, "")            // Nanos.
	f("0.0005", 0, 0, 0, "")           // Half of a pico goes to the even side,
	f("0.0015", 0, 0, 2, "")           // here too,
	f("-0.0015", 0, -1, 998, "")       // and below 0,
	f("0.00050000000001", 0, 0, 1, "") // and more than half up.
	f("0.9995", 0, 1, 0, "")
	f("0.99949999999999999", 0, 0, 999, "")
	f("1e-400", 9, 0, 0, "")
	f("5e-400", 9, 0, 0, "")
	f("1000000", 9, 1e15, 0, "")
	f("-1000000", 9, -1e15, 0, "")
	f("1250000", 9, 1.25e15, 0, "")
	f("1250000.5", 7, 1.2500005e13, 0, "") // Of a hundredth.
	f("999999999.123456789012", 9, 999_999_999_123_456_789, 12, "")
	f("-999999999.123456789012", 9, -999_999_999_123_456_790, 988, "")
	f("9007199.254740993", 9, 9_007_199_254_740_993, 0, "")  // Beyond what a float tells apart.
	f("9000001.0000000000005", 9, 9_000_001e9, 0, "")        // Half of a pico goes to the even side,
	f("9000001.0000000000015", 9, 9_000_001e9, 2, "")        // here too,
	f("-9000001.0000000000015", 9, -9_000_001e9-1, 998, "")  // and below 0,
	f("9000001.00000000000050000001", 9, 9_000_001e9, 1, "") // and more than half up,
	f("9000001.0000000009996", 9, 9_000_001e9+1, 0, "")      // into the next nano.
	f("1e9", 9, 1e18, 0, "")
	f("-1000000000", 9, -1e18, 0, "")
	f("1000000000.000000000001", 9, 1e18, 1, "")
	f("9e18", 0, 9e18, 0, "")
	f("9000000000000000001", 0, 0, 0, "is too large")
	f("9000001.0x", 9, 0, 0, "is not a number")
	f("1e30", 9, 0, 0, "is too large")
	f("--1", 9, 0, 0, "is not a number")
	f("-", 9, 0, 0, "is not a number")
	f("", 9, 0, 0, "is not a number")
	f("$1", 9, 0, 0, "is not a number")
}

// TestMoneyIsExact compares with rational arithmetic.
func TestMoneyIsExact(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	units := []int{0, 3, 6, 7, 9}
	for range 20000 {
		digits := strconv.FormatUint(r.Uint64N(1e6), 10) + strings.Repeat("0", r.IntN(4)) + strconv.FormatUint(r.Uint64N(1e9), 10)
		at := r.IntN(len(digits) + 1)
		text := digits[:at] + "." + digits[at:]
		if r.IntN(2) == 0 {
			text = "-" + text
		}
		exponent := r.IntN(30) - 25
		if r.IntN(2) == 0 {
			text += "e" + strconv.Itoa(exponent)
		}
		shift := units[r.IntN(len(units))]
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatal(text)
		}
		want := exact.Mul(exact, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift+picoDigits)), nil)))
		nanos, picos, problem := Money(text, shift)
		if problem != "" {
			if limit := big.NewRat(maxNanos, 1); want.Abs(want).Cmp(limit.Mul(limit, big.NewRat(PicosPerNano, 1))) <= 0 || problem != "is too large" {
				t.Errorf("seed %d: %s by %d: %s", seed, text, shift, problem)
			}
			continue
		}
		got := new(big.Rat).SetInt64(nanos)
		got.Add(got.Mul(got, big.NewRat(PicosPerNano, 1)), new(big.Rat).SetUint64(picos))
		off := new(big.Rat).Sub(got, want)
		half := off.Abs(off).Cmp(big.NewRat(1, 2))
		if picos >= PicosPerNano || half > 0 || half == 0 && picos%2 == 1 {
			t.Errorf("seed %d: %s by %d is %d and %d", seed, text, shift, nanos, picos)
		}
	}
}
