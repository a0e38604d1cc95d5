-- New accounts by hour: the published version of each bucket. A filter on bucket reaches both tables.
CREATE OR REPLACE VIEW {database}.signups_1h AS
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
FROM {database}.signups_1h_rows AS r
INNER JOIN
(
    SELECT bucket, max(version) AS version
    FROM {database}.rollup_versions
    WHERE rollup = 'signups_1h'
    GROUP BY bucket
) AS published USING (bucket, version)
