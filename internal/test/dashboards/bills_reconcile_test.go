package dashboards_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
	"tidemark/internal/app"
	"tidemark/schemas/billing"
)

// settled are theirs, ours and the difference in units of the currency, and the share of theirs in percent, by what they are about.
type settled map[string][4]float64

// near reports whether two sides say the same.
func (a settled) near(b settled) bool {
	return maps.EqualFunc(a, b, func(x, y [4]float64) bool {
		return near(x[0], y[0]) && near(x[1], y[1]) && near(x[2], y[2]) && max(x[3]-y[3], y[3]-x[3]) < 0.0051 // The command has two decimals.
	})
}

func (a settled) String() string {
	var lines []string
	for key, n := range a {
		lines = append(lines, fmt.Sprint(key, ": ", n))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// add adds theirs and ours to what is there.
func (a settled) add(key string, theirs, ours float64) {
	n := a[key]
	n[0], n[1] = n[0]+theirs, n[1]+ours
	if n[2] = n[1] - n[0]; n[0] != 0 {
		n[3] = 100 * n[2] / n[0]
	}
	a[key] = n
}

// answered is what a comparison says.
type answered struct {
	costs    settled
	states   map[string]string
	unpriced map[string]float64
}

func newAnswered() answered {
	return answered{settled{}, map[string]string{}, map[string]float64{}}
}

// finality are the states, from the least final one on.
var finality = []string{"open", "settling", "closed*", "closed"}

// least makes the state of a row that of one of its parts if this is less final.
func (a answered) least(key, state string) {
	if before, known := a.states[key]; !known || slices.Index(finality, state) < slices.Index(finality, before) {
		a.states[key] = state
	}
}

// shownBills is what the panel shows, by the key of each row: by day or by provider.
func (s store) shownBills(t *testing.T, f dashboards.File, l looked, by billing.By) answered {
	t.Helper()
	a, seen := newAnswered(), map[string]bool{}
	for _, r := range s.execute(t, f, grafana.View{From: l.from, To: l.to, Chosen: l.chosen()}) {
		for _, row := range r.Rows {
			text := func(i int) string { return fmt.Sprint(row[i]) }
			what := text(3)
			if by == billing.ByDay {
				what = text(0)
			}
			key := text(1) + "|" + text(2) + "|" + what
			a.least(key, text(4))
			if cell := strings.Join([]string{text(0), text(1), text(2), text(3)}, "|"); !seen[cell] { // Each currency of a row repeats it.
				seen[cell] = true
				a.unpriced[key] += number(t, row[10])
			}
			if row[5] != "" {
				a.costs.add(key+"|"+text(5), number(t, row[6]), number(t, row[7]))
			}
		}
	}
	return a
}

// command is what tidemark cost reconcile show says.
func (s store) command(t *testing.T, l looked, by billing.By) answered {
	t.Helper()
	from, to := l.from.Truncate(day), l.to.Add(-time.Millisecond).Truncate(day).Add(day)
	compared, err := app.Reconcile(t.Context(), s.DB, app.Reconciliation{
		Scope:  billing.Scope{Span: billing.Span{From: from, To: to}, Provider: l.provider},
		Tenant: l.tenant, By: by, Now: time.Now(), Settle: billing.SettleDays * day,
	})
	if err != nil {
		t.Fatal(err)
	}
	units := func(picos *big.Int) float64 {
		f, _ := new(big.Rat).SetFrac(picos, big.NewInt(1e12)).Float64()
		return f
	}
	a := newAnswered()
	for _, r := range compared.Rows {
		what, state := cmp.Or(r.Provider, notGiven), string(r.State)
		if by == billing.ByDay {
			what = r.Day.Format(time.DateOnly)
		}
		if r.Stale {
			state += "*"
		}
		key := r.Source + "|" + r.Account + "|" + what
		a.states[key] = state
		a.unpriced[key], _ = new(big.Float).SetInt(r.Unpriced).Float64()
		for _, p := range r.Costs {
			share := 0.0
			if text := billing.Share(p.Difference(), p.Theirs); text != "" {
				share = parse(t, text)
			}
			a.costs[key+"|"+p.Currency] = [4]float64{units(p.Theirs), units(p.Ours), units(p.Difference()), share}
		}
	}
	return a
}

// TestPanelAgreesWithReconcile: the panel Ours against theirs, added up by day and by provider, says what tidemark cost reconcile show says of the same
// days: amounts, states, tokens without a price. The files are of days that are over, and of days up to today.
func TestPanelAgreesWithReconcile(t *testing.T) {
	s, b := costStore(t)
	today := time.Now().UTC().Truncate(day)
	recent := toldOf(today.Add(-8 * day))
	for i := range recent {
		recent[i].account += " now" // Other accounts: bills of the days that are over stay as they are.
	}
	s.tellFrom(len(b.told), recent)
	panel := only(t, file(t, "tidemark-cost"), 62)
	for name, l := range map[string]looked{
		"all days":             {from: firstOfCosts, to: today.Add(day)},
		"days that are over":   {from: firstOfCosts.Add(-time.Hour), to: firstOfCosts.Add(9*day + time.Hour)},
		"the last days":        {from: today.Add(-8 * day), to: today.Add(5 * time.Hour)},
		"one day":              {from: firstOfCosts.Add(3*day + time.Hour), to: firstOfCosts.Add(3*day + 2*time.Hour)},
		"a day with two bills": {from: firstOfCosts.Add(2 * day), to: firstOfCosts.Add(3 * day)},
		"a provider":           {from: firstOfCosts, to: today, choice: choice{provider: "openai"}},
		"a tenant":             {from: firstOfCosts, to: today, choice: choice{tenant: "t01"}},
		"nothing":              {from: firstOfCosts.Add(-9 * day), to: firstOfCosts.Add(-8 * day)},
	} {
		for _, by := range []billing.By{billing.ByDay, billing.ByProvider} {
			t.Run(fmt.Sprint(name, " by ", by), func(t *testing.T) {
				got, want := s.shownBills(t, panel, l, by), s.command(t, l, by)
				if (len(want.costs) == 0) != (name == "nothing") {
					t.Errorf("the command compares %d costs", len(want.costs))
				}
				if !got.costs.near(want.costs) {
					t.Errorf("the panel has\n%s\nthe command\n%s", got.costs, want.costs)
				}
				if !maps.Equal(got.states, want.states) {
					t.Errorf("states of the panel\n%v\nof the command\n%v", got.states, want.states)
				}
				if !maps.EqualFunc(got.unpriced, want.unpriced, near) {
					t.Errorf("tokens without a price of the panel\n%v\nof the command\n%v", got.unpriced, want.unpriced)
				}
			})
		}
	}
}
