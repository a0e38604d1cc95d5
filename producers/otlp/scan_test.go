package otlp_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"tidemark/internal/test/env"
	"tidemark/producers/calls"
	"tidemark/producers/otlp"
	usagev1 "tidemark/schemas/usage/v1"
)

// depth is that of the values that the library reads.
const depth = 100

// sameAsLibrary expects of a body what the library's reading of it gives.
func sameAsLibrary(t *testing.T, body []byte) {
	t.Helper()
	origin := calls.Origin{Tenant: "acme", OtherProduct: "chat"}
	given := bytes.Clone(body)
	got, err := otlp.New(calls.NewMemory(calls.Options{})).Spans(origin, given, depth)
	for i := range given {
		given[i] = '!' // It is somebody else's again.
	}
	if errors.Is(err, otlp.ErrType) {
		return // The library takes some groups, which OTLP does not have, and goes on at a wrong place.
	}
	r := ptraceotlp.NewExportRequest()
	if libraryErr := r.UnmarshalProto(body); (err == nil) != (libraryErr == nil) {
		t.Fatalf("the error is %v, that of the library %v: %x", err, libraryErr, body)
	}
	if err != nil {
		return
	}
	want := otlp.New(calls.NewMemory(calls.Options{})).Traces(origin, r.Traces())
	if len(got.Events) != len(want.Events) || got.Joined != want.Joined {
		t.Fatalf("%d events and %d joined, want %d and %d", len(got.Events), got.Joined, len(want.Events), want.Joined)
	}
	for i, e := range got.Events {
		if !proto.Equal(e, want.Events[i]) || got.Places[i] != want.Places[i] {
			t.Errorf("event %d:\n%v\n%v", i, e, want.Events[i])
		}
	}
	if len(got.Rejected) != len(want.Rejected) || len(got.Skipped) != len(want.Skipped) {
		t.Fatalf("%v and %v, want %v and %v", got.Rejected, got.Skipped, want.Rejected, want.Skipped)
	}
	for i := range got.Rejected {
		if got.Rejected[i] != want.Rejected[i] {
			t.Errorf("rejected %v, want %v", got.Rejected[i], want.Rejected[i])
		}
	}
	for rule, n := range want.Skipped {
		if got.Skipped[rule] != n {
			t.Errorf("%d skipped by %q, want %d", got.Skipped[rule], rule, n)
		}
	}
}

