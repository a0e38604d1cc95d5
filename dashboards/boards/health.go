package boards

import (
	"slices"
	"strconv"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
	"tidemark/schemas"
)

// The tiles in this file show the state of the pipeline. Each is one text whose first word is the state, which sets the color.
// A tile without current data shows since when it is unknown, not what was seen last. The ledger has what was read, log_ends
// what the brokers hold, and heartbeats who is at work (see package consumers/health).

// The states of a tile: the first word of its text, in the statements as here.
const (
	stateGood = "good: "
	stateLate = "late: "
	stateBad  = "bad: "
)

// stateText colors a text by its state and leaves out the words for it that say nothing to people.
func stateText() *stat.PanelBuilder {
	return textTile(
		shown{"/^" + stateGood + "(.*)$/", "$1", preset.Good}, shown{"/^" + stateLate + "(.*)$/", "$1", preset.Warning},
		shown{"/^" + stateBad + "(.*)$/", "$1", preset.Bad}, shown{"/^(unknown.*)$/i", "$1", preset.Unknown})
}

// shown is how a tile shows texts of a pattern.
type shown struct{ pattern, text, color string }

// textTile is a tile for texts, the first pattern of which counts.
func textTile(patterns ...shown) *stat.PanelBuilder {
	var mappings []dashboard.ValueMapping
	for i, s := range patterns {
		mappings = append(mappings, dashboard.ValueMapping{RegexMap: &dashboard.RegexMap{Type: dashboard.MappingTypeRegexToText, Options: dashboard.DashboardRegexMapOptions{
			Pattern: s.pattern, Result: dashboard.ValueMappingResult{Text: cog.ToPtr(s.text), Color: cog.ToPtr(s.color), Index: cog.ToPtr(int32(i))},
		}}})
	}
	return preset.Status(preset.Text, preset.Thresholds("text")).Mappings(mappings).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"last"}).Fields("/.*/").Values(false))
}

// bound is for how many seconds a worker may go without a report or a partition stand still before an alert, and how late data may be.
const bound = 120

// limitFragments are the times that the tiles and the rules about the pipeline share. A time that has not come, from a clock
// that was put back, is none.
func limitFragments() map[string]string {
	return map[string]string{
		// How long a worker, which reports every 10 s, may go without a report; how old the ends of the log may be.
		"report_age": `INTERVAL 1 MINUTE`,
		// How old a verdict of the audit may be. Compose audits every hour.
		"audit_age": `INTERVAL 3 HOUR`,
		// How far a time may be ahead of the database's clock; beyond that it is a time that has not come.
		"ahead": `INTERVAL 1 MINUTE`,
		"bound": strconv.Itoa(bound),
		// A time that stands for none.
		"never": `toDateTime64(0, 6, 'UTC')`,
	}
}

// wordingFragments are the figures of tiles as text.
func wordingFragments() map[string]string {
	return map[string]string{
		// A time as a tile shows it; a time of today without the date.
		"clock": `substring(formatDateTime({=}, '%Y-%m-%d %H:%i', 'UTC'), if(toDate({=}) = toDate({:now}), 12, 1))`,
		// A number of seconds as a tile shows it.
		"duration": `multiIf(
			{=} < 120, concat(toString(round({=}, 1)), ' s'),
			{=} < 7200, concat(toString(round({=} / 60)), ' min'),
			{=} < 172800, concat(toString(round({=} / 3600, 1)), ' h'),
			concat(toString(round({=} / 86400, 1)), ' days'))`,
		// A count as a tile shows it.
		"quantity": `multiIf(
			{=} < 10000, toString({=}),
			{=} < 1000000, concat(toString(round({=} / 1e3, 1)), ' K'),
			concat(toString(round({=} / 1e6, 1)), ' Mil'))`,
		// The text of a tile when nobody knows the ends of the log since a time.
		"unknown_since": `concat('unknown since ', {:clock {=}})`,
	}
}

