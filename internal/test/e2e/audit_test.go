package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// fabricate makes a small namespace in which everything is right.
func fabricate(t *testing.T) pipeline {
	t.Helper()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	p.generate(t, "--events", "1500", "--seed", "11", "--span", "3h", "--duplicates", "0.05", "--poison", "0.01", "--late", "0")
	p.settle(t, "--block-rows", "100")
	return p
}

// TestAuditIsNotFooled changes the database behind the pipeline's back, over plain HTTP: the audit finds each change and
// names its place.
func TestAuditIsNotFooled(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		// change does its work and returns what the audit's output has to name.
		change func(t *testing.T, p pipeline) []string
	}{
		{"a raw row is deleted", func(t *testing.T, p pipeline) []string {
			row := p.row(t, "SELECT partition, offset FROM token_calls_raw ORDER BY identity LIMIT 1")
			p.sql(t, fmt.Sprintf("ALTER TABLE token_calls_raw DELETE WHERE partition = %s AND offset = %s", row[0], row[1]))
			return []string{fmt.Sprintf("raw holds token_calls_raw: token_calls_raw partition %s offset %s at ", row[0], row[1])}
		}},
		{"a raw row with new coordinates", func(t *testing.T, p pipeline) []string {
			p.sql(t, "INSERT INTO queries_raw SELECT * REPLACE (offset + 100000 AS offset) FROM queries_raw ORDER BY identity LIMIT 1")
			row := p.row(t, "SELECT partition, offset FROM queries_raw WHERE offset >= 100000")
			return []string{fmt.Sprintf("raw holds queries_raw: queries_raw partition %s offset %s at ", row[0], row[1])}
		}},
		{"a raw row at the place of a duplicate", func(t *testing.T, p pipeline) []string {
			row := p.row(t, "SELECT partition, arrayFirst((f, d) -> d = 'duplicate', exceptions.from, exceptions.disposition) FROM ledger WHERE topic = 'queries.v1' AND duplicates > 0 LIMIT 1")
			p.sql(t, fmt.Sprintf("INSERT INTO queries_raw SELECT * REPLACE (%s AS offset) FROM queries_raw WHERE partition = %s LIMIT 1", row[1], row[0]))
			return []string{fmt.Sprintf("raw holds queries_raw: queries_raw partition %s offset %s at ", row[0], row[1])}
		}},
		{"a rollup row is changed", func(t *testing.T, p pipeline) []string {
			row := p.row(t, "SELECT toString(bucket), formatDateTime(bucket, '%Y-%m-%d %H:%i'), product, segment, country FROM queries_1m ORDER BY cityHash64(bucket, country) LIMIT 1")
			p.sql(t, fmt.Sprintf("ALTER TABLE queries_1m_rows UPDATE queries = queries + 1 WHERE bucket = '%s' AND product = '%s' AND segment = '%s' AND country = '%s'",
				row[0], row[2], row[3], row[4]))
			return []string{"rollup equals queries_1m: queries_1m bucket " + row[1], fmt.Sprintf("product=%q segment=%q country=%q", row[2], row[3], row[4])}
		}},
		{"a ledger row is deleted", func(t *testing.T, p pipeline) []string {
			row := p.row(t, "SELECT partition, from_offset, to_offset FROM ledger WHERE topic = 'token_calls.v1' AND from_offset > 0 ORDER BY partition, from_offset LIMIT 1")
			p.sql(t, fmt.Sprintf("ALTER TABLE ledger DELETE WHERE topic = 'token_calls.v1' AND partition = %s AND from_offset = %s", row[0], row[1]))
			return []string{fmt.Sprintf("ledger tiles token_calls.v1: no ledger row covers partition %s offsets [%s, %s)", row[0], row[1], row[2])}
		}},
		{"the last ledger row is deleted", func(t *testing.T, p pipeline) []string {
			row := p.row(t, "SELECT partition, from_offset FROM ledger WHERE topic = 'token_calls.v1' AND partition = 1 ORDER BY from_offset DESC LIMIT 1")
			p.sql(t, fmt.Sprintf("ALTER TABLE ledger DELETE WHERE topic = 'token_calls.v1' AND partition = %s AND from_offset = %s", row[0], row[1]))
			// Rows that are not accounted for may be on their way; with nothing on its way they are a difference too.
			if r := p.run(t, "audit", "--settled"); r.code != 1 || !onDifference(r.stdout, fmt.Sprintf("partition %s offset %s", row[0], row[1])) {
				t.Errorf("audit --settled: exit code %d, want 1 and a difference at partition %s offset %s", r.code, row[0], row[1])
			}
			return []string{"rollup equals token_calls_1m: token_calls_1m bucket 2026-03-0"}
		}},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			p := fabricate(t)
			wants := test.change(t, p)
			r := p.run(t, "audit")
			if r.code != 1 {
				t.Fatalf("exit code %d, want 1", r.code)
			}
			if !strings.Contains(r.stdout, "audit: DIFFERENCE (") || strings.Contains(r.stdout, "audit: OK") {
				t.Error("the last line does not say that there are differences")
			}
			for _, want := range wants {
				if !onDifference(r.stdout, want) {
					t.Errorf("no difference names %q", want)
				}
			}
		})
	}
}

