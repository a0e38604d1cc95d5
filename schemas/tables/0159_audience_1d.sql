-- Distinct users by day, over requests and calls, by one dimension at a time: '' (all), product, segment, country, tenant, model: the published version of each bucket. A filter on bucket reaches both tables.
CREATE OR REPLACE VIEW {database}.audience_1d AS
SELECT
    bucket,
    dimension,
    value,
    user_weight,
    users,
    version
FROM {database}.audience_1d_states AS r
INNER JOIN
(
    SELECT bucket, max(version) AS version
    FROM {database}.rollup_versions
    WHERE rollup = 'audience_1d'
    GROUP BY bucket
) AS published USING (bucket, version)