// logFragments are what is known of the ends of the log.
func logFragments() map[string]string {
	return map[string]string{
		// Columns of a row of log_ends: waiting is how many records the log holds that the ledger does not account for; since,
		// for how many seconds the position has not moved though it is not the end; seen, when that was.
		"end_columns": `
			toInt64({end_offset}) - toInt64(least({end_offset}, greatest({accounted}, {start_offset}))) AS waiting,
			if({accounted} = {end_offset}, 0, toFloat64(greatest(dateDiff('second', {waiting_since}, {:now}), 0))) AS since,
			if({seen_at} > {:now} + {:ahead}, {:never}, {seen_at}) AS seen`,
		// The partitions for which a condition is true, as they were seen last.
		"ends": `(
			SELECT
				toString({topic}) AS topic, {partition} AS partition, {accounted} AS position, {end_offset} AS end_offset,
				{:end_columns}
			FROM {@log_ends} FINAL WHERE {=})`,
		// One row of what the ends of the log say together: of all partitions, ends_seen (the oldest sight of one) and standing
		// (the longest since); of those with a condition, also how many records wait and how many partitions stand still.
		"log": `(
			SELECT
				count() AS partitions, min(seen) AS ends_seen, max(since) AS standing,
				countIf(this) AS chosen, minIf(seen, this) AS chosen_seen, sumIf(waiting, this) AS lag,
				countIf(since >= {:bound} AND this) AS stalled
			FROM (SELECT {:end_columns}, {=} AS this FROM {@log_ends} FINAL))`,
	}
}

// workerFragments are who is at work and who is missing.
func workerFragments() map[string]string {
	return map[string]string{
		// One row of who reported. Of ingest and rollup: _reported (the last report, or the migration that expects one) and
		// _workers (how many there ever were); ingesting (how many reported in the last minute). Of the audit: _workers, worked
		// (its last report) and ended (whether that worker was asked to end). Of audit and log: _expected (the migration).
		"roles": `(
			SELECT
				maxIf(at, {role} = 'ingest') AS ingest_reported, countIf(known AND {role} = 'ingest') AS ingest_workers,
				countIf(known AND NOT {stopped} AND at > {:now} - {:report_age} AND {role} = 'ingest') AS ingesting,
				maxIf(at, {role} = 'rollup') AS rollup_reported, countIf(known AND {role} = 'rollup') AS rollup_workers,
				countIf(known AND {role} = 'audit') AS audit_workers, maxIf(at, known AND {role} = 'audit') AS worked,
				argMaxIf({stopped}, at, known AND {role} = 'audit') AS ended,
				maxIf({seen_at}, {worker} = '' AND {role} = 'audit') AS audit_expected,
				maxIf({seen_at}, {worker} = '' AND {role} = 'log') AS log_expected
			FROM (
				SELECT
					{role}, {worker}, {stopped}, {seen_at}, {seen_at} <= {:now} + {:ahead} AS past,
					{worker} != '' AND past AS known, if(past, {seen_at}, {:never}) AS at
				FROM {@heartbeats} FINAL))`,
		// An array of who is missing, from roles, audited and log: who, the last report, and whether there never was any. A role
		// reports when any of its workers does. The audit need not report between two audits, but not for longer than its verdict
		// stays news, nor if its worker was at work and ended without a word. "log" stands for the reports of what it holds;
		// where nobody ever looked, it is missing since somebody should have begun to.
		"missing": `arrayFilter(r -> r.2 < {:now} - {:report_age}, [
			('ingest', ingest_reported, ingest_workers = 0), ('rollup', rollup_reported, rollup_workers = 0),
			('audit', multiIf(
				audit_workers > 0 AND NOT ended AND worked < {:now} - {:report_age}, worked,
				(if(audited = 0, audit_expected, newest) AS audited_at) < {:now} - {:audit_age}, audited_at,
				toDateTime64({:now}, 6, 'UTC')), audited = 0),
			('log', if(partitions = 0, log_expected, ends_seen) AS seen, partitions = 0)])`,
	}
}

