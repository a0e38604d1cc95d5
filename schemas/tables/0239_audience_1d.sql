-- Distinct users by day, over requests and calls, by one dimension at a time: '' (all), product, segment, country, tenant, model: the published version of each bucket. It is found by
-- IN, not by a join, which would copy the states; there are few buckets this long.
CREATE OR REPLACE VIEW {database}.audience_1d AS
SELECT
    bucket,
    dimension,
    value,
    toUInt128(r.user_weight) AS user_weight,
    users,
    version
FROM {database}.audience_1d_states AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM {database}.rollup_versions WHERE rollup = 'audience_1d' GROUP BY bucket)
