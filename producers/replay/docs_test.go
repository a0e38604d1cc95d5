package replay

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/producers/formats"
	"tidemark/producers/formats/mapping"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// example is one of the page: a mapping or a command without one, a file, and what becomes of it.
type example struct{ section, mapping, format, data, want string }

// examples returns those of the page.
func examples(t testing.TB) []example {
	t.Helper()
	text, err := os.ReadFile("../../docs/replaying-your-files.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []example
	var next example
	kind, block := "", ""
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "```") && kind == "":
			kind, block = strings.TrimSpace(line[3:]), ""
		case strings.HasPrefix(line, "```"):
			switch kind {
			case "yaml":
				next = example{section: next.section, mapping: block}
			case "csv":
				next.format, next.data = "csv", block
			case "sh":
				_, command, _ := strings.Cut(block, "tidemark replay ")
				format, _, _ := strings.Cut(command, " ")
				next = example{section: next.section, format: format}
			case "json":
				if next.data = block; next.mapping != "" {
					next.format = "jsonl"
				}
			case "text":
				next.want = block
				all = append(all, next)
			}
			kind = ""
		case kind != "":
			block += line
		case strings.HasPrefix(line, "## "):
			next.section = strings.TrimSpace(line[3:])
		}
	}
	return all
}

// TestDocs runs the examples of the page.
func TestDocs(t *testing.T) {
	all := examples(t)
	if len(all) < 22 {
		t.Errorf("%d examples", len(all))
	}
	for _, one := range all {
		t.Run(one.section, func(t *testing.T) {
			var m *mapping.Mapping
			if one.mapping != "" {
				var err error
				if m, err = mapping.Parse("m.yaml", []byte(one.mapping)); err != nil {
					t.Fatal(err)
				}
			}
			if got := outcome(t, m, one.format, one.data); got != one.want {
				t.Errorf("got\n%s\nwant\n%s", got, one.want)
			}
		})
	}
}

// outcome replays a file and returns a line for each event, and one for all else that became of rows.
func outcome(t *testing.T, m *mapping.Mapping, format, data string) string {
	t.Helper()
	o := Options{Format: format, Files: []string{write(t, "f", []byte(data))}, Mapping: m, Users: testUsers, Run: "test"}
	if formats.Named(format).NeedsTenant {
		o.Tenant = "acme"
	}
	log, result := replayed(t, o)
	var b strings.Builder
	for _, e := range log.all {
		b.WriteString(figuresOf(e) + "\n")
	}
	for _, reason := range slices.Sorted(maps.Keys(result.NoCalls)) {
		fmt.Fprintf(&b, "%s became no event: %s\n", plural(result.NoCalls[reason], "row"), reason)
	}
	for _, one := range []struct {
		n    int64
		text string
	}{
		{result.Nothing, "stand for nothing"},
		{result.LeftOut, "are left out by where"},
		{result.Joined, "are put together with others of their id"},
		{result.Later, "are left out for the first row of the same id"},
		{result.Replaced, "are left out for a newer row of the same id"},
		{result.Repeated, "say the same as another row of the id"},
		{result.Columns.Untold, "are in an hour that comes twice"},
		{result.Columns.Empty, "have nothing to unfold"},
	} {
		switch {
		case one.n == 1:
			b.WriteString(strings.NewReplacer("rows are", "row is", "rows say", "row says", "rows ", "row ").Replace("1 rows "+one.text) + "\n")
		case one.n > 1:
			fmt.Fprintf(&b, "%d rows %s\n", one.n, one.text)
		}
	}
	for _, p := range result.Problems {
		fmt.Fprintf(&b, "line %d: %s\n", p.Line, p.Text)
	}
	for _, u := range result.Unread {
		fmt.Fprintf(&b, "%s without %s: %s\n", plural(u.Rows, "row"), u.Field, u.Reason)
	}
	for _, missing := range result.Columns.Missing {
		fmt.Fprintf(&b, "%s is in no row: %s\n", missing.Column, missing.Near)
	}
	return b.String()
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// figuresOf says what an event counts, each figure times its weight.
func figuresOf(e schemas.Event) string {
	at := time.UnixMicro(e.GetTimeUs()).UTC().Format(time.RFC3339Nano)
	call, ok := e.(*usagev1.TokenCall)
	if !ok {
		counted, _ := e.(interface {
			GetModel() string
			GetWeight() uint64
		})
		return fmt.Sprintf("%s %s: %s", at, counted.GetModel(), plural(int64(max(counted.GetWeight(), 1)), "event"))
	}
	weight := int64(max(call.GetWeight(), 1))
	requests := int64(1)
	if call.Requests != nil {
		requests = int64(call.GetRequests())
	}
	parts := []string{plural(weight*requests, "call")}
	if call.InputUncached != nil || call.InputCacheRead != nil || call.InputCacheWrite != nil {
		parts = append(parts, fmt.Sprintf("input %d", weight*int64(call.GetInputUncached()+call.GetInputCacheRead()+call.GetInputCacheWrite()))+
			classes(weight, "cache read", call.InputCacheRead, "cache write", call.InputCacheWrite))
	}
	if call.OutputVisible != nil || call.OutputReasoning != nil {
		parts = append(parts, fmt.Sprintf("output %d", weight*int64(call.GetOutputVisible()+call.GetOutputReasoning()))+classes(weight, "reasoning", call.OutputReasoning))
	}
	if call.ReportedCostNanos != nil {
		parts = append(parts, fmt.Sprintf("cost %s %s", strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.9f", float64(call.GetReportedCostNanos())/1e9), "0"), "."), call.CostCurrency))
	}
	if call.LatencyUs != nil {
		parts = append(parts, "latency "+(time.Duration(call.GetLatencyUs())*time.Microsecond).String())
	}
	if call.Country != "" {
		parts = append(parts, "country "+call.Country)
	}
	return fmt.Sprintf("%s %s: %s", at, call.Model, strings.Join(parts, ", "))
}

func classes(weight int64, pairs ...any) string {
	var parts []string
	for i := 0; i < len(pairs); i += 2 {
		if n, _ := pairs[i+1].(*uint64); n != nil {
			parts = append(parts, fmt.Sprintf("%s %d", pairs[i], weight*int64(*n)))
		}
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
