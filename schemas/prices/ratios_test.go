package prices

import (
	"strings"
	"testing"
)

func TestDeviations(t *testing.T) {
	warnings := func(all ...Price) string {
		var lines []string
		for _, d := range Deviations(all) {
			lines = append(lines, d.String())
		}
		return strings.Join(lines, "\n")
	}
	long := over(200_000)
	base := []Price{row("a", "m", Input, "3"), row("a", "m", CacheRead, "0.75"), row("a", "m", CacheWrite, "4"), row("a", "m", Output, "15"), row("a", "m", Reasoning, "20")}
	for _, c := range []struct {
		name  string
		tiers []Price
		want  string
	}{
		{"they go together", []Price{row("a", "m", Input, "6", long), row("a", "m", CacheRead, "1.5", long), row("a", "m", Output, "22.5", long), row("a", "m", Reasoning, "30", long)}, ""},
		{"reading from a cache did not follow", []Price{row("a", "m", Input, "6", long), row("a", "m", CacheRead, "0.75", long)},
			"a m cache_read over 200000 tokens is x1 (0.75 to 0.75), but input is x2 (3 to 6)"},
		{"writing to one did not either", []Price{row("a", "m", Input, "6", long), row("a", "m", CacheRead, "1", long), row("a", "m", CacheWrite, "4.4", long)},
			"a m cache_read over 200000 tokens is x1.333 (0.75 to 1), but input is x2 (3 to 6)\na m cache_write over 200000 tokens is x1.1 (4 to 4.4), but input is x2 (3 to 6)"},
		{"reasoning goes with output, not with input", []Price{row("a", "m", Input, "6", long), row("a", "m", Output, "22.5", long), row("a", "m", Reasoning, "40", long)},
			"a m reasoning over 200000 tokens is x2 (20 to 40), but output is x1.5 (15 to 22.5)"},
		{"batch", []Price{row("a", "m", Input, "1.5", tier("batch")), row("a", "m", CacheRead, "0.75", tier("batch"))}, "a m cache_read batch is x1 (0.75 to 0.75), but input is x0.5 (3 to 1.5)"},
		{"long batch is compared with short batch", []Price{row("a", "m", Input, "1", tier("batch")), row("a", "m", CacheRead, "0.25", tier("batch")), row("a", "m", Input, "2", tier("batch"), long), row("a", "m", CacheRead, "0.5", tier("batch"), long)}, ""},
		{"nothing to compare with", []Price{row("a", "m", CacheRead, "0.75", long), row("a", "m", CacheWrite1h, "9", long)}, ""},
		{"not told", []Price{row("a", "m", Input, NotTold, long), row("a", "m", CacheRead, "0.75", long)}, ""},
		{"another region", []Price{row("a", "m", Input, "6", long, region("eu")), row("a", "m", CacheRead, "0.75", long, region("eu"))}, ""},
	} {
		if got := warnings(append(base, c.tiers...)...); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	// A price that follows its base later than its kin is found by time.
	got := warnings(row("a", "m", Input, "3"), row("a", "m", CacheRead, "1", held("", feb)), row("a", "m", CacheRead, "0.5", held(feb, "")), row("a", "m", Input, "6", long), row("a", "m", CacheRead, "2", long))
	compareText(t, "by time", got, "a m cache_read over 200000 tokens is x4 (0.5 to 2), but input is x2 (3 to 6)")
}
