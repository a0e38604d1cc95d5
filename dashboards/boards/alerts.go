package boards

import (
	"time"

	"tidemark/dashboards/board"
)

// Alerts returns all rules. Grafana evaluates those on the pipeline every minute; those on sources, usage and cost read days,
// which change more slowly and cost more to read.
func Alerts() []board.AlertGroup {
	return []board.AlertGroup{
		{Name: "Tidemark pipeline", Every: time.Minute, Alerts: []board.Alert{ingestBehind(), notFresh(), auditDiffers(), deadLetters(), notHeard()}},
		{Name: "Tidemark sources", Every: 5 * time.Minute, Alerts: []board.Alert{sourceSilent()}},
		{Name: "Tidemark usage", Every: 5 * time.Minute, Alerts: []board.Alert{modelJump(), tokenSurge()}},
		{Name: "Tidemark cost", Every: 5 * time.Minute, Alerts: []board.Alert{overBudget(), costJump(), notPriced()}},
	}
}

// Severities. Critical is for what makes numbers wrong or late until somebody acts.
const (
	severityCritical = "critical"
	severityWarning  = "warning"
)

// alertFragments is the SQL of rules alone.
func alertFragments() map[string]string {
	return map[string]string{
		// The blocks accounted for in the range.
		"accounted": `{written_at} >= $__fromTime_ms AND {written_at} < $__toTime_ms`,
		// A block that is not a replay of history: its newest event is at most a month old.
		"fresh": `{stored} > 0 AND {event_lag_us} < 30 * 86400 * 1000000`,
		// The 95th percentile of the latency of the rows for which a condition holds, in microseconds.
		"latency_p95": `{:quantile 0.95 latency if {=}}`,
	}
}

// notHeard gives the seconds since the last report of a role, or since somebody saw the end of the log. The ledger cannot
// give them: it does not change either when there is nothing to do.
func notHeard() board.Alert {
	return board.Alert{
		UID: "tidemark-not-heard", Title: "A worker is missing", Severity: `{{ if eq (index .Labels "who") "audit" }}warning{{ else }}critical{{ end }}`,
		Summary: `{{ .Labels.who }}: {{ .Labels.state }}, {{ printf "%.0f" .Values.A.Value }} s`,
		Description: `Every running worker writes a report every 10 seconds (table heartbeats). One worker also reports where the logs of the brokers end (table log_ends). The figure is the number of seconds since the last report, or since "tidemark migrate" if there was no report. "ingest", "rollup": no process of this role runs on any machine. "audit": its process ended without a final report, or the newest verdict is more than three hours old. "log": no worker could ask the brokers where every partition ends, so the lag is unknown.

What to do:
1. All four are missing: do the workers and the database share a clock and a namespace? Does any worker run? Check with "docker compose ps", or with whatever runs them.
2. ingest: start "tidemark ingest". Records wait in the log, and nothing is lost as long as Kafka keeps them: check the retention.
3. rollup: start "tidemark rollup". Until then the dashboards show the state at which it stopped.
4. audit: start "tidemark audit --every 1h". If it runs, its log has the reason why it cannot finish. If an audit takes longer than three hours, silence this alert.
5. log: the log of any worker has the reason ("cannot report ..."): the brokers cannot be reached, or a topic is missing ("tidemark migrate").
6. After an upgrade from a version without the table: restart the workers.
If no worker is meant to run, because you run "tidemark ingest --until-caught-up" from time to time, silence this alert.`,
		Board: "tidemark-pipeline", Panel: 7,
		SQL: `
SELECT r.1 AS who, if(r.3, 'never reported', 'no report') AS state, toFloat64(dateDiff('second', r.2, {:now})) AS seconds
FROM
(
    SELECT arrayJoin({:missing}) AS r
    FROM {:roles} AS roles, {:audited} AS audits, {:log 1 = 1} AS log
)
ORDER BY who`,
		From: 24 * time.Hour,
		// As for a partition that stands still: a restart takes less.
		Above: bound, Pending: 3 * time.Minute,
	}
}

