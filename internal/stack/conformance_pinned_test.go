package stack_test

import "testing"

// testPinned runs a statement often enough for the engine to compile its aggregate functions, if it were allowed to.
func testPinned(t *testing.T, f *front) {
	const ends = "SELECT toString(number % 2) AS k, toYear(min(t)), toYear(max(t)), toYear(minIf(t, number > 1)), toYear(maxIf(n, number > 1)) " +
		"FROM (SELECT number, toDateTime64(if(number % 4 < 2, '1950-01-01', '2026-01-01'), 6, 'UTC') AS t, toNullable(t) AS n FROM numbers(40)) GROUP BY k ORDER BY k"
	const want = "0\t1950\t2026\t1950\t2026\n1\t1950\t2026\t1950\t2026\n"
	for range 10 {
		f.post(t, ends).want(t, 200, want)
		f.post(t, ends, "min_count_to_compile_aggregate_expression", "0").want(t, 200, want)
	}
	for _, value := range []string{"0", "false"} {
		f.post(t, "SELECT getSetting('compile_aggregate_expressions')", "compile_aggregate_expressions", value).want(t, 200, "false\n")
	}
	f.post(t, "SELECT 1 SETTINGS compile_aggregate_expressions = 0").want(t, 200, "1\n")
	// No client gets the wrong results back, by whatever way it asks.
	for _, value := range []string{"1", "true", "nonsense"} {
		if a := f.post(t, ends, "compile_aggregate_expressions", value); a.status == 200 {
			t.Errorf("compile_aggregate_expressions=%s was let through: %s", value, a.body)
		}
	}
	for _, sql := range []string{"SELECT 1 SETTINGS compile_aggregate_expressions = 1", "SET compile_aggregate_expressions = 1"} {
		f.post(t, sql).wantError(t, 500, 452, "SETTING_CONSTRAINT_VIOLATION")
	}
	for _, sql := range []string{"SELECT 1 SETTINGS compatibility = '23.1'", "SELECT 1 SETTINGS profile = 'default'"} {
		f.post(t, sql) // May be refused; what counts is the next one.
	}
	f.post(t, "SELECT getSetting('compile_aggregate_expressions') SETTINGS compatibility = '23.1'").want(t, 200, "false\n")
}
