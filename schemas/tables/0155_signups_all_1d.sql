-- New accounts by day, all tenants together: the published version of each bucket. A filter on bucket reaches both tables.
CREATE OR REPLACE VIEW {database}.signups_all_1d AS
SELECT
    bucket,
    product,
    segment,
    country,
    signups,
    records,
    checksum,
    version
FROM {database}.signups_all_1d_rows AS r
INNER JOIN
(
    SELECT bucket, max(version) AS version
    FROM {database}.rollup_versions
    WHERE rollup = 'signups_all_1d'
    GROUP BY bucket
) AS published USING (bucket, version)
