package boards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
)

// pipeline answers: does every record count, how far behind is the pipeline, and how much more load can it take? All of it
// comes from ClickHouse: the ledger, the audits, the tables of the rollups, and the reports of the workers (see health.go).
func pipeline() board.Board {
	variables := append(board.CommonVariables("namespace"), board.Variable{
		Name: "topic", Label: "Topic", Description: "The topics of the namespace, for the panels on ingest.",
		SQL: "SELECT DISTINCT toString({topic}) AS topic FROM {@topics} ORDER BY topic",
	})
	return board.Board{
		UID: "tidemark-pipeline", Title: "Pipeline", From: "now-1h", Refresh: "10s",
		Description: "How far behind the pipeline is, how fast it is, what happened to every record, and whether the " +
			"counts agree. All data is in ClickHouse: the ledger, the audits, the rollups and the reports of " +
			"the workers. Prometheus is not needed. Times are in UTC.",
		Variables: variables,
		Rows: []board.Row{
			{Title: "Now", Panels: []board.Panel{state(7), verdict(2, 6), debt(6), throughputNow(5)}},
			{Title: "In the range", Panels: []board.Panel{records(10)}},
			{Title: "Ingest", Panels: []board.Panel{throughput(20), lagOverTime(21), freshnessOverTime(22), eventLagOverTime(26), blockSize(23), insertTime(24), exceptions(25)}},
			{Title: "Partitions", Panels: []board.Panel{partitionTable(30)}},
			{Title: "Workers", Panels: []board.Panel{workerTable(31)}},
			{Title: "Rollups", Panels: []board.Panel{rollupTable(40)}},
			{Title: "Audits", Panels: []board.Panel{verdicts(50), findings(51)}},
		},
	}
}

func throughputNow(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Throughput and event lag", Width: 12, Height: 4, Table: true,
		Description: "per second: records accounted for per second in the last minute. times ChatGPT: the same in " +
			"multiples of the 365 billion queries per year that ChatGPT reached in 2024 (a ChatGPT-year, 11,574 per second). event lag: how old the " +
			"newest event of a block was when it could be queried, in seconds, for 95 % of the events of the " +
			"last 5 minutes; none: no event was stored in them. A large event lag is no fault of the pipeline: it appears when history is replayed " +
			"or when producers hold events back.",
		Kind: preset.Number(preset.PerSecond).Orientation(common.VizOrientationVertical).OverrideByName("times ChatGPT", preset.Unit(preset.Times, 2)).
			OverrideByName("event lag", append(preset.Unit(preset.Seconds, 1), preset.Property("noValue", "none"))),
		SQL: []string{`
			SELECT
				sumIf({to_offset} - {from_offset}, {written_at} >= now64(6) - INTERVAL 1 MINUTE) / 60 AS "per second",
				"per second" / {:per_chatgpt_year} AS "times ChatGPT",
				if(sum({stored}) = 0, NULL, {:event_lag_of_most} / 1e6) AS "event lag"
			FROM {@ledger} WHERE {written_at} >= now64(6) - INTERVAL 5 MINUTE AND {:chosen}`},
	}
}

func debt(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Records not in the charts yet", Width: 6, Height: 4, Table: true,
		Description: "Records that are accounted for but not yet in the rollups, of all partitions with blocks in the " +
			"last day. Orange from 5 million, red from 50 million: then the dashboards show an old state. Runs " +
			"and reference points have no rollups.",
		Kind: preset.Status(preset.Count, preset.Thresholds(preset.Good, 5e6, preset.Warning, 5e7, preset.Bad)),
		SQL: []string{`
			SELECT sum(toInt64(l.end) - toInt64(least(l.end, c.position))) AS debt
			FROM (
				SELECT {topic} AS topic, {epoch} AS epoch, {partition} AS partition, max({to_offset}) AS end FROM {@ledger}
				WHERE {:last_day} AND {:chosen} AND {topic} NOT IN ('runs.v1', 'reference_points.v1')
				GROUP BY topic, epoch, partition) AS l
			LEFT JOIN (
				SELECT {topic} AS topic, {epoch} AS epoch, {partition} AS partition, argMax({position}, {version}) AS position
				FROM {@rollup_cursors} GROUP BY topic, epoch, partition) AS c USING (topic, epoch, partition)`},
	}
}

