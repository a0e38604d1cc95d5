package otlp_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"tidemark/producers/calls"
	"tidemark/producers/otlp"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// spanSpec is a span to send: of a scope, in a trace, with attributes in pairs.
type spanSpec struct {
	scope               string
	trace, span, parent byte
	after, length       time.Duration
	failed              bool
	attributes          []any
}

const (
	sdk   = "com.anthropic.sdk.python"
	genai = "opentelemetry.instrumentation.genai.anthropic"
	other = "my.own.instrumentation"
)

func set(m pcommon.Map, pairs []any) {
	for i := 0; i < len(pairs); i += 2 {
		if err := m.PutEmpty(fmt.Sprint(pairs[i])).FromRaw(pairs[i+1]); err != nil {
			panic(err) // A pair that a test has wrong.
		}
	}
}

func traces(specs ...spanSpec) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	for _, spec := range specs {
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName(spec.scope)
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(pcommon.TraceID{spec.trace})
		s.SetSpanID(pcommon.SpanID{spec.span})
		if spec.parent != 0 {
			s.SetParentSpanID(pcommon.SpanID{spec.parent})
		}
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(noon.Add(spec.after)))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(noon.Add(spec.after + max(spec.length, time.Second))))
		if spec.failed {
			s.Status().SetCode(ptrace.StatusCodeError)
		}
		set(s.Attributes(), spec.attributes)
	}
	return td
}

// usageOf are the attributes of a call, and more pairs.
func usageOf(input, output int, more ...any) []any {
	return append([]any{"gen_ai.operation.name", "chat", "gen_ai.provider.name", "anthropic", "gen_ai.request.model", "claude-opus-4-5",
		"gen_ai.usage.input_tokens", input, "gen_ai.usage.output_tokens", output}, more...)
}

var origin = calls.Origin{Tenant: "acme"}

