package boards

import (
	"slices"
	"strconv"

	"github.com/grafana/grafana-foundation-sdk/go/common"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
)

// sources answers: who sends, with which program, how sure are its numbers, and what did the collector not count? What
// came in is in the view runs, one row per minute, key, endpoint, sender, type and reason. How calls were reported is in the
// rollups of call_reports.
func sources() board.Board {
	return board.Board{
		UID: "tidemark-sources", Title: "Sources", From: "now-6h", Refresh: "30s",
		Description: "Who sends events to the collector, with which program, how sure the counts of their calls are, and " +
			"what became of everything that came in. A collector reports once per minute. Times are in UTC.",
		Variables: board.CommonVariables("namespace", "tenant"),
		Rows: []board.Row{
			{Title: "In the range", Panels: []board.Panel{itemsIn(1), requestsOut(2), callsTold(3), countsTold(4)}},
			{Title: "Who sends", Panels: []board.Panel{senderTable(10)}},
			{Title: "Which programs, and how sure their counts are", Panels: []board.Panel{clientTable(20), clientGaps(21)}},
			{Title: "Over time", Panels: []board.Panel{itemsOverTime(30), refusedOverTime(31), joinedOverTime(32), spoolOverTime(33)}},
			{Title: "Why not", Panels: []board.Panel{rejectedTable(40), refusedTable(41), skippedTable(42)}},
		},
	}
}

// Reports are read of the last week of the range at most: 20 keys report some 1,000,000 rows a week. What is in a spool is
// added up over some days before the end of the range; few reports are about it.
const (
	reportDays = 7
	spoolDays  = 30
)

// sourceFragments is SQL of this dashboard alone. A report is a row of runs that a collector wrote.
func sourceFragments() map[string]string {
	return map[string]string{
		"first_report": `greatest($__fromTime_ms, least($__toTime_ms, now64(3)) - INTERVAL ` + strconv.Itoa(reportDays) + ` DAY)`,
		// The reports of the minutes that begin in the range.
		"in_reports": `{time} >= {:first_report} AND {time} < $__toTime_ms`,
		"reports":    `{@runs} WHERE {kind} = 'collect' AND {:in_reports} AND {:chosen}`,
		// Those of whole intervals of the panel.
		"report_intervals": `{@runs} WHERE {kind} = 'collect' AND {time} >= {:first_report}
			AND toStartOfInterval({time}, INTERVAL $__interval_s SECOND) >= {:first_report} AND {:intervals time} AND {:chosen}`,
		// The reports for which a condition holds. It narrows the rows down before it leaves one per report, as the view cannot.
		"reports_if": `(
			SELECT * FROM {@runs_raw} WHERE {kind} = 'collect' AND {:chosen tenant} AND {=}
			ORDER BY {minute}, {epoch}, {partition}, {offset} LIMIT 1 BY {time}, {tenant}, {identity})`,
		"first_spooled": `$__toTime_ms - INTERVAL ` + strconv.Itoa(spoolDays) + ` DAY`,
		// What became of the items of a report, as columns whose names no alias takes; and those of which it does not say so.
		"fates":       `{received} AS came, {produced} AS logged, {spooled} AS kept, {joined} AS inside, {skipped} AS passed, {rejected} AS bad`,
		"unaccounted": `toInt64(came) - toInt64(logged + kept + inside + passed + bad)`,
		// The calls of the range by who reported them.
		"told": `{:rows call_reports_?tenant_table with client, client_version, usage, split, calls, joined_calls, may_be_double_calls}`,
		// A name, or what stands for none.
		"or_none": `if({=} = '', '` + board.NotGiven + `', toString({=}))`,
		// The share of the calls for which a condition holds.
		"share_if": `{:per_call sumIf({calls}, {=})}`,
	}
}

// colored gives the values of a field the color of their threshold.
func colored(first string, rest ...any) preset.Overrides {
	return preset.Overrides{
		preset.Property("thresholds", preset.ThresholdsProperty(first, rest...)), preset.Property("color", map[string]any{"mode": "thresholds"}),
		preset.Property("custom.cellOptions", map[string]any{"type": "color-text"}),
	}
}