// ingestBehind gives the seconds of work that a partition is behind: the records after its position at the speed of the last
// five minutes, or the time since the position moved, whichever is longer.
func ingestBehind() board.Alert {
	return board.Alert{
		UID: "tidemark-ingest-behind", Title: "Ingest is behind or stalled", Severity: severityCritical,
		Summary: `{{ .Labels.topic }}, partition {{ .Labels.partition }}: ingest is {{ printf "%.0f" .Values.A.Value }} s behind`,
		Description: `The log of this partition holds records that are not accounted for. The figure is the larger of two numbers of seconds: the time that ingest needs for these records at its speed of the last five minutes, and the time since the position moved.

What to do:
1. Does ingest run, and can it reach Kafka and ClickHouse? The panel Workers shows whether it reports. "tidemark health --url http://HOST:PORT/readyz" names what is stuck; its log has the reason.
2. All partitions are behind and blocks are accounted for (panel Throughput by topic): the load is higher than the capacity, or a replay runs. Start more ingest processes, at most one per partition, or wait.
3. All partitions are stalled: look at the panel Insert time and at ClickHouse (disk, memory, too many parts).
4. One partition is stalled: no worker owns it, or its worker fails; the panel Partitions names the worker, whose log has the reason. Ingest resumes by itself when the cause is gone. Nothing is lost: run "tidemark audit" afterwards to prove it.
5. No records are left, and the position is after the end: the log has lost records, or somebody made the topic again.`,
		Board: "tidemark-pipeline", Panel: 30,
		SQL: `
SELECT
    e.topic AS topic, toString(e.partition) AS partition,
    if(s.speed = 0, e.since, greatest(e.since, e.waiting / s.speed)) AS seconds
FROM {:ends {accounted} != {end_offset}} AS e
LEFT JOIN
(
    SELECT toString({topic}) AS topic, {partition} AS partition, sum({to_offset} - {from_offset}) / 300 AS speed
    FROM {@ledger}
    WHERE {:accounted}
    GROUP BY topic, partition
) AS s ON e.topic = s.topic AND e.partition = s.partition
ORDER BY seconds DESC, topic, partition
LIMIT 100`,
		From: 5 * time.Minute,
		// Three times what the loss of a worker takes at most, until its session ends (10 s) and the others have joined again
		// (30 s); and the limit of the panel Stalled partitions.
		Above: bound, Pending: 3 * time.Minute,
	}
}

// lateTopics and lateRollups are rows of what is late and by how many seconds, for notFresh.
const lateTopics = `
    SELECT topic AS what, max(late) AS seconds
    FROM
    (
        SELECT
            topic,
            multiIf(
                max(last) >= $__toTime_ms - INTERVAL 5 MINUTE,
                if(sum(recent) = 0, 0, quantileExactWeightedMerge(0.95)(lags) / 1e6),
                countIf(live) > 0
                    AND arrayCount(s -> s > arrayMax(groupUniqArrayIf(slot, live)) - 12, groupUniqArrayIf(slot, live)) = 12,
                toFloat64(dateDiff('second', max(last), $__toTime_ms)),
                0) AS late
        FROM
        (
            SELECT
                toString({topic}) AS topic,
                intDiv(toUnixTimestamp({written_at}), 300) AS slot,
                max({written_at}) AS last,
                countIf({:fresh}) > 0 AS live,
                countIf({written_at} >= $__toTime_ms - INTERVAL 5 MINUTE AND {:timed}) AS recent,
                quantileExactWeightedStateIf(0.95)(
                    {produce_lag_us}, {:delivered}, {written_at} >= $__toTime_ms - INTERVAL 5 MINUTE AND {:timed}) AS lags
            FROM {@ledger}
            WHERE {:accounted}
            GROUP BY topic, slot
        )
        GROUP BY topic
        UNION ALL
        SELECT topic, max(since) AS late FROM {:ends {accounted} != {end_offset}} GROUP BY topic
    )
    GROUP BY topic`

