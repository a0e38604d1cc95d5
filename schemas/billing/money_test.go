package billing

import (
	"math/big"
	"strings"
	"testing"

	"tidemark/schemas/prices"
)

func TestParseAmount(t *testing.T) {
	for _, c := range []struct {
		text    string
		places  int
		want    string // In the currency; empty: an error.
		rounded bool
	}{
		{"0.06", inUnits, "0.06", false}, {"123.78912", inCents, "1.2378912", false}, {"1", inCents, "0.01", false}, {"1.5e-3", inUnits, "0.0015", false}, {"1E2", inUnits, "100", false},
		{"-2", inUnits, "-2", false}, {"-0", inUnits, "0", false}, {"0.13080438340307526000", inUnits, "0.130804383403", true}, {"0.130804383403000000000", inUnits, "0.130804383403", false},
		{"3.0000000000000004e-05", inUnits, "0.00003", true}, {"0.0000000000005", inUnits, "0", true}, {"0.0000000000015", inUnits, "0.000000000002", true},
		{"0.0000000000025", inUnits, "0.000000000002", true}, {"0.00000000000251", inUnits, "0.000000000003", true}, {"-0.0000000000015", inUnits, "-0.000000000002", true},
		{"1e-300", inUnits, "0", true}, {"1e18", inUnits, "1000000000000000000", false}, {"1.1e18", inUnits, "", false}, {"1e400", inUnits, "", false}, {"1e401", inUnits, "", false},
		{"", inUnits, "", false}, {"-", inUnits, "", false}, {"--1", inUnits, "", false}, {"+1", inUnits, "", false}, {"1,5", inUnits, "", false}, {"NaN", inUnits, "", false}, {"$1", inUnits, "", false},
		{"1e", inUnits, "", false}, {"0x1", inUnits, "", false}, {strings.Repeat("1", 101), inUnits, "", false}, {"1.", inUnits, "1", false}, {".5", inUnits, "0.5", false},
	} {
		picos, rounded, err := parseAmount(c.text, c.places)
		if (err != nil) != (c.want == "") || err == nil && (prices.FormatPicos(picos) != c.want || rounded != c.rounded) {
			t.Errorf("%q is %v, %v, %v; want %q", c.text, picos, rounded, err, c.want)
		}
	}
}

// FuzzParseAmount: an amount is at most half of 1e-12 from what is written, and exact unless it says that it is rounded.
func FuzzParseAmount(f *testing.F) {
	for _, seed := range []string{"0.06", "-1.5e-03", "0.13080438340307526", "0.0000000000015", "1e18"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		picos, rounded, err := parseAmount(text, inUnits)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is no number", text)
		}
		off := new(big.Rat).Sub(new(big.Rat).Mul(want, big.NewRat(1e12, 1)), new(big.Rat).SetInt(picos))
		if off.Abs(off).Cmp(big.NewRat(1, 2)) > 0 || rounded != (off.Sign() != 0) {
			t.Errorf("%q is %s, rounded %v", text, picos, rounded)
		}
	})
}
