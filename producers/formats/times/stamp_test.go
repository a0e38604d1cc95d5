package times

import "testing"

func TestStamp(t *testing.T) {
	for _, test := range []struct {
		text    string
		unit    float64
		us      int64
		problem string
	}{
		{"1795860000.5", 1, 1795860000500000, ""},
		{"1795860000500", 1e3, 1795860000500000, ""},
		{"2026-11-28T10:00:00.5Z", 1, 1795860000500000, ""},
		{"2026-11-28T12:00:00.5+02:00", 1, 1795860000500000, ""},
		{"2026-11-28 10:00:00.500", 1, 1795860000500000, ""},
		{"", 1, 0, "is missing"},
		{"soon", 1, 0, "is no time"},
		{"1795860000500", 1, 0, "is not of the years 2000 to 2286: is it in another unit?"},
		{"NaN", 1, 0, "is not of the years 2000 to 2286: is it in another unit?"},
	} {
		if us, problem := Stamp(test.text, test.unit); us != test.us || problem != test.problem {
			t.Errorf("%q: %d, %q", test.text, us, problem)
		}
	}
}