const lateRollups = `
    SELECT 'rollups' AS what, toFloat64(dateDiff('second', min(l.at), $__toTime_ms)) AS seconds
    FROM
    (
        SELECT {topic} AS topic, {epoch} AS epoch, {partition} AS partition, {to_offset} AS end, {written_at} AS at
        FROM {@ledger}
        WHERE {:accounted}
    ) AS l
    LEFT JOIN
    (
        SELECT {topic} AS topic, {epoch} AS epoch, {partition} AS partition, argMax({position}, {version}) AS position
        FROM {@rollup_cursors}
        GROUP BY topic, epoch, partition
    ) AS c USING (topic, epoch, partition)
    WHERE l.end > c.position AND l.topic IN ('queries.v1', 'signups.v1', 'token_calls.v1', 'model_events.v1')
    HAVING count() > 0`

// notFresh gives how many seconds data is late. Per topic: the time from the log to queryable for 95 % of the records of the
// last five minutes, the time for which a partition with records left has not moved, or the time since the last block of a
// topic that was steady before. For the rollups: the time since the first block that they have not followed.
func notFresh() board.Alert {
	return board.Alert{
		UID: "tidemark-not-fresh", Title: "Data is not fresh", Severity: severityWarning,
		Summary: `{{ .Labels.what }}: data is {{ printf "%.0f" .Values.A.Value }} s late`,
		Description: `For a topic, the figure is the largest of three times in seconds. First: the time from the log until records can be queried, for 95 % of the records of the last five minutes, whatever the times of their events. Second: the time for which a partition with records left has not moved. Third: the time since the last block of a topic that was steady: it had a block in every five minutes of one hour, and then none for five minutes. Replays of history (events older than 30 days) do not count here. For "rollups", the figure is the time since the first block that the rollups have not followed: the dashboards show the state of that time.

What to do:
1. A topic, and "Ingest is behind or stalled" or "A worker is missing" fires too: begin there.
2. A topic without new blocks, and no other alert: everything in the log is counted. Do the producers send? If the load has ended on purpose, silence this alert; it ends one day after the last block.
3. A topic whose blocks are late although ingest keeps up: look at the panel Insert time. Directly after a start of ingest, records that waited in the log count with the time that their producer gave them.
4. Rollups: does "tidemark rollup" run? The panels Rollups and Rollup debt show what waits. "tidemark rollup --until-caught-up" catches up once, in the foreground.`,
		Board: "tidemark-pipeline", Panel: 22,
		SQL: `
SELECT what, seconds
FROM
(` + lateTopics + `
    UNION ALL` + lateRollups + `
)
ORDER BY seconds DESC, what`,
		From: 24 * time.Hour,
		// The red of the panel Freshness. Ingest needs seconds; two minutes are a restart on the way.
		Above: bound, Pending: 5 * time.Minute,
	}
}

// auditDiffers gives the findings of the newest audit, one row each.
func auditDiffers() board.Alert {
	return board.Alert{
		UID: "tidemark-audit", Title: "Audit found a difference", Severity: `{{ if eq (index .Labels "verdict") "difference" }}critical{{ else }}warning{{ end }}`,
		Summary: `Audit: {{ .Labels.check }}, {{ .Labels.scope }}: {{ .Labels.verdict }}`,
		Description: `The newest audit found that log, ledger, raw rows and rollups do not agree ("difference": a number on the dashboards is wrong), or it could not run a check ("error": nobody knows). The alert stays until a newer audit is clean.

What to do:
1. The panel Findings of the newest audit shows the table, and the partition and offset or the bucket, of the first difference.
2. error: the detail has the reason; mostly a server could not be reached or was out of memory. Run "tidemark audit" again.
3. difference in "rollup equals": the raw rows are right, the rollup is not. Does "tidemark rollup" run? If it has caught up and the difference stays, have the range recomputed ("tidemark rollup --help").
4. difference in "ledger tiles" or "raw holds": rows are missing, or there are too many. Do not delete anything. Keep Kafka's retention longer than you need to repair: the log can be read again. Did anybody change or drop rows by hand?
5. difference in "run adds up" or "collector adds up": a producer or a collector counts more events than arrived. Look at its log first.
Run "tidemark audit" after every step. "tidemark audit --every 1h" keeps this alert up to date.`,
		Board: "tidemark-pipeline", Panel: 51,
		SQL: `
SELECT toString({check}) AS check, {scope} AS scope, toString({verdict}) AS verdict, count() AS findings
FROM {@audits}
WHERE {verdict} IN ({:failed_verdicts})
    AND {audit} = (SELECT argMax({audit}, {at}) FROM {@audits} WHERE {at} >= $__fromTime_ms AND {at} < $__toTime_ms)
GROUP BY check, scope, verdict
ORDER BY verdict, check, scope
LIMIT 100`,
		// A difference does not go away by itself, so it is told for as long as no newer audit is clean, up to a month.
		From: 30 * 24 * time.Hour,
		// One is one too many, and an audit has waited for what was under way already.
		Above: 0, Pending: 0,
	}
}

