package audit_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/consumers/ingest/ingesttest"
	"tidemark/schemas"
)

func protoInt(v int64) protoreflect.Value { return protoreflect.ValueOfInt64(v) }

// accident is something that somebody does to the database or the brokers by hand, and what an audit must say of it:
// with and without --settled, before the rollups are rebuilt from what is left, and after.
type accident struct {
	name string
	sql  []string
	do   func(p *pipeline)
	want string
}

const mutate = " SETTINGS mutations_sync = 2"

// renamed changes what the ledger calls offsets, with its own counts if there are any to change.
func renamed(topic, from, to string, counts ...string) string {
	sets := []string{fmt.Sprintf("`exceptions.disposition` = CAST(arrayMap(d -> if(d = '%s', '%s', toString(d)), exceptions.disposition), "+
		"'Array(Enum8(\\'duplicate\\' = 2, \\'conflict\\' = 3, \\'dead\\' = 4, \\'control\\' = 5, \\'gap\\' = 6))')", from, to)}
	return "ALTER TABLE ledger UPDATE " + strings.Join(append(sets, counts...), ", ") + " WHERE topic = '" + topic + "'" + mutate
}

// moved moves the counts of one disposition to another, of rows and of runs.
func moved(from, to string) []string {
	return []string{fmt.Sprintf("%[2]s = %[1]s + %[2]s, %[1]s = 0", from, to),
		fmt.Sprintf("`runs.%[2]s` = arrayMap((a, b) -> a + b, runs.%[1]s, runs.%[2]s), `runs.%[1]s` = arrayMap(a -> toUInt64(0), runs.%[1]s)", from, to)}
}

