package dashboards_test

import (
	"fmt"
	"testing"
	"time"

	"tidemark/consumers/rollup/rolluptest"
	"tidemark/dashboards/grafana"
	usagev1 "tidemark/schemas/usage/v1"
)

// TestPanelsOfBills: rows of many calls count as those, rows of none have tokens and a cost, and a share of no calls is unknown.
func TestPanelsOfBills(t *testing.T) {
	s := store{World: rolluptest.New(t)}
	const cents = 10_000_000
	for i, e := range []*usagev1.TokenCall{
		{Model: "many", Requests: new(uint64(150)), Weight: 2, InputUncached: new(uint64(45_000)), ReportedCostNanos: new(int64(100 * cents)), Status: usagev1.Status_STATUS_ERROR, ErrorType: "quota"},
		{Model: "many", InputUncached: new(uint64(10)), Status: usagev1.Status_STATUS_OK, Streaming: true},
		{Model: "none", Requests: new(uint64(0)), OutputVisible: new(uint64(7)), ReportedCostNanos: new(int64(25 * cents)), Status: usagev1.Status_STATUS_ERROR, ErrorType: "fee"},
	} {
		e.Source, e.Id, e.TimeUs = "bill", fmt.Sprint(i), new(begin.Add(time.Duration(i)*time.Minute).UnixMicro())
		e.Tenant, e.Product, e.Provider, e.User, e.CostCurrency = "acme", "api", "p", uint64(1+i/2), "USD"
		s.Deliver(e)
	}
	s.rollUp(t)
	for _, tenant := range []map[string][]string{{"tenant": {"acme"}}, {}} {
		got := answers{}
		for _, uid := range []string{"tidemark-usage", "tidemark-tenant"} {
			for _, r := range s.execute(t, file(t, uid), grafana.View{From: begin.Add(-time.Minute), To: begin.Add(59 * time.Minute), Chosen: tenant}) {
				got[r.Panel] = r // Those of both that have one number are not looked at.
			}
		}
		shown := func(panel uint32, columns ...int) (rows []string) {
			for _, row := range got[panel].Rows {
				line := ""
				for _, c := range columns {
					line += fmt.Sprint(row[c], " ")
				}
				if len(row) == 3 && row[2] == nil { // A bucket without a value.
					continue
				}
				rows = append(rows, line)
			}
			return rows
		}
		equal := func(panel uint32, rows []string, want string) {
			t.Helper()
			if got := fmt.Sprintf("%q", rows); got != want {
				t.Errorf("panel %d: %s, want %s", panel, got, want)
			}
		}
		equal(32, shown(32, 0, 1, 2), `["many quota 300 " "none fee 0 "]`)
		equal(33, shown(33, 0, 1, 2, 3), `["0000000000000001 301 90010 0.9966777408637874 " "0000000000000002 0 7 <nil> "]`)
		equal(40, shown(40, 1, 2), `["many 2 " "none 0.25 "]`)
		equal(41, shown(41, 0, 1), `["0.9966777408637874 0 "]`)
		equal(20, shown(20, 0, 5, 6, 11, 12), `["many 301 90010 0.9966777408637874 0.0033222591362126247 " "none 0 7 <nil> <nil> "]`)
		equal(30, shown(30, 1, 2), `["many 1 "]`)
	}
}