// deadLetters counts the records that gave no event, and the offsets that the log no longer had.
func deadLetters() board.Alert {
	return board.Alert{
		UID: "tidemark-dead-letters", Title: "Records were dead-lettered or lost", Severity: `{{ if eq (index .Labels "kind") "gap" }}critical{{ else }}warning{{ end }}`,
		Summary: `{{ .Labels.topic }}: {{ printf "%.0f" .Values.A.Value }} records in the last hour: {{ .Labels.kind }}`,
		Description: `"dead letter": records that no event could be read from, or that the database refused. No number includes them; each is in the dead-letter topic with its reason. "gap": offsets that the log no longer had when ingest wanted to read them, usually because ingest was stopped for longer than Kafka keeps records. These records are lost.

What to do:
1. dead letter: "tidemark deadletters list" counts them by cause; "tidemark deadletters show topic/epoch/partition/offset" shows one of them. Tell the producer that it names. The producer may send a corrected event with the same source and id.
2. gap: raise the topic's retention, and find out why ingest was behind. The panel Partitions shows every position.
A synthetic workload makes dead letters on purpose (tidemark generate --poison).`,
		Board: "tidemark-pipeline", Panel: 25,
		SQL: `
SELECT toString({topic}) AS topic, what.1 AS kind, sum(what.2) AS records
FROM {@ledger}
ARRAY JOIN [('dead letter', {dead}), ('gap', {gap})] AS what
WHERE {:accounted} AND what.2 > 0
GROUP BY topic, kind
ORDER BY topic, kind`,
		// Long enough to be seen by whoever is called.
		From: time.Hour,
		// Every one is an event that somebody sent and nobody counts.
		Above: 0, Pending: 0,
	}
}

// modelJump compares the last quarter of an hour of each model with its six hours before: the share of errors and the
// 95th percentile of the latency, as multiples.
//
// A share below 2 % and a percentile below half a second count as that much, so that nothing becomes a multiple of next
// to nothing. With the 300 calls that a model must have, three times the usual share is at least 18 errors where 6 are
// expected, which chance gives once in 50,000 times, and hardly ever ten minutes long.
func modelJump() board.Alert {
	return board.Alert{
		UID: "tidemark-model-jump", Title: "A model fails or slows down", Severity: severityWarning,
		Summary: `{{ .Labels.model }}: {{ .Labels.what }} {{ printf "%.1f" .Values.A.Value }} times as high as usual`,
		Description: `In the last 15 minutes, the share of this model's calls that failed, or the 95th percentile of their latency, was more than three times that of the six hours before. The figure is that multiple. A share below 2 % counts as 2 %, and a percentile below 0.5 s counts as 0.5 s. The alert ignores models with fewer than 300 records in either time. It ignores the latency of models for which most calls do not report it.

What to do:
1. Look at the panel Models, and at Errors by model and Latency below it: is it one model, or all models of one provider? Then look at the provider's status page.
2. "tidemark query 'SELECT error_type, count() FROM token_calls WHERE model = ... AND time > now() - INTERVAL 15 MINUTE GROUP BY error_type'" shows the types of errors.
3. Latency only: have prompts or answers grown (panel Tokens by class)? Did a caller switch streaming off?
4. The dashboard Tenant shows whether a single tenant is the cause.
If the state lasts, it becomes the usual one, and the alert ends after about two hours.`,
		Board: "tidemark-models", Panel: 20,
		SQL: `
SELECT model, jump.1 AS what, jump.2 AS times
FROM
(
    SELECT
        toString({model}) AS model,
        [
            ('errors', sumIf({calls}, recent AND {status} = 'error') / sumIf({calls}, recent)
                / greatest(sumIf({calls}, NOT recent AND {status} = 'error') / sumIf({calls}, NOT recent), 0.02)),
            ('latency', if(
                2 * sumIf({latency_calls}, recent) < sumIf({calls}, recent)
                    OR 2 * sumIf({latency_calls}, NOT recent) < sumIf({calls}, NOT recent),
                0,
                {:latency_p95 recent} / greatest({:latency_p95 NOT recent}, 500000)))
        ] AS jumps
    FROM (SELECT *, {bucket} >= $__toTime_ms - INTERVAL 15 MINUTE AS recent FROM {@token_calls_1m} WHERE {:range})
    GROUP BY model
    HAVING sumIf({records}, recent) >= 300 AND sumIf({records}, NOT recent) >= 300
        AND sumIf({calls}, recent) > 0 AND sumIf({calls}, NOT recent) > 0
)
ARRAY JOIN jumps AS jump
ORDER BY times DESC, model, what
LIMIT 50`,
		// Two minutes for events to arrive and be rolled up; then a quarter of an hour, and the six hours before.
		From: 6*time.Hour + 17*time.Minute, To: 2 * time.Minute,
		Above: 3, Pending: 10 * time.Minute,
	}
}

