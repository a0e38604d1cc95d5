package numbers

import "testing"

func TestDecimal(t *testing.T) {
	for _, tt := range []struct {
		in      string
		shift   int
		want    uint64
		exact   bool
		problem string
	}{
		{"0", 0, 0, true, ""},
		{"-0.0", 6, 0, true, ""},
		{"12", 0, 12, true, ""},
		{"007", 0, 7, true, ""},
		{"12.0", 0, 12, true, ""},
		{"12.", 0, 12, true, ""},
		{".5", 6, 500000, true, ""},
		{"0.29", 6, 290000, true, ""},
		{"1.1", 6, 1100000, true, ""},
		{"9.19", 6, 9190000, true, ""},
		{"292277.123456789", 6, 292277123456, false, ""},
		{"0.0000019", 6, 1, false, ""},
		{"0.0000009", 6, 0, false, ""},
		{"0.30000000000000004", 6, 300000, false, ""},
		{"5e-06", 6, 5, true, ""},
		{"1.5e3", 0, 1500, true, ""},
		{"1E+2", 0, 100, true, ""},
		{"1.5", 0, 1, false, ""},
		{"1e-400", 6, 0, false, ""},
		{"100000000000000000", 0, 1e17, true, ""},
		{"100000000000000001", 0, 0, false, "is too large"},
		{"1e30", 0, 0, false, "is too large"},
		{"99999999999999999999999999", 0, 0, false, "is too large"},
		{"-1", 0, 0, false, "is negative"},
		{"-1e-9", 0, 0, false, "is negative"},
		{"", 0, 0, false, "is not a number"},
		{"-", 0, 0, false, "is not a number"},
		{".", 0, 0, false, "is not a number"},
		{"e5", 0, 0, false, "is not a number"},
		{"1e", 0, 0, false, "is not a number"},
		{"1e999", 0, 0, false, "is not a number"},
		{"1.2.3", 0, 0, false, "is not a number"},
		{"+1", 0, 0, false, "is not a number"},
		{"0x1", 0, 0, false, "is not a number"},
		{"1,000", 0, 0, false, "is not a number"},
		{"NaN", 0, 0, false, "is not a number"},
		{"١", 0, 0, false, "is not a number"},
	} {
		value, exact, problem := Decimal(tt.in, tt.shift)
		if problem != tt.problem || problem == "" && (value != tt.want || exact != tt.exact) {
			t.Errorf("decimal(%q, %d) = %d, %t, %q; want %d, %t, %q", tt.in, tt.shift, value, exact, problem, tt.want, tt.exact, tt.problem)
		}
	}
}
