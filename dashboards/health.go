package dashboards

import (
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
)

// The tiles in this file say how the pipeline stands. Each is one text whose first word is its state, and the state its
// color; a tile that cannot know says so, and since when: what was seen last is no news. They take from the ledger what
// was read, from log_ends what the brokers hold, and from heartbeats who is at work (see package consumers/health).

// The states of a tile, the first word of its text.
const (
	stateGood    = "good: "
	stateLate    = "late: "
	stateBad     = "bad: "
	stateUnknown = "unknown since "
)

// Ages from which on something is not taken for news, in SQL.
const (
	// silence is how long a worker may be silent, which reports every 10 s, and how old the ends of the log may be.
	silence = "INTERVAL 1 MINUTE"
	// auditAge is how old a verdict may be. Compose audits every hour.
	auditAge = "INTERVAL 3 HOUR"
)

// panelNow and alertNow are the clock of the statements: of a panel, and of a rule, which may be asked as at any time.
const (
	panelNow = "now64(3)"
	alertNow = "$__toTime_ms"
)

// never is a time that stands for none.
const never = "toDateTime64(0, 6, 'UTC')"

// stateText colors a text by its state and leaves out the words for it that say nothing to people.
func stateText() *stat.PanelBuilder {
	var mappings []dashboard.ValueMapping
	for i, s := range []struct{ pattern, text, color string }{
		{"/^" + stateGood + "(.*)$/", "$1", good}, {"/^" + stateLate + "(.*)$/", "$1", warning}, {"/^" + stateBad + "(.*)$/", "$1", bad},
		{"/^(unknown.*)$/i", "$1", unknown},
	} {
		mappings = append(mappings, dashboard.ValueMapping{RegexMap: &dashboard.RegexMap{Type: dashboard.MappingTypeRegexToText, Options: dashboard.DashboardRegexMapOptions{
			Pattern: s.pattern, Result: dashboard.ValueMappingResult{Text: cog.ToPtr(s.text), Color: cog.ToPtr(s.color), Index: cog.ToPtr(int32(i))},
		}}})
	}
	return light(unitText, steps("text")).Mappings(mappings).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"last"}).Fields("/.*/").Values(false))
}

// clockTime is a time as a tile shows it: of today by the clock alone.
func clockTime(t, now string) string {
	return fmt.Sprintf("substring(formatDateTime(%[1]s, '%%Y-%%m-%%d %%H:%%i', 'UTC'), if(toDate(%[1]s) = toDate(%[2]s), 12, 1))", t, now)
}

// duration is a number of seconds as a tile shows it.
func duration(s string) string {
	return fmt.Sprintf("multiIf(%[1]s < 120, concat(toString(round(%[1]s, 1)), ' s'), %[1]s < 7200, concat(toString(round(%[1]s / 60)), ' min'), %[1]s < 172800, concat(toString(round(%[1]s / 3600, 1)), ' h'), concat(toString(round(%[1]s / 86400, 1)), ' days'))", s)
}

// quantity is a count as a tile shows it.
func quantity(n string) string {
	return fmt.Sprintf("multiIf(%[1]s < 10000, toString(%[1]s), %[1]s < 1000000, concat(toString(round(%[1]s / 1e3, 1)), ' K'), concat(toString(round(%[1]s / 1e6, 1)), ' Mil'))", n)
}

// What a row of log_ends says at a moment: waiting is how many records the log holds that the ledger does not account for,
// since for how many seconds the position has not moved though it is not the end, seen when that was. A time that has not
// come, from a clock that was put back, is none.
func endsColumns(now string) string {
	return strings.NewReplacer("NOW", now, "NEVER", never).Replace(
		"toInt64({end_offset}) - toInt64(least({end_offset}, greatest({accounted}, {start_offset}))) AS waiting, " +
			"if({accounted} = {end_offset}, 0, toFloat64(greatest(dateDiff('second', {waiting_since}, NOW), 0))) AS since, " +
			"if({seen_at} > NOW + INTERVAL 1 MINUTE, NEVER, {seen_at}) AS seen")
}