// odd are bodies that no exporter sends and Protobuf allows, or nearly.
func odd(t testing.TB) [][]byte {
	t.Helper()
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutInt("service.name", 7)
	rs.Resource().Attributes().PutStr("k8s", "x")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("openlit")
	ss.Scope().Attributes().PutStr("a", "b")
	for i := range 4 {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(pcommon.TraceID{1})
		s.SetSpanID(pcommon.SpanID{byte(i + 1)})
		s.SetStartTimestamp(1_800_000_000_000_000_000)
		s.SetEndTimestamp(1_800_000_001_000_000_000)
		s.Status().SetCode(ptrace.StatusCode(i))
		s.Events().AppendEmpty().SetName("First Token Stream Event")
		s.Events().AppendEmpty().SetTimestamp(1_800_000_000_500_000_000)
		s.Events().At(1).SetName("First Token Stream Event")
		s.Events().At(1).Attributes().PutStr("a", "b")
		s.Links().AppendEmpty().SetTraceID(pcommon.TraceID{2})
		a := s.Attributes()
		a.PutStr("gen_ai.operation.name", []string{" chat ", "embeddings", "CHAT", "invoke_agent"}[i])
		a.PutStr("gen_ai.request.model", "m")
		a.PutBool("gen_ai.request.stream", i%2 == 0)
		a.PutDouble("gen_ai.usage.input_tokens", 1000)
		a.PutStr("gen_ai.usage.output_tokens", "30")
		a.PutEmptyBytes("error.type").Append(1)
		a.PutEmptyMap("user.id").PutEmptySlice("x").AppendEmpty().SetStr("y")
		a.PutDouble("gen_ai.usage.cost", 0.00125)
		a.PutEmpty("gen_ai.response.id")
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	field := func(number protowire.Number, inner []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), inner)
	}
	rest, _ := protowire.ConsumeBytes(body[1:])
	scopes := field(2, field(2, field(9, append(field(1, []byte("gen_ai.operation.name")), field(2, field(1, []byte("chat")))...))))
	deep := func(n int) []byte {
		value := []byte{}
		for range n {
			value = field(5, field(1, value))
		}
		return field(1, field(2, field(2, field(9, field(2, value)))))
	}
	return [][]byte{
		nil, body, append(body[:len(body):len(body)], body...), body[:len(body)-1],
		field(1, append(rest[:len(rest):len(rest)], field(1, field(1, append(field(1, []byte("service.name")), field(2, field(1, []byte("late")))...)))...)),
		field(1, field(1000, scopes[2:])), field(1, append(field(1000, scopes[2:]), scopes...)), field(1, append(field(1000, []byte{0xff}), scopes...)),
		field(1, protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), 1)),
		deep(48), deep(49), deep(50), deep(51), deep(60),
		field(1, field(2, field(2, field(1, make([]byte, 15))))), field(1, field(2, field(2, field(4, make([]byte, 8))))),
		field(1, field(2, field(2, field(13, field(2, make([]byte, 7)))))), field(1, field(3, nil)), {0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01},
		field(1, field(2, field(2, field(9, append(field(2, field(1, []byte("x"))), field(2, protowire.AppendVarint(protowire.AppendTag(nil, 8, protowire.VarintType), 3))...))))),
	}
}

func TestSpansOdd(t *testing.T) {
	for _, body := range odd(t) {
		sameAsLibrary(t, body)
	}
}

// TestSpansCaptured reads what clients sent, whole and broken.
func TestSpansCaptured(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(env.Data(t, "otlp-captures"), "*", "*-traces.pb"))
	if err != nil || len(paths) < 100 {
		t.Fatal("no captures", err)
	}
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sameAsLibrary(t, body)
		for i := 3; i < len(body); i += 97 {
			sameAsLibrary(t, body[:i])
			changed := append([]byte{}, body...)
			changed[i] ^= 1 << (i % 8)
			sameAsLibrary(t, changed)
		}
	}
}

func FuzzSpans(f *testing.F) {
	for _, body := range odd(f) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) { sameAsLibrary(t, body) })
}

// TestSpansKeepNoBody: what is remembered of a span is no part of the body, which is somebody else's when a further report of
// the call comes.
func TestSpansKeepNoBody(t *testing.T) {
	var users []string
	d := otlp.New(calls.NewMemory(calls.Options{HashUser: func(_, user string) uint64 { users = append(users, user); return 42 }}))
	send := func(spec spanSpec) *usagev1.TokenCall {
		t.Helper()
		body, err := ptraceotlp.NewExportRequestFromTraces(traces(spec)).MarshalProto()
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.Spans(origin, body, depth)
		for i := range body {
			body[i] = '!'
		}
		if err != nil || len(r.Events) != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
		return r.Events[0]
	}
	send(spanSpec{scope: genai, trace: 1, span: 1, attributes: usageOf(100, 20, "gen_ai.response.id", "msg_1", "user.id", "ada", "gen_ai.usage.cost", "0.25",
		"server.address", "bedrock-runtime.eu-west-1.amazonaws.com")})
	e := send(spanSpec{scope: sdk, trace: 2, span: 2, attributes: usageOf(100, 20, "gen_ai.response.id", "msg_1")})
	if e.GetRegion() != "eu-west-1" || e.GetReportedCostNanos() != 250_000_000 || e.GetJoined() != 1 || !slices.Equal(users, []string{"ada", "ada"}) {
		t.Errorf("users %q; %v", users, e)
	}
}
