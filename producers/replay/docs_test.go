package replay

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// TestDocs runs the examples of the page on mappings: a mapping, a file, and what becomes of it.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/replaying-your-files.md")
	if err != nil {
		t.Fatal(err)
	}
	section, kind, block := "", "", ""
	blocks := map[string]string{}
	examples := 0
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "```") && kind == "":
			kind, block = strings.TrimSpace(line[3:]), ""
		case strings.HasPrefix(line, "```"):
			if kind == "yaml" {
				clear(blocks)
			}
			blocks[kind] = block
			if kind == "text" {
				examples++
				t.Run(section, func(t *testing.T) { runExample(t, blocks) })
			}
			kind = ""
		case kind != "":
			block += line
		case strings.HasPrefix(line, "## "):
			section = strings.TrimSpace(line[3:])
		}
	}
	if examples < 15 {
		t.Errorf("%d examples", examples)
	}
}

func runExample(t *testing.T, blocks map[string]string) {
	m, err := parseMapping("m.yaml", []byte(blocks["yaml"]))
	if err != nil {
		t.Fatal(err)
	}
	format, data := "csv", blocks["csv"]
	if data == "" {
		format, data = "jsonl", blocks["json"]
	}
	if got := outcome(t, m, format, data); got != blocks["text"] {
		t.Errorf("got\n%s\nwant\n%s", got, blocks["text"])
	}
}

// outcome replays a file and returns a line for each event, and one for all else that became of rows.
func outcome(t *testing.T, m *Mapping, format, data string) string {
	t.Helper()
	log, result := replayed(t, Options{Format: format, Files: []string{write(t, "f", []byte(data))}, Mapping: m, Users: testUsers, Run: "test"})
	var b strings.Builder
	for _, e := range log.all {
		b.WriteString(told(e) + "\n")
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
			b.WriteString(strings.NewReplacer("rows are", "row is", "rows ", "row ").Replace("1 rows "+one.text) + "\n")
		case one.n > 1:
			fmt.Fprintf(&b, "%d rows %s\n", one.n, one.text)
		}
	}
	for _, p := range result.Problems {
		fmt.Fprintf(&b, "line %d: %s\n", p.Line, p.Text)
	}
	for _, u := range result.Unread {
		fmt.Fprintf(&b, "%s without %s: %s\n", strings.Replace(plural(u.Rows, "row"), "rows", "rows", 1), u.Field, u.Reason)
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

// told says what an event counts, each figure times its weight.
func told(e schemas.Event) string {
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
