package dashboards_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// choice is what the variables of a view let through.
type choice struct {
	tenant, product, provider, model, segment, country string // Empty: all.
}

func (c choice) chosen() map[string][]string {
	out := map[string][]string{}
	for name, value := range map[string]string{"tenant": c.tenant, "product": c.product, "provider": c.provider, "model": c.model, "segment": c.segment, "country": c.country} {
		if value != "" {
			out[name] = []string{value}
		}
	}
	return out
}

func passes(want string, got string) bool { return want == "" || want == got }

// audience is the one dimension that users are counted by, as the panel says: the first chosen.
func (c choice) audience(e interface {
	GetTenant() string
	GetProduct() string
	GetModel() string
	GetCountry() string
	GetSegment() usagev1.Segment
}) bool {
	switch {
	case c.tenant != "":
		return e.GetTenant() == c.tenant
	case c.model != "":
		return e.GetModel() == c.model
	case c.product != "":
		return e.GetProduct() == c.product
	case c.segment != "":
		return segmentName(e.GetSegment()) == c.segment
	}
	return passes(c.country, e.GetCountry())
}

func segmentName(s usagev1.Segment) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "SEGMENT_"))
}

// truth is what the events say, computed without a database.
type truth struct {
	queries, calls, tokens, signups float64
	input, output                   map[int64]float64            // By bucket.
	byProduct, bySegment            map[string]float64           // Queries.
	byCountry                       map[string]float64           // Queries, known countries.
	series                          map[string]map[int64]float64 // "queries by product chat" and so on, by bucket.
	users                           map[int64]map[uint64]bool    // By bucket of an hour or a day.
	active                          [3]map[uint64]bool           // In the last 24 hours, 7 days, 30 days.
	days                            map[string]map[int64]float64 // By measure, for the growth; by day.
	dayUsers                        map[int64]map[uint64]bool
	tenants                         map[string][3]float64 // Calls, tokens, errors.
	first, last, firstDay, lastDay  int64                 // The first and the last bucket and day of the view, whether anything happened in them or not.
	grain, userGrain                int64
}

func (t *truth) add(name string, bucket int64, n float64) {
	if t.series[name] == nil {
		t.series[name] = map[int64]float64{}
	}
	t.series[name][bucket] += n
}

func (t *truth) addDay(measure string, day int64, n float64) {
	if t.days[measure] == nil {
		t.days[measure] = map[int64]float64{}
	}
	t.days[measure][day] += n
}

func mark(m map[int64]map[uint64]bool, bucket int64, user uint64) {
	if m[bucket] == nil {
		m[bucket] = map[uint64]bool{}
	}
	m[bucket][user] = true
}

