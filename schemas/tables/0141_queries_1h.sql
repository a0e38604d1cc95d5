-- Requests by hour: the published version of each bucket. A filter on bucket reaches both tables.
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
INNER JOIN
(
    SELECT bucket, max(version) AS version
    FROM {database}.rollup_versions
    WHERE rollup = 'queries_1h'
    GROUP BY bucket
) AS published USING (bucket, version)
