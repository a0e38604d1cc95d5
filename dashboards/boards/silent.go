package boards

import (
	"time"

	"tidemark/dashboards/board"
)

// sourceSilent compares for how long a source has sent nothing with its longest pause of the last 14 days. A source is an
// endpoint of a key or, without keys, of a program whatever its version. 14 days have two weekends, so that the pause of one
// that rests on weekends is known on every weekend but its first.
//
// A source is watched once its pauses are known: after 7 days, or after one day in which it never paused for an hour. A pause
// below 5 minutes counts as 5 minutes. The silence ends where the log is known: what a worker has not read is no silence.
// Copies of a row do not matter, so the rule reads the raw table, which costs a fifth of what the view does.
func sourceSilent() board.Alert {
	return board.Alert{
		UID: "tidemark-source-silent", Title: "A source has gone silent", Severity: severityWarning,
		Summary: `{{ .Labels.tenant }}: {{ .Labels.source }} sends nothing to {{ .Labels.endpoint }} since {{ .Labels.last }} UTC, {{ printf "%.0f" .Values.A.Value }} times its longest pause`,
		Description: `A source that used to send has sent nothing for more than three times its longest pause of the last 14 days, and for more than 15 minutes. The figure is that multiple. A source is a key and an endpoint or, without keys, a program and an endpoint. The alert watches sources that sent for at least 7 days, or for a day without a pause of an hour. A nightly job has a pause of a day, so it fires after three missed nights. Requests that were refused count as sent, once some were not.

What to do:
1. Many sources at once: does "tidemark collect" run, and can senders reach it? "curl http://HOST:4318/healthz" and "/readyz" tell; watch them where you watch other services, because the database alone cannot know whether a collector runs or has nothing to do. If "A worker is missing" or "Ingest is behind or stalled" fires too, begin there.
2. One source: does its program run, and what does its own log say about its exporter? The dashboard Sources shows when it was seen last, and with which version.
3. Was the key disabled, removed or replaced, or does it no longer allow the endpoint? The log of its program shows 401 or 403, and the metric tidemark_collect_requests_total counts them by status.
4. The program was switched off on purpose, or has another key now: silence this alert. It ends 14 days after the last request.
If a source sends less but not nothing, this alert stays quiet: look at the panel What became of the items.`,
		Board: "tidemark-sources", Panel: 10,
		SQL: `
SELECT tenant, source, endpoint, formatDateTime(toDateTime(last, 'UTC'), '%Y-%m-%d %H:%i') AS last, times
FROM
(
    SELECT
        tenant,
        source,
        endpoint,
        60 * arrayMax(minutes) AS last,
        arrayMax(minutes) - arrayMin(minutes) AS age,
        arrayMax(arrayDifference(arraySort(minutes))) AS pause,
        (toUnixTimestamp({:counted_until}) - last) / greatest(60 * pause, 300) AS times,
        age >= 7 * 1440 OR age >= 1440 AND pause < 60 AS known
    FROM
    (
        SELECT
            toString({tenant}) AS tenant,
            if({key} = '', splitByChar('/', toString({sender}))[1], concat('key ', {key})) AS source,
            toString({endpoint}) AS endpoint,
            groupUniqArray({minute}) AS minutes
        FROM {@runs_raw}
        WHERE {kind} = 'collect' AND ({received} > 0 OR {refused} > 0) AND {time} >= $__fromTime_ms AND {time} < $__toTime_ms
        GROUP BY tenant, source, endpoint
        HAVING countIf({received} > 0) > 0
    )
    WHERE known AND times > 1
)
ORDER BY times DESC, tenant, source, endpoint
LIMIT 100`,
		From: 14 * 24 * time.Hour,
		// Three times what it never did in two weeks, so that one slow night or one hour of lunch does not fire.
		Above: 3, Pending: 10 * time.Minute,
	}
}

// silenceFragments is SQL of this rule alone.
func silenceFragments() map[string]string {
	return map[string]string{
		// Up to when the database knows what collectors reported: for each partition of runs, when somebody saw that nothing is
		// left in it, or since when its position stands; of those the earliest. Where nobody looks, now.
		"counted_until": `(
			SELECT if(count() = 0, {:now}, min(if(position = end_offset, seen, {:now} - toIntervalSecond(toUInt32(since)))))
			FROM {:ends {topic} = 'runs.v1'})`,
	}
}
