-- The versions of each bucket of each rollup. Readers see the newest: one insert here publishes a bucket.
CREATE TABLE rollup_versions
(
    rollup LowCardinality(String), -- The name of the view: token_calls_1m.
    -- The same under a name that statements can group by: ROLLUP is a keyword.
    name LowCardinality(String) ALIAS rollup,
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4),
    version UInt64 CODEC(Delta(8), LZ4), -- Microseconds since 1970 by the database's clock, taken before raw was read.
    slot UInt8 -- Where the rows of the version are. The next version goes to the other slot.
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (rollup, bucket)
