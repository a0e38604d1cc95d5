package expect

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	stacktest "tidemark/internal/test/stack"
	"tidemark/schemas"
	"tidemark/schemas/scenario"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }

// small is a scenario with an expectation of every kind.
const small = `
id: small
title: A small scenario
description: Four points.
seed: 1
sources:
  page: {name: A page, url: "https://example.org", license: single fact, confidence: B}
  ours: {name: Tidemark, citation: chosen, license: Apache-2.0, confidence: illustrative}
  rumor: {name: An article, citation: no page, license: single fact, confidence: X}
reference_points:
  - {metric: users, unit: users, file: points.csv, source: page}
expectations:
  - {id: sum, what: w, unit: users, sql: "SELECT sum(value) FROM reference_points WHERE tenant = 'small'", expected: 11, tolerance: 1, class: checked, source: page}
  - {id: most, what: w, unit: users, sql: "SELECT max(value) FROM reference_points WHERE tenant = 'small'", expected: 4, at_least: true, class: checked, source: page}
  - {id: drawn, what: w, unit: users, sql: "SELECT sum(value) FROM reference_points WHERE tenant = 'small'", expected: 10, tolerance: 0, class: illustrative, source: ours}
  - {id: wrong, what: w, unit: users, sql: "SELECT 99 FROM reference_points WHERE tenant = 'small' LIMIT 1", expected: 10, tolerance: 0, class: illustrative, source: ours}
  - {id: rumored, what: w, unit: users, sql: "SELECT 10 FROM reference_points WHERE tenant = 'small' LIMIT 1", expected: 10, tolerance: 0, class: unconfirmed, source: rumor}
  - {id: series, what: w, unit: points, sql: "SELECT entity, toString(toYear(time)), count() FROM reference_points WHERE tenant = 'small' GROUP BY ALL", series: {file: points.csv, by: [entity, year]}, class: checked, source: page}
  - {id: nothing, what: w, unit: users, sql: "SELECT avgIf(value, value > 100) FROM reference_points WHERE tenant = 'small'", expected: 1, tolerance: 1, class: checked, source: page}
  - {id: many, what: w, unit: users, sql: "SELECT value FROM reference_points WHERE tenant = 'small'", expected: 1, tolerance: 1, class: checked, source: page}
`

const points = "entity,at,value\na,2023,1\na,2023-05,2\nb,2023,3\n\"tab\\slash\",2024,4\n"

