package dashboards_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	usagev1 "tidemark/schemas/usage/v1"
)

// tenantBoard is the dashboard Tenant.
func (s *sight) tenantBoard() panels {
	all := panels{
		"1A": s.totals("queries", fact.calls), "2A": s.callFigures(), "4A": s.activeUsers(false), "6A": s.latencyNow(),
		"12A": s.topTen("queries", 0, product, fact.calls, nil), "13A": s.usersOverTime(), "20A": s.modelTable(false),
		"30A": s.errorsByModel(), "31A": s.percentiles(latency), "32A": s.errorTypes(), "33A": s.topUsers(), "40A": s.reportedCost(), "41A": s.costKnown(),
		"Releases": s.releases(),
	}
	maps.Copy(all, s.classesAndCalls(10, 11))
	maps.Copy(all, s.tenantCost())
	return all
}

// lastHour are the single calls of the last hour of the range.
func (s *sight) lastHour() []fact {
	return s.these("token_calls", func(f fact) bool { return s.exactly(f.us) && f.us >= 1000*(s.to-1000*hourLong) })
}

func newest(all []fact) time.Time {
	return time.UnixMicro(slices.MaxFunc(all, func(a, b fact) int { return cmp.Compare(a.us, b.us) }).us).Truncate(time.Millisecond)
}

func (s *sight) errorTypes() shown {
	failed := slices.DeleteFunc(s.lastHour(), func(f fact) bool { return f.call.Status != usagev1.Status_STATUS_ERROR })
	by := groups(failed, func(f fact) string { return f.model + " | " + cmp.Or(f.call.ErrorType, "not given") })
	w := shown{ties: 2}
	for _, name := range slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Compare(total(by[b], fact.calls), total(by[a], fact.calls)) }) {
		w.rows = append(w.rows, texts(name, total(by[name], fact.calls), newest(by[name])))
	}
	return w
}

func (s *sight) topUsers() shown {
	by := groups(s.lastHour(), func(f fact) string { return fmt.Sprintf("%016x", f.user) })
	delete(by, fmt.Sprintf("%016x", 0))
	w := shown{ties: 2}
	for _, user := range slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(cmp.Compare(total(by[b], fact.tokens), total(by[a], fact.tokens)), strings.Compare(a, b))
	}) {
		calls := total(by[user], fact.calls)
		w.rows = append(w.rows, texts(user, calls, total(by[user], fact.tokens), share(total(by[user], fact.failed), calls), newest(by[user])))
	}
	w.rows = w.rows[:min(20, len(w.rows))]
	return w
}

func inDollars(f fact) bool {
	return f.call.ReportedCostNanos != nil && f.call.CostCurrency == "USD"
}

// reportedCost is by the calls that report a cost in US dollars; where none does, it is unknown.
func (s *sight) reportedCost() shown {
	dollars := *s
	dollars.mine = map[string][]fact{"token_calls": s.these("token_calls", inDollars)}
	return dollars.topTen("token_calls", nil, model, func(f fact) float64 { return f.weight * float64(*f.call.ReportedCostNanos) / 1e9 }, nil)
}

func (s *sight) costKnown() shown {
	all := s.counted("token_calls")
	calls := total(all, fact.calls)
	return rows(texts(
		share(total(all, func(f fact) float64 { return f.callsIf(inDollars(f)) }), calls),
		share(total(all, func(f fact) float64 { return f.callsIf(f.call.ReportedCostNanos != nil && !inDollars(f)) }), calls)))
}