// ends are the partitions for which a condition is true, as they were seen last, with endsColumns.
func ends(now, condition string) string {
	return "(SELECT toString({topic}) AS topic, {partition} AS partition, {accounted} AS position, {end_offset} AS end_offset, " + endsColumns(now) + " FROM {@log_ends} FINAL WHERE " + condition + ")"
}

// logNow is one row of what the ends of the log say together: of all partitions, ends_seen (when the one was seen that was
// seen longest ago) and standing (the longest since); and of those with a condition also how many wait and how many stand still.
func logNow(now, condition string) string {
	return "(SELECT count() AS partitions, min(seen) AS ends_seen, max(since) AS standing, " +
		"countIf(this) AS chosen, minIf(seen, this) AS chosen_seen, sumIf(waiting, this) AS lag, countIf(since >= 120 AND this) AS stalled FROM (SELECT " + endsColumns(now) + ", " + condition + " AS this FROM {@log_ends} FINAL))"
}

// roles is one row of who reported: of ingest and rollup _heard (when anything was of it, or the migration that expects it)
// and _workers (how many there ever were); ingesting (how many were heard of in the last minute); of the audit _workers,
// worked (when the last one was heard of) and ended (whether that one was asked to end); of audit and log _expected (the
// migration). A time that has not come, from a clock that was put back, is none.
func roles(now string) string {
	return strings.NewReplacer("NOW", now, "NEVER", never, "SILENCE", silence).Replace(
		"(SELECT maxIf(at, {role} = 'ingest') AS ingest_heard, countIf(known AND {role} = 'ingest') AS ingest_workers, countIf(known AND NOT {stopped} AND at > NOW - SILENCE AND {role} = 'ingest') AS ingesting, " +
			"maxIf(at, {role} = 'rollup') AS rollup_heard, countIf(known AND {role} = 'rollup') AS rollup_workers, " +
			"countIf(known AND {role} = 'audit') AS audit_workers, maxIf(at, known AND {role} = 'audit') AS worked, argMaxIf({stopped}, at, known AND {role} = 'audit') AS ended, " +
			"maxIf({seen_at}, {worker} = '' AND {role} = 'audit') AS audit_expected, maxIf({seen_at}, {worker} = '' AND {role} = 'log') AS log_expected " +
			"FROM (SELECT {role}, {worker}, {stopped}, {seen_at}, {seen_at} <= NOW + INTERVAL 1 MINUTE AS past, {worker} != '' AND past AS known, if(past, {seen_at}, NEVER) AS at FROM {@heartbeats} FINAL))")
}

// audited is one row of how many audits there were and when the newest was.
func audited(now string) string {
	return "(SELECT count() AS audited, max({at}) AS newest FROM {@audits} WHERE {at} <= " + now + " + INTERVAL 1 MINUTE)"
}

// silent is an array of who is not heard of, of roles, audited and logNow: who, when something was heard of it last, and
// whether nothing ever was. A role is heard of when any of its workers is. The audit may be silent between two audits, but
// not for longer than a verdict is news, nor if its worker was at work and has ended without a word. "log" stands for those
// who say what it holds; where nobody ever looked, it is silent since somebody should have begun to.
func silent(now string) string {
	return strings.NewReplacer("NOW", now, "SILENCE", silence, "AUDITAGE", auditAge).Replace(
		"arrayFilter(r -> r.2 < NOW - SILENCE, [('ingest', ingest_heard, ingest_workers = 0), ('rollup', rollup_heard, rollup_workers = 0), " +
			"('audit', multiIf(audit_workers > 0 AND NOT ended AND worked < NOW - SILENCE, worked, (if(audited = 0, audit_expected, newest) AS audited_at) < NOW - AUDITAGE, audited_at, toDateTime64(NOW, 6, 'UTC')), audited = 0), " +
			"('log', if(partitions = 0, log_expected, ends_seen) AS seen, partitions = 0)])")
}