// tile gives a tile the color of its threshold.
func tile(first string, rest ...any) preset.Overrides {
	return preset.Overrides{preset.Property("thresholds", preset.ThresholdsProperty(first, rest...)), preset.Property("color", map[string]any{"mode": "thresholds"})}
}

// atMinute shows a time to the minute. By itself Grafana writes hundredths of seconds where the first and the last time of a
// column are close.
func atMinute() preset.Overrides {
	return append(preset.Unit("time:YYYY-MM-DD HH:mm"), preset.Width(150)...)
}

// atSecond shows a time to the second.
func atSecond() preset.Overrides {
	return append(preset.Unit("time:YYYY-MM-DD HH:mm:ss"), preset.Width(158)...)
}

const nothingReported = "no collector reported in the range; each reports once per minute"

// reportRange is the sentence about the range of panels that read reports.
var reportRange = " Of a longer range the panel shows the last " + strconv.Itoa(reportDays) + " days."

func itemsIn(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Items received", Width: 15, Height: 4, Table: true,
		Description: "Spans, log records, metrics and events in requests that collectors answered with a success, and what " +
			"became of them. on the log: Kafka has them. in a spool: a collector kept them on disk, because Kafka did not " +
			"answer. joined: they are about a call that another item of the same request is about too. skipped: a rule says " +
			"that they are no calls of their own. rejected: they cannot be accepted; Rejected items shows why. unexplained: " +
			"received minus all of these, of the minutes that are over for 3 minutes. It must be 0: otherwise a collector " +
			"died before it had reported a minute, or has a defect; tidemark audit names the run." + reportRange,
		Kind: preset.Status(preset.Count, preset.Thresholds("text")).ColorMode(common.BigValueColorModeValue).Orientation(common.VizOrientationVertical).
			OverrideByName("rejected", tile("text", 1, preset.Warning)).OverrideByName("unexplained", tile(preset.Bad, 0, preset.Good, 1, preset.Bad)),
		SQL: []string{`
			SELECT
				sum(came) AS "received", sum(logged) AS "on the log", sum(kept) AS "in a spool", sum(inside) AS "joined",
				sum(passed) AS "skipped", sum(bad) AS "rejected",
				sumIf({:unaccounted}, at < now64(3) - INTERVAL 3 MINUTE) AS "unexplained"
			FROM (SELECT {time} AS at, {:fates} FROM {:reports})`},
	}
}

func requestsOut(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Refused requests", Width: 9, Height: 4, Table: true,
		Description: "refused: requests in the range that a collector refused. Most senders send them again, so nothing is " +
			"lost. lost: requests among them whose senders are known not to send again. For these senders start the " +
			"collector with --spool. waiting in a spool: events that wait there at the end of the range; the panel adds up the " +
			strconv.Itoa(spoolDays) + " days before it. They do not count yet. If the number does not fall while Kafka " +
			"answers, look at the log of the collector." + reportRange,
		Kind: preset.Status(preset.Count, preset.Thresholds("text")).ColorMode(common.BigValueColorModeValue).Orientation(common.VizOrientationVertical).
			OverrideByName("lost", tile(preset.Good, 1, preset.Bad)).OverrideByName("waiting in a spool", tile(preset.Good, 1, preset.Warning)),
		SQL: []string{`
			SELECT
				sumIf(turned_away, at >= {:first_report}) AS "refused", sumIf(gone, at >= {:first_report}) AS "lost",
				greatest(sumIf(more, at >= {:first_spooled}), 0) AS "waiting in a spool"
			FROM (
				SELECT {time} AS at, {refused} AS turned_away, {not_resent} AS gone, toInt64({spooled}) - toInt64({drained}) AS more
				FROM {:reports_if {refused} + {spooled} + {drained} > 0 AND {time} >= least({:first_report}, {:first_spooled}) AND {time} < $__toTime_ms})`},
	}
}

// toldRange is the sentence about the range of panels that read call_reports.
const toldRange = " Ranges up to an hour, and up to a week for a chosen tenant, count exactly; longer ranges count the hours or " +
	"days that begin in them."

