-- Distinct users by hour, over requests and calls, by one dimension at a time: '' (all), product, segment, country, tenant,
-- model, in up to two versions a bucket. Read the view audience_1h. Sorted by dimension first, unlike the other rollups: a state is large, up to 100 kB, and who asks for one dimension should not read those of
-- the others; a mark every few rows for the same reason.
-- The table is not parted by month, as its raw table.
CREATE OR REPLACE TABLE {database}.audience_1h_states
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    dimension LowCardinality(String),
    value LowCardinality(String),
    user_weight UInt64,
    users AggregateFunction(uniqCombined64, UInt64), -- Read with uniqCombined64Merge; active users are that times user_weight.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (dimension, value, bucket, user_weight, slot)
SETTINGS index_granularity = 4
AS SELECT bucket, dimension, value, user_weight, users, version, slot
FROM {database}.audience_1h_states