// truthOf sums up the events of a view. grain and userGrain are the buckets' lengths in seconds.
func truthOf(events []schemas.Event, v grafana.View, c choice, grain, userGrain int64) truth {
	t := truth{
		input: map[int64]float64{}, output: map[int64]float64{}, byProduct: map[string]float64{}, bySegment: map[string]float64{}, byCountry: map[string]float64{},
		series: map[string]map[int64]float64{}, users: map[int64]map[uint64]bool{}, active: [3]map[uint64]bool{{}, {}, {}},
		days: map[string]map[int64]float64{}, dayUsers: map[int64]map[uint64]bool{}, tenants: map[string][3]float64{},
	}
	const day, hour = 86400, 3600
	floor := func(s, n int64) int64 { return s - (s%n+n)%n }
	to := v.To.Unix()
	t.grain, t.userGrain = grain, userGrain
	t.first, t.firstDay = -floor(-v.From.Unix(), grain), -floor(-v.From.Unix(), day)
	t.last, t.lastDay = floor(to-1, grain), floor(to-1, day) // The end is exclusive.
	since := [3]int64{floor(to-1, hour) - 23*hour, t.lastDay - 6*day, t.lastDay - 29*day}
	for _, e := range events {
		at := e.GetTimeUs() / 1e6
		begins := func(n int64) bool { b := floor(at, n); return b >= v.From.Unix() && b < to }
		switch e := e.(type) {
		case *usagev1.Query:
			t.people(e.GetUser(), c.audience(e), at, since, to, userGrain, v.From.Unix())
			if !passes(c.tenant, e.Tenant) || !passes(c.product, e.Product) || !passes(c.segment, segmentName(e.Segment)) || !passes(c.country, e.Country) {
				continue
			}
			n := float64(max(e.Weight, 1))
			if begins(day) {
				t.addDay("Queries", floor(at, day), n)
			}
			if !begins(grain) {
				continue
			}
			t.queries += n
			t.byProduct[e.Product] += n
			t.bySegment[segmentName(e.Segment)] += n
			if e.Country != "" {
				t.byCountry[e.Country] += n
			}
			t.add("queries by product "+e.Product, floor(at, grain), n)
			t.add("queries by segment "+segmentName(e.Segment), floor(at, grain), n)
		case *usagev1.Signup:
			if !passes(c.tenant, e.Tenant) || !passes(c.product, e.Product) || !passes(c.segment, segmentName(e.Segment)) || !passes(c.country, e.Country) {
				continue
			}
			n := float64(max(e.Weight, 1))
			if begins(day) {
				t.addDay("Sign-ups", floor(at, day), n)
			}
			if begins(grain) {
				t.signups += n
				t.add("signups by segment "+segmentName(e.Segment), floor(at, grain), n)
			}
		case *usagev1.TokenCall:
			t.people(e.GetUser(), c.audience(e), at, since, to, userGrain, v.From.Unix())
			if !passes(c.tenant, e.Tenant) || !passes(c.product, e.Product) || !passes(c.provider, e.Provider) || !passes(c.model, e.Model) {
				continue
			}
			n, weight := callsOf(e), float64(max(e.Weight, 1))
			in := weight * float64(e.GetInputUncached()+e.GetInputCacheRead()+e.GetInputCacheWrite())
			out := weight * float64(e.GetOutputVisible()+e.GetOutputReasoning())
			if begins(day) {
				t.addDay("Calls", floor(at, day), n)
				t.addDay("Tokens", floor(at, day), in+out)
			}
			if begins(max(grain, hour)) {
				x := t.tenants[e.Tenant]
				x[0], x[1] = x[0]+n, x[1]+in+out
				if e.Status == usagev1.Status_STATUS_ERROR {
					x[2] += n
				}
				t.tenants[e.Tenant] = x
			}
			if begins(grain) {
				t.calls, t.tokens = t.calls+n, t.tokens+in+out
				t.input[floor(at, grain)] += in
				t.output[floor(at, grain)] += out
				t.add("calls by product "+e.Product, floor(at, grain), n)
			}
		}
	}
	return t
}

// people counts a user.
func (t *truth) people(user uint64, counts bool, at int64, since [3]int64, to, userGrain, from int64) {
	if user == 0 || !counts {
		return
	}
	for i := range since { // The last hour counts whole.
		if begin := at - at%3600; begin >= since[i] && begin < to {
			t.active[i][user] = true
		}
	}
	if b := at - at%userGrain; b >= from && b < to {
		mark(t.users, b, user)
	}
	if b := at - at%86400; b >= from && b < to {
		mark(t.dayUsers, b, user)
	}
}

// growth is the panel's table: measure to first, last.
func (t truth) growth() map[string][2]float64 {
	users := map[int64]float64{}
	for day, set := range t.dayUsers {
		users[day] = float64(len(set))
	}
	all := maps.Clone(t.days)
	all["Active users"] = users
	out := map[string][2]float64{}
	for measure, days := range all {
		keys := slices.Sorted(maps.Keys(days))
		if len(keys) == 0 {
			continue
		}
		begin := keys[0]
		if begin > t.firstDay {
			begin += 86400
		}
		n := (t.lastDay-begin)/86400 + 1
		if n < 2 {
			continue
		}
		w := max(1, min(28, n/4))
		if w > 7 {
			w -= w % 7
		}
		var first, last float64
		for _, day := range keys {
			if day >= begin && day < begin+w*86400 {
				first += days[day]
			}
			if day > t.lastDay-w*86400 {
				last += days[day]
			}
		}
		out[measure] = [2]float64{first / float64(w), last / float64(w)}
	}
	return out
}

// answers are the results of a dashboard by panel.
type answers map[uint32]dashboards.Result

func number(t testing.TB, v any) float64 {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			t.Fatal(err)
		}
		return f
	case nil, grafana.Denormal:
		return math.NaN()
	}
	t.Fatalf("%T is no number", v)
	return 0
}

