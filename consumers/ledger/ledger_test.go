package ledger

import (
	"slices"
	"strings"
	"testing"
)

func sample() Row {
	return Row{Partition: Partition{Topic: "queries.v1", Epoch: 1, ID: 3}, From: 10, To: 20, Generation: 4,
		Stored: 4, Duplicates: 2, Conflicts: 1, Dead: 1, Control: 1, Gap: 1,
		Exceptions: []Span{{11, 13, Duplicate}, {13, 14, Conflict}, {15, 16, Dead}, {18, 19, Control}, {19, 20, Gap}},
		Runs:       []RunCount{{Run: "", Stored: 1, Dead: 1}, {Run: "a", Stored: 3, Duplicates: 2, Conflicts: 1}},
		Buckets:    []Bucket{{Minute: -2, Rows: 1, Checksum: 7, MinOffset: 10, MaxOffset: 10}, {Minute: 5, Rows: 3, Checksum: 9, MinOffset: 14, MaxOffset: 17}},
		MinMinute:  -2, MaxMinute: 5,
	}
}

func TestRowValidate(t *testing.T) {
	f := func(name string, change func(r *Row), want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			r := sample()
			change(&r)
			err := r.Validate()
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("Validate() = %v, want %q", err, want)
			}
		})
	}
	f("good", func(*Row) {}, "")
	f("empty", func(r *Row) { r.To = r.From }, "empty or negative")
	f("negative", func(r *Row) { r.From = -1 }, "empty or negative")
	f("stored", func(r *Row) { r.Stored++ }, "5 stored counted, 4 by the exceptions")
	f("duplicates", func(r *Row) { r.Duplicates-- }, "1 duplicate counted, 2")
	f("conflicts", func(r *Row) { r.Conflicts++ }, "2 conflict counted, 1")
	f("dead", func(r *Row) { r.Dead++ }, "2 dead counted, 1")
	f("control", func(r *Row) { r.Control++ }, "2 control counted, 1")
	f("gap", func(r *Row) { r.Gap++ }, "2 gap counted, 1")
	f("stored as exception", func(r *Row) { r.Exceptions[0].Disposition = Stored }, "is not an exception")
	f("unknown disposition", func(r *Row) { r.Exceptions[0].Disposition = 7 }, "is not an exception")
	f("overlap", func(r *Row) { r.Exceptions[1].From-- }, "out of order")
	f("out of range", func(r *Row) { r.Exceptions[4].To++ }, "out of range")
	f("not merged", func(r *Row) { r.Exceptions[1].Disposition = Duplicate }, "continues")
	f("run order", func(r *Row) { slices.Reverse(r.Runs) }, `run "" after "a"`)
	f("run sums", func(r *Row) { r.Runs[0].Stored++ }, "runs add up to 5 stored")
	f("bucket order", func(r *Row) { slices.Reverse(r.Buckets) }, "minute -2 after 5")
	f("bucket rows", func(r *Row) { r.Buckets[0].Rows++ }, "cannot be at offsets")
	f("bucket sum", func(r *Row) { r.Buckets[1].Rows-- }, "3 rows by minute, 4 stored")
	f("bucket offsets", func(r *Row) { r.Buckets[1].MaxOffset = 20 }, "cannot be at offsets")
	f("strays", func(r *Row) { r.Buckets[1].Strays = 4 }, "cannot have 4 strays")
	f("revised", func(r *Row) { r.Buckets[0].Revised = 2 }, "2 revised")
	f("minutes", func(r *Row) { r.MaxMinute++ }, "minutes -2 to 6, by the buckets -2 to 5")
}

// TestRowAt asks for every offset of a row: its exceptions name their disposition, the others are stored.
func TestRowAt(t *testing.T) {
	r := sample()
	for o := r.From; o < r.To; o++ {
		want := Stored
		for _, s := range r.Exceptions {
			if s.From <= o && o < s.To {
				want = s.Disposition
			}
		}
		if d, ok := r.At(o); !ok || d != want {
			t.Errorf("At(%d) = %v, %v; want %v", o, d, ok, want)
		}
	}
	for _, o := range []int64{9, 20} {
		if d, ok := r.At(o); ok {
			t.Errorf("At(%d) = %v outside of the row", o, d)
		}
	}
}

func TestSpans(t *testing.T) {
	var spans []Span
	for _, s := range []Span{{1, 3, Dead}, {3, 4, Dead}, {4, 4, Gap}, {4, 6, Gap}, {8, 9, Gap}} {
		spans = AppendSpan(spans, s)
	}
	if want := []Span{{1, 4, Dead}, {4, 6, Gap}, {8, 9, Gap}}; !slices.Equal(spans, want) {
		t.Fatalf("AppendSpan: %v, want %v", spans, want)
	}
}

func TestStrings(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(Stored.String(), "stored")
	f(Gap.String(), "gap")
	f(Disposition(0).String(), "disposition(0)")
	f(Disposition(9).String(), "disposition(9)")
	f(Span{1, 4, Dead}.String(), "[1,4) dead")
	r := sample()
	f(r.String(), "queries.v1/3 epoch 1 [10,20) generation 4: 4 stored, 2 duplicate, 1 conflict, 1 dead, 1 control, 1 gap")
}
