package audit_test

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"testing"

	"tidemark/consumers/audit"
	"tidemark/consumers/ledger/ledgerdb"
)

// verdicts are those of the rollups, with their details.
func verdicts(result audit.Result) map[string]audit.Finding {
	found := make(map[string]audit.Finding)
	for _, f := range result.Findings {
		if f.Check == "rollup equals" {
			found[f.Scope] = f
		}
	}
	return found
}

// TestDerivedFromWrongBuckets: what is equal to something wrong is wrong, however far the cause is, and says where that
// is.
func TestDerivedFromWrongBuckets(t *testing.T) {
	const first, minute = "1950-01-01 00:00", "token_calls_1m bucket 1950-01-01 00:0"
	w := world(t)
	check := func(name, cause string, wrong ...string) {
		t.Helper()
		result, report := run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}})
		for scope, f := range verdicts(result) {
			want, detail := audit.OK, ""
			for _, each := range wrong {
				if scope == each {
					want, detail = audit.Difference, cause
				}
			}
			if f.Verdict != want || !strings.Contains(f.Detail, detail) {
				t.Errorf("%s: %s is %s: %s\nwant %s: ...%s\n%s", name, scope, f.Verdict, f.Detail, want, detail, report)
			}
		}
	}
	check("nothing", "")
	double := func(tables ...string) {
		for _, table := range tables {
			w.Exec("ALTER TABLE %s_rows UPDATE calls = calls * 2 WHERE 1 SETTINGS mutations_sync = 2", table)
		}
	}
	double("token_calls_1h", "token_calls_1d")
	check("hours and days", "token_calls_1h bucket "+first, "token_calls_1h", "token_calls_1d")
	double("token_calls_1m", "token_calls_all_1h", "token_calls_all_1d")
	check("all", "bucket 1950-01-01 00:0", "token_calls_1m", "token_calls_1h", "token_calls_1d", "token_calls_all_1h", "token_calls_all_1d")
	w.Exec("ALTER TABLE token_calls_1h_rows UPDATE calls = intDiv(calls, 2) WHERE 1 SETTINGS mutations_sync = 2")
	w.Exec("ALTER TABLE token_calls_1d_rows UPDATE calls = intDiv(calls, 2) WHERE 1 SETTINGS mutations_sync = 2")
	check("minutes, and hours and days of all tenants", minute, "token_calls_1m", "token_calls_all_1h", "token_calls_all_1d")

	result, _ := run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}})
	if got, want := verdicts(result)["token_calls_all_1d"].Detail, "token_calls_all_1d bucket "+first+" is made from "+minute; !strings.HasPrefix(got, want) {
		t.Errorf("days of all tenants: %s, want %s", got, want)
	}
}

// TestDerivedFromWrongRows: rollups that are recomputed from a raw row that somebody changed equal it, and are not
// right.
func TestDerivedFromWrongRows(t *testing.T) {
	p := newPipeline(t)
	p.fill()
	p.ingest()
	p.rollUp()
	p.exec("%s", "ALTER TABLE signups_raw UPDATE country = 'FR' WHERE offset = 20"+mutate)
	p.rebuild()
	result, report := p.audit(false)
	for scope, f := range verdicts(result) {
		if is := strings.HasPrefix(scope, "signups"); is != (f.Verdict == audit.Difference) || is && !strings.Contains(f.Detail, " is made from signups_raw at 2026-03-0") {
			t.Errorf("%s is %s: %s\n%s", scope, f.Verdict, f.Detail, report)
		}
	}
}

// failing fails a query that has two texts in it.
type failing struct {
	ledgerdb.DB
	texts [2]string
}

var errAway = errors.New("the database is away")

func (f failing) Query(ctx context.Context, sql string, row func(func(...any) error) error) error {
	if strings.Contains(sql, f.texts[0]) && strings.Contains(sql, f.texts[1]) {
		return errAway
	}
	return f.DB.Query(ctx, sql, row)
}