// records are sums over the blocks accounted in the range, in one statement: planning each costs more than reading them.
func records(id uint32) board.Panel {
	told := func(first string, rest ...any) []dashboard.DynamicConfigValue {
		return []dashboard.DynamicConfigValue{preset.Property("thresholds", preset.ThresholdsProperty(first, rest...)), preset.Property("color", map[string]any{"mode": "thresholds"})}
	}
	return board.Panel{
		ID: id, Title: "What happened to the records", Width: 24, Height: 4, Table: true,
		Description: "Records of the log that were accounted for in the range, by what happened to them. stored: rows of " +
			"a raw table. duplicates: repeats of a stored event. altered duplicates: records with the identity of a " +
			"stored event but another time or other content; the first one counts. dead letters: no event could " +
			"be read, or the database refused it; each is in the dead-letter topic with its reason (tidemark " +
			"deadletters list). lost unread: records that the log deleted before a worker read them. insert retries: " +
			"inserts that were sent again because their outcome was unknown, which is harmless. volume: bytes " +
			"of the values of the records. Worry about any record lost unread, and about dead letters that you do not expect. " +
			"Blocks that a replaced worker wrote again count twice here; the audit counts them once.",
		Kind: preset.Status(preset.Count, preset.Thresholds("text")).ColorMode(common.BigValueColorModeValue).Orientation(common.VizOrientationVertical).
			OverrideByName("volume", preset.Unit(preset.Bytes)).
			OverrideByName("dead letters", told(preset.Good, 1, preset.Warning, 1000, preset.Bad)).OverrideByName("lost unread", told(preset.Good, 1, preset.Bad)).OverrideByName("insert retries", told(preset.Good, 100, preset.Warning)),
		SQL: []string{`
			SELECT
				sum({to_offset} - {from_offset}) AS "records", sum({stored}) AS "stored", sum({duplicates}) AS "duplicates",
				sum({conflicts}) AS "altered duplicates", sum({dead}) AS "dead letters", sum({gap}) AS "lost unread", sum({resends}) AS "insert retries",
				sum({bytes}) AS "volume"
			FROM {@ledger} WHERE {written_at} >= $__fromTime_ms AND {written_at} < $__toTime_ms AND {:chosen}`},
	}
}

// leastWidth is the least width of a column whose texts say nothing when they are cut, in pixels.
func leastWidth(pixels int) preset.Overrides {
	return preset.Overrides{preset.Property("custom.minWidth", pixels)}
}

// pipelineFragments is SQL of this dashboard alone.
func pipelineFragments() map[string]string {
	return map[string]string{
		// The blocks that tell where a partition stands now. A partition without any for a day has nothing to tell.
		"last_day": `{written_at} >= now64(6) - INTERVAL 1 DAY`,
		// Series from the ledger by whole intervals of the panel.
		"from_ledger": `FROM {@ledger} WHERE {:intervals written_at} AND {:chosen}`,
		// The worst verdict on a check of an audit, as a column.
		"worst": `nullIf([{:verdicts_worst_last}][maxIf(rank, check = '{=}')], '') AS "{=}"`,
		// How many records the log had beyond a block.
		"behind": `toInt64({high_watermark}) - toInt64(least({high_watermark}, {to_offset}))`,
	}
}

const intervalsOnly = " Only whole intervals are shown."

// noBlocks stands in charts of the ledger while nothing is ingested.
const noBlocks = "nothing was ingested in the range"

func throughput(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Throughput by topic", Width: 12, Height: 8, Interval: "10s",
		Description: "Records accounted for per second, by topic." + intervalsOnly,
		Kind:        preset.Paint(preset.Bars(preset.PerSecond).DisplayName(seriesName), preset.Topics),
		MayBeEmpty:  noBlocks,
		SQL: []string{board.NamesAtEach("{:interval_starts}", "0", `
			SELECT $__timeInterval({written_at}) AS time, toString({topic}) AS name, sum({to_offset} - {from_offset}) / $__interval_s AS value
			{:from_ledger} GROUP BY time, name`)},
	}
}

func lagOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Not read yet, by topic", Width: 12, Height: 8, Interval: "10s",
		Description: "Records in the log that ingest had not read when it read its last block of each partition in the interval, summed per topic. The tile Lag also counts " +
			"what is read and not stored. While no worker ingests there are no points: look at that tile." + intervalsOnly,
		Kind:       preset.Paint(preset.Lines(preset.Count).DisplayName(seriesName), preset.Topics),
		MayBeEmpty: noBlocks,
		SQL: []string{board.NamesAtEach("{:interval_starts}", "NULL", `
			SELECT time, name, sum(lag) AS value
			FROM (
				SELECT
					$__timeInterval({written_at}) AS time, toString({topic}) AS name,
					argMax({:behind}, ({epoch}, {to_offset})) AS lag
				{:from_ledger} GROUP BY time, name, {partition})
			GROUP BY time, name`)},
	}
}

func freshnessOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Freshness", Width: 12, Height: 8, Interval: "10s",
		Description: "Time from a record's entry into the log until it can be queried, in seconds, for half and for 95 % " +
			"of the records of the interval; a block counts by its oldest record. Above the dashed line at 120 " +
			"s ingest is too slow. While no worker ingests there are no points." + intervalsOnly,
		Kind:       preset.Paint(preset.Lines(preset.OnlySeconds).FillOpacity(0).Thresholds(preset.Thresholds(preset.Good, 120.0, preset.Bad)).ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed)), preset.Quantiles),
		MayBeEmpty: noBlocks,
		SQL: []string{board.AtEach("{:interval_starts}", "NULL", `
			SELECT
				$__timeInterval({written_at}) AS time, quantileExactWeighted(0.5)({produce_lag_us}, {:delivered}) / 1e6 AS p50,
				{:lag_of_most} / 1e6 AS p95
			{:from_ledger} AND {:timed} GROUP BY time`, "p50", "p95")},
	}
}

func eventLagOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Event lag", Width: 12, Height: 8, Interval: "10s",
		Description: "How old the newest event of each block was when it could be queried, in seconds, for half and for " +
			"95 % of the events of the interval. It is large while history is replayed." + intervalsOnly,
		Kind:       preset.Paint(preset.Lines(preset.OnlySeconds).FillOpacity(0), preset.Quantiles),
		MayBeEmpty: noBlocks,
		SQL: []string{board.AtEach("{:interval_starts}", "NULL", `
			SELECT
				$__timeInterval({written_at}) AS time, quantileExactWeighted(0.5)({event_lag_us}, {stored}) / 1e6 AS p50,
				{:event_lag_of_most} / 1e6 AS p95
			{:from_ledger} AND {stored} > 0 GROUP BY time`, "p50", "p95")},
	}
}

func blockSize(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Rows per block", Width: 12, Height: 8, Interval: "10s",
		Description: "Rows stored per block: mean and largest. A block is one row of the ledger. Many small blocks cost " +
			"the database most." + intervalsOnly,
		Kind:       preset.Paint(preset.Lines(preset.Count).FillOpacity(0), preset.Quantiles),
		MayBeEmpty: noBlocks,
		SQL: []string{board.AtEach("{:interval_starts}", "NULL", `
			SELECT $__timeInterval({written_at}) AS time, avg({stored}) AS mean, max({stored}) AS largest
			{:from_ledger} GROUP BY time`, "mean", "largest")},
	}
}

func insertTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Insert time", Width: 12, Height: 8, Interval: "10s",
		Description: "Time of a block's insert in seconds, retries included: median, 95th percentile and longest. When " +
			"it grows, look at ClickHouse: disk, memory, parts." + intervalsOnly,
		Kind:       preset.Paint(preset.Lines(preset.OnlySeconds).FillOpacity(0), preset.Quantiles),
		MayBeEmpty: noBlocks,
		SQL: []string{board.AtEach("{:interval_starts}", "NULL", `
			SELECT
				$__timeInterval({written_at}) AS time, quantile(0.5)({insert_us}) / 1e6 AS median,
				quantile(0.95)({insert_us}) / 1e6 AS p95, max({insert_us}) / 1e6 AS longest
			{:from_ledger} AND {stored} > 0 GROUP BY time`, "median", "p95", "longest")},
	}
}

func exceptions(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "What was not stored", Width: 24, Height: 8, Interval: "10s",
		Description: "Records per interval that did not become a row of their own: duplicates of a stored event, with the " +
			"same content or altered, dead letters, and records that the log deleted before a worker read them (lost unread)." + intervalsOnly,
		Kind:       preset.Paint(preset.Bars(preset.Count), preset.Fates),
		MayBeEmpty: noBlocks,
		SQL: []string{board.AtEach("{:interval_starts}", "0", `
			SELECT
				$__timeInterval({written_at}) AS time, sum({duplicates}) AS duplicates, sum({conflicts}) AS "altered duplicates",
				sum({dead}) AS "dead letters", sum({gap}) AS "lost unread"
			{:from_ledger} GROUP BY time`, "duplicates", "altered duplicates", "dead letters", "lost unread")},
	}
}

func partitionTable(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Partitions", Width: 24, Height: 9, Table: true,
		Description: "position: the first offset that is not accounted for. end: the end of the log when a worker last asked. " +
			"waiting: the records between them, orange from 100,000, red from 1,000,000. no progress for: the time since the " +
			"position moved, if records wait; red from 2 minutes. log seen: the time since a worker asked for the " +
			"end. last block: the time since the newest block of the last day. freshness: how many seconds the oldest " +
			"record of that block had waited. generation and member: the worker that wrote the block. The partitions " +
			"that have stood longest come first.",
		Kind: preset.Table().Unit(preset.Plain).
			OverrideByName("waiting", append(preset.Unit(preset.Whole), preset.Property("thresholds", preset.ThresholdsProperty("text", 100000, preset.Warning, 1000000, preset.Bad)), preset.Property("custom.cellOptions", map[string]any{"type": "color-text"}))).
			OverrideByName("no progress for", append(preset.Unit(preset.Elapsed), preset.Property("thresholds", preset.ThresholdsProperty("text", 120, preset.Bad)), preset.Property("custom.cellOptions", map[string]any{"type": "color-text"}))).
			OverrideByRegexp("^log seen$|^last block$", preset.Unit(preset.Elapsed)).OverrideByRegexp("^no progress for$", preset.Width(120)).OverrideByRegexp("^topic$|^member$", leastWidth(150)).
			OverrideByRegexp("^(partition|waiting|log seen|last block|freshness|generation)$", preset.Width(90)).OverrideByRegexp("^position$|^end$", preset.Width(110)).OverrideByName("freshness", preset.Unit(preset.OnlySeconds, 1)),
		MayBeEmpty: "no worker has looked at the log",
		SQL: []string{`
			SELECT
				e.topic AS topic, e.partition AS partition, e.position AS position, e.end_offset AS end, e.waiting AS waiting,
				e.since AS "no progress for", dateDiff('second', e.seen, now64(6)) AS "log seen",
				if(l.blocks = 0, NULL, dateDiff('second', l.at, now64(6))) AS "last block",
				if(l.blocks = 0 OR l.last.1 < 0, NULL, l.last.1 / 1e6) AS freshness, l.last.2 AS generation, l.last.3 AS member
			FROM {:ends {:chosen topic}} AS e
			LEFT JOIN (
				SELECT
					toString({topic}) AS topic, {partition} AS partition, count() AS blocks, max({written_at}) AS at,
					argMax((if({:timed}, {produce_lag_us}, -1), {generation}, {member}), ({epoch}, {to_offset})) AS last
				FROM {@ledger} WHERE {:last_day} AND {:chosen} GROUP BY topic, partition) AS l
			ON e.topic = l.topic AND e.partition = l.partition
			ORDER BY "no progress for" DESC, waiting DESC, topic, partition LIMIT 500`},
	}
}