// TestJoins sends reports, each in a request of its own and all in one, and expects how many calls they are.
func TestJoins(t *testing.T) {
	id := func(name string) []any { return usageOf(100, 20, "gen_ai.response.id", name) }
	plain := usageOf(100, 20)
	for _, test := range []struct {
		name    string
		specs   []spanSpec
		calls   int
		joined  uint64
		doubles int
	}{
		{"a span sent by two exporters", []spanSpec{{scope: genai, trace: 1, span: 1, attributes: plain}, {scope: genai, trace: 1, span: 1, attributes: plain}}, 1, 0, 0},
		{"one answer in two traces", []spanSpec{{scope: genai, trace: 1, span: 1, attributes: id("msg_0000000a")}, {scope: other, trace: 2, span: 2, attributes: id("msg_0000000a")}}, 1, 1, 0},
		{"two answers", []spanSpec{{scope: genai, trace: 1, span: 1, attributes: id("msg_0000000a")}, {scope: genai, trace: 1, span: 2, attributes: id("msg_0000000b")}}, 2, 0, 0},
		{"an id that comes again after a minute", []spanSpec{{scope: genai, trace: 1, span: 1, attributes: id("chatcmpl-7")}, {scope: genai, trace: 2, span: 2, after: time.Minute, attributes: id("chatcmpl-7")}}, 2, 0, 0},
		{"calls of one web request", []spanSpec{{scope: genai, trace: 1, span: 1, attributes: usageOf(100, 20, "request_id", "req-0000000001")}, {scope: genai, trace: 1, span: 2, attributes: usageOf(200, 20, "request_id", "req-0000000001")}}, 2, 0, 0},
		{"two answers of two scopes, equal counts", []spanSpec{{scope: genai, trace: 1, span: 1, attributes: id("msg_0000000a")}, {scope: sdk, trace: 2, span: 2, attributes: id("msg_0000000b")}}, 2, 0, 0},
		{"a child of another scope", []spanSpec{{scope: other, trace: 1, span: 1, attributes: plain}, {scope: sdk, trace: 1, span: 2, parent: 1, attributes: plain}}, 1, 1, 0},
		{"a child of another scope that counts the output otherwise", []spanSpec{{scope: other, trace: 1, span: 1, attributes: usageOf(100, 23)}, {scope: sdk, trace: 1, span: 2, parent: 1, attributes: plain}}, 1, 1, 0},
		{"a sibling with another output", []spanSpec{{scope: other, trace: 1, span: 1, parent: 9, attributes: usageOf(100, 23)}, {scope: sdk, trace: 1, span: 2, parent: 9, attributes: plain}}, 2, 0, 0},
		{"a sibling of another scope", []spanSpec{{scope: other, trace: 1, span: 1, parent: 9, attributes: plain}, {scope: sdk, trace: 1, span: 2, parent: 9, attributes: plain}}, 1, 1, 0},
		{"two calls of one scope at once", []spanSpec{{scope: genai, trace: 1, span: 1, attributes: plain}, {scope: genai, trace: 2, span: 2, attributes: plain}}, 2, 0, 0},
		{"a scope that is known to report again", []spanSpec{{scope: genai, trace: 1, span: 1, attributes: plain}, {scope: sdk, trace: 2, span: 2, attributes: plain}}, 1, 1, 0},
		{"two pairs at once", []spanSpec{
			{scope: genai, trace: 1, span: 1, attributes: plain}, {scope: genai, trace: 2, span: 2, attributes: plain},
			{scope: sdk, trace: 3, span: 3, attributes: plain}, {scope: sdk, trace: 4, span: 4, attributes: plain},
		}, 2, 2, 0},
		{"a pair of scopes that nobody knows", []spanSpec{{scope: other, trace: 1, span: 1, attributes: plain}, {scope: genai, trace: 2, span: 2, attributes: plain}}, 2, 0, 1},
		{"the same later", []spanSpec{{scope: genai, trace: 1, span: 1, attributes: plain}, {scope: sdk, trace: 2, span: 2, after: time.Minute, attributes: plain}}, 2, 0, 0},
		{"other counts", []spanSpec{{scope: genai, trace: 1, span: 1, attributes: plain}, {scope: sdk, trace: 2, span: 2, attributes: usageOf(101, 20)}}, 2, 0, 0},
		{"other counts of output", []spanSpec{{scope: genai, trace: 1, span: 1, attributes: plain}, {scope: sdk, trace: 2, span: 2, attributes: usageOf(100, 21)}}, 2, 0, 0},
		{"a distant span of the trace, of a pair that nobody knows", []spanSpec{{scope: other, trace: 1, span: 1, parent: 8, attributes: plain}, {scope: genai, trace: 1, span: 2, parent: 9, attributes: plain}}, 2, 0, 1},
		{"another model", []spanSpec{{scope: genai, trace: 1, span: 1, attributes: plain}, {scope: sdk, trace: 2, span: 2, attributes: append(usageOf(100, 20), "gen_ai.request.model", "claude-haiku-4-5")}}, 2, 0, 0},
		{"an agent with a tool and two calls", []spanSpec{
			{scope: other, trace: 1, span: 1, attributes: []any{"gen_ai.operation.name", "invoke_agent", "gen_ai.request.model", "claude-opus-4-5", "gen_ai.usage.input_tokens", 300, "gen_ai.usage.output_tokens", 60}},
			{scope: other, trace: 1, span: 2, parent: 1, attributes: plain},
			{scope: other, trace: 1, span: 3, parent: 1, attributes: []any{"gen_ai.operation.name", "execute_tool"}},
			{scope: other, trace: 1, span: 4, parent: 1, after: 2 * time.Second, attributes: usageOf(200, 40)},
		}, 2, 0, 0},
		{"embeddings in two spans", []spanSpec{
			{scope: "gen_ai", trace: 1, span: 2, parent: 1, attributes: []any{"gen_ai.operation.name", "embeddings", "gen_ai.request.model", "e", "gen_ai.usage.input_tokens", 12}},
			{scope: "gen_ai", trace: 1, span: 1, attributes: []any{"gen_ai.operation.name", "embeddings", "gen_ai.request.model", "e"}},
		}, 1, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, apart := range []bool{false, true} {
				d := otlp.New(calls.NewMemory(calls.Options{}))
				last := map[string]*usagev1.TokenCall{}
				take := func(r calls.Result) {
					for _, e := range r.Events {
						last[e.Source+e.Id] = e
					}
				}
				if apart {
					for _, spec := range test.specs {
						take(d.Traces(origin, traces(spec)))
					}
				} else {
					take(d.Traces(origin, traces(test.specs...)))
				}
				var joined uint64
				doubles := 0
				for _, e := range last {
					joined += e.Joined
					if e.MayBeDouble {
						doubles++
					}
				}
				if len(last) != test.calls || joined != test.joined || doubles != test.doubles {
					t.Errorf("apart %t: %d calls, %d joined, %d doubts; want %d, %d, %d: %v", apart, len(last), joined, doubles, test.calls, test.joined, test.doubles, last)
				}
			}
		})
	}
}