func seconds(t testing.TB, v any) int64 {
	t.Helper()
	ms, ok := v.(int64)
	if !ok || ms%1000 != 0 {
		t.Fatalf("%v is no time in whole seconds", v)
	}
	return ms / 1000
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// TestUsageOverviewIsTrue holds every value of every panel of the usage overview against the events, at every grain and
// with choices of each variable.
func TestUsageOverviewIsTrue(t *testing.T) {
	s := generated(t, 30_000, 10*24*time.Hour)
	s.Exec("INSERT INTO audits (audit, check, scope, verdict, detail, took_us) VALUES ('a', 'ledger tiles', 'queries.v1', 'ok', '', 1)")
	f := file(t, "tidemark-usage")
	at := func(hours int) time.Time { return begin.Add(time.Duration(hours) * time.Hour) }
	views := []struct {
		name             string
		from, to         time.Time
		grain, userGrain int64
	}{
		{"minutes", at(50), at(55), 60, 3600},
		{"hours", at(24), at(120), 3600, 3600},
		{"days", at(-240), at(240), 86400, 86400},
	}
	choices := []choice{{}, {product: "chat"}, {segment: "consumer"}, {country: "US"}, {provider: "openai"}, {model: "gpt-4o-2024-08-06"}, {product: "code", segment: "developer"}}
	tenant := strings.TrimSpace(s.Text(1, "SELECT toString(tenant) FROM token_calls GROUP BY tenant ORDER BY count() DESC LIMIT 1"))
	for _, v := range views {
		for _, c := range append(choices, choice{tenant: tenant}) {
			grain := v.grain
			t.Run(fmt.Sprintf("%s %+v", v.name, c), func(t *testing.T) {
				view := grafana.View{From: v.from, To: v.to, Chosen: c.chosen()}
				s.report(t)
				got := answers{}
				for _, r := range s.execute(t, f, view) {
					got[r.Panel] = r
				}
				want := truthOf(s.events, view, c, grain, v.userGrain)
				got.checkNow(t, want, grain)
				got.checkTotals(t, want)
				got.checkSeries(t, want)
				got.checkUsers(t, want)
				got.checkGrowth(t, want)
				got.checkBreakdowns(t, want)
			})
		}
	}
}

// value is the one number of a panel.
func (a answers) value(t *testing.T, panel uint32, column int) float64 {
	t.Helper()
	r := a[panel]
	if len(r.Rows) == 0 {
		return math.NaN()
	}
	return number(t, r.Rows[len(r.Rows)-1][column])
}

func (a answers) equal(t *testing.T, panel uint32, column int, want float64) {
	t.Helper()
	// A tile of nothing is empty.
	if got := a.value(t, panel, column); !near(got, want) && !(want == 0 && len(a[panel].Rows) == 0) {
		t.Errorf("panel %d %q: got %v, want %v\n%s", panel, a[panel].Title, got, want, a[panel].SQL)
	}
}

// checkNow looks at freshness, the audit and the rates of the last bucket.
func (a answers) checkNow(t *testing.T, want truth, grain int64) {
	t.Helper()
	if got := fmt.Sprint(a[1].Rows); got != "[[good: 1.5 s]]" {
		t.Errorf("freshness: %s", got)
	}
	if got := fmt.Sprint(a[2].Rows); got != "[[OK]]" {
		t.Errorf("audit: %s", got)
	}
	sum := func(prefix string) map[int64]float64 {
		all := map[int64]float64{}
		for name, series := range want.series {
			if strings.HasPrefix(name, prefix) {
				for bucket, n := range series {
					all[bucket] += n
				}
			}
		}
		return all
	}
	tokens := maps.Clone(want.input)
	for bucket, n := range want.output {
		tokens[bucket] += n
	}
	perSecond := func(series map[int64]float64) map[int64]float64 {
		want.fill(series, grain)
		for i := range series {
			series[i] /= float64(grain)
		}
		return series
	}
	a.line(t, 3, 1, perSecond(sum("queries by product")))
	a.line(t, 4, 1, perSecond(sum("calls by product")))
	a.line(t, 4, 2, perSecond(tokens))
	a.line(t, 6, 1, want.fill(sum("signups by segment"), grain))
}

// fill gives a series a 0 in each whole bucket of the view that has nothing.
func (t truth) fill(series map[int64]float64, grain int64) map[int64]float64 {
	for at := t.first + (grain-t.first%grain)%grain; at <= t.last; at += grain {
		series[at] += 0
	}
	return series
}

// filled does so for a series that has anything.
func (t truth) filled(series map[int64]float64, grain int64) map[int64]float64 {
	if len(series) == 0 {
		return series
	}
	return t.fill(maps.Clone(series), grain)
}

// line compares a series without a name.
func (a answers) line(t *testing.T, panel uint32, column int, want map[int64]float64) {
	t.Helper()
	r := a[panel]
	if len(r.Rows) != len(want) {
		t.Errorf("panel %d %q: %d buckets, want %d\n%s", panel, r.Title, len(r.Rows), len(want), r.SQL)
	}
	for _, row := range r.Rows {
		if at := seconds(t, row[0]); !near(number(t, row[column]), want[at]) {
			t.Errorf("panel %d %q at %v: got %v, want %v", panel, r.Title, row[0], row[column], want[at])
			return
		}
	}
}

func (a answers) checkTotals(t *testing.T, want truth) {
	t.Helper()
	a.equal(t, 10, 0, want.queries)
	a.equal(t, 11, 0, want.calls)
	a.equal(t, 11, 1, want.tokens)
	a.equal(t, 13, 0, want.signups)
}

func (a answers) checkSeries(t *testing.T, want truth) {
	t.Helper()
	a.line(t, 21, 1, want.filled(want.input, want.grain))
	a.line(t, 21, 2, want.filled(want.output, want.grain))
	for panel, prefix := range map[uint32]string{20: "queries by product ", 22: "calls by product ", 24: "signups by segment ", 25: "queries by segment "} {
		r := a[panel]
		points := 0
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(want.series)), func(name string) bool { return !strings.HasPrefix(name, prefix) })
		for i, name := range names {
			if points += len(want.series[name]); i == 0 { // The first one has every bucket.
				points += len(want.filled(want.series[name], want.grain)) - len(want.series[name])
			}
		}
		if len(r.Rows) != points {
			t.Errorf("panel %d %q: %d points, want %d", panel, r.Title, len(r.Rows), points)
		}
		for _, row := range r.Rows {
			name, at := prefix+fmt.Sprint(row[1]), seconds(t, row[0])
			if !near(number(t, row[2]), want.series[name][at]) {
				t.Errorf("panel %d: %s at %v: got %v, want %v", panel, name, row[0], row[2], want.series[name][at])
				return
			}
		}
	}
}

