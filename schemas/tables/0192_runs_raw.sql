-- What generators, replays and load tests know about what they made, one row a Kafka record. The key is the record's
-- place in the log: inserting a record again changes nothing.
-- The table is not parted by month: one event a month for a century would be a part a month, each merged and opened on its
-- own. What is there moves over; the statement may be run again.
CREATE OR REPLACE TABLE {database}.runs_raw
(
    time DateTime64(6, 'UTC') CODEC(Delta(8), LZ4),
    -- Minutes since 1970 rounded down. toStartOfMinute would wrap before 1970, and integer division rounds towards 0, so
    -- the count starts in 1900, where times do.
    minute Int32 MATERIALIZED toInt32(intDiv(toUnixTimestamp64Micro(time) + 2208988800000000, 60000000) - 36816480) CODEC(Delta(4), LZ4),
    tenant LowCardinality(String),
    -- The first 16 bytes of SHA-256 over tenant, source and id: nothing to compress.
    identity UInt128 CODEC(NONE),
    -- The record's place in Kafka: topic incarnation, partition, offset.
    epoch UInt32,
    partition UInt32,
    offset UInt64 CODEC(Delta(8), LZ4),
    source LowCardinality(String),
    id String,
    run LowCardinality(String),
    kind LowCardinality(String),
    type LowCardinality(String),
    produced UInt64,
    events UInt64,
    duplicates UInt64,
    conflicts UInt64,
    poison UInt64,
    input_tokens UInt64,
    output_tokens UInt64,
    weight UInt64,
    first_time DateTime64(6, 'UTC'),
    last_time DateTime64(6, 'UTC'),
    detail String,
    -- What of the sums above lies beyond 64 bits; the view shows them whole.
    input_tokens_high UInt64,
    output_tokens_high UInt64,
    weight_high UInt64,
    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_offset offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (minute, epoch, partition, offset)
-- One file for all columns of a part as small as an insert's block: writing it takes half the time. Merges part them.
SETTINGS min_bytes_for_wide_part = 134217728
AS SELECT time, tenant, identity, epoch, partition, offset, source, id, run, kind, type, produced, events, duplicates, conflicts, poison, input_tokens, output_tokens, weight, first_time, last_time, detail, input_tokens_high, output_tokens_high, weight_high
FROM {database}.runs_raw