func callsTold(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Calls, and how many may be double", Width: 11, Height: 4, Table: true,
		Description: "Calls in the range, however they came in. joined: calls that several reports were joined into. may be " +
			"double: calls that may be counted twice, because two clients reported equal counts at the same time and nobody " +
			"knows them as a pair; their number and their share. If it is high, let only one of the two report, or add the " +
			"pair to the table of clients." + toldRange,
		Kind: preset.Status(preset.Count, preset.Thresholds("text")).NoValue("no calls").ColorMode(common.BigValueColorModeValue).Orientation(common.VizOrientationVertical).
			OverrideByName("double share", append(preset.Unit(preset.Ratio, 1), tile("text", 0.01, preset.Warning, 0.1, preset.Bad)...)),
		SQL: []string{`
			SELECT n AS "calls", several AS "joined", double AS "may be double", double / nullIf(n, 0) AS "double share"
			FROM (SELECT sum({calls}) AS n, sum({joined_calls}) AS several, sum({may_be_double_calls}) AS double FROM {:told})`},
	}
}

// countsTold says of both, usage and split, also how often nobody tells: without it, all of its shares are 0 then.
func countsTold(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "How sure their counts are", Width: 13, Height: 4, Table: true,
		Description: "Shares of the calls in the range, however they came in. usage missing: without any counts, so their tokens are " +
			"unknown. usage estimated: their counts are a guess of the client. usage not said: nobody says where their counts " +
			"come from. split not exact: their classes of tokens are an upper bound or unknown; tokens are right, cost is too " +
			"high at most. split not said: nobody says how well the classes are known. What clients do not tell has the clients." + toldRange,
		Kind: preset.Status(preset.Ratio, preset.Thresholds("text")).Decimals(1).NoValue("no calls").ColorMode(common.BigValueColorModeValue).Orientation(common.VizOrientationVertical).
			OverrideByName("usage missing", tile("text", 0.05, preset.Warning, 0.5, preset.Bad)).
			OverrideByName("usage estimated", tile("text", 0.05, preset.Warning)),
		SQL: []string{`
			SELECT
				{:share_if {usage} = 'missing'} AS "usage missing", {:share_if {usage} = 'estimated'} AS "usage estimated",
				{:share_if {usage} = 'unknown'} AS "usage not said", {:share_if {split} IN ('upper_bound', 'none')} AS "split not exact",
				{:share_if {split} = 'unknown'} AS "split not said"
			FROM {:told}`},
	}
}

func senderTable(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Senders", Width: 24, Height: 9, Table: true,
		Description: "Who sent requests in the range: the tenant, the id of its key (empty without keys), the program as it " +
			"names itself, and the endpoint. received: items; they are the sum of events (on the log or in a spool), joined, " +
			"skipped and rejected. refused: requests. last seen: the minute of the newest request. age: how long ago that is, " +
			"orange from 15 minutes, red from a day. If a sender is red that should send, look at its own log first, then at " +
			"Refused requests by reason. A sender that runs at night is red at noon of the second day. The 200 senders with " +
			"the most items. A click opens the dashboard of the tenant." + reportRange,
		Kind: preset.Table().
			OverrideByName("tenant", preset.Link("This tenant", "/d/tidemark-tenant?"+preset.KeepRange+"&var-tenant=${__data.fields.tenant:percentencode}")).
			OverrideByRegexp("tenant|key", preset.Width(140)).OverrideByName("key", preset.Overrides{preset.Property("noValue", "none")}).OverrideByRegexp("endpoint|received|events|joined|skipped|rejected|refused|age", preset.Width(95)).
			OverrideByName("last seen", atMinute()).OverrideByRegexp("rejected|refused", colored("text", 1, preset.Warning)).
			OverrideByName("age", append(preset.Unit(preset.Seconds, 0), colored(preset.Good, 900, preset.Warning, 86400, preset.Bad)...)),
		MayBeEmpty: nothingReported,
		SQL: []string{`
			SELECT
				toString({tenant}) AS tenant, toString({key}) AS key, toString({sender}) AS sender, toString({endpoint}) AS endpoint,
				items AS received, events, in_others AS joined, by_rule AS skipped, bad AS rejected, turned_away AS refused,
				toDateTime(seen, 'UTC') AS "last seen", greatest(dateDiff('second', seen, now64(3)), 0) AS age
			FROM (
				SELECT
					{tenant}, {key}, {sender}, {endpoint}, sum({received}) AS items, sum({produced} + {spooled}) AS events,
					sum({joined}) AS in_others, sum({skipped}) AS by_rule, sum({rejected}) AS bad, sum({refused}) AS turned_away,
					maxIf({time}, {received} > 0 OR {refused} > 0) AS seen
				FROM {:reports} GROUP BY {tenant}, {key}, {sender}, {endpoint})
			WHERE items > 0 OR turned_away > 0
			ORDER BY received DESC, refused DESC, tenant, key, sender, endpoint LIMIT 200`},
	}
}