// unknownSince is the text of a tile when the ends of the log are not known.
func unknownSince(seen, now string) string {
	return "concat('" + stateUnknown + "', " + clockTime(seen, now) + ")"
}

// state is the tiles Workers, Freshness, Lag and Stalled partitions, in one statement: planning it costs most.
func state(id uint32) panel {
	return panel{
		id: id, title: "State", width: 24, height: 4, table: true,
		description: "Workers: whether they report themselves, each every 10 s, and whether anybody says what the log holds; of ingest and rollup one is always expected, of the audit a verdict every three hours. The table Workers says who.\n\n" +
			"Freshness: " + freshnessMeans + "\n\n" +
			"Lag: records that the brokers hold and that are not accounted for, over all partitions: the ends of the log as a worker saw them in the last minute, against the ledger. Red from 10 million on, and when nobody ingests.\n\n" +
			"Stalled partitions: those of which the log holds what is not accounted for, and whose position has not moved for 2 minutes: nobody owns them, or their owner fails at something. The table Partitions says which.",
		kind: stateText(),
		sql: []string{"SELECT if(empty(" + silent(panelNow) + " AS missing), '" + stateGood + "all at work', concat('" + stateBad + "', arrayStringConcat(arrayMap(r -> " +
			"concat(if(r.1 = 'log', 'log not seen', concat('no ', r.1)), if(r.3 AND r.1 != 'log', ' ever', concat(' since ', " + clockTime("r.2", panelNow) + "))), missing), ', '))) AS Workers, " +
			"multiIf(seen < " + panelNow + " - " + silence + ", " + unknownSince("seen", panelNow) + ", " + freshnessText + ") AS Freshness, " +
			"multiIf(((if(chosen = 0, log_expected, chosen_seen) AS looked) < " + panelNow + " - " + silence + " AS unseen), (" + unknownSince("looked", panelNow) + " AS unknown), " +
			"lag > 0 AND ingesting = 0, concat('" + stateBad + "', (" + quantity("lag") + " AS count), ', nobody ingests'), concat(multiIf(lag < 1000000, '" + stateGood + "', lag < 10000000, '" + stateLate + "', '" + stateBad + "'), count)) AS Lag, " +
			"multiIf(unseen, unknown, stalled > 0, concat('" + stateBad + "', toString(stalled)), '" + stateGood + "0') AS `Stalled partitions` " +
			"FROM " + roles(panelNow) + " AS roles, " + audited(panelNow) + " AS audits, " + logNow(panelNow, topicChosen) + " AS log, " + blocksNow},
	}
}

// timed takes the blocks of which some record tells when it entered the log; those from before there was the column do not.
const timed = "{oldest_produced} > toDateTime64(0, 3, 'UTC')"

// delivered is how many records a block has that were in the log for somebody to count.
const delivered = "{stored} + {duplicates} + {conflicts} + {dead}"

// lagOfMost is how long 95 % of the records of blocks took, each block by its oldest.
const lagOfMost = "quantileExactWeighted(0.95)({produce_lag_us}, " + delivered + ")"

// blocksNow is one row of the blocks of the last five minutes: how many, and how late most of their records were; seconds.
const blocksNow = "(SELECT count() AS blocks, if(blocks = 0, 0, " + lagOfMost + " / 1e6) AS of_blocks FROM {@ledger} WHERE {written_at} >= now64(6) - INTERVAL 5 MINUTE AND " + timed + ") AS ledger"

// freshnessMeans and freshnessText are what the tile Freshness says, and the rest of a multiIf for it, of standing and
// blocksNow.
const freshnessMeans = "from the moment a record enters the log until it can be queried: for 95 % of the records accounted in the last 5 minutes, a block of them by its oldest, or how long what waits has not moved, whichever is more. How old events are plays no part. Where nothing came and nothing waits, everything is counted."

var freshnessText = "blocks = 0 AND standing = 0, '" + stateGood + "all counted', concat(multiIf((greatest(standing, of_blocks) AS late) < 30, '" + stateGood + "', late < 120, '" + stateLate + "', '" + stateBad + "'), " + duration("late") + ")"