func load(t *testing.T, text string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Load(fstest.MapFS{"small.yaml": {Data: []byte(text)}, "points.csv": {Data: []byte(points)}}, "small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var made = []Stored{{Type: schemas.ReferencePointType, Events: 4}}

// store puts the first n of the points into the raw table.
func store(t *testing.T, db *clickhouse.DB, n int) {
	t.Helper()
	for i, row := range [][3]string{{"a", "2023-01-01", "1"}, {"a", "2023-05-01", "2"}, {"b", "2023-01-01", "3"}, {`tab\\slash`, "2024-01-01", "4"}}[:n] {
		sql := fmt.Sprintf("INSERT INTO reference_points_raw (time, tenant, identity, epoch, partition, offset, source, id, entity, metric, value, unit) "+
			"VALUES ('%s', 'small', %d, 1, 0, %d, 's', '%d', '%s', 'users', %s, 'users')", row[1], i, i, i, row[0], row[2])
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

// verdicts checks and returns the lines, each as id, verdict and detail.
func verdicts(t *testing.T, db *clickhouse.DB, s *scenario.Scenario) string {
	t.Helper()
	lines, err := Check(t.Context(), db, s, made)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&out, "%s | %s | %s | %s | %s | %s\n", l.ID, l.Reported, l.Measured, l.Tolerance, l.Verdict, l.Detail)
	}
	return out.String()
}

func TestCheck(t *testing.T) {
	s := load(t, small)
	f := func(stored int, want string) {
		t.Helper()
		db := clickhousetest.Open(t)
		store(t, db, stored)
		if got := verdicts(t, db, s); got != strings.TrimPrefix(want, "\n") {
			t.Errorf("with %d points stored:\n%s\nwant%s", stored, got, want)
		}
	}
	f(4, `
as-generated | 4 events | 4 events | equal | OK | 
sum | 11 users | 10 users | ±1 | OK | 
most | 4 users | 4 users | at least | OK | 
drawn | 10 users | 10 users | ±0 | illustrative | 
wrong | 10 users | 99 users | ±0 | illustrative | 
rumored | 10 users | 10 users | ±0 | unconfirmed | 
series | 4 points in 3 groups | 4 points in 3 groups | equal | OK | 
nothing | 1 users | - | ±1 | MISS | the query finds nothing to measure
many | 1 users | - | ±1 | MISS | the query returns 4 rows, not one number
`)
	// One is missing: what is ours stays what it is, all else notices.
	f(3, `
as-generated | 4 events | 3 events | equal | MISS | reference_points events: 3, not 4
sum | 11 users | 6 users | ±1 | MISS | 
most | 4 users | 3 users | at least | MISS | 
drawn | 10 users | 6 users | ±0 | illustrative | 
wrong | 10 users | 99 users | ±0 | illustrative | 
rumored | 10 users | 10 users | ±0 | unconfirmed | 
series | 4 points in 3 groups | 3 points in 2 groups | equal | MISS | tab\slash 2024: 0, not 1
nothing | 1 users | - | ±1 | MISS | the query finds nothing to measure
many | 1 users | - | ±1 | MISS | the query returns 3 rows, not one number
`)
	f(0, `
as-generated | 4 events | 0 events | equal | MISS | no data: replay it first: tidemark replay scenario:small
sum | 11 users | - | ±1 | MISS | no data
most | 4 users | - | at least | MISS | no data
drawn | 10 users | - | ±0 | illustrative | no data
wrong | 10 users | - | ±0 | illustrative | no data
rumored | 10 users | - | ±0 | unconfirmed | no data
series | 4 points in 3 groups | - | equal | MISS | no data
nothing | 1 users | - | ±1 | MISS | no data
many | 1 users | - | ±1 | MISS | no data
`)
}

// TestFailingQueries gives queries that cannot run, or that would write: the others are measured all the same.
func TestFailingQueries(t *testing.T) {
	i := strings.Index(small, "SELECT max")
	j := i + strings.Index(small[i:], `"`)
	for _, sql := range []string{
		"SELECT color FROM reference_points WHERE tenant = 'small'",
		"SELECT entity FROM reference_points WHERE tenant = 'small' LIMIT 1",
		"INSERT INTO audits (audit) SELECT tenant FROM reference_points WHERE tenant = 'small'",
		"TRUNCATE TABLE reference_points_raw -- 'small'",
	} {
		t.Run(strings.Fields(sql)[0]+" "+strings.Fields(sql)[1], func(t *testing.T) {
			s := load(t, small[:i]+sql+small[j:])
			db := clickhousetest.Open(t)
			store(t, db, 4)
			lines, err := Check(t.Context(), db, s, made)
			if err == nil || !strings.Contains(err.Error(), "measure most of small") {
				t.Fatalf("got %v, want an error that names the expectation", err)
			}
			if len(lines) != 9 || lines[1].Verdict != OK || lines[2].Verdict != Miss || lines[2].Measured != "failed" || lines[6].Verdict != OK {
				t.Errorf("got %+v", lines)
			}
			if again := pointsIn(t, db); again != "4" {
				t.Errorf("%s points are left, want 4", again)
			}
		})
	}
	empty := clickhousetest.OpenEmpty(t)
	if lines, err := Check(t.Context(), empty, load(t, small), made); err == nil || lines != nil {
		t.Errorf("of a database without tables: %v, %v", lines, err)
	}
}

// TestAuditExpected measures what diurnal expects of the audit: one has to be there, and to have seen all that is
// stored.
func TestAuditExpected(t *testing.T) {
	s, err := scenario.Load(os.DirFS("../../../producers/scenario/files"), "diurnal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(s.Expectations, func(e scenario.Expectation) bool { return e.ID == "audit" })
	db := clickhousetest.Open(t)
	f := func(sql, want string) {
		t.Helper()
		if sql != "" {
			if err := db.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		c := checker{db: db, scenario: s}
		l := c.measure(t.Context(), &s.Expectations[i])
		if got := fmt.Sprintf("%s %s %s", l.Verdict, l.Measured, l.Detail); got != want || len(c.errs) > 0 {
			t.Errorf("after %q: %s (%v), want %s", sql, got, c.errs, want)
		}
	}
	audit := func(id, at, verdict string) string {
		return fmt.Sprintf("INSERT INTO audits (at, audit, check, scope, verdict) VALUES ('%s', '%s', 'c', 'a', 'ok'), ('%s', '%s', 'c', 'b', '%s')", at, id, at, id, verdict)
	}
	stored := func(offset int, at string) string {
		return fmt.Sprintf("INSERT INTO ledger (topic, epoch, partition, from_offset, to_offset, written_at) VALUES ('queries.v1', 1, 0, %d, %d, '%s')", offset, offset+1, at)
	}
	nothing := "unconfirmed - " + s.Expectations[i].Absent
	f("", nothing)
	f(stored(0, "2026-03-01 00:00:00"), nothing)
	f(audit("1", "2026-03-02 00:00:00", "ok"), "OK 0 differences ")
	f(stored(1, "2026-03-03 00:00:00"), nothing)
	f(audit("2", "2026-03-04 00:00:00", "difference"), "MISS 1 differences ")
	f(audit("3", "2026-03-05 00:00:00", "ok"), "OK 0 differences ")
}

func pointsIn(t *testing.T, db *clickhouse.DB) string {
	t.Helper()
	var out strings.Builder
	if err := db.Format(t.Context(), "SELECT count() FROM reference_points", "TabSeparated", &out); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out.String())
}

func TestFigure(t *testing.T) {
	f := func(x float64, want string) {
		t.Helper()
		if got := figure(x); got != want {
			t.Errorf("figure(%v) = %s, want %s", x, got, want)
		}
	}
	f(0, "0")
	f(5.5, "5.5")
	f(100, "100")
	f(-1234, "-1,234")
	f(1e9, "1,000,000,000")
	f(358.42944, "358.4")
	f(98_765.4, "98,765")
	f(0.123456, "0.1235")
	f(4.6e26, "4.6e+26")
}