// TestDerivedFromWhatCouldNotBeChecked: a rollup is not right because it equals one that nobody could look at.
func TestDerivedFromWhatCouldNotBeChecked(t *testing.T) {
	w := world(t)
	for _, c := range []struct {
		texts [2]string
		wrong []string
	}{
		{[2]string{"FROM queries_1m WHERE bucket", "FROM queries_raw"}, []string{"queries_1m", "queries_all_1h", "queries_all_1d"}},
		{[2]string{"FROM queries_raw FINAL", "countIf(identity"}, []string{"queries_1m", "queries_1h", "queries_1d", "queries_all_1h", "queries_all_1d", "audience_1h", "audience_1d"}},
	} {
		result, report := run(t, &audit.Auditor{DB: failing{w.DB, c.texts}, Log: topics{w, 0}})
		found := verdicts(result)
		bad := 0
		for _, f := range found {
			if f.Verdict == audit.Error {
				bad++
			}
		}
		for _, scope := range c.wrong {
			if f := found[scope]; f.Verdict != audit.Error {
				t.Errorf("%s is %s: %s", scope, f.Verdict, f.Detail)
			}
		}
		if bad != len(c.wrong) {
			t.Errorf("%d rollups could not be checked, want %v:\n%s", bad, c.wrong, report)
		}
	}
}

// TestDerivedBehindItsSource: an hour that waits and was made before one of its minutes was published again is not wrong, although the
// ledger has nothing new for it. One that does not wait is.
func TestDerivedBehindItsSource(t *testing.T) {
	w := world(t)
	for _, table := range []string{"token_calls_all_1h", "token_calls_all_1d"} { // The day equals the hour that it was made from.
		w.Exec("ALTER TABLE %s_rows UPDATE calls = calls + 1 WHERE bucket < '2000-01-01' SETTINGS mutations_sync = 2", table)
	}
	w.Exec("INSERT INTO token_calls_1m_rows SELECT * REPLACE (1 + (SELECT max(version) FROM rollup_versions) AS version) FROM token_calls_1m_rows AS r WHERE r.bucket < '2000-01-01' AND (r.bucket, r.version) IN (SELECT bucket, version FROM rollup_versions FINAL WHERE rollup = 'token_calls_1m')")
	w.Exec("INSERT INTO rollup_versions SELECT rollup, bucket, 1 + (SELECT max(version) FROM rollup_versions), slot FROM rollup_versions FINAL WHERE rollup = 'token_calls_1m' AND bucket < '2000-01-01'")
	for _, want := range []audit.Verdict{audit.Difference, audit.Pending} {
		result, report := run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}})
		if f := verdicts(result)["token_calls_all_1h"]; f.Verdict != want {
			t.Errorf("token_calls_all_1h is %s: %s; want %s\n%s", f.Verdict, f.Detail, want, report)
		}
		w.Exec("INSERT INTO rollup_pending (rollup, from_bucket, to_bucket, reason, done, version) VALUES ('token_calls_all_1h', '1950-01-01 00:00:00', '1950-01-02 00:00:00', 'deferred', false, 1)")
	}
}

// TestDerivedThatWaits: a bucket that is not shown yet is not wrong, and what is made from buckets that wait waits,
// however far they are.
func TestDerivedThatWaits(t *testing.T) {
	w := world(t)
	w.Exec("ALTER TABLE token_calls_1h_rows UPDATE calls = calls + 1 WHERE bucket < '2000-01-01' SETTINGS mutations_sync = 2")
	w.Exec("ALTER TABLE rollup_versions DELETE WHERE rollup = 'token_calls_1d' AND bucket < '2000-01-01' SETTINGS mutations_sync = 2")
	for _, waits := range []string{"token_calls_1d", "queries_1m"} {
		w.Exec("INSERT INTO rollup_pending (rollup, from_bucket, to_bucket, reason, done, version) VALUES ('%s', '1950-01-01 00:00:00', '1950-01-02 00:00:00', 'deferred', false, 1)", waits)
	}
	result, report := run(t, &audit.Auditor{DB: w.DB, Log: topics{w, 0}})
	want := map[string]audit.Verdict{
		"token_calls_1h": audit.Difference, "token_calls_1d": audit.Pending, "queries_1m": audit.Pending, "queries_all_1h": audit.Pending, "queries_all_1d": audit.Pending,
	}
	for scope, f := range verdicts(result) {
		if f.Verdict != cmp.Or(want[scope], audit.OK) {
			t.Errorf("%s is %s: %s\n%s", scope, f.Verdict, f.Detail, report)
		}
	}
}