func freshness(id uint32) panel {
	return panel{
		id: id, title: "Freshness", width: 4, height: 4, table: true,
		description: strings.ToUpper(freshnessMeans[:1]) + freshnessMeans[1:],
		kind:        stateText(),
		sql: []string{"SELECT multiIf(seen < " + panelNow + " - " + silence + ", " + unknownSince("seen", panelNow) + ", " + freshnessText + ") AS state FROM " +
			"(SELECT max(since) AS standing, if(count() = 0, (SELECT max({seen_at}) FROM {@heartbeats} FINAL WHERE {role} = 'log' AND {worker} = ''), min(seen)) AS seen FROM " + ends(panelNow, "1 = 1") + ") AS log, " + blocksNow},
	}
}

// eventLagOfMost is how old 95 % of the events of blocks are; blocks that store none have no weight. The longest would be that of a single event whose producer
// was offline for a day, wherever few events make a block.
const eventLagOfMost = "quantileExactWeighted(0.95)({event_lag_us}, {stored})"

// lastAudit is the newest audit's findings, one word for all of them.
const lastAudit = "SELECT multiIf(count() = 0, 'NOT YET', countIf({verdict} = 'difference') > 0, 'DIFFERENCE', countIf({verdict} = 'error') > 0, 'ERROR', " +
	"abs(dateDiff('second', max({at}), now64(3))) > 10800, concat('UNKNOWN since ', formatDateTime(max({at}), '%Y-%m-%d %H:%i', 'UTC')), 'OK') AS verdict " +
	"FROM {@audits} WHERE {audit} = (SELECT argMax({audit}, {at}) FROM {@audits})"

func verdict(id, width uint32) panel {
	mappings := words("OK", good, "DIFFERENCE", bad, "ERROR", warning, "NOT YET", neutral)
	mappings = append(mappings, dashboard.ValueMapping{RegexMap: &dashboard.RegexMap{Type: dashboard.MappingTypeRegexToText, Options: dashboard.DashboardRegexMapOptions{
		Pattern: "/^UNKNOWN.*$/", Result: dashboard.ValueMappingResult{Color: cog.ToPtr(unknown), Index: cog.ToPtr(int32(len(mappings)))},
	}}})
	return panel{
		id: id, title: "Audit", width: width, height: 4, table: true,
		description: "The verdict of the newest audit: every offset of the log is stored, a known duplicate or conflict, dead-lettered or a recorded gap, and every rollup equals a recomputation. UNKNOWN: the newest is more than 3 hours old, and nobody has looked since. NOT YET: run tidemark audit.",
		kind: light(unitText, steps("text")).Mappings(mappings).
			ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"last"}).Fields("/.*/").Values(false)),
		sql: []string{lastAudit},
	}
}

func workerTable(id uint32) panel {
	return panel{
		id: id, title: "Workers", width: 24, height: 7, table: true,
		description: "Every worker of the last 30 days, those at work first: what it does, since when, and when it reported last. Stopped is one that was asked to; silent is one that ended without a word, or cannot reach the database.",
		kind: rows().Unit(unitPlain).OverrideByName("heard", unit(unitSeconds, 0)).
			OverrideByName("state", []dashboard.DynamicConfigValue{set("mappings", words("works", good, "silent", bad, "stopped", neutral)), set("custom.cellOptions", map[string]any{"type": "color-text"}), set("custom.width", 110)}),
		mayBeEmpty: "nobody was ever at work",
		sql: []string{"SELECT {role} AS role, {worker} AS worker, multiIf({stopped}, 'stopped', abs(dateDiff('second', {seen_at}, now64(3))) > 60, 'silent', 'works') AS state, {started_at} AS started, dateDiff('second', {seen_at}, now64(3)) AS heard " +
			"FROM {@heartbeats} FINAL WHERE {worker} != '' ORDER BY state = 'works' DESC, heard, role, worker LIMIT 100"},
	}
}