// auditFragments are what audits found.
func auditFragments() map[string]string {
	var failed []string
	for _, v := range schemas.FailedVerdicts() {
		failed = append(failed, "countIf({verdict} = "+schemas.Quote(v)+") > 0, "+schemas.Quote(strings.ToUpper(v)))
	}
	worstFirst, worstLast := schemas.Verdicts(), schemas.Verdicts()
	slices.Reverse(worstLast)
	return map[string]string{
		// One row of how many audits there were and when the newest was.
		"audited":              `(SELECT count() AS audited, max({at}) AS newest FROM {@audits} WHERE {at} <= {:now} + {:ahead})`,
		"failed_verdicts":      schemas.QuoteAll(schemas.FailedVerdicts()),
		"verdicts_worst_first": schemas.QuoteAll(worstFirst),
		"verdicts_worst_last":  schemas.QuoteAll(worstLast),
		// One word for all findings of the newest audit.
		"verdict": board.Fill(`
			SELECT multiIf(
				count() = 0, 'NOT YET', {=failed},
				max({at}) NOT BETWEEN now64(3) - {:audit_age} AND now64(3) + {:audit_age},
				concat('UNKNOWN since ', formatDateTime(max({at}), '%Y-%m-%d %H:%i', 'UTC')), 'OK') AS verdict
			FROM {@audits} WHERE {audit} = (SELECT argMax({audit}, {at}) FROM {@audits})`,
			map[string]string{"failed": strings.Join(failed, ", ")}),
	}
}

// blockFragments are what the ledger tells of blocks: how many records they have and how late.
func blockFragments() map[string]string {
	return map[string]string{
		// True for blocks of which some record has the time at which it entered the log; blocks from before there was such a
		// column have none.
		"timed": `{oldest_produced} > toDateTime64(0, 3, 'UTC')`,
		// How many records of a block were in the log for somebody to count.
		"delivered": `{stored} + {duplicates} + {conflicts} + {dead}`,
		// How long 95 % of the records of blocks took, each block by its oldest.
		"lag_of_most": `quantileExactWeighted(0.95)({produce_lag_us}, {:delivered})`,
		// How old 95 % of the events of blocks are; blocks that store none have no weight. The longest would be that of a
		// single event whose producer was offline for a day, wherever few events make a block.
		"event_lag_of_most": `quantileExactWeighted(0.95)({event_lag_us}, {stored})`,
		// One row of the blocks of the last five minutes: how many, and how late most of their records were, in seconds.
		"blocks": `(
			SELECT count() AS blocks, if(blocks = 0, 0, {:lag_of_most} / 1e6) AS of_blocks FROM {@ledger}
			WHERE {written_at} >= now64(6) - INTERVAL 5 MINUTE AND {:timed}) AS ledger`,
		// The tile Freshness, after the cases in which nobody knows: the rest of a multiIf, from standing and blocks.
		"freshness": `
			blocks = 0 AND standing = 0, 'good: all counted',
			concat(multiIf(
				(greatest(standing, of_blocks) AS late) < 30, 'good: ',
				late < {:bound}, 'late: ', 'bad: '), {:duration late})`,
		// The unit of throughput: 365 billion queries a year, in events per second.
		"per_chatgpt_year": `11574.07`,
	}
}

// state is the tiles Workers, Freshness, Lag and Stalled partitions, in one statement: planning it costs most.
func state(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "State", Width: 24, Height: 5, Table: true,
		Description: "Workers: green if every role reports; a worker reports every 10 s. The tile expects at least one ingest " +
			"worker, one rollup worker, an audit in the last 3 hours, and a worker that has asked the brokers for " +
			"the ends of the log. It is red if one of them is missing: the table Workers shows which.\n\n" +
			"Freshness: " + freshnessMeans + "\n\n" +
			"Lag: records that the brokers hold and that are not accounted for, over all partitions: the ends of the log as a worker " +
			"saw them in the last minute, minus the positions in the ledger. Orange from 1 million, red from 10 million, and red " +
			"when there is lag and no worker ingests.\n\n" +
			"Stalled partitions: partitions with lag whose position has not moved for 2 minutes. Nobody owns them, or their owner " +
			"cannot store a block. Red from the first one: the table Partitions shows which.",
		// A text of one size, which wraps: it would shrink with the longest of the four until nobody can read any.
		Kind: stateText().Text(common.NewVizTextDisplayOptionsBuilder().TitleSize(14).ValueSize(22)),
		SQL: []string{`
			SELECT
				if(empty({:missing} AS missing), 'good: all at work', concat('bad: ', arrayStringConcat(arrayMap(r ->
					concat(if(r.1 = 'log', 'log not seen', concat('no ', r.1)), if(r.3 AND r.1 != 'log', ' ever', concat(' since ', {:clock r.2}))),
					missing), ', '))) AS Workers,
				multiIf(seen < {:now} - {:report_age}, {:unknown_since seen}, {:freshness}) AS Freshness,
				multiIf(
					((if(chosen = 0, log_expected, chosen_seen) AS looked) < {:now} - {:report_age} AS unseen), ({:unknown_since looked} AS unknown),
					lag > 0 AND ingesting = 0, concat('bad: ', ({:quantity lag} AS count), ', nobody ingests'),
					concat(multiIf(lag < 1000000, 'good: ', lag < 10000000, 'late: ', 'bad: '), count)) AS Lag,
				multiIf(
					unseen, unknown, stalled > 0, concat('bad: ', toString(stalled)), 'good: 0') AS "Stalled partitions"
			FROM {:roles} AS roles, {:audited} AS audits, {:log {:chosen topic}} AS log, {:blocks}`},
	}
}

