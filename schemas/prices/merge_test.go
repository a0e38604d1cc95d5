package prices

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	jan = "2026-01-01T00:00:00Z"
	feb = "2026-02-01T00:00:00Z"
	mar = "2026-03-01T00:00:00Z"
	apr = "2026-04-01T00:00:00Z"
	may = "2026-05-01T00:00:00Z"
)

// say writes prices as one line each: "input 1 jan..".
func say(all []Price) string {
	names := map[string]string{"": "", jan: "jan", feb: "feb", mar: "mar", apr: "apr", may: "may"}
	name := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return names[at.Format(time.RFC3339)]
	}
	var lines []string
	for _, p := range all {
		lines = append(lines, fmt.Sprintf("%s/%s %s %s..%s", p.Model, p.Unit, p.Published, name(p.From), name(p.To)))
	}
	return strings.Join(lines, ", ")
}

func TestMerge(t *testing.T) {
	in := func(from, to, published string) Price { return row("a", "m", Input, published, held(from, to)) }
	for _, c := range []struct {
		name    string
		before  []Price
		table   Table
		options MergeOptions
		want    string
		changes string // Of the kinds.
		past    bool
	}{
		{"the first price", nil, Table{Prices: []Price{in("", "", "1")}}, MergeOptions{From: at(apr), Now: at(apr)}, "m/input 1 apr..", "added", false},
		{"another price from now on", []Price{in(jan, "", "1")}, Table{Prices: []Price{in("", "", "2")}}, MergeOptions{From: at(apr), Now: at(apr)}, "m/input 1 jan..apr, m/input 2 apr..", "changed", false},
		{"the same price", []Price{in(jan, "", "1")}, Table{Prices: []Price{in("", "", "1")}}, MergeOptions{From: at(apr), Now: at(apr)}, "m/input 1 jan..", "", false},
		{"the same price, written in another way", []Price{in(jan, "", "1")}, Table{Prices: []Price{in("", "", "1.0")}}, MergeOptions{From: at(apr), Now: at(apr)}, "m/input 1 jan..", "", false},
		{"another price of a time that is over", []Price{in(jan, "", "1")}, Table{Prices: []Price{in("", "", "2")}}, MergeOptions{From: at(mar), Now: at(apr)}, "", "changed", true},
		{"a correction", []Price{in(jan, "", "1")}, Table{Prices: []Price{in("", "", "2")}}, MergeOptions{From: at(mar), Now: at(apr), Correct: true}, "m/input 1 jan..mar, m/input 2 mar..", "changed", false},
		{"a price of a time that had none", []Price{in(mar, "", "1")}, Table{Prices: []Price{in(jan, mar, "2")}, Dated: true}, MergeOptions{Now: at(apr)}, "m/input 2 jan..mar, m/input 1 mar..", "added", false},
		{"a price of a time to come", []Price{in(jan, "", "1")}, Table{Prices: []Price{in(may, "", "2")}, Dated: true}, MergeOptions{Now: at(apr)}, "m/input 1 jan..may, m/input 2 may..", "changed", false},
		{"a correction of a month", []Price{in("", "", "1")}, Table{Prices: []Price{in(feb, mar, "2")}, Dated: true}, MergeOptions{Now: at(apr), Correct: true}, "m/input 1 ..feb, m/input 2 feb..mar, m/input 1 mar..", "changed", false},
		{"a correction of a month, refused", []Price{in("", "", "1")}, Table{Prices: []Price{in(feb, mar, "2")}, Dated: true}, MergeOptions{Now: at(apr)}, "", "changed", true},
		{"a history", nil, Table{Prices: []Price{in(jan, feb, "1"), in(mar, "", "2")}, Dated: true}, MergeOptions{Now: at(apr)}, "m/input 1 jan..feb, m/input 2 mar..", "added added", false},
		{"a history over another one", []Price{in(jan, "", "1")}, Table{Prices: []Price{in(jan, feb, "1"), in(mar, "", "2")}, Dated: true}, MergeOptions{Now: at(apr), Correct: true}, "m/input 1 jan..feb, m/input 2 mar..", "withdrawn changed", false},
		{"the same history again", []Price{in(jan, feb, "1"), in(feb, "", "2")}, Table{Prices: []Price{in(jan, feb, "1"), in(feb, "", "2")}, Dated: true}, MergeOptions{Now: at(apr)}, "m/input 1 jan..feb, m/input 2 feb..", "", false},
		{"a unit that the source has no more", []Price{in(jan, "", "1"), row("a", "m", CacheRead, "3", held(jan, ""))}, Table{Source: "test", Prices: []Price{in("", "", "1")}}, MergeOptions{From: at(apr), Now: at(apr)},
			"m/input 1 jan.., m/cache_read 3 jan..apr", "withdrawn", false},
		{"a unit that another source has", []Price{in(jan, "", "1"), row("a", "m", CacheRead, "3", held(jan, ""))}, Table{Source: "other", Prices: []Price{in("", "", "1")}}, MergeOptions{From: at(apr), Now: at(apr)},
			"m/input 1 jan.., m/cache_read 3 jan..", "", false},
		{"another model", []Price{in(jan, "", "1"), row("a", "n", Input, "3", held(jan, ""))}, Table{Source: "test", Prices: []Price{in("", "", "2")}}, MergeOptions{From: at(apr), Now: at(apr)},
			"m/input 1 jan..apr, m/input 2 apr.., n/input 3 jan..", "changed", false},
		{"a customer's price", []Price{in(jan, "", "1"), row("a", "m", Input, "3", held(jan, ""), tenant("acme"))}, Table{Source: "test", Prices: []Price{in("", "", "2")}}, MergeOptions{From: at(apr), Now: at(apr)},
			"m/input 1 jan..apr, m/input 2 apr.., m/input 3 jan..", "changed", false},
		{"a price that was known before it holds is withdrawn", []Price{in(jan, may, "1"), in(may, "", "5")}, Table{Source: "test", Prices: []Price{in("", "", "1")}}, MergeOptions{From: at(apr), Now: at(apr)},
			"m/input 1 jan..", "changed", false},
		{"a table that knows times counts from when it is said to", nil, Table{Prices: []Price{in("", feb, "1"), in(feb, "", "2")}}, MergeOptions{From: at(apr), Now: at(apr)}, "m/input 2 apr..", "added", false},
		{"its times after that count", []Price{in(jan, "", "1")}, Table{Prices: []Price{in("", may, "1"), in(may, "", "5")}}, MergeOptions{From: at(apr), Now: at(apr)}, "m/input 1 jan..may, m/input 5 may..", "changed", false},
		{"its times before that are not the past", []Price{in(jan, "", "1")}, Table{Prices: []Price{in("", feb, "9"), in(feb, "", "1")}}, MergeOptions{From: at(apr), Now: at(apr)}, "m/input 1 jan..", "", false},
		{"a price of its own that ends", []Price{in(jan, "", "1")}, Table{Source: "test", Prices: []Price{in("", may, "1")}}, MergeOptions{From: at(apr), Now: at(apr)}, "m/input 1 jan..may", "withdrawn", false},
		{"a price of its own that begins later", []Price{in(jan, "", "1")}, Table{Source: "test", Prices: []Price{in(may, "", "1")}}, MergeOptions{From: at(apr), Now: at(apr)}, "m/input 1 jan..apr, m/input 1 may..", "withdrawn", false},
		{"another source's price goes on after one that ends", []Price{in(jan, "", "1")}, Table{Source: "other", Prices: []Price{in("", may, "2")}}, MergeOptions{From: at(apr), Now: at(apr)}, "m/input 1 jan..apr, m/input 2 apr..may, m/input 1 may..", "changed", false},
	} {
		b, err := New(1, c.before, nil)
		if err != nil {
			t.Fatal(err)
		}
		merged, changes, err := Merge(b, c.table, c.options)
		var past *PastError
		if errors.As(err, &past) != c.past || err != nil && !c.past {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var kinds []string
		for _, ch := range changes {
			kinds = append(kinds, string(ch.Kind))
		}
		if got := strings.Join(kinds, " "); got != c.changes {
			t.Errorf("%s: changes %q, want %q", c.name, got, c.changes)
		}
		if got := say(merged); !c.past && got != c.want {
			t.Errorf("%s: %s; want %s", c.name, got, c.want)
		}
		if _, err := New(2, merged, nil); err != nil {
			t.Errorf("%s: no book: %v", c.name, err)
		}
	}
	if _, _, err := Merge(&Book{}, Table{Prices: []Price{in("", "", "1")}}, MergeOptions{}); err == nil {
		t.Error("a table without a date was taken")
	}
}

// TestMergeKeepsThePast: whatever comes in, in whatever order, what the book said of a time that is over it says again.
func TestMergeKeepsThePast(t *testing.T) {
	months := []string{jan, feb, mar, apr, may}
	for seed := range 200 {
		b, _ := New(1, nil, nil)
		said := map[string]Picos{}
		for i, now := range months {
			published := fmt.Sprint(1 + (seed>>uint(i))%3)
			merged, _, err := Merge(b, Table{Source: "test", Prices: []Price{row("a", "m", Input, published)}}, MergeOptions{From: at(now), Now: at(now)})
			if err != nil {
				t.Fatal(err)
			}
			if b, err = New(uint64(i+2), merged, nil); err != nil {
				t.Fatal(err)
			}
			said[now] = row("a", "m", Input, published).Picos
			for _, then := range months[:i+1] {
				r := b.Resolve(Call{Time: at(then), Provider: "a", Model: "m", InputUncached: n(1), OutputVisible: n(0)})
				if r.Known.Int64() != int64(said[then]) {
					t.Fatalf("seed %d: of %s the book says %s in %s, and said %d", seed, then, r.Known, now, said[then])
				}
			}
		}
	}
}
