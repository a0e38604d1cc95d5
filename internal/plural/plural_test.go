package plural

import "testing"

// TestOf: one of a thing has the name of one.
func TestOf(t *testing.T) {
	for want, got := range map[string]string{
		"0 rows":          Of(0, "row"),
		"1 row":           Of(1, "row"),
		"2 rows":          Of(uint64(2), "row"),
		"1 dead letter":   Of(int32(1), "dead letter"),
		"2 dead letters":  Of(2, "dead letter"),
		"1 entry":         Of(1, "entry"),
		"2 entries":       Of(2, "entry"),
		"2 days":          Of(2, "day"),
		"1 alias":         Of(1, "alias"),
		"2 aliases":       Of(2, "alias"),
		"1 token":         Text("1", "token"),
		"1,000 tokens":    Text("1,000", "token"),
		"1 row was":       Of(1, "row was"),
		"0 rows were":     Of(0, "row was"),
		"2 copies differ": Of(2, "copy differs"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