func clientTable(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Clients and versions", Width: 12, Height: 9, Table: true,
		Description: "Which program or library reported the calls of the range, with its version. share: of all calls. " +
			"joined: calls for which it gave several reports, or others did too. may be double: calls that may be counted " +
			"twice. Calls without a client come from producers that do not name one, such as replays of traces. The 100 " +
			"clients with the most calls." + toldRange,
		Kind: preset.Table().
			OverrideByName("share", append(preset.Unit(preset.Ratio, 1), preset.Property("custom.cellOptions", map[string]any{"type": "gauge", "mode": "basic"}), preset.Property("min", 0), preset.Property("max", 1))).
			OverrideByRegexp("version|calls|joined", preset.Width(84)).OverrideByName("share", preset.Width(120)).
			OverrideByName("may be double", append(preset.Width(80), colored("text", 1, preset.Warning)...)),
		MayBeEmpty: "no calls in the range",
		SQL: []string{`
			SELECT client, version, n AS calls, n / nullIf(sum(n) OVER (), 0) AS share, joined, double AS "may be double"
			FROM (
				SELECT
					{:or_none {client}} AS client, {:or_none {client_version}} AS version, sum({calls}) AS n,
					sum({joined_calls}) AS joined, sum({may_be_double_calls}) AS double
				FROM {:told} GROUP BY {client}, {client_version})
			ORDER BY calls DESC, client, version LIMIT 100`},
	}
}

func clientGaps(id uint32) board.Panel {
	share := func(limits ...any) preset.Overrides {
		return slices.Concat(preset.Unit(preset.Ratio, 1), preset.Width(75), colored("text", limits...))
	}
	return board.Panel{
		ID: id, Title: "What clients do not tell", Width: 12, Height: 9, Table: true,
		Description: "Shares of the calls of each client. estimated: the client guessed the counts. missing: it gave none, as " +
			"after a stream that was cut or for which the program did not ask for usage; orange from 5 %, red from 50 %: " +
			"switch usage in streams on. not said: nobody says where the counts come from, as in traces and generated " +
			"events. upper bound: input may include what a cache gave, or output may include reasoning. totals only: the " +
			"classes are unknown. no split: nobody says how well they are known. docs/collecting.md says what each client cannot tell." + toldRange,
		Kind: preset.Table().OverrideByName("estimated", share(0.05, preset.Warning)).OverrideByName("missing", share(0.05, preset.Warning, 0.5, preset.Bad)).
			OverrideByRegexp("not said|upper bound|totals only|no split", share()).OverrideByName("calls", preset.Width(70)),
		MayBeEmpty: "no calls in the range",
		SQL: []string{`
			SELECT client, n AS calls, estimated, missing, unsaid AS "not said", bound AS "upper bound", totals AS "totals only", no_split AS "no split"
			FROM (
				SELECT
					{:or_none {client}} AS client, sum({calls}) AS n,
					{:share_if {usage} = 'estimated'} AS estimated, {:share_if {usage} = 'missing'} AS missing,
					{:share_if {usage} = 'unknown'} AS unsaid, {:share_if {split} = 'upper_bound'} AS bound,
					{:share_if {split} = 'none'} AS totals, {:share_if {split} = 'unknown'} AS no_split
				FROM {:told} GROUP BY {client})
			ORDER BY n DESC, client LIMIT 50`},
	}
}

func itemsOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "What became of the items", Width: 12, Height: 8, Interval: "1m",
		Description: "Items in requests that were answered with a success, per interval, by what became of them. The height " +
			"of a bar is what was received. See Items received for the words, and Rejected items for the reasons." + intervalsOnly + reportRange,
		Kind:       preset.Paint(preset.Bars(preset.Count), preset.Intake),
		MayBeEmpty: nothingReported,
		SQL: []string{board.AtEach("{:interval_starts {:first_report}}", "0", `
			SELECT
				at AS time, sum(logged) AS "on the log", sum(kept) AS "in a spool", sum(inside) AS "joined", sum(passed) AS "skipped",
				sum(bad) AS "rejected", greatest(sum({:unaccounted}), 0) AS "unexplained"
			FROM (SELECT $__timeInterval({time}) AS at, {:fates} FROM {:report_intervals})
			GROUP BY at`, "on the log", "in a spool", "joined", "skipped", "rejected", "unexplained")},
	}
}

func refusedOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Refused requests over time", Width: 12, Height: 8, Interval: "1m",
		Description: "Requests that collectors refused, per interval. comes again: the sender sends the request again. lost: " +
			"the sender is known not to send it again; what it had is lost. If there are many for some minutes, Kafka did " +
			"not answer, or a key was over its rate; Refused requests by reason tells." + intervalsOnly + reportRange,
		Kind:       preset.Paint(preset.Bars(preset.Count), preset.Refusals),
		MayBeEmpty: nothingReported,
		SQL: []string{board.AtEach("{:interval_starts {:first_report}}", "0", `
			SELECT at AS time, sum(toInt64({refused}) - toInt64({not_resent})) AS "comes again", sum({not_resent}) AS "lost"
			FROM (SELECT $__timeInterval({time}) AS at, {refused}, {not_resent} FROM {:report_intervals})
			GROUP BY at`, "comes again", "lost")},
	}
}

func joinedOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Joined and doubtful calls, per hour or day", Width: 12, Height: 8,
		Description: "Calls that several reports were joined into, calls that may be counted twice, and calls without usage: " +
			"per day where the range is longer than a week, otherwise per hour. A step up means that a program was changed: " +
			"Clients and versions shows which. Only whole hours and days are shown.",
		Kind:       preset.Paint(preset.Lines(preset.Count).ShowPoints(common.VisibilityModeAlways), preset.Doubts),
		MayBeEmpty: "no calls in a whole hour of the range yet",
		SQL: []string{board.AtEach("{:buckets call_reports_?audience_table}", "0", `
			SELECT
				{:time} AS time, sum({joined_calls}) AS "joined", sum({may_be_double_calls}) AS "may be double",
				sumIf({calls}, {usage} = 'missing') AS "without usage"
			FROM {@call_reports_?audience_table} WHERE {:whole} AND {:chosen} GROUP BY time`, "joined", "may be double", "without usage")},
	}
}

func spoolOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Events in a spool", Width: 12, Height: 8, Interval: "1m",
		Description: "Events that wait on the disks of collectors: put there minus drained, over the " + strconv.Itoa(spoolDays) +
			" days before the end of the range. It rises while Kafka does not answer and falls to 0 afterwards. If it " +
			"stays, a collector with events in its spool does not run: start it with the same --spool.",
		Kind: preset.Paint(preset.Lines(preset.Count).LineInterpolation(common.LineInterpolationStepAfter), preset.Intake),
		SQL: []string{`
			SELECT time, waiting
			FROM (
				SELECT at AS time, greatest(sum(sum(more)) OVER (ORDER BY at), 0) AS waiting
				FROM (
					SELECT arrayJoin([$__fromTime_ms, least($__toTime_ms, now64(3))]) AS at, 0 AS more
					UNION ALL
					SELECT
						toStartOfInterval(toDateTime({time}, 'UTC'), INTERVAL $__interval_s SECOND) AS at,
						toInt64({spooled}) - toInt64({drained}) AS more
					FROM {:reports_if {spooled} + {drained} > 0 AND {time} >= {:first_spooled} AND {time} < least($__toTime_ms, now64(3))})
				GROUP BY at)
			WHERE time >= $__fromTime_ms ORDER BY time`},
	}
}

