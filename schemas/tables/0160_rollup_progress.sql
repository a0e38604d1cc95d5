-- How far each rollup tells the whole story. A bucket that begins at or before `whole_until` is whole: it was over when
-- rollups were last published, and neither waits for its turn together with the newest one. Late events may still change
-- it; buckets that wait for those alone hold nothing back. When nothing has been published for an hour nothing is under
-- way, and what is over is whole. (A bare GROUP BY rollup, which the engine makes of it however it is quoted, is a syntax
-- error when it reads the view back at its next start.)
CREATE OR REPLACE VIEW {database}.rollup_progress AS
SELECT
    name AS rollup,
    max(published) AS published_at,
    max(newest) AS newest_bucket,
    least(
        if(published_at < now64(6) - INTERVAL 1 HOUR, now64(6), published_at),
        arrayMin(arrayPushBack(
            arrayMap(range -> if(range.2 > newest_bucket, range.1, toDateTime64('2299-12-31 00:00:00', 6, 'UTC')), groupArrayIf((waits_from, waits_to), waits)),
            toDateTime64('2299-12-31 00:00:00', 6, 'UTC')))
    ) - toIntervalSecond(multiIf(endsWith(name, '_1m'), 60, endsWith(name, '_1h'), 3600, 86400)) AS whole_until
FROM
(
    SELECT
        v.rollup AS name,
        fromUnixTimestamp64Micro(toInt64(version), 'UTC') AS published,
        bucket AS newest,
        false AS waits,
        toDateTime64(bucket, 6, 'UTC') AS waits_from,
        bucket AS waits_to
    FROM {database}.rollup_versions AS v
    UNION ALL
    SELECT
        p.rollup AS name,
        toDateTime64('1900-01-01 00:00:00', 6, 'UTC') AS published,
        toDateTime64('1900-01-01 00:00:00', 0, 'UTC') AS newest,
        true AS waits,
        toDateTime64(from_bucket, 6, 'UTC') AS waits_from,
        to_bucket AS waits_to
    FROM {database}.rollup_pending AS p FINAL
    WHERE NOT done
) AS marks
GROUP BY name
