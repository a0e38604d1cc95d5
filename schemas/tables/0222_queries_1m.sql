-- Requests by minute: the published version of each bucket. A filter on bucket reaches both tables.
CREATE OR REPLACE VIEW {database}.queries_1m AS
SELECT
    bucket,
    product,
    segment,
    country,
    queries,
    records,
    checksum,
    version
FROM {database}.queries_1m_rows AS r
INNER JOIN
(
    SELECT bucket, max(version) AS version
    FROM {database}.rollup_versions
    WHERE rollup = 'queries_1m'
    GROUP BY bucket
) AS published USING (bucket, version)