func rejectedTable(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Rejected items", Width: 24, Height: 8, Table: true,
		Description: "Items that were not accepted in requests that were: the reason with the name of the field first, and " +
			"who sent them. No reason has a value. The answer named the same reason to the sender. Tell the owner of the " +
			"sender; sending the same again does not help. too_late and in_future: check the sender's clock, or give the " +
			"key \"backfill\". The 100 most frequent." + reportRange,
		Kind: preset.Table().OverrideByRegexp("tenant|key", preset.Width(140)).OverrideByName("key", preset.Overrides{preset.Property("noValue", "none")}).OverrideByRegexp("endpoint|items", preset.Width(95)).
			OverrideByName("sender", preset.Width(320)).OverrideByName("last", atMinute()),
		MayBeEmpty: "nothing was rejected in the range",
		SQL: []string{`
			SELECT
				toString({reason}) AS reason, toString({tenant}) AS tenant, toString({key}) AS key, toString({sender}) AS sender,
				toString({endpoint}) AS endpoint, n AS items, toDateTime(seen, 'UTC') AS last
			FROM (
				SELECT {reason}, {tenant}, {key}, {sender}, {endpoint}, sum({rejected}) AS n, max({time}) AS seen
				FROM {:reports_if {rejected} > 0 AND {:in_reports}} GROUP BY {reason}, {tenant}, {key}, {sender}, {endpoint})
			ORDER BY items DESC, reason, tenant, key, sender, endpoint LIMIT 100`},
	}
}

func refusedTable(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Refused requests by reason", Width: 16, Height: 8, Table: true,
		Description: "Requests that a collector refused: the status and why, and the program that sent them. lost: requests " +
			"whose senders are known not to send them again. 429: raise the rate of the key, or let the sender wait. 503: " +
			"is Kafka up? 413: let the sender make smaller batches. 400, 415: the sender speaks another protocol than the " +
			"endpoint. The 100 most frequent." + reportRange,
		Kind: preset.Table().OverrideByName("sender", preset.Width(230)).OverrideByRegexp("endpoint|requests|lost", preset.Width(90)).OverrideByName("last", atMinute()).
			OverrideByName("lost", colored("text", 1, preset.Bad)),
		MayBeEmpty: "no request was refused in the range",
		SQL: []string{`
			SELECT
				toString({reason}) AS reason, toString({sender}) AS sender, toString({endpoint}) AS endpoint, n AS requests, gone AS lost,
				toDateTime(seen, 'UTC') AS last
			FROM (
				SELECT {reason}, {sender}, {endpoint}, sum({refused}) AS n, sum({not_resent}) AS gone, max({time}) AS seen
				FROM {:reports_if {refused} > 0 AND {:in_reports}} GROUP BY {reason}, {sender}, {endpoint})
			ORDER BY requests DESC, reason, sender, endpoint LIMIT 100`},
	}
}

func skippedTable(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Skipped items", Width: 8, Height: 8, Table: true,
		Description: "Items that are no calls of their own, by the rule that says so, and their share of all items received: " +
			"spans of agents, steps and tools repeat the usage of the calls inside them, and metrics repeat sums. A high " +
			"share is normal. If the calls of a program are missing and all its spans are skipped, it reports calls in a " +
			"form that Tidemark does not know." + reportRange,
		Kind:       preset.Table().OverrideByRegexp("items|share", preset.Width(90)).OverrideByName("share", preset.Unit(preset.Ratio, 1)),
		MayBeEmpty: "nothing was skipped in the range",
		SQL: []string{`
			SELECT rule, items, items / nullIf(whole, 0) AS share
			FROM (
				SELECT toString({reason}) AS rule, sum({skipped}) AS items, sum(sum({received})) OVER () AS whole
				FROM {:reports} GROUP BY {reason})
			WHERE items > 0 ORDER BY items DESC, rule LIMIT 100`},
	}
}
