package dashboards_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/rollup/rolluptest"
	usagev1 "tidemark/schemas/usage/v1"
)

// sunday is when the rule about silent sources is evaluated: a Sunday evening.
var sunday = time.Date(2026, 3, 15, 20, 0, 0, 0, time.UTC)

// steady are minutes before sunday: every so many of them, from one to another.
func steady(every, from, to time.Duration) []time.Duration {
	var all []time.Duration
	for ago := from; ago >= to; ago -= every {
		all = append(all, ago)
	}
	return all
}

// onDays are the times before sunday of a source that sends every 30 minutes between two hours of the days that count.
func onDays(fromHour, toHour int, counts func(day int, weekday time.Weekday) bool) []time.Duration {
	var all []time.Duration
	for day := 15; day >= 0; day-- {
		midnight := sunday.Truncate(24*time.Hour).AddDate(0, 0, -day)
		if !counts(day, midnight.Weekday()) {
			continue
		}
		for at := midnight.Add(time.Duration(fromHour) * time.Hour); !at.After(midnight.Add(time.Duration(toHour) * time.Hour)); at = at.Add(30 * time.Minute) {
			all = append(all, sunday.Sub(at))
		}
	}
	return slices.DeleteFunc(all, func(ago time.Duration) bool { return ago < 0 })
}

