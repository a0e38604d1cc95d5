package dashboards_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/rollup/rolluptest"
	"tidemark/dashboards/grafana"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Programs that send, as they name themselves.
const (
	python = "OTel-OTLP-Exporter-Python/1.44.0"
	codex  = "codex_cli_rs/0.57.0"
	curl   = "curl/8.5.0"
)

// reportLog makes reports of a collector with ids of their own. The key of a run is that of the report.
type reportLog struct{ events []schemas.Event }

func (l *reportLog) add(at time.Time, tenant, key, endpoint, sender, reason string, r *usagev1.Run) {
	r.Source, r.Id, r.Run, r.Kind = "collect-0a1b2c3d", fmt.Sprint(len(l.events)), "collect-0a1b2c3d/"+key, "collect"
	r.Tenant, r.Key, r.Endpoint, r.Sender, r.Reason, r.TimeUs = tenant, key, endpoint, sender, reason, new(at.UnixMicro())
	if r.Type = "any"; r.Produced+r.Spooled+r.Drained+r.Unacknowledged > 0 {
		r.Type = "token_calls"
	}
	l.events = append(l.events, r)
}

// clock is a time of the day on which most of the tests of sources happen.
func clock(hour, minute int) time.Time {
	return begin.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

// reportsOfSources are an hour of two tenants from 10:00, and what came before.
func reportsOfSources() []schemas.Event {
	var l reportLog
	const log503, agents, metrics = "503 the log did not acknowledge the events in time", "spans: an agent repeats the calls inside it", "metrics: calls are counted from spans and logs"
	// 100 = 60 produced + 8 spooled + 7 rejected + 5 joined + 20 skipped.
	l.add(clock(10, 0), "acme", "k1", "traces", python, "", &usagev1.Run{Received: 100, Joined: 5})
	l.add(clock(10, 0), "acme", "k1", "traces", python, "", &usagev1.Run{Produced: 60, Spooled: 8})
	l.add(clock(10, 0), "acme", "k1", "traces", python, agents, &usagev1.Run{Skipped: 20})
	l.add(clock(10, 0), "acme", "k1", "traces", python, "time too_late: it is more than 720h0m0s ago", &usagev1.Run{Rejected: 6})
	l.add(clock(10, 0), "acme", "k1", "traces", python, "model missing: it is required", &usagev1.Run{Rejected: 1})
	// The other tenant in the same minute, whose metrics are skipped, and which loses an item.
	l.add(clock(10, 0), "beta", "k9", "metrics", curl, "", &usagev1.Run{Received: 40})
	l.add(clock(10, 0), "beta", "k9", "metrics", curl, metrics, &usagev1.Run{Skipped: 40})
	l.add(clock(10, 6), "beta", "k9", "events", curl, "", &usagev1.Run{Received: 5})
	l.add(clock(10, 6), "beta", "k9", "events", curl, "", &usagev1.Run{Produced: 3})
	// A sender that does not come again; then the log is back and the spool drains.
	l.add(clock(10, 7), "acme", "k1", "logs", codex, log503, &usagev1.Run{Refused: 3, NotResent: 2})
	l.add(clock(10, 7), "acme", "k1", "logs", codex, "429 the key is over its rate", &usagev1.Run{Refused: 4})
	l.add(clock(10, 8), "acme", "k1", "traces", python, "", &usagev1.Run{Drained: 3})
	l.add(clock(10, 8), "acme", "k1", "logs", codex, "", &usagev1.Run{Received: 10})
	l.add(clock(10, 8), "acme", "k1", "logs", codex, "", &usagev1.Run{Produced: 10})
	// Before the range: a spool of two days ago counts for what waits now, one of 31 days ago does not.
	l.add(clock(-48, 0), "acme", "k1", "traces", python, "", &usagev1.Run{Received: 4})
	l.add(clock(-48, 0), "acme", "k1", "traces", python, "", &usagev1.Run{Spooled: 4})
	l.add(clock(-31*24, 0), "acme", "k1", "traces", python, "", &usagev1.Run{Received: 100, Refused: 50, NotResent: 50})
	l.add(clock(-31*24, 0), "acme", "k1", "traces", python, "", &usagev1.Run{Spooled: 100})
	// More than a week before the end of any range.
	l.add(clock(-8*24, 0), "acme", "k1", "traces", python, "x: y", &usagev1.Run{Received: 1000, Rejected: 1000, Refused: 1000, NotResent: 1000, Skipped: 1000})
	// The minute after the range, and the run of a generator, which is no source.
	l.add(clock(10, 30), "acme", "k1", "traces", python, "", &usagev1.Run{Received: 1, Refused: 1, NotResent: 1})
	l.add(clock(10, 5), "acme", "", "", "", "", &usagev1.Run{Produced: 5000, Received: 5000, Refused: 7, Rejected: 9, Skipped: 8, Spooled: 7, NotResent: 1})
	if generated, ok := l.events[len(l.events)-1].(*usagev1.Run); ok {
		generated.Kind = "generate"
	}
	return l.events
}

// callsOfSources are 40 calls of two tenants between 10:00 and 11:00, and one of the day before.
func callsOfSources() []schemas.Event {
	var all []schemas.Event
	add := func(n int, at time.Time, call *usagev1.TokenCall) {
		for range n {
			all = append(all, &usagev1.TokenCall{
				Source: "s", Id: fmt.Sprint(len(all)), TimeUs: new(at.UnixMicro()), Tenant: call.Tenant, Product: "p", Model: "m", Status: usagev1.Status_STATUS_OK,
				Weight: 1, UserWeight: 1, Client: call.Client, ClientVersion: call.ClientVersion, Usage: call.Usage, Split: call.Split,
				Joined: call.Joined, MayBeDouble: call.MayBeDouble, Requests: call.Requests,
			})
		}
	}
	const reported, estimated, missing = usagev1.UsageSource_USAGE_SOURCE_REPORTED, usagev1.UsageSource_USAGE_SOURCE_ESTIMATED, usagev1.UsageSource_USAGE_SOURCE_MISSING
	const exact, bound, none = usagev1.UsageSplit_USAGE_SPLIT_EXACT, usagev1.UsageSplit_USAGE_SPLIT_UPPER_BOUND, usagev1.UsageSplit_USAGE_SPLIT_NONE
	add(10, clock(10, 2), &usagev1.TokenCall{Tenant: "acme", Client: "anthropic-sdk", ClientVersion: "0.71", Usage: reported, Split: exact, Joined: 2})
	add(4, clock(10, 3), &usagev1.TokenCall{Tenant: "acme", Client: "anthropic-sdk", ClientVersion: "0.70", Usage: reported, Split: exact, MayBeDouble: true})
	add(4, clock(10, 3), &usagev1.TokenCall{Tenant: "acme", Client: "openlit", ClientVersion: "1", Usage: estimated, Split: none})
	add(2, clock(10, 9), &usagev1.TokenCall{Tenant: "acme", Client: "openlit", ClientVersion: "1", Usage: missing})
	add(1, clock(10, 9), &usagev1.TokenCall{Tenant: "acme", Client: "openlit", ClientVersion: "1", Usage: reported, Split: bound, Requests: new(uint64(4))})
	add(16, clock(10, 20), &usagev1.TokenCall{Tenant: "beta"})
	add(1, clock(-20, 0), &usagev1.TokenCall{Tenant: "acme", Client: "old", Usage: missing, Joined: 1, MayBeDouble: true})
	return all
}

// sourcesStore has both.
func sourcesStore(t *testing.T) store {
	t.Helper()
	s := store{World: rolluptest.New(t)}
	s.Deliver(append(callsOfSources(), reportsOfSources()...)...)
	s.rollUp(t)
	// As if the log had every report twice, far apart.
	s.Exec("INSERT INTO runs_raw SELECT * REPLACE (offset + 1000000 AS offset) FROM runs_raw")
	return s
}

// TestSourcesAreTrue holds every value of every panel of the dashboard Sources against what was counted by hand. Ages are
// left out: they depend on the clock.
func TestSourcesAreTrue(t *testing.T) {
	s := sourcesStore(t)
	half := grafana.View{From: clock(9, 30), To: clock(10, 30), Interval: time.Minute}
	day := grafana.View{From: clock(0, 0), To: clock(10, 30), Interval: time.Hour}
	days := grafana.View{From: clock(-240, 0), To: clock(24, 0), Interval: 24 * time.Hour}
	acme, beta, nobody := map[string][]string{"tenant": {"acme"}}, map[string][]string{"tenant": {"beta"}}, map[string][]string{"tenant": {`'\`}}
	at := func(hour, minute int) string { return clock(hour, minute).Format("2006-01-02T15:04:05Z") }
	senders := []string{
		"acme k1 " + python + " traces 100 68 5 20 7 0 " + at(10, 0), "beta k9 curl/8.5.0 metrics 40 0 0 40 0 0 " + at(10, 0),
		"acme k1 " + codex + " logs 10 10 0 0 0 7 " + at(10, 8), "beta k9 curl/8.5.0 events 5 3 0 0 0 0 " + at(10, 6),
	}
	rejected := []string{
		"time too_late: it is more than 720h0m0s ago acme k1 " + python + " traces 6 " + at(10, 0),
		"model missing: it is required acme k1 " + python + " traces 1 " + at(10, 0),
	}
	refused := []string{
		"429 the key is over its rate " + codex + " logs 4 0 " + at(10, 7),
		"503 the log did not acknowledge the events in time " + codex + " logs 3 2 " + at(10, 7),
	}
	gaps := []string{"not given 16 0 0 1 0 0 1", "anthropic-sdk 14 0 0 0 0 0 0", "openlit 10 0.4 0.2 0 0.4 0.4 0.2"}
	cases := []struct {
		name   string
		view   grafana.View
		chosen map[string][]string
		want   map[uint32][]string
	}{
		{"an hour", half, nil, map[uint32][]string{
			1:  {"155 73 8 5 60 7 2"},
			2:  {"7 2 9"},
			3:  {"40 10 4 0.1"},
			4:  {"0.05 0.1 0.4 0.2 0.45"},
			10: senders,
			20: {"not given not given 16 0.4 0 0", "anthropic-sdk 0.71 10 0.25 10 0", "openlit 1 10 0.25 0 0", "anthropic-sdk 0.70 4 0.1 0 4"},
			21: gaps,
			30: {at(10, 0) + " 60 8 5 60 7 0", at(10, 6) + " 3 0 0 0 0 2", at(10, 7) + " 0 0 0 0 0 0", at(10, 8) + " 10 0 0 0 0 0"},
			31: {at(10, 0) + " 0 0", at(10, 6) + " 0 0", at(10, 7) + " 5 2", at(10, 8) + " 0 0"},
			32: {at(10, 0) + " 10 4 2"},
			33: {at(9, 30) + " 4", at(10, 0) + " 12", at(10, 8) + " 9", at(10, 30) + " 9"},
			40: rejected, 41: refused,
			42: {"metrics: calls are counted from spans and logs 40 0.25806451612903225", "spans: an agent repeats the calls inside it 20 0.12903225806451613"},
		}},
		{"a tenant", half, acme, map[uint32][]string{
			1: {"110 70 8 5 20 7 0"}, 2: {"7 2 9"}, 3: {"24 10 4 0.16666666666666666"}, 4: {"0.08333333333333333 0.16666666666666666 0 0.3333333333333333 0.08333333333333333"},
			10: {senders[0], senders[2]}, 21: {gaps[1], gaps[2]}, 40: rejected, 41: refused, 42: {"spans: an agent repeats the calls inside it 20 0.18181818181818182"},
			31: {at(10, 0) + " 0 0", at(10, 7) + " 5 2", at(10, 8) + " 0 0"},
		}},
		{"the other tenant", half, beta, map[uint32][]string{
			1: {"45 3 0 0 40 0 2"}, 2: {"0 0 0"}, 3: {"16 0 0 0"}, 4: {"0 0 1 0 1"}, 10: {senders[1], senders[3]}, 40: nil, 41: nil,
			33: {at(9, 30) + " 0", at(10, 30) + " 0"},
		}},
		{"nobody", half, nobody, map[uint32][]string{
			1: {"0 0 0 0 0 0 0"}, 2: {"0 0 0"}, 3: {"0 0 0 <nil>"}, 4: {"<nil> <nil> <nil> <nil> <nil>"}, 10: nil, 20: nil, 21: nil, 30: nil, 31: nil, 32: nil, 33: {at(9, 30) + " 0", at(10, 30) + " 0"}, 40: nil, 41: nil, 42: nil,
		}},
		{"hours", day, nil, map[uint32][]string{
			1: {"155 73 8 5 60 7 2"}, 3: {"40 10 4 0.1"}, 4: {"0.05 0.1 0.4 0.2 0.45"}, 21: gaps, 30: nil, 32: {at(10, 0) + " 10 4 2"}, 33: {at(0, 0) + " 4", at(10, 0) + " 9", at(10, 30) + " 9"},
		}},
		{"hours of a tenant", day, acme, map[uint32][]string{3: {"24 10 4 0.16666666666666666"}, 4: {"0.08333333333333333 0.16666666666666666 0 0.3333333333333333 0.08333333333333333"}, 21: {gaps[1], gaps[2]}}},
		{"days", days, nil, map[uint32][]string{
			1: {"160 73 12 5 60 7 3"}, 2: {"8 3 9"}, 3: {"41 11 5 0.12195121951219512"}, 4: {"0.07317073170731707 0.0975609756097561 0.3902439024390244 0.1951219512195122 0.4634146341463415"},
			21: append(slices.Clone(gaps), "old 1 0 1 0 0 0 1"), 32: {at(-24, 0) + " 1 1 1", at(0, 0) + " 10 4 2"}, 33: {at(-240, 0) + " 0", at(-48, 0) + " 4", at(0, 0) + " 9", at(24, 0) + " 9"},
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			view := c.view
			view.Chosen = map[string][]string{}
			for name, values := range c.chosen {
				view.Chosen[name] = values
			}
			got := map[uint32][]string{} // The rows of all queries of a panel.
			for _, r := range s.execute(t, file(t, "tidemark-sources"), view) {
				for _, row := range r.Rows {
					if r.Panel == 10 {
						row = row[:len(row)-1]
					}
					got[r.Panel] = append(got[r.Panel], cells(row))
				}
			}
			for panel, want := range c.want {
				if panel >= 30 && panel <= 32 { // Of bars, those of height 0.
					want, got[panel] = slices.DeleteFunc(slices.Clone(want), nothing), slices.DeleteFunc(got[panel], nothing)
				}
				if !slices.Equal(got[panel], want) {
					t.Errorf("panel %d: got\n%s\nwant\n%s", panel, strings.Join(got[panel], "\n"), strings.Join(want, "\n"))
				}
			}
		})
	}
}

// nothing reports whether all numbers after the time of a row are 0.
func nothing(row string) bool {
	_, numbers, _ := strings.Cut(row, " ")
	return strings.Trim(numbers, "0 ") == ""
}

// cells is a row of a result as one text.
func cells(row []any) string {
	texts := make([]string, len(row))
	for i, cell := range row {
		if ms, isTime := cell.(int64); isTime {
			cell = time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05Z")
		}
		texts[i] = fmt.Sprint(cell)
	}
	return strings.Join(texts, " ")
}

// TestSourcesNow holds what depends on the clock: ages, and that the minutes that collectors still report are not missed.
func TestSourcesNow(t *testing.T) {
	now := time.Now()
	this := now.Truncate(time.Minute)
	var l reportLog
	l.add(this.Add(-10*time.Minute), "acme", "k", "logs", codex, "", &usagev1.Run{Received: 5})
	l.add(this.Add(-10*time.Minute), "acme", "k", "logs", codex, "", &usagev1.Run{Produced: 4})
	l.add(this.Add(-time.Minute), "acme", "k", "traces", python, "", &usagev1.Run{Received: 9})
	l.add(this, "acme", "k", "metrics", curl, "", &usagev1.Run{Refused: 2})
	s := store{World: rolluptest.New(t)}
	s.Deliver(l.events...)
	got := answers{}
	for _, r := range s.execute(t, file(t, "tidemark-sources"), grafana.View{From: now.Add(-time.Hour), To: now.Add(time.Minute)}) {
		got[r.Panel] = r
	}
	got.equal(t, 1, 0, 14)
	got.equal(t, 1, 6, 1)
	ages := map[string]time.Duration{"logs": 10 * time.Minute, "traces": time.Minute, "metrics": 0}
	if len(got[10].Rows) != len(ages) {
		t.Errorf("%d senders: %v", len(got[10].Rows), got[10].Rows)
	}
	for _, row := range got[10].Rows {
		age, want := time.Duration(number(t, row[len(row)-1]))*time.Second, ages[fmt.Sprint(row[3])]
		if took := time.Since(this); age < want || age > want+took+time.Second {
			t.Errorf("%v: age %s, want %s and at most %s more", row, age, want, took)
		}
	}
}
