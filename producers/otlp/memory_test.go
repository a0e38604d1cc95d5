package otlp_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

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

// TestRecallAll: a report that comes again after a restart makes the same event, whatever it says.
func TestRecallAll(t *testing.T) {
	full := func() *calls.Report {
		return &calls.Report{
			Scope: calls.ScopeOf("a"), Client: "a", Version: "1", Start: 1_000_000, End: 3_000_000, Product: "shop", Operation: "chat", Provider: "openai", Requested: "m", Served: "m-1",
			ResponseID: "r", Tier: "flex", Region: "eu", User: "ada", ErrorType: "timeout", Streaming: true, FirstToken: calls.Of(1), Latency: calls.Of(2), Attempt: calls.Of(2), Cost: "0.0000000015",
			Input: calls.Of(100), Output: calls.Of(50), Read: calls.Of(10), Write: calls.Of(20), Write5m: calls.Of(5), Write1h: calls.Of(15), Reasoning: calls.Of(7),
			InputAudio: calls.Of(1), InputImage: calls.Of(2), OutputAudio: calls.Of(3), OutputImage: calls.Of(4),
		}
	}
	options := calls.Options{HashUser: func(string, string) uint64 { return 42 }}
	said := map[protoreflect.Name]bool{}
	for _, change := range []func(*calls.Report){
		func(*calls.Report) {},
		func(r *calls.Report) { r.Failed = true },
		func(r *calls.Report) { r.End = r.Start },
		func(r *calls.Report) { r.Estimated = true },
		func(r *calls.Report) { r.Read, r.Reasoning = calls.Count{}, calls.Count{} },
		func(r *calls.Report) {
			r.Input, r.Output, r.Read, r.Write = calls.Count{}, calls.Count{}, calls.Count{}, calls.Count{}
		},
		func(r *calls.Report) { r.ResponseID, r.ReporterID = "", "x" },
		func(r *calls.Report) { r.ResponseID, r.Trace, r.Span = "", [16]byte{1}, [8]byte{2} },
		func(r *calls.Report) { r.ResponseID, r.LogID = "", "x" },
	} {
		report := func() []*calls.Report {
			r := full()
			change(r)
			return []*calls.Report{r}
		}
		first := calls.NewMemory(options).Events(origin, report())[0]
		first.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool { said[f.Name()] = true; return true })
		memory := calls.NewMemory(options)
		memory.Recall([]*usagev1.TokenCall{first})
		for range 2 {
			if again := memory.Events(origin, report())[0]; !proto.Equal(again, first) {
				t.Errorf("%v, then %v", first, again)
			}
		}
	}
	for _, other := range []protoreflect.Name{"run", "weight", "user_weight", "requests", "country", "segment", "revision", "joined", "may_be_double"} {
		said[other] = true
	}
	fields := new(usagev1.TokenCall).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if name := fields.Get(i).Name(); !said[name] {
			t.Errorf("no report says %s", name)
		}
	}
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