// TestAlertSourceSilent gives each key a history of its own.
func TestAlertSourceSilent(t *testing.T) {
	const minute, hour, day = time.Minute, time.Hour, 24 * time.Hour
	every := func(int, time.Weekday) bool { return true }
	cases := map[string]struct {
		sent  []time.Duration // Before sunday.
		fires bool
	}{
		"sends":                                      {sent: steady(10*minute, 3*day, minute)},
		"three times its pause":                      {sent: steady(10*minute, 3*day, 30*minute)},
		"longer than that":                           {sent: steady(10*minute, 3*day+minute, 31*minute), fires: true},
		"a quarter of an hour":                       {sent: steady(minute, 2*day, 15*minute)},
		"longer than a quarter of an hour":           {sent: steady(minute, 2*day, 16*minute), fires: true},
		"sent for less than a day":                   {sent: steady(minute, 1*day+59*minute-minute, hour)},
		"sent for a day":                             {sent: steady(minute, 1*day+60*minute, hour), fires: true},
		"a day with a pause of an hour":              {sent: append(steady(minute, 2*day, 20*hour), steady(minute, 19*hour, 10*hour)...)},
		"a day with a pause of less":                 {sent: append(steady(minute, 2*day, 20*hour), steady(minute, 19*hour+minute, 10*hour)...), fires: true},
		"pauses for two hours, less than a week":     {sent: steady(2*hour, 6*day+22*hour, 8*hour)},
		"pauses for two hours, a week":               {sent: steady(2*hour, 7*day+8*hour, 8*hour), fires: true},
		"once":                                       {sent: []time.Duration{8 * day}},
		"at night":                                   {sent: onDays(2, 3, every)},
		"at night, two nights missed":                {sent: onDays(2, 3, func(day int, _ time.Weekday) bool { return day > 1 })},
		"at night, three nights missed":              {sent: onDays(2, 3, func(day int, _ time.Weekday) bool { return day > 2 }), fires: true},
		"on working days":                            {sent: onDays(9, 17, func(_ int, d time.Weekday) bool { return d != time.Saturday && d != time.Sunday })},
		"gone for two weeks":                         {sent: steady(10*minute, 20*day, 14*day+minute)},
		"gone for almost two weeks":                  {sent: steady(10*minute, 20*day, 12*day), fires: true},
		"an outage of a day, then silent for two":    {sent: append(steady(10*minute, 8*day, 5*day), steady(10*minute, 4*day, 2*day)...)},
		"an outage of a day, then for more than two": {sent: append(steady(10*minute, 8*day, 6*day), steady(10*minute, 5*day, 3*day-hour)...)},
	}
	var log reportLog
	var want []string
	name := func(endpoint, source string, last time.Duration) string {
		return endpoint + " " + sunday.Add(-last).Format("2006-01-02 15:04") + " " + source + " acme"
	}
	add := func(key, endpoint, sender string, sent []time.Duration, r func() *usagev1.Run) {
		for _, ago := range sent {
			log.add(sunday.Add(-ago), "acme", key, endpoint, sender, "", r())
		}
	}
	received := func() *usagev1.Run { return &usagev1.Run{Received: 1} }
	for key, c := range cases {
		add(key, "traces", python, c.sent, received)
		if c.fires {
			want = append(want, name("traces", "key "+key, c.sent[len(c.sent)-1]))
		}
	}
	// A key is watched by endpoint.
	add("two endpoints", "traces", python, steady(10*minute, 3*day, minute), received)
	add("two endpoints", "logs", python, steady(10*minute, 3*day, 2*hour), received)
	want = append(want, name("logs", "key two endpoints", 2*hour))
	// Whoever is refused sends. What drains, and rows of rejected items alone, are not from the sender's minute.
	add("refused", "traces", python, steady(10*minute, 3*day, 2*hour), received)
	add("refused", "traces", python, steady(10*minute, 2*hour, minute), func() *usagev1.Run { return &usagev1.Run{Refused: 1} })
	add("drains", "traces", python, steady(10*minute, 3*day, 2*hour), received)
	add("drains", "traces", python, steady(10*minute, 2*hour, minute), func() *usagev1.Run { return &usagev1.Run{Drained: 1} })
	want = append(want, name("traces", "key drains", 2*hour))
	// Who was only ever refused is no source.
	add("only refused", "traces", python, steady(10*minute, 3*day, 2*hour), func() *usagev1.Run { return &usagev1.Run{Refused: 1} })
	// The runs of other producers are no sources.
	add("a generator", "traces", python, steady(10*minute, 3*day, 2*hour), received)
	for _, e := range log.events {
		if r, ok := e.(*usagev1.Run); ok && r.Key == "a generator" {
			r.Kind = "generate"
		}
	}
	// Without keys a program is one source whatever its version.
	add("", "traces", "app/1.0", steady(10*minute, 3*day, 2*hour), received)
	add("", "traces", "app/1.1", steady(10*minute, 2*hour, minute), received)
	add("", "traces", "gone/2.0", steady(10*minute, 3*day, 2*hour), received)
	want = append(want, name("traces", "gone", 2*hour))
	s := store{World: rolluptest.New(t)}
	s.Deliver(log.events...)
	rule := provisionedAlerts(t)["tidemark-source-silent"]
	got := rule.evaluate(t, s.DB, sunday)
	got.check(t, want)
	told := "warning: acme: gone sends nothing to traces since 2026-03-15 18:00 UTC, 12 times its longest pause"
	if text := got.text[name("traces", "gone", 2*hour)]; text != told {
		t.Errorf("people are told %q, want %q", text, told)
	}
	s.Exec("ALTER TABLE log_ends REMOVE TTL")
	const year = 365 * day
	for _, c := range []struct {
		name                string
		ends                []end
		silent, longSilence bool
	}{
		{"all is counted", []end{{end: 100, at: 100}, {part: 1, end: 100, at: 100}}, true, true},
		{"one partition waits for an hour and fifty minutes", []end{{end: 100, at: 100}, {part: 1, end: 100, at: 99, stands: 110 * minute}}, false, true},
		{"nobody has looked for an hour and fifty minutes", []end{{end: 100, at: 100}, {part: 1, end: 100, at: 100, seen: 110 * minute}}, false, true},
		{"one moves", []end{{end: 100, at: 100}, {part: 1, end: 100, at: 99, stands: time.Second}}, true, true},
		{"waits for a year", []end{{end: 100, at: 99, stands: year}}, false, false},
	} {
		for i := range c.ends {
			c.ends[i].topic = "runs.v1"
		}
		insertEndsAt(t, s.DB, sunday, append(c.ends, end{end: 100, at: 1, stands: year, seen: year})) // Another topic does not matter.
		got := rule.evaluate(t, s.DB, sunday)
		if fires := slices.Contains(got.firing, name("traces", "gone", 2*hour)); fires != c.silent {
			t.Errorf("%s: silent for two hours fires: %t", c.name, fires)
		}
		if fires := slices.Contains(got.firing, name("traces", "key gone for almost two weeks", 12*day)); fires != c.longSilence {
			t.Errorf("%s: silent for days fires: %t", c.name, fires)
		}
	}
}

// TestSilentNames gives sources names that are made to be taken for something else: each is told as it is.
func TestSilentNames(t *testing.T) {
	var log reportLog
	want := map[string]bool{}
	for _, name := range names {
		for _, ago := range steady(10*time.Minute, 26*time.Hour, 2*time.Hour) {
			log.add(sunday.Add(-ago), name, "", "traces", strings.ReplaceAll(name, "/", "")+"/1", "", &usagev1.Run{Received: 1})
		}
		want["traces 2026-03-15 18:00 "+strings.ReplaceAll(name, "/", "")+" "+name] = true
	}
	s := store{World: rolluptest.New(t)}
	s.Deliver(log.events...)
	got := provisionedAlerts(t)["tidemark-source-silent"].evaluate(t, s.DB, sunday)
	if !slices.Equal(got.firing, slices.Sorted(maps.Keys(want))) {
		t.Errorf("fires for %q", got.firing)
	}
}
