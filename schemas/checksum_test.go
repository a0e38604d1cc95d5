package schemas

import (
	"fmt"
	"testing"

	usagev1 "tidemark/schemas/usage/v1"
)

// TestChecksumsStay holds checksums to those that ledgers and rollups have of stored rows: a new field, or a new place of an
// old one, must not change them.
func TestChecksumsStay(t *testing.T) {
	n := func(x uint64) *uint64 { return &x }
	full := goodCall()
	full.User, full.Country, full.Segment, full.Run, full.Provider, full.Weight, full.UserWeight = 7, "DE", 2, "r", "openai", 3, 4
	full.InputUncached, full.OutputVisible, full.InputCacheRead, full.InputCacheWrite, full.OutputReasoning = n(1), n(2), n(3), n(4), n(5)
	full.LatencyUs, full.FirstTokenUs, full.Requests, full.Revision = n(6), n(7), n(1), 8
	full.RequestedModel, full.Operation, full.Streaming, full.ErrorType = "m-1", "chat", true, "timeout"
	full.ReportedCostNanos, full.CostCurrency, full.ReportedCostPicos = new(int64(-9)), "USD", 10
	for _, c := range []struct {
		event Event
		want  string // Checksum, body, content.
	}{
		{goodCall(), "4c625c652aa9ed74 fb48e2fe01877dad 93ae9817ccf400c1"},
		{full, "ec20fc6fc4e03d9 6ca68e9d07a18936 d9a814dcbc9f8802"},
		{&usagev1.Query{Source: "s", Id: "i", TimeUs: new(int64(-1)), Tenant: "t", Product: "p", Kind: "voice"}, "9bd03b0c00fdd987 fce14e7e0699c23e 9029f6bf286dfc60"},
		{&usagev1.Signup{Source: "s", Id: "i", TimeUs: new(int64(-1)), Tenant: "t", Product: "p", Plan: "free"}, "9bd03b0c00fdd987 9593ea05c7a3f983 82f59a8476e68ffd"},
		{&usagev1.ModelEvent{Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Model: "m", Kind: 3, BaseModel: "b"}, "4c625c652aa9ed74 1de74fb61533e68c 66ae749e33bd300e"},
		{&usagev1.ReferencePoint{Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Entity: "e", Metric: "m", Unit: "u", Value: 1.5}, "54d0bffbdea041ae c5dcd190a4cccebc ba84745fbdb0844"},
		{&usagev1.Run{Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Run: "r", Kind: "load", Type: "queries", WeightHigh: 5}, "84dcef27f2e2739f 36cea8fdb2371966 98d3012b13326497"},
	} {
		typ, _ := TypeOf(c.event)
		m, err := NewColumns(typ).Append(encodeEvent(t, c.event), Coordinates{Epoch: 1, Partition: 2, Offset: 3})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x %x %x", m.Checksum, m.Body, m.Content); got != c.want {
			t.Errorf("%v: got %s, want %s", typ, got, c.want)
		}
	}
}
