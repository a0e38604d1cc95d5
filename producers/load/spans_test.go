package load

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/calls"
	"tidemark/producers/otlp"
	"tidemark/producers/synthetic"
	usagev1 "tidemark/schemas/usage/v1"
)

// madeCalls is a log that keeps token calls.
type madeCalls struct{ calls []*usagev1.TokenCall }

func (m *madeCalls) Partitions(context.Context, string) (int, error) { return 3, nil }

func (m *madeCalls) Append(_ context.Context, records []producers.Record) error {
	for _, r := range records {
		var e usagev1.TokenCall
		if err := proto.Unmarshal(slices.Clone(r.Value), &e); err != nil {
			return err
		}
		m.calls = append(m.calls, &e)
	}
	return nil
}

// made makes token calls.
func made(t *testing.T, n int64) []*usagev1.TokenCall {
	t.Helper()
	generator, err := synthetic.New(synthetic.Options{Seed: 3, Events: n, Start: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), Span: time.Hour, Profile: synthetic.TokenCalls})
	if err != nil {
		t.Fatal(err)
	}
	log := &madeCalls{}
	pump := producers.Pump{Source: generator, Sender: &producers.Sender{Log: log, Namespace: "lab"}}
	if _, err := pump.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return log.calls
}

// TestSpans: the collector makes of the span of a call an event that says all of the call that a span can say, under the identity that is
// expected. It does so for all of them in one request, in either of the ways in which spans are read.
func TestSpans(t *testing.T) {
	sent := made(t, 3000)
	body := AppendSpans([]byte{}, sent)
	options := calls.Options{HashUser: func(_, user string) uint64 {
		n, err := strconv.ParseUint(user, 16, 64)
		if err != nil {
			t.Errorf("user %q", user)
		}
		return n
	}}
	origin := calls.Origin{Tenant: "acme", Run: "edge"}
	got, err := otlp.New(calls.NewMemory(options)).Spans(origin, body, 10)
	if err != nil || len(got.Events) != len(sent) || got.Items != len(sent) || got.Joined != 0 || len(got.Rejected) > 0 || len(got.Skipped) > 0 {
		t.Fatalf("of %d calls %d became events, %d were joined, rejected: %v, skipped: %v, %v", len(sent), len(got.Events), got.Joined, got.Rejected, got.Skipped, err)
	}
	request := ptraceotlp.NewExportRequest()
	if err := request.UnmarshalProto(body); err != nil {
		t.Fatal(err)
	}
	other := otlp.New(calls.NewMemory(options)).Traces(origin, request.Traces())
	events := map[string]*usagev1.TokenCall{}
	for i, e := range got.Events {
		events[e.GetSource()+" "+e.GetId()] = e
		if !proto.Equal(e, other.Events[i]) {
			t.Errorf("event %d:\n%v, by the library\n%v", i, e, other.Events[i])
		}
	}
	seen := map[string]int{}
	for _, e := range sent {
		source, id := SpanIdentity(e)
		if got := events[source+" "+id]; got == nil || !proto.Equal(got, expected(e, source, id)) {
			t.Errorf("of\n%v\nbecame\n%v, want\n%v", e, got, expected(e, source, id))
		}
		for name, is := range map[string]bool{
			"failed": e.GetStatus() == usagev1.Status_STATUS_ERROR, "canceled": e.GetStatus() == usagev1.Status_STATUS_CANCELLED, //nolint:misspell // The wire contract's.
			"streaming": e.GetStreaming(), "first token": e.FirstTokenUs != nil, "cost": e.ReportedCostNanos != nil, "no input": e.InputUncached == nil, "no output": e.OutputVisible == nil,
			"read": e.GetInputCacheRead() > 0, "written": e.GetInputCacheWrite() > 0, "reasoning": e.GetOutputReasoning() > 0, "another model": e.GetRequestedModel() != "", "user": e.GetUser() != 0,
		} {
			if is {
				seen[name]++
			}
		}
	}
	if len(seen) != 12 {
		t.Errorf("the calls are of too few kinds: %v", seen)
	}
}

// expected is the event that a collector makes of a call.
func expected(e *usagev1.TokenCall, source, id string) *usagev1.TokenCall {
	want := &usagev1.TokenCall{
		Source: source, Id: id, TimeUs: e.TimeUs, Tenant: "acme", Run: "edge", Product: e.Product, User: e.User, Model: e.Model, RequestedModel: e.RequestedModel, Provider: e.Provider,
		Operation: e.Operation, Streaming: e.Streaming, Status: e.Status, ErrorType: e.ErrorType, InputUncached: e.InputUncached, InputCacheRead: e.InputCacheRead,
		InputCacheWrite: e.InputCacheWrite, OutputVisible: e.OutputVisible, OutputReasoning: e.OutputReasoning, LatencyUs: e.LatencyUs, FirstTokenUs: e.FirstTokenUs,
		ReportedCostNanos: e.ReportedCostNanos, CostCurrency: e.CostCurrency, Client: spanScope,
		Usage: usagev1.UsageSource_USAGE_SOURCE_REPORTED, Split: usagev1.UsageSplit_USAGE_SPLIT_UPPER_BOUND,
	}
	if e.GetStatus() == usagev1.Status_STATUS_CANCELLED { //nolint:misspell // The wire contract's.
		want.Status, want.ErrorType = usagev1.Status_STATUS_ERROR, "canceled"
	}
	if want.FirstTokenUs != nil { // Who tells a first token streams.
		want.Streaming = true
	}
	switch {
	case e.InputUncached == nil:
		want.Usage, want.Split = usagev1.UsageSource_USAGE_SOURCE_MISSING, usagev1.UsageSplit_USAGE_SPLIT_NONE
	case e.InputCacheRead != nil && e.OutputReasoning != nil:
		want.Split = usagev1.UsageSplit_USAGE_SPLIT_EXACT
	}
	return want
}