// tokenSurge compares the hour under way and the one before, of each tenant and each product, with what is usual: the
// median of the same hour on the seven days before, or of the 24 hours before, whichever is more. The hour under way can
// only be too low, so it fires early and never for being unfinished; the hour before keeps the alert up over the turn of
// the hour.
func tokenSurge() board.Alert {
	return board.Alert{
		UID: "tidemark-token-surge", Title: "Token surge", Severity: severityWarning,
		Summary: `{{ .Labels.dimension }} {{ .Labels.name }}: {{ printf "%.1f" .Values.A.Value }} times the usual tokens per hour`,
		Description: `In this hour or in the one before, this tenant or product used more than three times the usual tokens. The figure is that multiple. Usual is the larger of two medians, and at least 1,000,000 tokens: the same hour of the seven days before, and the 24 hours before. The alert ignores a tenant or product without use more than a day ago.

What to do:
1. The dashboard Tenant shows which models, since when, and, in "Heaviest users of the last hour", which users. One user: a loop or a stolen key. Tell the tenant and revoke the key.
2. Many users: a launch, or a batch job. Check quotas and the budget.
3. Errors have risen too: retries without a limit.
4. To check the count, run "tidemark audit".`,
		Board: "tidemark-usage", Panel: 44,
		SQL: `
SELECT who.1 AS dimension, who.2 AS name, max(tokens / usual) AS times
FROM
(
    SELECT
        who,
        hour,
        sumIf(t, at = hour) AS tokens,
        greatest(
            quantileExactIf(0.5)(t, at < hour AND at >= hour - INTERVAL 7 DAY AND toHour(at) = toHour(hour)),
            quantileExactIf(0.5)(t, at < hour AND at >= hour - INTERVAL 24 HOUR),
            1000000) AS usual
    FROM
    (
        SELECT
            arrayJoin([('tenant', toString({tenant})), ('product', toString({product}))]) AS who,
            {bucket} AS at,
            sum({input_tokens} + {output_tokens}) AS t
        FROM {@token_calls_1h}
        WHERE {:range}
        GROUP BY who, at
    )
    ARRAY JOIN [toStartOfHour($__toTime_ms, 'UTC'), toStartOfHour($__toTime_ms, 'UTC') - INTERVAL 1 HOUR] AS hour
    GROUP BY who, hour
    HAVING min(at) <= hour - INTERVAL 24 HOUR AND tokens > 0
)
GROUP BY dimension, name
ORDER BY times DESC, dimension, name
LIMIT 50`,
		// The hour under way, the one before, and seven days before that.
		From: 7*24*time.Hour + 2*time.Hour,
		// Over three times the usual and over three million tokens: some ten US dollars an hour at list prices.
		Above: 3, Pending: 0,
	}
}
