package dashboards_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// callLog makes calls with ids of their own.
type callLog struct{ events []schemas.Event }

// add appends n calls, of which the first failed have ended in an error.
func (l *callLog) add(n, failed int, call *usagev1.TokenCall) {
	for i := range n {
		c := &usagev1.TokenCall{
			Source: "test", Id: fmt.Sprint(len(l.events)), Run: "run", Provider: "p", Weight: 1, UserWeight: 1,
			Tenant: call.Tenant, Product: call.Product, Model: call.Model, TimeUs: new(call.GetTimeUs()), LatencyUs: call.LatencyUs, InputUncached: call.InputUncached,
			Status: usagev1.Status_STATUS_OK,
		}
		if c.Tenant == "" {
			c.Tenant, c.Product = "acme", "chat"
		}
		if c.Model == "" {
			c.Model = "m"
		}
		if i < failed {
			c.Status = usagev1.Status_STATUS_ERROR
		}
		l.events = append(l.events, c)
	}
}

// fires delivers the calls, rolls them up and evaluates a rule at a time.
func (l *callLog) fires(t *testing.T, uid string, at time.Time) evaluated {
	t.Helper()
	s := store{World: rolluptest.New(t)}
	s.Deliver(l.events...)
	s.rollUp(t)
	return provisionedAlerts(t)[uid].evaluate(t, s.DB, at)
}

func (e evaluated) check(t *testing.T, want []string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(e.firing, want) {
		t.Errorf("fires for\n%q, want\n%q\nof %v\n%s", e.firing, want, e.values, e.queries)
	}
}

// TestAlertModelJump gives each model a past and a present of its own. The rule leaves out the last two minutes, so the
// present is the quarter of an hour to noon.
func TestAlertModelJump(t *testing.T) {
	// Latencies that the sketch, which keeps 8 bits of a number, has exactly, and the next one.
	const second, threeSeconds, more = 1 << 20, 3 << 20, 3<<20 + 1<<14
	type span struct {
		calls, failed int
		latency       uint64 // Microseconds; 0 is unknown.
	}
	cases := map[string]struct {
		past, present span
		fires         string
	}{
		"three times the errors":          {past: span{300, 15, 0}, present: span{300, 45, 0}},
		"more errors than that":           {past: span{300, 15, 0}, present: span{300, 46, 0}, fires: "errors"},
		"no errors before":                {past: span{300, 0, 0}, present: span{300, 18, 0}},
		"no errors before and some now":   {past: span{300, 0, 0}, present: span{300, 19, 0}, fires: "errors"},
		"always failing":                  {past: span{300, 300, 0}, present: span{300, 300, 0}},
		"too few calls now":               {past: span{300, 0, 0}, present: span{299, 299, 0}},
		"too few calls before":            {past: span{299, 0, 0}, present: span{300, 300, 0}},
		"three times the latency":         {past: span{300, 0, second}, present: span{300, 0, threeSeconds}},
		"more latency than that":          {past: span{300, 0, second}, present: span{300, 0, more}, fires: "latency"},
		"fast before":                     {past: span{300, 0, 1000}, present: span{300, 0, 1<<20 + 1<<18}},
		"fast before and slow now":        {past: span{300, 0, 1000}, present: span{300, 0, 1<<20 + 1<<19}, fires: "latency"},
		"latency known of nothing before": {past: span{300, 0, 0}, present: span{300, 0, more}},
		"latency known of nothing now":    {past: span{300, 0, second}, present: span{300, 0, 0}},
		"gone":                            {past: span{300, 0, second}},
		"new":                             {present: span{300, 300, more}},
	}
	var log callLog
	var want []string
	at := func(d time.Duration) int64 { return noon.Add(d).UnixMicro() }
	for name, c := range cases {
		add := func(s span, when time.Duration) {
			call := &usagev1.TokenCall{Model: name, TimeUs: new(at(when))}
			if s.latency > 0 {
				call.LatencyUs = &s.latency
			}
			log.add(s.calls, s.failed, call)
		}
		add(c.past, -3*time.Hour)
		add(c.present, -10*time.Minute)
		if c.fires != "" {
			want = append(want, name+" "+c.fires)
		}
	}
	// What is at the ends of the present and of the past.
	edge := func(name string, past, present time.Duration, fires bool) {
		log.add(300, 0, &usagev1.TokenCall{Model: name, TimeUs: new(at(past))})
		log.add(300, 300, &usagev1.TokenCall{Model: name, TimeUs: new(at(present))})
		if fires {
			want = append(want, name+" errors")
		}
	}
	edge("at the ends", -6*time.Hour-15*time.Minute, -15*time.Minute, true)
	edge("a past too long ago", -6*time.Hour-16*time.Minute, -time.Minute, false)
	edge("after the present", -time.Hour, 0, false)
	edge("before the present", -time.Hour, -16*time.Minute, false)

	got := log.fires(t, "tidemark-model-jump", noon.Add(2*time.Minute))
	got.check(t, want)
	if text := got.text["no errors before and some now errors"]; text != "warning: no errors before and some now: errors 3.2 times as high as usual" {
		t.Errorf("people are told %q", text)
	}
	for name := range got.values {
		if strings.HasPrefix(name, "too few") || strings.HasPrefix(name, "new ") || strings.HasPrefix(name, "gone ") {
			t.Errorf("a model with too few calls is watched: %s", name)
		}
	}
}

