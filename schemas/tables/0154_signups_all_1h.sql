-- New accounts by hour, all tenants together: the published version of each bucket. A filter on bucket reaches both tables.
CREATE OR REPLACE VIEW {database}.signups_all_1h AS
SELECT
    bucket,
    product,
    segment,
    country,
    signups,
    records,
    checksum,
    version
FROM {database}.signups_all_1h_rows AS r
INNER JOIN
(
    SELECT bucket, max(version) AS version
    FROM {database}.rollup_versions
    WHERE rollup = 'signups_all_1h'
    GROUP BY bucket
) AS published USING (bucket, version)
