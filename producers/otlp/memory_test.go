package otlp_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers/calls"
	"tidemark/producers/otlp"
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

// TestRecallTwins: after a restart, reports without ids that were joined come again in any order, and change nothing.
func TestRecallTwins(t *testing.T) {
	outer := spanSpec{scope: genai, trace: 2, span: 2, attributes: usageOf(100, 20)}
	inner := spanSpec{scope: sdk, trace: 1, span: 1, after: 3 * time.Millisecond, attributes: usageOf(100, 20)}
	for _, before := range [][]spanSpec{{outer, inner}, {inner, outer}} {
		for _, again := range [][]spanSpec{{outer, inner, outer, inner}, {inner, outer, inner}, {inner}, {outer}} {
			memory := calls.NewMemory(calls.Options{})
			var last *usagev1.TokenCall
			send := func(spec spanSpec) *usagev1.TokenCall {
				t.Helper()
				r := otlp.New(memory).Traces(origin, traces(spec))
				if len(r.Events) != 1 {
					t.Fatalf("%+v", r)
				}
				return r.Events[0]
			}
			for _, spec := range before {
				last = send(spec)
			}
			memory = calls.NewMemory(calls.Options{})
			memory.Recall([]*usagev1.TokenCall{last})
			for n, spec := range again {
				if got := send(spec); !proto.Equal(got, last) {
					t.Errorf("%s first, then %s (%d): %v, want %v", before[0].scope, spec.scope, n, got, last)
				}
			}
		}
	}
}

// TestRecall: a memory that begins where another one ended joins what no id tells, and takes a report that comes again for the
// one that it knows.
func TestRecall(t *testing.T) {
	first := spanSpec{scope: sdk, trace: 1, span: 1, attributes: usageOf(100, 20, "gen_ai.response.id", "msg_1", "user.id", "ada")}
	twin := spanSpec{scope: genai, trace: 2, span: 2, attributes: usageOf(100, 20)}
	alone := spanSpec{scope: other, trace: 3, span: 3, attributes: usageOf(7, 8)}
	options := calls.Options{HashUser: func(string, string) uint64 { return 42 }}
	var log []*usagev1.TokenCall
	send := func(spec spanSpec) *usagev1.TokenCall { // To a decoder that knows only the log.
		t.Helper()
		memory := calls.NewMemory(options)
		memory.Recall(log)
		r := otlp.New(memory).Traces(origin, traces(spec))
		if len(r.Events) != 1 {
			t.Fatalf("%+v", r)
		}
		log = append(log, r.Events[0])
		return r.Events[0]
	}
	want := func(what string, e *usagev1.TokenCall, id string, revision, joined uint64, doubt bool) {
		t.Helper()
		if e.GetId() != id || e.GetRevision() != revision || e.GetJoined() != joined || e.GetMayBeDouble() != doubt {
			t.Errorf("%s: %v", what, e)
		}
	}
	want("the first", send(first), "msg_1", 0, 0, false)
	want("the first again", send(first), "msg_1", 0, 0, false)
	want("its twin", send(twin), "msg_1", 1, 1, false)
	want("the twin again", send(twin), "msg_1", 1, 1, false)
	last := send(first)
	want("the first once more", last, "msg_1", 1, 1, false)
	if last.GetUser() != 42 || last.GetInputUncached() != 100 || last.GetLatencyUs() != 1_000_000 {
		t.Errorf("what was known is gone: %v", last)
	}
	want("another call", send(alone), fmt.Sprintf("03%030d/03%014d", 0, 0), 0, 0, false)
	alone.scope, alone.trace = "somebody.else", 4
	want("equal counts of a client that is no pair", send(alone), fmt.Sprintf("04%030d/03%014d", 0, 0), 0, 0, true)
	memory := calls.NewMemory(options)
	memory.Recall([]*usagev1.TokenCall{{Source: "gateway", Id: "1", Tenant: "acme"}, log[2], log[0]}) // A foreign event, and an older one last.
	if r := otlp.New(memory).Traces(origin, traces(twin)); len(r.Events) != 1 || r.Events[0].GetRevision() != 1 || r.Events[0].GetJoined() != 1 {
		t.Errorf("after an older event: %+v", r)
	}
}