// onDifference reports whether a line of a difference contains want.
func onDifference(report, want string) bool {
	for line := range strings.Lines(report) {
		if strings.HasPrefix(line, "difference") && strings.Contains(line, want) {
			return true
		}
	}
	return false
}

// TestCopiesAreHarmless copies raw rows with their coordinates: no figure changes, nor does the audit, nor do rollups
// that are computed again from them.
func TestCopiesAreHarmless(t *testing.T) {
	t.Parallel()
	p := fabricate(t)
	p.auditOK(t)
	figures := func() string {
		var all []string
		for _, statement := range []string{
			"SELECT count(), sum(weight), sum(input_tokens), sum(output_tokens) FROM token_calls",
			"SELECT count(), sum(weight), uniqExact(user) FROM queries",
			"SELECT sum(calls), sum(records), sum(checksum), sum(input_tokens), sum(output_tokens) FROM token_calls_1m",
			"SELECT sum(calls), sum(records), sum(input_tokens), sum(output_tokens) FROM token_calls_1h",
			"SELECT sum(calls), sum(records), sum(input_tokens), sum(output_tokens) FROM token_calls_1d",
			"SELECT sum(queries), sum(records), sum(checksum) FROM queries_1m",
			"SELECT sum(queries), sum(records) FROM queries_1d",
		} {
			all = append(all, p.sql(t, statement))
		}
		return strings.Join(all, "\n")
	}
	before := figures()
	for _, table := range []string{"token_calls_raw", "queries_raw"} {
		p.sql(t, "SYSTEM STOP MERGES "+table)
		rows := number(t, p.sql(t, "SELECT count() FROM "+table))
		p.sql(t, fmt.Sprintf("INSERT INTO %[1]s SELECT * FROM %[1]s ORDER BY identity LIMIT 1", table))
		if now := number(t, p.sql(t, "SELECT count() FROM "+table)); now != rows+1 {
			t.Fatalf("%s has %d rows after one was copied, and had %d", table, now, rows)
		}
	}
	if after := figures(); after != before {
		t.Errorf("the copy changed figures:\n%s\nwant\n%s", after, before)
	}
	p.auditOK(t)

	// Everything again from raw, as a rollup worker does that has lost its cursors.
	p.sql(t, "TRUNCATE TABLE rollup_cursors")
	if out := p.ok(t, "rollup", "--until-caught-up"); strings.HasPrefix(out, "0 ranges") {
		t.Fatal("nothing was recomputed: the test shows nothing")
	}
	if after := figures(); after != before {
		t.Errorf("a rollup over the copies has other figures:\n%s\nwant\n%s", after, before)
	}
	p.auditOK(t)
}

// TestAuditEvery audits again and again until a signal: the exit code is that of the last one.
func TestAuditEvery(t *testing.T) {
	t.Parallel()
	p := fabricate(t)
	process := p.start(t, "audit", "--every", "1s")
	audits := func() int { return int(number(t, p.row(t, "SELECT uniqExact(audit) FROM audits")[0])) }
	eventually(t, "it has audited three times", func() bool { return audits() >= 3 })
	if code := process.stop(t); code != 0 {
		t.Errorf("exit code %d with nothing wrong:\n%s", code, process.output())
	}
	p.sql(t, "ALTER TABLE ledger DELETE WHERE topic = 'token_calls.v1' AND from_offset = 0")
	before := audits()
	process = p.start(t, "audit", "--every", "1s")
	eventually(t, "it has audited twice more", func() bool { return audits() >= before+2 })
	if code := process.stop(t); code != 1 {
		t.Errorf("exit code %d after a difference:\n%s", code, process.output())
	}
}
