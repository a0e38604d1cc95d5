-- Calls to models: one row per Kafka record.
-- The sorting key is the record's place in the log, so inserting a record again changes nothing. There are no partitions:
-- events of a century would need a part per month. A part below 32 MiB is one file, which halves the time to write it.
-- Merges into one file go row by row and cost half as much again, so larger parts have files for each column. Statistics
-- of columns, which merges would compute, are of no use to any statement here.
CREATE TABLE token_calls_raw
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
    model LowCardinality(String),
    requested_model LowCardinality(String),
    provider LowCardinality(String),
    operation LowCardinality(String),
    streaming Bool,
    status Enum8('unknown' = 0, 'ok' = 1, 'error' = 2, 'cancelled' = 3),
    error_type LowCardinality(String),
    latency_us Nullable(UInt64) CODEC(T64, LZ4),
    first_token_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    -- Classes of tokens that do not overlap. A class that the sender does not know is null, never 0.
    input_uncached Nullable(UInt64) CODEC(T64, LZ4),
    input_cache_read Nullable(UInt64) CODEC(T64, ZSTD(1)),
    input_cache_write Nullable(UInt64) CODEC(T64, ZSTD(1)),
    output_visible Nullable(UInt64) CODEC(T64, LZ4),
    output_reasoning Nullable(UInt64) CODEC(T64, ZSTD(1)),
    reported_cost_nanos Nullable(Int64) CODEC(T64, LZ4),
    cost_currency LowCardinality(String),
    -- In 1e-12: the cost is nanos x 1000 + picos.
    reported_cost_picos UInt64 CODEC(T64, LZ4),
    -- Of the records with one identity and time the one with the highest revision counts.
    revision UInt64 CODEC(T64, LZ4),
    -- How many calls the row adds up: its tokens and its cost are the totals of all of them. Null means one call, 0 none.
    requests Nullable(UInt64) CODEC(T64, LZ4),
    -- Parts of input_cache_write, by the time that the cache keeps them.
    cache_write_5m Nullable(UInt64) CODEC(T64, LZ4),
    cache_write_1h Nullable(UInt64) CODEC(T64, LZ4),
    -- How many of the tokens above are audio or images.
    input_audio Nullable(UInt64) CODEC(T64, LZ4),
    input_image Nullable(UInt64) CODEC(T64, LZ4),
    output_audio Nullable(UInt64) CODEC(T64, LZ4),
    output_image Nullable(UInt64) CODEC(T64, LZ4),
    service_tier LowCardinality(String),
    region LowCardinality(String),
    -- The program or library that reported the call.
    client LowCardinality(String),
    client_version LowCardinality(String),
    response_id String, -- The provider's id of the answer.
    attempt Nullable(UInt64) CODEC(T64, LZ4), -- 1 for the first try.
    -- Where the counts of tokens come from, and how well their classes are known.
    usage Enum8('unknown' = 0, 'reported' = 1, 'estimated' = 2, 'missing' = 3),
    split Enum8('unknown' = 0, 'exact' = 1, 'upper_bound' = 2, 'none' = 3),
    joined UInt64 CODEC(T64, LZ4), -- Further reports of the same call that this row includes.
    may_be_double Bool, -- Another row may be about the same call.
    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_offset offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (minute, epoch, partition, offset)
SETTINGS min_bytes_for_wide_part = 33554432, auto_statistics_types = ''
