package schemas

import "testing"

// TestEndings expects that the name of every rollup is a stem and an ending that tells the length of its buckets.
func TestEndings(t *testing.T) {
	for _, r := range Rollups() {
		stem := Stem(r.Name)
		if stem == r.Name || Stem(stem) != stem || LengthOf(r.Name).Minutes != r.Minutes {
			t.Errorf("%s: stem %s, %d minutes per bucket", r.Name, stem, r.Minutes)
		}
		if r.PerEvent != "" && Stem(r.PerEvent) != stem {
			t.Errorf("%s: stem %s, of %s %s", r.Name, stem, r.PerEvent, Stem(r.PerEvent))
		}
	}
	for _, name := range []string{"token_calls", "ledger", "rollup_progress", ""} {
		if Stem(name) != name {
			t.Errorf("%q is not its own stem: %q", name, Stem(name))
		}
	}
	for _, l := range Lengths() {
		if len(l.Ending) != 2 {
			t.Errorf("%q: dashboards take the last two characters of an ending for the length", l.Ending)
		}
	}
}