// TestAlertTokenSurge gives each tenant, and its only product, hours of its own; the rule is evaluated at half
// past noon.
func TestAlertTokenSurge(t *testing.T) {
	const day = 24
	cases := map[string]struct {
		hours map[int]uint64 // Tokens by hour, back from the one under way.
		fires bool
	}{
		"three times a steady use":          {hours: with(steadyHours(2e6), 0, 6e6)},
		"more than three times":             {hours: with(steadyHours(2e6), 0, 6e6+1), fires: true},
		"the hour before":                   {hours: with(steadyHours(2e6), 1, 6e6+1), fires: true},
		"two hours before":                  {hours: with(steadyHours(2e6), 2, 9e6)},
		"three million of next to nothing":  {hours: with(steadyHours(10), 0, 3e6)},
		"more of next to nothing":           {hours: with(steadyHours(10), 0, 3e6+1), fires: true},
		"hardly ever used":                  {hours: map[int]uint64{6 * day: 5, 0: 3e6 + 1}, fires: true},
		"new":                               {hours: map[int]uint64{0: 9e9}},
		"new since an hour less than a day": {hours: map[int]uint64{day - 1: 5, 0: 9e9}},
		"a day old":                         {hours: map[int]uint64{day: 5, 0: 3e6 + 1}, fires: true},
		"every day at noon":                 {hours: with(daily(9e6), 0, 27e6)},
		"more than every day at noon":       {hours: with(daily(9e6), 0, 27e6+1), fires: true},
		"quiet but at noon":                 {hours: with(quiet(9e6), 0, 27e6)},
		"a day that stands out is no rule":  {hours: with(with(steadyHours(2e6), 3*day, 9e9), 0, 6e6+1), fires: true},
		"seven days ago, and nothing else":  {hours: map[int]uint64{7 * day: 9e6, 0: 27e6}},
		"more than seven days ago":          {hours: map[int]uint64{7 * day: 9e6, 0: 27e6 + 1}, fires: true},
		"grown for a day":                   {hours: with(grown(2e6, 6e6), 0, 18e6)},
		"more than grown for a day":         {hours: with(grown(2e6, 6e6), 0, 18e6+1), fires: true},
	}
	var log callLog
	var want []string
	for name, c := range cases {
		for hour, tokens := range c.hours {
			log.add(1, 0, &usagev1.TokenCall{Tenant: name, Product: "product of " + name, TimeUs: new(noon.Add(-time.Duration(hour) * time.Hour).UnixMicro()), InputUncached: &tokens})
		}
		if c.fires {
			want = append(want, "product product of "+name, "tenant "+name)
		}
	}
	got := log.fires(t, "tidemark-token-surge", noon.Add(30*time.Minute))
	got.check(t, want)
	for name := range got.values {
		if strings.HasPrefix(name, "tenant new") {
			t.Errorf("one that was not there a day ago is watched: %s", name)
		}
	}
}

// steadyHours is the same in every hour of the day before and at noon of the week before.
func steadyHours(tokens uint64) map[int]uint64 { return grown(tokens, tokens) }

// grown was less at noon of the week before than in every hour of the day before.
func grown(week, lately uint64) map[int]uint64 {
	hours := daily(week)
	for i := 1; i <= 26; i++ {
		hours[i] = lately
	}
	return hours
}

// daily is only at noon of the seven days before.
func daily(tokens uint64) map[int]uint64 {
	hours := map[int]uint64{}
	for i := 1; i <= 7; i++ {
		hours[24*i] = tokens
	}
	return hours
}

// quiet is that, and next to nothing in all other hours.
func quiet(tokens uint64) map[int]uint64 {
	hours := daily(tokens)
	for i := 1; i < 7*24; i++ {
		if i%24 != 0 {
			hours[i] = 10
		}
	}
	return hours
}

func with(hours map[int]uint64, hour int, tokens uint64) map[int]uint64 {
	hours[hour] = tokens
	return hours
}
