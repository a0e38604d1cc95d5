-- Requests by hour: the published version of each bucket. It is found by
-- IN, not by a join, which would copy the states; there are few buckets this long.
CREATE OR REPLACE VIEW {database}.queries_1h AS
SELECT
    bucket,
    tenant,
    product,
    segment,
    country,
    queries,
    records,
    checksum,
    version
FROM {database}.queries_1h_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM {database}.rollup_versions WHERE rollup = 'queries_1h' GROUP BY bucket)