// accidents of one group are made at once, each in a place of its own.
var accidents = [][]accident{{
	{"a tenant", []string{"ALTER TABLE queries_raw UPDATE tenant = 'other' WHERE offset = 20" + mutate}, nil,
		"difference  raw holds queries_raw: queries_raw partition 0 offset 20 at "},
	{"a source", []string{"ALTER TABLE signups_raw UPDATE source = 'other' WHERE offset = 20" + mutate}, nil,
		"difference  raw holds signups_raw: signups_raw partition 0 offset 20 at "},
	{"an id", []string{"ALTER TABLE token_calls_raw UPDATE id = concat(id, '_') WHERE offset = 20" + mutate}, nil,
		"difference  raw holds token_calls_raw: token_calls_raw partition 0 offset 20 at "},
	{"a weight", []string{"ALTER TABLE model_events_raw UPDATE weight = weight + 1 WHERE offset = 20" + mutate}, nil,
		"difference  raw holds model_events_raw: model_events_raw partition 0 offset"},
	{"duplicates are called a gap", []string{renamed("queries.v1", "duplicate", "gap")}, nil,
		"difference  ledger tiles queries.v1: the ledger row of partition 0 offsets ["},
	{"duplicates are called a gap, with the counts", []string{renamed("signups.v1", "duplicate", "gap", "gap = gap + duplicates, duplicates = 0")}, nil,
		"difference  ledger tiles signups.v1: the ledger row of partition 0 offsets ["},
	{"duplicates are called control", []string{renamed("token_calls.v1", "duplicate", "control", "control = control + duplicates, duplicates = 0")}, nil,
		"difference  ledger tiles token_calls.v1: the ledger row of partition 0 offsets ["},
	{"exceptions overlap", []string{"ALTER TABLE ledger UPDATE `exceptions.from` = arrayMap((a, i) -> if(i = 2, a - 1, a), exceptions.from, arrayEnumerate(exceptions.from)), " +
		"`exceptions.to` = arrayMap((b, i) -> if(i = 2, b - 1, b), exceptions.to, arrayEnumerate(exceptions.to)) WHERE topic = 'runs.v1'" + mutate}, nil,
		"difference  ledger tiles runs.v1: the ledger row of partition 0 offsets ["},
	{"minutes are hidden", []string{"ALTER TABLE ledger UPDATE max_minute = min_minute - 1 WHERE topic = 'model_events.v1'" + mutate}, nil,
		"difference  ledger tiles model_events.v1: the ledger row of partition 0 offsets ["},
	{"the dead-letter topic is deleted", nil, func(p *pipeline) { p.gone[schemas.DeadLettersTopic] = true },
		"difference  exceptions hold reference_points.v1: the brokers do not have the topic dead_letters.v1, and the ledger calls 2 records dead, first partition 0 offset 5"},
}, {
	{"duplicates are called conflicts, with all counts", []string{renamed("queries.v1", "duplicate", "conflict", moved("duplicates", "conflicts")...)}, nil,
		"difference  exceptions hold queries.v1: partition 0 offset "},
	{"conflicts are called duplicates, with all counts", []string{renamed("signups.v1", "conflict", "duplicate", moved("conflicts", "duplicates")...)}, nil,
		"difference  exceptions hold signups.v1: partition 0 offset "},
	{"dead records are called duplicates, with all counts", []string{renamed("token_calls.v1", "dead", "duplicate", moved("dead", "duplicates")...)}, nil,
		"and the log holds a record there that is not an event"},
	{"duplicates are called dead, with all counts", []string{renamed("model_events.v1", "duplicate", "dead", moved("duplicates", "dead")...)}, nil,
		"difference  exceptions hold model_events.v1: partition 0 offset "},
	{"a gap is called control", []string{renamed("runs.v1", "gap", "control", "control = control + gap, gap = 0")}, nil,
		"difference  exceptions hold runs.v1: partition 0 offset 7: the ledger calls it control, and the log holds nothing there"},
	{"control records are called a gap", []string{renamed("reference_points.v1", "control", "gap", "gap = gap + control, control = 0")}, nil,
		"difference  exceptions hold reference_points.v1: partition 0 offset 8: the ledger calls it gap, and the log holds a record there"},
	{"the rollups have followed what is not there", []string{"INSERT INTO rollup_cursors SELECT * REPLACE (position + 1000 AS position, version + 1 AS version) FROM rollup_cursors FINAL WHERE topic = 'model_events.v1'"}, nil,
		"difference  ledger tiles model_events.v1: no ledger row covers partition 0 offsets ["},
}, {
	{"an exception is moved onto a stored offset", []string{"ALTER TABLE ledger UPDATE `exceptions.from` = arrayMap((a, d) -> if(d = 'control', a + 2, a), exceptions.from, exceptions.disposition), " +
		"`exceptions.to` = arrayMap((b, d) -> if(d = 'control', b + 2, b), exceptions.to, exceptions.disposition) WHERE topic = 'queries.v1'" + mutate}, nil,
		"the ledger calls it control, and queries_raw has a row of it"},
	{"the table topics has no row", []string{"ALTER TABLE topics DELETE WHERE topic = 'queries.v1'" + mutate}, nil,
		"difference  ledger tiles queries.v1: the ledger accounts for offsets of incarnation 1, of which the table topics has no row"},
	{"a topic is deleted", nil, func(p *pipeline) { p.gone["runs.v1"] = true },
		"difference  ledger tiles runs.v1: the ledger accounts for offsets of the topic, and the brokers no longer have it"},
	{"a letter is gone", nil, func(p *pipeline) { p.logs[schemas.DeadLettersTopic] = withoutLast(p.logs[schemas.DeadLettersTopic]) },
		"the ledger calls it dead, and dead_letters.v1 has no letter about it; 1 letter is missing"},
	{"the runs of a ledger row have other names", []string{"ALTER TABLE ledger UPDATE `runs.duplicates` = arrayMap(a -> a + 1, runs.duplicates) WHERE topic = 'token_calls.v1'" + mutate}, nil,
		"difference  ledger tiles token_calls.v1: the ledger row of partition 0 offsets ["},
	{"the table topics has another id", []string{"ALTER TABLE topics UPDATE topic_id = generateUUIDv4() WHERE topic = 'model_events.v1'" + mutate}, nil,
		"ledger tiles model_events.v1: 1 partition, "},
}, {
	{"a text", []string{"ALTER TABLE queries_raw UPDATE product = 'other' WHERE offset = 20" + mutate}, nil, content("queries")},
	{"a country", []string{"ALTER TABLE signups_raw UPDATE country = 'FR' WHERE offset = 20" + mutate}, nil, content("signups")},
	{"an enum", []string{"ALTER TABLE token_calls_raw UPDATE status = 'cancelled' WHERE offset < 80 AND status = 'ok'" + mutate}, nil, content("token_calls")},
	{"a text that may be empty", []string{"ALTER TABLE model_events_raw UPDATE hub = concat(hub, '_') WHERE offset = 20" + mutate}, nil, content("model_events")},
}, {
	{"another enum", []string{"ALTER TABLE queries_raw UPDATE segment = 'government' WHERE offset < 80 AND segment != 'government'" + mutate}, nil, content("queries")},
	{"a run", []string{"ALTER TABLE signups_raw UPDATE run = 'other' WHERE offset = 20" + mutate}, nil, content("signups")},
	{"a bool", []string{"ALTER TABLE token_calls_raw UPDATE streaming = NOT streaming WHERE offset = 20" + mutate}, nil, content("token_calls")},
	{"a copy that says something else", []string{"INSERT INTO model_events_raw SELECT * REPLACE ('other' AS model) FROM model_events_raw WHERE offset = 20"}, nil, content("model_events")},
}, {
	{"a model", []string{"ALTER TABLE queries_raw UPDATE model = 'm9' WHERE offset = 20" + mutate}, nil, content("queries")},
	{"a user", []string{"ALTER TABLE signups_raw UPDATE user = user + 1 WHERE offset = 20" + mutate}, nil, content("signups")},
	{"an error type", []string{"ALTER TABLE token_calls_raw UPDATE error_type = 'overloaded' WHERE offset = 20" + mutate}, nil, content("token_calls")},
	{"two texts are swapped", []string{"ALTER TABLE model_events_raw UPDATE organization = hub, hub = organization WHERE organization != hub AND offset < 80" + mutate}, nil, content("model_events")},
}}

