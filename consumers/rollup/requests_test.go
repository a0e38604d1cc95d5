package rollup_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// summedUp is what the rollups of calls and the events of a tenant say of all rows.
const summedUp = "SELECT sum(calls), sum(records), sum(input_tokens), sum(output_tokens), sum(streaming_calls), sum(unknown_input_calls), sum(unknown_output_calls), " +
	"sum(latency_calls), sum(first_token_calls), sum(reported_cost_picos), sum(reported_cost_calls), sum(other_currency_calls) FROM %s"

// everywhere fails the test unless all relations that count calls give the same sums.
func everywhere(t *testing.T, w *rolluptest.World, want string) {
	t.Helper()
	relations := []string{"token_calls_tenant_1m"}
	for _, table := range rollup.Tables() {
		if strings.HasPrefix(table.Name, "token_calls") {
			relations = append(relations, table.Name)
		}
	}
	if len(relations) != 6 {
		t.Fatalf("relations: %v", relations)
	}
	for _, relation := range relations {
		if got := strings.TrimSpace(w.Numbers(12, summedUp, relation)); got != want {
			t.Errorf("%s: %s, want %s", relation, got, want)
		}
	}
}

// bill makes events of the rows, a minute apart.
func bill(rows ...*usagev1.TokenCall) (events []schemas.Event) {
	for i, e := range rows {
		e.Source, e.Id, e.TimeUs = "bill", fmt.Sprint(i), new(start.Add(time.Duration(i)*time.Minute).UnixMicro())
		e.Tenant, e.Product, e.Model, e.Status = "acme", "api", "m1", usagev1.Status_STATUS_OK
		events = append(events, e)
	}
	return events
}

// TestRowOfManyRequests: a row that adds up 150 requests is 150 calls with the tokens that it says, beside plain ones.
func TestRowOfManyRequests(t *testing.T) {
	w := rolluptest.New(t)
	rows := []*usagev1.TokenCall{{Requests: new(uint64(150)), InputUncached: new(uint64(45_000)), OutputVisible: new(uint64(15_000)),
		ReportedCostNanos: new(int64(1_350_000_000)), CostCurrency: "USD"}}
	for _, output := range []uint64{10, 10, 10, 10, 10, 10, 11} {
		rows = append(rows, &usagev1.TokenCall{InputUncached: new(uint64(100)), OutputVisible: new(output), Streaming: output == 11, LatencyUs: new(uint64(5))})
	}
	w.Deliver(bill(rows...)...)
	catchUp(t, w.DB)
	everywhere(t, w, "157 8 45700 15071 1 0 0 7 0 1350000000000 150 0")
	if got := w.Numbers(4, "SELECT sum(calls), count(), sum(input_tokens * weight), countIf(isNull(requests)) FROM token_calls"); got != "157 8 45700 7\n" {
		t.Errorf("the view: %s", got)
	}
}

// TestRequestsTimesWeight: a record stands for weight x requests calls, and for weight times its tokens and its cost.
func TestRequestsTimesWeight(t *testing.T) {
	w := rolluptest.New(t)
	w.Deliver(bill(
		// What nothing says the calls of: no call, and its tokens and cost count.
		&usagev1.TokenCall{Requests: new(uint64(0)), InputUncached: new(uint64(1000)), ReportedCostNanos: new(int64(2_000_000_000)), CostCurrency: "USD"},
		&usagev1.TokenCall{Requests: new(uint64(0)), Streaming: true, Weight: 5, ReportedCostNanos: new(int64(1)), CostCurrency: "KRW"},
		&usagev1.TokenCall{Requests: new(uint64(30)), Streaming: true, Weight: 4, OutputVisible: new(uint64(7)), ReportedCostNanos: new(int64(1_000)), CostCurrency: "EUR"},
		&usagev1.TokenCall{Requests: new(uint64(1)), Weight: 2, InputUncached: new(uint64(3)), OutputVisible: new(uint64(0)), LatencyUs: new(uint64(9)), FirstTokenUs: new(uint64(4))},
	)...)
	catchUp(t, w.DB)
	everywhere(t, w, "122 4 1006 28 120 120 0 2 2 2000000000000 0 120")
}