// freshnessMeans describes the tile Freshness.
const freshnessMeans = "the larger of two times. First: the time from a record's entry into the log until a " +
	"query can read it, for 95 % of the records of the last 5 minutes (a block counts by its oldest record). Second: " +
	"the longest time for which a position has not moved although records are left. The age of events does not " +
	"matter. Orange from 30 s, red from 120 s. If no records came and none are left, the tile shows \"all counted\"."

func freshness(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Freshness", Width: 4, Height: 4, Table: true,
		Description: strings.ToUpper(freshnessMeans[:1]) + freshnessMeans[1:],
		Kind:        stateText(),
		SQL: []string{`
			SELECT multiIf(seen < {:now} - {:report_age}, {:unknown_since seen}, {:freshness}) AS state
			FROM (
				SELECT
					max(since) AS standing,
					if(
						count() = 0, (SELECT max({seen_at}) FROM {@heartbeats} FINAL WHERE {role} = 'log' AND {worker} = ''),
						min(seen)) AS seen
				FROM {:ends 1 = 1}) AS log, {:blocks}`},
	}
}

func verdict(id, width uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Audit", Width: width, Height: 4, Table: true,
		Description: "The verdict of the newest audit. OK: every offset of the log is stored, a known duplicate or " +
			"conflict, a dead letter or a recorded gap, and every rollup equals a recomputation. numbers differ: a " +
			"number on the dashboards is wrong. audit failed: a check could not be made. unknown: the newest audit is more than 3 " +
			"hours old. no audit yet: run tidemark audit.",
		Kind: textTile(
			shown{"/^OK$/", "OK", preset.Good}, shown{"/^DIFFERENCE$/", "numbers differ", preset.Bad}, shown{"/^ERROR$/", "audit failed", preset.Warning},
			shown{"/^NOT YET$/", "no audit yet", preset.Rest}, shown{"/^UNKNOWN(.*)$/", "unknown$1", preset.Unknown}),
		SQL: []string{`{:verdict}`},
	}
}

func workerTable(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Workers", Width: 24, Height: 7, Table: true,
		Description: "Every worker of the last 30 days, those at work first: its role, its name, when it started, and " +
			"how long ago its last report was (hours:minutes:seconds). stopped: somebody asked it to stop. no report: it has not " +
			"reported for a minute, because it died or cannot reach the database.",
		Kind: preset.Table().Unit(preset.Plain).OverrideByName("last report", preset.Unit(preset.Elapsed)).
			OverrideByName("state", append(preset.WorkerStates.Cells(), preset.Width(110)...)).
			OverrideByName("worker", leastWidth(200)).OverrideByName("started", atSecond()),
		MayBeEmpty: "no worker ever reported",
		SQL: []string{`
			SELECT
				{role} AS role, {worker} AS worker,
				multiIf({stopped}, 'stopped', abs(dateDiff('second', {seen_at}, now64(3))) > 60, 'no report', 'works') AS state,
				{started_at} AS started, dateDiff('second', {seen_at}, now64(3)) AS "last report"
			FROM {@heartbeats} FINAL WHERE {worker} != '' ORDER BY state = 'works' DESC, "last report", role, worker LIMIT 100`},
	}
}