// content is what an audit says of rows that are changed where the ledger has their contents.
func content(table string) string {
	return fmt.Sprintf("difference  raw holds %[1]s_raw: %[1]s_raw partition 0 offsets [0, ", table)
}

// TestAccidents makes every accident and expects it to be found, before and after the rollups are recomputed from it.
func TestAccidents(t *testing.T) {
	for i, group := range accidents {
		t.Run(fmt.Sprintf("group %d", i), func(t *testing.T) {
			p := newPipeline(t)
			p.fill()
			p.ingest()
			p.rollUp()
			var wants []string
			for _, a := range group {
				for _, sql := range a.sql {
					p.exec("%s", sql)
				}
				if a.do != nil {
					a.do(p)
				}
				wants = append(wants, a.want)
			}
			p.expect("as it is", false, wants...)
			p.rebuild()
			p.expect("after a rebuild", false, wants...)
		})
	}
}

// withoutLast is a log whose last record was never there.
func withoutLast(log *ingesttest.Log) *ingesttest.Log {
	other := &ingesttest.Log{}
	for offset := range log.End() - 1 {
		record, _ := log.Record(offset)
		other.Append(record)
	}
	return other
}

// TestPipelineIsOK has everything that a log can hold, and everything in its place: the verdict names what was lost and
// what is dead.
func TestPipelineIsOK(t *testing.T) {
	p := newPipeline(t)
	p.fill()
	p.ingest()
	p.rollUp()
	wants := []string{
		"ok          exceptions hold reference_points.v1: 2 dead letters, 2 control records, 6 lost to retention before they were read (partition 0 offsets [0, 5), partition 0 offsets [7, 8)); ",
		"\naudit: OK, 36 records were lost to retention before they were read, 12 dead letters\n",
		" read back from the log",
	}
	p.expect("as it should be", true, wants...)
	p.logs[schemas.DeadLettersTopic].DeleteBefore(3)
	p.expect("after letters were deleted with time", true, "; 2 dead letters are no longer kept")
	for _, spec := range schemas.Specs() {
		p.logs[spec.Topic].DeleteBefore(p.logs[spec.Topic].End())
	}
	p.expect("after the log was deleted with time", true)
}

