-- New accounts by day: the published version of each bucket. It is found by
-- IN, not by a join, which would copy the states; there are few buckets this long.
CREATE OR REPLACE VIEW {database}.signups_1d AS
SELECT
    bucket,
    tenant,
    product,
    segment,
    country,
    signups,
    records,
    checksum,
    version
FROM {database}.signups_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM {database}.rollup_versions WHERE rollup = 'signups_1d' GROUP BY bucket)
