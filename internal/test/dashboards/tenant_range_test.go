package dashboards_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"tidemark/dashboards/grafana"
)

// TestTenantIsNow holds every figure of a chosen tenant against the views of events, for ranges that end now, where some events are not
// rolled up yet, and no hour is whole since: exactly what lies in the range, however coarse the rollups with the tenant are.
func TestTenantIsNow(t *testing.T) {
	now := time.Now().UTC()
	s := generatedFrom(t, 40_000, 48*time.Hour, now.Truncate(time.Hour).Add(-47*time.Hour))
	tenant := strings.TrimSpace(s.Text(1, "SELECT toString(tenant) FROM token_calls GROUP BY tenant ORDER BY count() DESC LIMIT 1"))
	// The hours of the last three wait for their turn.
	for _, rollup := range []string{"token_calls_1h", "queries_1h", "signups_1h"} {
		s.Exec("ALTER TABLE rollup_versions DELETE WHERE rollup = '%s' AND bucket >= toStartOfHour(now()) - INTERVAL 3 HOUR SETTINGS mutations_sync = 2", rollup)
		s.Exec("INSERT INTO rollup_pending (rollup, from_bucket, to_bucket, reason, done) VALUES ('%s', toStartOfHour(now()) - INTERVAL 3 HOUR, toStartOfHour(now()) + INTERVAL 1 HOUR, 'deferred', false)", rollup)
	}
	for _, span := range []time.Duration{15 * time.Minute, 90 * time.Minute, 24 * time.Hour} {
		t.Run(span.String(), func(t *testing.T) {
			s.checkTenant(t, tenant, now.Add(-span), now, true)
		})
	}
}

// checkTenant compares the usage overview, the tenant's dashboard and that of models with the views.
func (s store) checkTenant(t *testing.T, tenant string, from, to time.Time, some bool) {
	t.Helper()
	in := fmt.Sprintf("tenant = '%s' AND time >= fromUnixTimestamp64Milli(%d) AND time < fromUnixTimestamp64Milli(%d)", tenant, from.UnixMilli(), to.UnixMilli())
	number := func(sql string) float64 {
		t.Helper()
		return parse(t, s.Text(1, "SELECT toString(toFloat64(%s WHERE %s", strings.Replace(sql, " FROM", ") FROM", 1), in))
	}
	calls, queries, signups := number("sum(calls)) FROM token_calls"), number("sum(weight)) FROM queries"), number("sum(weight)) FROM signups")
	tokens := number("sum((ifNull(input_tokens, 0) + ifNull(output_tokens, 0)) * weight)) FROM token_calls")
	errs := number("ifNotFinite(sumIf(calls, status = 'error') / sum(calls), 0)) FROM token_calls")
	if some && (calls == 0 || queries == 0) {
		t.Fatalf("the test has no events to count: %v calls, %v queries", calls, queries)
	}
	ask := func(uid string) answers {
		got := answers{}
		for _, r := range s.execute(t, file(t, uid), grafana.View{From: from, To: to, Chosen: map[string][]string{"tenant": {tenant}}}) {
			got[r.Panel] = r
		}
		return got
	}
	usage := ask("tidemark-usage")
	usage.equal(t, 10, 0, queries)
	usage.equal(t, 11, 0, calls)
	usage.equal(t, 11, 1, tokens)
	usage.equal(t, 13, 0, signups)
	for panel, column := range map[uint32]string{40: "country", 42: "product", 43: "segment"} {
		want := map[string]float64{}
		for _, line := range strings.Split(strings.TrimSpace(s.Text(2, "SELECT toString(%[1]s), toString(sum(weight)) FROM queries WHERE %[2]s AND toString(%[1]s) != '' GROUP BY %[1]s", column, in)), "\n") {
			name, n, _ := strings.Cut(line, " ")
			if name != "" {
				want[name] = parse(t, n)
			}
		}
		if got := usage.byName(t, panel, 1); !maps.EqualFunc(got, want, near) {
			t.Errorf("panel %d: got %v, want %v", panel, got, want)
		}
	}
	if got, want := usage.byName(t, 44, 2), (map[string]float64{tenant: tokens}); calls > 0 && !maps.EqualFunc(got, want, near) {
		t.Errorf("the table of tenants: got %v, want %v", got, want)
	}
	own := ask("tidemark-tenant")
	own.equal(t, 1, 0, queries)
	for _, figures := range []answers{own, ask("tidemark-models")} {
		panel := uint32(1)
		if figures[2].Title == "Calls" {
			panel = 2
		}
		figures.equal(t, panel, 0, calls)
		figures.equal(t, panel, 1, tokens)
		if calls > 0 {
			figures.equal(t, panel, 2, errs)
			var n, sum float64
			for _, row := range figures[20].Rows {
				n, sum = n+numberOf(t, row[5]), sum+numberOf(t, row[6])
			}
			if !near(n, calls) || !near(sum, tokens) {
				t.Errorf("the table of models: %v calls and %v tokens, want %v and %v", n, sum, calls, tokens)
			}
		}
	}
	if to.Sub(from) <= 6*time.Hour {
		s.checkMinutes(t, usage, tenant, from, to)
	}
}

// checkMinutes holds the series of a short range against the whole minutes that begin in it.
func (s store) checkMinutes(t *testing.T, usage answers, tenant string, from, to time.Time) {
	t.Helper()
	first := from.Add(time.Minute - time.Millisecond).Truncate(time.Minute)
	end := to.Add(time.Minute - time.Millisecond).Truncate(time.Minute)
	// The last minutes are as whole as the rollups were when they ran.
	whole := time.Unix(int64(parse(t, s.Text(1, "SELECT toString(toUnixTimestamp(max(whole_until))) FROM rollup_progress WHERE name = 'token_calls_1m'"))), 0).Truncate(time.Minute).Add(time.Minute)
	if whole.Before(end) {
		end = whole
	}
	want := map[int64]float64{}
	for _, line := range strings.Split(strings.TrimSpace(s.Text(2, "SELECT toString(toInt64(minute) * 60), toString(sum(ifNull(input_tokens, 0) * weight)) FROM token_calls WHERE tenant = '%s' AND minute >= %d AND minute < %d GROUP BY minute",
		tenant, first.Unix()/60, end.Unix()/60)), "\n") {
		at, n, _ := strings.Cut(line, " ")
		if at != "" {
			want[int64(parse(t, at))] = parse(t, n)
		}
	}
	for at := first; len(want) > 0 && at.Before(end); at = at.Add(time.Minute) {
		want[at.Unix()] += 0
	}
	usage.line(t, 21, 1, want)
}

func parse(t *testing.T, text string) float64 {
	t.Helper()
	var n float64
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatalf("%q is no number", text)
	}
	return n
}

func numberOf(t *testing.T, v any) float64 { t.Helper(); return number(t, v) }

// byName is a table of a panel: its first column to another one.
func (a answers) byName(t *testing.T, panel uint32, column int) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for _, row := range a[panel].Rows {
		out[fmt.Sprint(row[0])] = number(t, row[column])
	}
	return out
}