// TestMerged checks whose word counts when two reports of one call differ, in both orders.
func TestMerged(t *testing.T) {
	call := func(scope string, trace byte, more ...any) spanSpec {
		return spanSpec{scope: scope, trace: trace, span: trace, attributes: append([]any{"gen_ai.operation.name", "chat", "gen_ai.provider.name", "anthropic", "gen_ai.response.id", "msg_0000000a"}, more...)}
	}
	failed := call(other, 2, "gen_ai.usage.input_tokens", 100)
	failed.failed = true
	const traceloop = "opentelemetry.instrumentation.anthropic"
	for _, test := range []struct {
		name string
		a, b spanSpec
		want string
	}{
		{"streams that one counts too high", call(traceloop, 1, "gen_ai.usage.input_tokens", 100, "gen_ai.usage.output_tokens", 303, "gen_ai.usage.cache_read.input_tokens", 0, "gen_ai.usage.reasoning_tokens", 0, "gen_ai.is_streaming", true),
			call("pydantic-ai", 2, "gen_ai.usage.input_tokens", 100, "gen_ai.usage.output_tokens", 300), "300 STATUS_OK pydantic-ai"},
		{"the inner layer", call("litellm", 1, "gen_ai.usage.input_tokens", 100, "gen_ai.usage.output_tokens", 21), call(genai, 2, "gen_ai.usage.input_tokens", 100, "gen_ai.usage.output_tokens", 20), "20 STATUS_OK " + genai},
		{"one that failed", call(genai, 1, "gen_ai.usage.input_tokens", 100, "gen_ai.usage.output_tokens", 20, "gen_ai.usage.reasoning.output_tokens", 0, "gen_ai.usage.cache_read.input_tokens", 0), failed, "20 STATUS_OK " + genai},
	} {
		for _, specs := range [][]spanSpec{{test.a, test.b}, {test.b, test.a}} {
			r := otlp.New(calls.NewMemory(calls.Options{})).Traces(origin, traces(specs...))
			if len(r.Events) != 1 {
				t.Errorf("%s: %+v", test.name, r)
				continue
			}
			if e := r.Events[0]; fmt.Sprint(e.GetOutputVisible(), " ", e.Status, " ", e.Client) != test.want {
				t.Errorf("%s: %v, want %s", test.name, e, test.want)
			}
		}
	}
}

