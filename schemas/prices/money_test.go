package prices

import (
	"math/big"
	"testing"
)

func TestParsePrice(t *testing.T) {
	for _, c := range []struct {
		text string
		per  int64
		want Picos // -1: an error.
	}{
		{"1.25", 1_000_000, 1_250_000}, {"1.25e-06", 1, 1_250_000}, {"0.00000125", 1, 1_250_000}, {"1.25E-6", 1, 1_250_000}, {"0.00125", 1000, 1_250_000},
		{"0", 1, 0}, {"0.0", 1_000_000, 0}, {"0e-40", 1, 0}, {"1e-12", 1, 1}, {"0.000001", 1_000_000, 1}, {"1e-13", 1, -1}, {"0.0000001", 1_000_000, -1}, {"10e-13", 1, 1},
		{"1000", 1, 1e15}, {"1000.1", 1, -1}, {"1000000", 1000, 1e15}, {"1e40", 1, -1}, {"1e41", 1, -1}, {"99999999999999999999999999999999999999999", 1, -1},
		{"", 1, -1}, {".", 1, -1}, {"-1", 1, -1}, {"+1", 1, -1}, {"1,5", 1, -1}, {"NaN", 1, -1}, {"0x1", 1, -1}, {"1e", 1, -1}, {"e5", 1, -1}, {"1e1e1", 1, -1}, {" 1", 1, -1},
		{"1", 100, -1}, {"1", 0, -1}, {".5", 1_000_000, 500_000}, {"5.", 1_000_000, 5_000_000},
	} {
		got, err := ParsePrice(c.text, c.per)
		if c.want < 0 && err == nil || c.want >= 0 && (err != nil || got != c.want) {
			t.Errorf("%q per %d is %d, %v; want %d", c.text, c.per, got, err, c.want)
		}
	}
}

func TestFormatPicos(t *testing.T) {
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for want, picos := range map[string]*big.Int{
		"0": big.NewInt(0), "1": big.NewInt(1e12), "0.000000000001": big.NewInt(1), "-0.5": big.NewInt(-5e11), "12.34": big.NewInt(1234e10),
		"123456789012345678.90123456789": huge,
	} {
		if got := FormatPicos(picos); got != want {
			t.Errorf("%s is %s, want %s", picos, got, want)
		}
	}
	if got := Picos(1_250_000).String(); got != "0.00000125" {
		t.Errorf("a price is %s", got)
	}
}

// FuzzParsePrice: what is read is what is written, and nothing is rounded.
func FuzzParsePrice(f *testing.F) {
	for _, seed := range []string{"1.25e-06", "0.5", "1e-12", "99", "1e40", "000.1000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		picos, err := ParsePrice(text, 1)
		if err != nil {
			return
		}
		if again, err := ParsePrice(picos.String(), 1); err != nil || again != picos {
			t.Errorf("%q is %s, which is %d, %v", text, picos, again, err)
		}
		want, ok := new(big.Rat).SetString(text)
		if got := new(big.Rat).SetFrac64(int64(picos), 1e12); !ok || want.Cmp(got) != 0 {
			t.Errorf("%q is %s", text, got)
		}
	})
}
