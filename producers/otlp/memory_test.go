package otlp_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"tidemark/producers/calls"
	usagev1 "tidemark/schemas/usage/v1"
)

// TestMemoryOfLongTexts: what is remembered of a call is bounded, however long the texts are that a report has.
func TestMemoryOfLongTexts(t *testing.T) {
	memory := calls.NewMemory(calls.Options{})
	const n, long = 40, 1 << 20
	for i := range n {
		text := func(of string) string { return fmt.Sprintf("%s%03d%s", of, i, strings.Repeat("1", long)) }
		client := text("client")
		memory.Events(origin, []*calls.Report{{Scope: calls.ScopeOf(client), Client: client, LogID: text("log"), Served: text("model"), Cost: text("0."), User: text("user"), Start: int64(i), Input: calls.Of(1)}})
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > n*long/2 {
		t.Errorf("%d calls take %d bytes", n, m.HeapAlloc)
	}
	runtime.KeepAlive(memory)
}

// TestRecallCost: a cost is the same after a restart, below 0 and of parts of a nano too.
func TestRecallCost(t *testing.T) {
	for _, cost := range []string{"0.000000001", "12.5", "-0.0000000025", "-3", "0.0000000005", "-0.0000000005", "-1000000000.000000001001"} {
		report := func(client, cost string) []*calls.Report {
			return []*calls.Report{{Scope: calls.ScopeOf(client), Client: client, ResponseID: "r", Served: "m", Cost: cost, Input: calls.Of(1)}}
		}
		first := calls.NewMemory(calls.Options{}).Events(origin, report("a", cost))[0]
		memory := calls.NewMemory(calls.Options{})
		memory.Recall([]*usagev1.TokenCall{first})
		again := memory.Events(origin, report("b", ""))[0]
		if first.ReportedCostNanos == nil || again.GetJoined() != 1 || again.GetReportedCostNanos() != first.GetReportedCostNanos() || again.GetReportedCostPicos() != first.GetReportedCostPicos() {
			t.Errorf("%s: %v, then %v", cost, first, again)
		}
	}
}