func rollupTable(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Rollups", Width: 24, Height: 10, Table: true,
		Description: "last update: how long ago the rollup was published last. newest bucket: its latest bucket. " +
			"whole until: buckets that begin up to then are whole. queued: ranges that wait for their turn. " +
			"mismatches: ranges that are not updated because raw rows do not match the ledger; there should be " +
			"none. requested: ranges that somebody asked to recompute.",
		Kind: preset.Table().Unit(preset.Plain).OverrideByName("rollup", leastWidth(160)).
			OverrideByName("last update", preset.Unit(preset.Elapsed)).OverrideByRegexp("^newest bucket$|^whole until$", atSecond()).
			OverrideByName("mismatches", []dashboard.DynamicConfigValue{preset.Property("thresholds", preset.ThresholdsProperty("text", 1, preset.Bad)), preset.Property("custom.cellOptions", map[string]any{"type": "color-text"})}),
		MayBeEmpty: "no rollup was published yet",
		SQL: []string{`
			SELECT
				p.name AS rollup, dateDiff('second', p.published_at, now64(6)) AS "last update", p.newest_bucket AS "newest bucket",
				p.whole_until AS "whole until", w.waiting AS queued, w.mismatches AS mismatches, w.requested AS requested
			FROM (
				SELECT
					{name} AS name, {published_at} AS published_at, {newest_bucket} AS newest_bucket, {whole_until} AS whole_until
				FROM {@rollup_progress}) AS p
			LEFT JOIN (
				SELECT
					{name} AS name, countIf({reason} = 'deferred') AS waiting, countIf({reason} = 'mismatch') AS mismatches,
					countIf({reason} = 'requested') AS requested
				FROM {@rollup_pending} FINAL WHERE NOT {done} GROUP BY name) AS w
			ON p.name = w.name ORDER BY rollup`},
	}
}

func verdicts(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Verdicts", Width: 24, Height: 7, Table: true,
		Description: "The verdict on each check, per audit in the range. ok: it holds. pending: it holds as far as the " +
			"data is complete. difference: a number on the dashboards is wrong. error: the check failed, so " +
			"nobody knows.",
		Kind:       preset.StateTimeline().Mappings(preset.Verdicts.Mappings()),
		MayBeEmpty: "no audit in the range",
		SQL: []string{`
			SELECT
				min(at) AS time, {:worst ledger tiles}, {:worst exceptions hold}, {:worst raw holds},
				{:worst identity has one time}, {:worst rollup equals}, {:worst run adds up},
				{:worst collector adds up}
			FROM (
				SELECT
					{audit}, {at}, toString({check}) AS check,
					indexOf([{:verdicts_worst_last}], toString({verdict})) AS rank
				FROM {@audits} WHERE {at} >= $__fromTime_ms AND {at} < $__toTime_ms)
			GROUP BY audit ORDER BY time`},
	}
}

func findings(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Findings of the newest audit", Width: 24, Height: 10, Table: true,
		Description: "Every check of the newest audit: what it counted, or the first difference with its place, and how " +
			"many seconds it took. Differences and errors come first.",
		Kind: preset.Table().Unit(preset.Plain).
			OverrideByName("verdict", append(preset.Verdicts.Cells(), preset.Width(90)...)).OverrideByName("time", atSecond()).
			OverrideByName("check", preset.Width(170)).OverrideByName("scope", leastWidth(160)).
			OverrideByName("detail", leastWidth(500)).OverrideByName("took", preset.Unit(preset.OnlySeconds, 2)),
		MayBeEmpty: "no audit yet",
		SQL: []string{`
			SELECT
				{at} AS time, {check} AS check, {scope} AS scope, toString({verdict}) AS verdict, {detail} AS detail,
				{took_us} / 1e6 AS took
			FROM {@audits} WHERE {audit} = (SELECT argMax({audit}, {at}) FROM {@audits})
			ORDER BY indexOf([{:verdicts_worst_first}], verdict), check, scope`},
	}
}