// TestNothingHides breaks a rollup and makes an audit believe that the bucket waits, or was published meanwhile.
func TestNothingHides(t *testing.T) {
	const day = 86_400_000_000
	marks := func(reason string, version string) string {
		return fmt.Sprintf("INSERT INTO rollup_pending (rollup, from_bucket, to_bucket, reason, done, version) SELECT rollup, toStartOfDay(min(bucket)), toStartOfDay(max(bucket)) + INTERVAL 1 DAY, '%s', false, %s FROM rollup_versions GROUP BY `rollup`", reason, version)
	}
	p := newPipeline(t)
	p.fill()
	p.ingest()
	p.rollUp()
	p.exec("ALTER TABLE queries_1m_rows UPDATE queries = queries + 1 WHERE 1" + mutate)
	const want = "difference  rollup equals queries_1m: queries_1m bucket 2026-03-0"
	p.expect("broken", false, want)
	for _, hide := range []struct{ name, sql, undo string }{
		{"everything is deferred", marks("deferred", "toUnixTimestamp64Micro(now64(6))"), "TRUNCATE TABLE rollup_pending"},
		{"everything is requested", marks("requested", "toUnixTimestamp64Micro(now64(6))"), "TRUNCATE TABLE rollup_pending"},
		{"everything is deferred tomorrow", marks("deferred", fmt.Sprintf("toUnixTimestamp64Micro(now64(6)) + %d", day)), "TRUNCATE TABLE rollup_pending"},
		{"cursors are set back", "INSERT INTO rollup_cursors SELECT * REPLACE (0 AS position, version + 1 AS version) FROM rollup_cursors FINAL", ""},
		{"cursors are set back tomorrow", fmt.Sprintf("INSERT INTO rollup_cursors SELECT * REPLACE (0 AS position, version + %d AS version) FROM rollup_cursors FINAL", day), ""},
		{"cursors are gone", "TRUNCATE TABLE rollup_cursors", ""},
	} {
		p.exec("%s", hide.sql)
		p.expect(hide.name, false, want)
		if hide.undo != "" {
			p.exec("%s", hide.undo)
		}
	}
	// The buckets are shown at a version of tomorrow, of which there are rows, or none.
	p.exec("INSERT INTO queries_1m_rows SELECT * REPLACE (version + %d AS version) FROM queries_1m_rows", day)
	p.exec("INSERT INTO signups_1h_rows SELECT * REPLACE (version + %d AS version) FROM signups_1h_rows", day)
	p.exec("INSERT INTO rollup_versions SELECT * REPLACE (version + %d AS version) FROM rollup_versions FINAL WHERE rollup IN ('queries_1m', 'signups_1h', 'token_calls_1d')", day)
	p.expect("versions of tomorrow", false, want, "difference  rollup equals token_calls_1d: token_calls_1d bucket 2026-03-0", "the row is missing")
	if _, report := p.audit(false); !strings.Contains(report, "which is in the future: the database's clock was ahead") {
		t.Errorf("the report does not say that the clock was ahead:\n%s", report)
	}
	p.rebuild()
	p.expect("mended by a rebuild", true)

	// Where nothing is wrong, what waits is a difference only if nothing is under way.
	p.exec("%s", marks("deferred", "toUnixTimestamp64Micro(now64(6))"))
	if result, report := p.audit(false); !result.OK || !strings.Contains(report, "pending     rollup equals queries_1m: ") {
		t.Errorf("marks: not pending:\n%s", report)
	}
	if result, report := p.audit(true); result.OK || !strings.Contains(report, "difference  rollup equals queries_1m: ") || !strings.Contains(report, "and nothing is said to be under way") {
		t.Errorf("marks, settled: not a difference:\n%s", report)
	}
}