// TestIdentity checks that the id of the answer is the identity wherever one report of a request has it.
func TestIdentity(t *testing.T) {
	without := spanSpec{scope: genai, trace: 1, span: 1, attributes: usageOf(100, 20)}
	with := spanSpec{scope: sdk, trace: 2, span: 2, attributes: usageOf(100, 20, "gen_ai.response.id", "msg_0000000a")}
	for _, specs := range [][]spanSpec{{without, with}, {with, without}} {
		r := otlp.New(calls.NewMemory(calls.Options{})).Traces(origin, traces(specs...))
		if len(r.Events) != 1 || r.Events[0].Id != "msg_0000000a" || r.Joined != 1 {
			t.Errorf("%+v", r)
		}
	}
}

// TestSkips checks what is not counted although it has a model and tokens.
func TestSkips(t *testing.T) {
	usage := []any{"gen_ai.request.model", "m", "gen_ai.usage.input_tokens", 10, "gen_ai.usage.output_tokens", 5}
	with := func(pairs ...any) []any { return append(pairs, usage...) }
	for name, spec := range map[string]spanSpec{
		"a chain":                   {scope: other, attributes: with("openinference.span.kind", "CHAIN", "gen_ai.operation.name", "chat")},
		"a workflow":                {scope: other, attributes: with("traceloop.span.kind", "workflow", "gen_ai.operation.name", "chat")},
		"an agent":                  {scope: other, attributes: with("gen_ai.operation.name", "invoke_agent")},
		"the AI SDK's outer span":   {scope: "ai", attributes: with("ai.operationId", "ai.generateText")},
		"a span of Gemini CLI":      {scope: "gemini-cli", attributes: with("gen_ai.operation.name", "chat")},
		"a span without operation":  {scope: other, attributes: usage},
		"a call without its model":  {scope: other, attributes: []any{"gen_ai.operation.name", "my_own", "gen_ai.usage.input_tokens", 10}},
		"a span of another library": {scope: "http", attributes: []any{"http.request.method", "POST"}},
	} {
		spec.trace, spec.span = 1, 1
		r := otlp.New(calls.NewMemory(calls.Options{})).Traces(origin, traces(spec))
		if len(r.Events) != 0 || len(r.Skipped) != 1 || len(r.Rejected) != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestTenantsApart checks that a report of one tenant never joins the call of another.
func TestTenantsApart(t *testing.T) {
	d := otlp.New(calls.NewMemory(calls.Options{}))
	spec := spanSpec{scope: genai, trace: 1, span: 1, attributes: usageOf(100, 20, "gen_ai.response.id", "msg_0000000a")}
	a := d.Traces(calls.Origin{Tenant: "a"}, traces(spec)).Events
	b := d.Traces(calls.Origin{Tenant: "b"}, traces(spec)).Events
	if len(a) != 1 || len(b) != 1 || a[0].Tenant != "a" || b[0].Tenant != "b" || b[0].Joined != 0 {
		t.Errorf("%v and %v", a, b)
	}
}

// TestLostMemory sends a request again to a decoder that has forgotten it, as after a restart: the events are the same.
func TestLostMemory(t *testing.T) {
	for _, remember := range []int{0, 1} {
		d := otlp.New(calls.NewMemory(calls.Options{Remember: remember}))
		request := traces(
			spanSpec{scope: genai, trace: 1, span: 1, attributes: usageOf(100, 20, "gen_ai.response.id", "msg_0000000a")},
			spanSpec{scope: sdk, trace: 1, span: 2, parent: 1, attributes: usageOf(100, 20, "gen_ai.response.id", "msg_0000000a")},
			spanSpec{scope: genai, trace: 2, span: 3, attributes: usageOf(7, 8)})
		first := fmt.Sprint(d.Traces(origin, request).Events)
		for i := range byte(9) {
			d.Traces(origin, traces(spanSpec{scope: genai, trace: 10 + i, span: 1, attributes: usageOf(int(i), 1)}))
		}
		if again := fmt.Sprint(d.Traces(origin, request).Events); again != first {
			t.Errorf("remembering %d: %s\nis not %s", remember, again, first)
		}
	}
}

// TestClasses checks what counts become of counts that are reported in different ways.
func TestClasses(t *testing.T) {
	for _, test := range []struct {
		name       string
		scope      string
		attributes []any
		want       string
	}{
		{"inclusive", genai, usageOf(1000, 300, "gen_ai.usage.cache_read.input_tokens", 640, "gen_ai.usage.reasoning.output_tokens", 200), "360 640 - 100 200 EXACT REPORTED"},
		{"exclusive by the table", "openlit.instrumentation.anthropic", usageOf(360, 300, "gen_ai.usage.cache_read.input_tokens", 64, "gen_ai.usage.cache_creation.input_tokens", 12), "360 64 12 300 - UPPER_BOUND REPORTED"},
		{"exclusive by the numbers", other, usageOf(360, 300, "gen_ai.usage.cache_read.input_tokens", 640), "360 640 - 300 - UPPER_BOUND REPORTED"},
		{"exclusive by the total", other, usageOf(360, 300, "gen_ai.usage.cache_read.input_tokens", 40, "gen_ai.usage.total_tokens", 700), "360 40 - 300 - UPPER_BOUND REPORTED"},
		{"reasoning apart by the total", other, usageOf(360, 100, "gen_ai.usage.reasoning.output_tokens", 200, "gen_ai.usage.total_tokens", 660), "360 - - 100 200 UPPER_BOUND REPORTED"},
		{"texts", other, usageOf(0, 0, "gen_ai.usage.input_tokens", "1000", "gen_ai.usage.output_tokens", "300.0"), "1000 - - 300 - UPPER_BOUND REPORTED"},
		{"zeros are unknown", other, usageOf(0, 0), "- - - - - NONE MISSING"},
		{"a zero of one side", other, usageOf(12, 0), "12 - - 0 - UPPER_BOUND REPORTED"},
		{"embeddings have no output", other, usageOf(12, 0, "gen_ai.operation.name", "embedding"), "12 - - - - EXACT REPORTED"},
		{"reasoning apart, smaller than the rest, by the total", other, usageOf(360, 100, "gen_ai.usage.reasoning.output_tokens", 50, "gen_ai.usage.total_tokens", 510), "360 - - 100 50 UPPER_BOUND REPORTED"},
		{"a failure has no final output", other, usageOf(360, 3, "error.type", "timeout"), "360 - - - - UPPER_BOUND REPORTED"},
		{"a guess", "openlit", usageOf(14, 6, "gen_ai.request.stream", true), "14 - - 6 - UPPER_BOUND ESTIMATED"},
	} {
		r := otlp.New(calls.NewMemory(calls.Options{})).Traces(origin, traces(spanSpec{scope: test.scope, trace: 1, span: 1, attributes: test.attributes}))
		if len(r.Events) != 1 {
			t.Errorf("%s: %+v", test.name, r)
			continue
		}
		e := r.Events[0]
		of := func(n *uint64) string {
			if n == nil {
				return "-"
			}
			return fmt.Sprint(*n)
		}
		got := fmt.Sprint(of(e.InputUncached), " ", of(e.InputCacheRead), " ", of(e.InputCacheWrite), " ", of(e.OutputVisible), " ", of(e.OutputReasoning), " ",
			e.Split.String()[len("USAGE_SPLIT_"):], " ", e.Usage.String()[len("USAGE_SOURCE_"):])
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// TestRejects names the field at fault and never its value.
func TestRejects(t *testing.T) {
	for name, attributes := range map[string][]any{
		"gen_ai.usage.input_tokens is negative":            usageOf(-5, 1),
		"gen_ai.usage.output_tokens is not a number":       usageOf(1, 1, "gen_ai.usage.output_tokens", "secret"),
		"gen_ai.usage.output_tokens is not a whole number": usageOf(1, 1, "gen_ai.usage.output_tokens", 1.5),
		"gen_ai.usage.input_tokens is more than 1e12":      usageOf(2e12, 1),
	} {
		good := spanSpec{scope: genai, trace: 1, span: 2, attributes: usageOf(1, 1)}
		r := otlp.New(calls.NewMemory(calls.Options{})).Traces(origin, traces(spanSpec{scope: genai, trace: 1, span: 1, attributes: attributes}, good))
		if len(r.Rejected) != 1 || r.Rejected[0].Field+" "+r.Rejected[0].Reason != name || len(r.Events) != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	td := traces(spanSpec{scope: genai, trace: 1, span: 1, attributes: usageOf(1, 1)})
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetStartTimestamp(pcommon.Timestamp(noon.UnixMilli()))
	if r := otlp.New(calls.NewMemory(calls.Options{})).Traces(origin, td); len(r.Rejected) != 1 || r.Rejected[0].Field != "start_time_unix_nano" {
		t.Errorf("a time in milliseconds: %+v", r)
	}
}

// TestOddTexts checks that no odd text of a client costs a call, and that no sentence gets through.
func TestOddTexts(t *testing.T) {
	long := strings.Repeat("x", 700)
	for _, attributes := range [][]any{
		usageOf(1, 1, "gen_ai.response.id", long), usageOf(1, 1, "gen_ai.request.model", long), usageOf(1, 1, "gen_ai.provider.name", "a\x00b"), usageOf(1, 1, "gen_ai.response.model", "m\xff"),
		usageOf(1, 1, "user.id", long), usageOf(1, 1, "error.type", "401 Incorrect API key provided: sk-secret"), usageOf(1, 1, "http.request.resend_count", "many"),
		usageOf(1, 1, "gen_ai.usage.audio.input_tokens", -1), usageOf(1, 1, "openai.response.service_tier", long),
	} {
		td := traces(spanSpec{scope: long, trace: 1, span: 1, attributes: attributes})
		td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.name", long+"\x00")
		r := otlp.New(calls.NewMemory(calls.Options{})).Traces(origin, td)
		if len(r.Events) != 1 {
			t.Errorf("%v: %+v", attributes, r)
			continue
		}
		if err := schemas.Validate(r.Events[0]); err != nil || strings.Contains(fmt.Sprint(r.Events[0]), "secret") {
			t.Errorf("%v: %v: %v", attributes, err, r.Events[0])
		}
	}
}

// TestOddTimes checks that odd times cost no call.
func TestOddTimes(t *testing.T) {
	td := traces(spanSpec{scope: genai, trace: 1, span: 1, attributes: usageOf(1, 1)}, spanSpec{scope: genai, trace: 2, span: 2, length: 500 * time.Hour, attributes: usageOf(1, 1)})
	s := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	s.SetStartTimestamp(0)
	e := s.Events().AppendEmpty()
	e.SetName("First Token Stream Event")
	e.SetTimestamp(pcommon.NewTimestampFromTime(noon.Add(time.Minute)))
	for _, e := range otlp.New(calls.NewMemory(calls.Options{})).Traces(origin, td).Events {
		if err := schemas.Validate(e); err != nil {
			t.Errorf("%v: %v", err, e)
		}
	}
}

// TestPlaces checks that an event names the item that it comes from, whatever was skipped or joined before.
func TestPlaces(t *testing.T) {
	r := otlp.New(calls.NewMemory(calls.Options{})).Traces(origin, traces(
		spanSpec{scope: other, trace: 1, span: 9, attributes: []any{"gen_ai.operation.name", "invoke_agent"}},
		spanSpec{scope: genai, trace: 1, span: 1, attributes: usageOf(1, 1)},
		spanSpec{scope: genai, trace: 2, span: 2, attributes: usageOf(2, 2, "gen_ai.response.id", "msg_0000000a")}))
	if fmt.Sprint(r.Places) != "[2 1]" || r.Events[0].ResponseId == "" {
		t.Errorf("%v: %v", r.Places, r.Events)
	}
}

// TestProducts checks whose word counts for the product.
func TestProducts(t *testing.T) {
	spec := spanSpec{scope: genai, trace: 1, span: 1, attributes: usageOf(1, 1)}
	for _, test := range []struct {
		origin calls.Origin
		want   string
	}{{calls.Origin{OtherProduct: "key"}, "shop"}, {calls.Origin{Product: "flag", OtherProduct: "key"}, "flag"}} {
		if got := otlp.New(calls.NewMemory(calls.Options{})).Traces(test.origin, traces(spec)).Events[0].Product; got != test.want {
			t.Errorf("%+v: %s", test.origin, got)
		}
	}
	td := traces(spec)
	td.ResourceSpans().At(0).Resource().Attributes().Clear()
	if got := otlp.New(calls.NewMemory(calls.Options{})).Traces(calls.Origin{OtherProduct: "key"}, td).Events[0].Product; got != "key" {
		t.Error(got)
	}
}

// TestMergedProduct: a report that knows better and names no product takes that of the other.
func TestMergedProduct(t *testing.T) {
	better := traces(spanSpec{scope: sdk, trace: 1, span: 1, attributes: usageOf(100, 20, "gen_ai.response.id", "msg_0000000a")})
	better.ResourceSpans().At(0).Resource().Attributes().Clear()
	other := traces(spanSpec{scope: genai, trace: 2, span: 2, attributes: usageOf(100, 20, "gen_ai.response.id", "msg_0000000a")})
	d := otlp.New(calls.NewMemory(calls.Options{}))
	d.Traces(origin, better)
	if e := d.Traces(origin, other).Events[0]; e.Product != "shop" || e.Client != sdk || e.Joined != 1 {
		t.Errorf("%v", e)
	}
}

// TestRecordsOfOneSpan: two records beside one span are two calls if their answers have two ids.
func TestRecordsOfOneSpan(t *testing.T) {
	d := otlp.New(calls.NewMemory(calls.Options{}))
	ids := map[string]bool{}
	for _, id := range []string{"msg_0000000a", "msg_0000000b"} {
		ld := plog.NewLogs()
		l := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		l.SetTimestamp(pcommon.NewTimestampFromTime(noon))
		l.SetTraceID(pcommon.TraceID{7})
		l.SetSpanID(pcommon.SpanID{7})
		set(l.Attributes(), usageOf(100, 20, "gen_ai.response.id", id, "event.name", "gen_ai.client.inference.operation.details"))
		for _, e := range d.Logs(origin, ld).Events {
			ids[e.Id] = true
		}
	}
	if len(ids) != 2 {
		t.Errorf("%v", ids)
	}
}

// TestRecordsApart checks that records are told apart, and recognized when they are sent again.
func TestRecordsApart(t *testing.T) {
	record := func(after time.Duration, pairs ...any) plog.Logs {
		ld := plog.NewLogs()
		sl := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
		sl.Scope().SetName(genai)
		l := sl.LogRecords().AppendEmpty()
		l.SetObservedTimestamp(pcommon.NewTimestampFromTime(noon.Add(after)))
		l.SetTraceID(pcommon.TraceID{7})
		l.SetSpanID(pcommon.SpanID{7})
		set(l.Attributes(), pairs)
		return ld
	}
	agent := func(after time.Duration, id string, input int) plog.Logs {
		return record(after, "event.name", "claude_code.api_request", "model", "m", "request_id", id, "input_tokens", input, "output_tokens", 1)
	}
	d := otlp.New(calls.NewMemory(calls.Options{}))
	ids := map[string]bool{}
	for range 2 {
		for _, ld := range []plog.Logs{agent(0, "req_00000000a", 10), agent(time.Second, "req_00000000b", 20), agent(2*time.Second, "", 12), agent(time.Minute, "", 12)} {
			for _, e := range d.Logs(origin, ld).Events {
				ids[e.Source+e.Id] = true
				if e.Joined != 0 {
					t.Errorf("joined: %v", e)
				}
			}
		}
	}
	if len(ids) != 4 {
		t.Errorf("%d calls: %v", len(ids), ids)
	}
	// A record that was joined to a span joins it again when it comes again.
	d = otlp.New(calls.NewMemory(calls.Options{}))
	span := traces(spanSpec{scope: sdk, trace: 1, span: 1, attributes: usageOf(100, 20)})
	details := record(0, append(usageOf(100, 20), "event.name", "gen_ai.client.inference.operation.details")...)
	details.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetTraceID(pcommon.TraceID{})
	ids = map[string]bool{}
	for range 2 {
		for _, r := range []calls.Result{d.Traces(origin, span), d.Logs(origin, details)} {
			for _, e := range r.Events {
				ids[e.Source+e.Id] = true
			}
		}
	}
	if len(ids) != 1 {
		t.Errorf("a joined record that comes again: %v", ids)
	}
}

// TestLogs reads records of coding agents.
func TestLogs(t *testing.T) {
	record := func(scope, event string, pairs ...any) plog.Logs {
		ld := plog.NewLogs()
		sl := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
		sl.Scope().SetName(scope)
		l := sl.LogRecords().AppendEmpty()
		l.SetObservedTimestamp(pcommon.NewTimestampFromTime(noon))
		set(l.Attributes(), append([]any{"event.name", event}, pairs...))
		return ld
	}
	for _, test := range []struct {
		name string
		ld   plog.Logs
		want string
	}{
		{"Claude Code", record("com.anthropic.claude_code.events", "api_request", "model", "claude-opus-4-5", "input_tokens", "360", "output_tokens", "300",
			"cache_read_tokens", "64", "cache_creation_tokens", "12", "cost_usd", "0.0125", "duration_ms", "1500", "request_id", "req_1"),
			"claude_code anthropic claude-opus-4-5 360 64 12 300 STATUS_OK 1500000 12500000"},
		{"Gemini CLI", record("gemini-cli", "gemini_cli.api_response", "model", "gemini-2.5-pro", "input_token_count", 1000, "cached_content_token_count", 640,
			"output_token_count", 100, "thoughts_token_count", 200, "total_token_count", 1300), "gemini_cli gcp.gemini gemini-2.5-pro 360 640 0 100 STATUS_OK 0 0"},
		{"Qwen Code", record("qwen-code", "qwen-code.api_response", "model", "qwen3-coder", "input_token_count", 1000, "cached_content_token_count", 640,
			"output_token_count", 300, "thoughts_token_count", 200, "total_token_count", 1300), "qwen-code alibaba_cloud qwen3-coder 360 640 0 100 STATUS_OK 0 0"},
		{"Gemini CLI without a total", record("gemini-cli", "gemini_cli.api_response", "model", "gemini-2.5-pro", "input_token_count", 1000, "output_token_count", 100, "thoughts_token_count", 20),
			"gemini_cli gcp.gemini gemini-2.5-pro 1000 0 0 100 STATUS_OK 0 0"},
		{"a failure of Claude Code", record("com.anthropic.claude_code.events", "api_error", "model", "claude-opus-4-5", "error", "overloaded"),
			"claude_code anthropic claude-opus-4-5 0 0 0 0 STATUS_ERROR 0 0"},
	} {
		r := otlp.New(calls.NewMemory(calls.Options{})).Logs(origin, test.ld)
		if len(r.Events) != 1 {
			t.Errorf("%s: %+v", test.name, r)
			continue
		}
		e := r.Events[0]
		if got := fmt.Sprint(e.Client, " ", e.Provider, " ", e.Model, " ", e.GetInputUncached(), " ", e.GetInputCacheRead(), " ", e.GetInputCacheWrite(), " ", e.GetOutputVisible(), " ",
			e.Status, " ", e.GetLatencyUs(), " ", e.GetReportedCostNanos()); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
