-- What was rolled up before there were queries_all_1h and queries_all_1d is to be merged into them: the next worker does it, and
-- the days follow the hours. Asked twice is asked once.
INSERT INTO {database}.rollup_pending (rollup, from_bucket, to_bucket, reason, done, version)
SELECT 'queries_all_1h', min(bucket), max(bucket) + INTERVAL 1 MINUTE, 'asked', false, 1
FROM {database}.rollup_versions
WHERE rollup = 'queries_1m'
HAVING count() > 0
