-- New accounts: one row per Kafka record.
-- The sorting key is the record's place in the log, so inserting a record again changes nothing. There are no partitions:
-- events of a century would need a part per month. A part below 32 MiB is one file, which halves the time to write it.
-- Merges into one file go row by row and cost half as much again, so larger parts have files for each column. Statistics
-- of columns, which merges would compute, are of no use to any statement here.
CREATE TABLE signups_raw
(
    time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    -- Minutes since 1970, rounded down. toStartOfMinute wraps before 1970 and integer division rounds toward 0, so the
    -- expression counts from 1900, the earliest time that is accepted.
    minute Int32 MATERIALIZED toInt32(intDiv(toUnixTimestamp64Micro(time) + 2208988800000000, 60000000) - 36816480) CODEC(Delta(4), LZ4),
    tenant LowCardinality(String),
    -- The first 16 bytes of SHA-256 over tenant, source and id. They do not compress.
    identity UInt128 CODEC(NONE),
    -- The record's place in the log: incarnation of the topic, partition, offset.
    epoch UInt32,
    partition UInt32,
    offset UInt64 CODEC(Delta(8), LZ4),
    source LowCardinality(String),
    id String CODEC(ZSTD(1)),
    run LowCardinality(String),
    product LowCardinality(String),
    user UInt64 CODEC(ZSTD(1)),
    country LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    weight UInt64 DEFAULT 1 CODEC(T64, LZ4),
    user_weight UInt64 DEFAULT 1 CODEC(T64, LZ4),
    channel LowCardinality(String),
    plan LowCardinality(String),
    -- Of the records with one identity and time the one with the highest revision counts.
    revision UInt64 CODEC(T64, LZ4),
    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_offset offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (minute, epoch, partition, offset)
SETTINGS min_bytes_for_wide_part = 33554432, auto_statistics_types = ''