// checkUsers compares distinct users, which uniqCombined64 counts exactly for as few as these (it keeps the hashes
// themselves up to 2^15 or so).
func (a answers) checkUsers(t *testing.T, want truth) {
	t.Helper()
	for i, users := range want.active {
		a.equal(t, 14, i, float64(len(users)))
	}
	if month := len(want.active[2]); month > 0 {
		a.equal(t, 14, 3, float64(len(want.active[0]))/float64(month))
	} else if got := a.value(t, 14, 3); !math.IsNaN(got) {
		t.Errorf("stickiness without users: %v", got)
	}
	series := map[int64]float64{}
	for bucket, users := range want.users {
		series[bucket] = float64(len(users))
	}
	a.line(t, 23, 1, want.filled(series, want.userGrain))
}

func (a answers) checkGrowth(t *testing.T, want truth) {
	t.Helper()
	growth := want.growth()
	if len(a[30].Rows) != len(growth) {
		t.Errorf("growth: %d measures, want %d: %v", len(a[30].Rows), len(growth), a[30].Rows)
	}
	for _, row := range a[30].Rows {
		name := fmt.Sprint(row[0])
		first, last := growth[name][0], growth[name][1]
		if !near(number(t, row[1]), first) || !near(number(t, row[2]), last) || first > 0 && !near(number(t, row[3]), last/first) {
			t.Errorf("growth of %s: got %v, want %v to %v", name, row, first, last)
			continue
		}
		if months := number(t, row[4]); last > first && first > 0 && !near(number(t, row[5]), months*math.Ln2/math.Log(last/first)) {
			t.Errorf("months to double of %s: %v", name, row)
		}
	}
}

func (a answers) checkBreakdowns(t *testing.T, want truth) {
	t.Helper()
	for panel, parts := range map[uint32]map[string]float64{40: want.byCountry, 42: want.byProduct, 43: want.bySegment} {
		got := map[string]float64{}
		for _, row := range a[panel].Rows {
			got[fmt.Sprint(row[0])] = number(t, row[1])
		}
		if !maps.EqualFunc(got, parts, near) {
			t.Errorf("panel %d %q: got %v, want %v", panel, a[panel].Title, got, parts)
		}
	}
	var all float64
	for _, n := range want.byCountry {
		all += n
	}
	for _, row := range a[41].Rows {
		country := fmt.Sprint(row[0])
		if !near(number(t, row[1]), want.byCountry[country]) || !near(number(t, row[2]), want.byCountry[country]/all) {
			t.Errorf("country %s: got %v, want %v of %v", country, row, want.byCountry[country], all)
		}
	}
	tenants := slices.SortedFunc(maps.Keys(want.tenants), func(x, y string) int { return -cmp.Compare(want.tenants[x][1], want.tenants[y][1]) })
	if len(a[44].Rows) != min(20, len(tenants)) {
		t.Errorf("%d tenants, want %d", len(a[44].Rows), len(tenants))
	}
	for i, row := range a[44].Rows {
		x := want.tenants[fmt.Sprint(row[0])]
		if !near(number(t, row[1]), x[0]) || !near(number(t, row[2]), x[1]) || !near(number(t, row[3]), x[2]/x[0]) || want.tenants[tenants[i]][1] != x[1] {
			t.Errorf("tenant %d: got %v, want %v", i, row, x)
		}
	}
}
