package scenario

import (
	"fmt"
	"math"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/schemas/scenario"
	usagev1 "tidemark/schemas/usage/v1"
)

// one is a scenario of one stream, given as the lines after its id.
func one(t *testing.T, grain, lines string) *scenario.Scenario {
	t.Helper()
	text := "id: one\ntitle: One\ndescription: One stream.\nseed: 5\ngrain: " + grain + `
sources:
  ours: {name: Tidemark, citation: chosen, license: Apache-2.0, confidence: illustrative}
streams:
  - id: s
` + lines + `
expectations:
  - {id: e, what: w, unit: u, sql: "SELECT 1 FROM queries WHERE tenant = 'one'", expected: 1, tolerance: 0, class: illustrative, source: ours}
`
	s, err := scenario.Load(fstest.MapFS{"one.yaml": {Data: []byte(text)}}, "one.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// byDay sums weights, records and distinct users by day, and users by week from Monday on.
type byDay struct {
	weight, records map[string]uint64
	users           map[string]map[uint64]bool
}

func sumUp(t *testing.T, s *scenario.Scenario) byDay {
	t.Helper()
	sums := byDay{map[string]uint64{}, map[string]uint64{}, map[string]map[uint64]bool{}}
	items(t, open(t, s, ""), func(item *producers.Item) {
		var e usagev1.Query // The common fields have the same numbers in all types.
		if err := proto.Unmarshal(item.Value, &e); err != nil {
			t.Fatal(err)
		}
		at := time.UnixMicro(item.Time).UTC()
		day := at.Format(time.DateOnly)
		sums.weight[day] += item.Weight
		sums.records[day]++
		week := at.AddDate(0, 0, -(int(at.Weekday())+6)%7).Format(time.DateOnly)
		if sums.users[week] == nil {
			sums.users[week] = map[uint64]bool{}
		}
		sums.users[week][e.GetUser()] = true
	})
	return sums
}

func TestCurve(t *testing.T) {
	day := func(d int) int64 { return time.Date(2024, 1, d, 0, 0, 0, 0, time.UTC).UnixMicro() }
	points := &scenario.Curve{Points: []scenario.Point{
		{At: scenario.Date{Time: time.UnixMicro(day(1))}, Value: 100},
		{At: scenario.Date{Time: time.UnixMicro(day(3))}, Value: 400},
		{At: scenario.Date{Time: time.UnixMicro(day(5))}, Value: 100},
	}}
	f := func(c *scenario.Curve, at int64, want float64) {
		t.Helper()
		if got := newCurve(c).of(at); math.Abs(got-want) > want*1e-12 {
			t.Errorf("at %d: %v, want %v", at, got, want)
		}
	}
	f(points, day(1), 100)
	f(points, day(2), 200)
	f(points, day(3), 400)
	f(points, day(4), 200)
	f(points, day(1)-1, 100)
	f(points, day(9), 100)
	linear := *points
	linear.Interpolation = "linear"
	f(&linear, day(2), 250)
}

// TestExactSums: whatever the records are, the weights of a day are what the curve says, and nothing is lost by rounding.
func TestExactSums(t *testing.T) {
	s := one(t, "day", `
    type: query
    product: p
    records: 37
    curve:
      measure: events
      per: year
      unit: u
      points: [{at: 2024-01-01, value: 36500.0, source: ours}, {at: 2024-01-10, value: 36500, source: ours}]`)
	sums := sumUp(t, s)
	records := uint64(0)
	for d := 1; d <= 10; d++ {
		day := fmt.Sprintf("2024-01-%02d", d)
		if sums.weight[day] != 100 {
			t.Errorf("%s: %d events, want 100", day, sums.weight[day])
		}
		records += sums.records[day]
	}
	if records != 37 {
		t.Errorf("%d records, want 37", records)
	}
}

// TestFixedWeight: records of one weight follow the curve to within one.
func TestFixedWeight(t *testing.T) {
	s := one(t, "day", `
    type: signup
    product: p
    weight: 30
    curve:
      measure: events
      per: day
      unit: u
      points: [{at: 2024-01-01, value: 100, source: ours}, {at: 2024-01-30, value: 100, source: ours}]`)
	total, last := uint64(0), uint64(0)
	sums := sumUp(t, s)
	for d := 1; d <= 30; d++ {
		last = sums.records[fmt.Sprintf("2024-01-%02d", d)]
		if last != 3 && last != 4 {
			t.Errorf("day %d: %d records of weight 30 for 100 events", d, last)
		}
		total += last
	}
	if total != 100 {
		t.Errorf("%d records of weight 30 for 3000 events, want 100", total)
	}
}

// TestTotal: by the end of a day there is what the curve says of it.
func TestTotal(t *testing.T) {
	s := one(t, "day", `
    type: download
    model: m
    records: 500
    curve:
      measure: total
      unit: u
      points: [{at: 2023-12-30, value: 10, source: ours}, {at: 2024-01-20, value: 70000, source: ours}, {at: 2024-02-10, value: 900000, source: ours}]`)
	sums := sumUp(t, s)
	by := func(until string) (sum uint64) {
		for day, weight := range sums.weight {
			if day <= until {
				sum += weight
			}
		}
		return sum
	}
	for until, want := range map[string]uint64{"2023-12-30": 10, "2024-01-20": 70_000, "2024-02-10": 900_000} {
		if got := by(until); got != want {
			t.Errorf("%d by %s, want %d", got, until, want)
		}
	}
}

// TestUsers: the distinct users of a week times what each stands for are those of the curve, and they come back.
func TestUsers(t *testing.T) {
	s := one(t, "day", `
    type: query
    product: p
    user_weight: 10
    events_per_user: 3
    curve:
      measure: users
      per: week
      unit: u
      points: [{at: 2024-01-01, value: 1000, source: ours}, {at: 2024-01-15, value: 4000, source: ours}]`)
	sums := sumUp(t, s)
	for week, want := range map[string]int{"2024-01-01": 100, "2024-01-08": 200, "2024-01-15": 400} {
		if got := len(sums.users[week]); got != want {
			t.Errorf("week of %s: %d users, want %d", week, got, want)
		}
	}
	for user := range sums.users["2024-01-01"] {
		if !sums.users["2024-01-15"][user] {
			t.Fatal("a user did not come back")
		}
		if user == 0 {
			t.Fatal("a user is unknown")
		}
	}
	days := 0
	for day, n := range sums.records {
		if day < "2024-01-08" {
			days++
			if n < 5 || n > 30 {
				t.Errorf("%s: %d of 100 users", day, n)
			}
		}
	}
	if days != 7 || sums.weight["2024-01-01"] != sums.records["2024-01-01"]*30 {
		t.Errorf("users of the first week on %d days; weight %d", days, sums.weight["2024-01-01"])
	}
}

// TestTokens: the tokens of a minute are those of the curve, and the minute with the most is where the file has it.
func TestTokens(t *testing.T) {
	s := one(t, "minute", `
    type: token_call
    product: p
    models: [{at: 2024-01-01, shares: {a: 3, b: 1}, source: ours}]
    records: 600
    tokens: {input: 6, cached: 1, output: 3, source: ours}
    curve:
      measure: tokens
      per: minute
      unit: u
      points: [{at: 2024-01-01T00:00, value: 100000, source: ours}, {at: 2024-01-01T00:40, value: 900000, source: ours}, {at: 2024-01-01T01:59, value: 50000, source: ours}]`)
	minutes := map[int]uint64{}
	items(t, open(t, s, ""), func(item *producers.Item) {
		minutes[time.UnixMicro(item.Time).UTC().Hour()*60+time.UnixMicro(item.Time).UTC().Minute()] += item.InputTokens + item.OutputTokens
	})
	peak := 0
	for m, tokens := range minutes {
		if tokens > minutes[peak] {
			peak = m
		}
	}
	if len(minutes) != 120 || peak != 40 || minutes[40] < 899_000 || minutes[40] > 900_010 || minutes[0] != 100_000 {
		t.Errorf("%d minutes, peak in minute %d with %d, the first with %d", len(minutes), peak, minutes[peak], minutes[0])
	}
}

// TestShares: few draws show a mix, and it changes straight from date to date.
func TestShares(t *testing.T) {
	date := func(d int) scenario.Date {
		return scenario.Date{Time: time.Date(2024, 1, d, 0, 0, 0, 0, time.UTC)}
	}
	s := newShares([]scenario.Mix{
		{At: date(1), Shares: map[string]float64{"US": 60, "IN": 20, scenario.Unknown: 20}},
		{At: date(11), Shares: map[string]float64{"US": 10, "DE": 90}},
	}, countryStep, 99)
	f := func(day int, want map[string]float64) {
		t.Helper()
		s.set(date(day).UnixMicro())
		got := map[string]float64{}
		for k := range uint64(1000) {
			got[s.pick(k)] += 0.1
		}
		for _, name := range []string{"US", "IN", "DE", ""} {
			if math.Abs(got[name]-want[name]) > 0.5 {
				t.Errorf("day %d: %s has %.1f percent, want %.1f", day, name, got[name], want[name])
			}
		}
	}
	f(1, map[string]float64{"US": 60, "IN": 20, "": 20})
	f(6, map[string]float64{"US": 35, "IN": 10, "": 10, "DE": 45})
	f(11, map[string]float64{"US": 10, "DE": 90})
	f(30, map[string]float64{"US": 10, "DE": 90})
	var none *shares
	none.set(0)
	if got := none.pick(1); got != "" {
		t.Errorf("no mix gives %q", got)
	}
}
