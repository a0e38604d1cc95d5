-- Releases, downloads and derivatives of models, one row a Kafka record. The key is the record's place in the log:
-- inserting a record again changes nothing.
-- The table is not parted by month: one event a month for a century would be a part a month, each merged and opened on its
-- own. What is there moves over; the statement may be run again.
CREATE OR REPLACE TABLE {database}.model_events_raw
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
    product LowCardinality(String),
    user UInt64 CODEC(NONE),
    country LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    weight UInt64 DEFAULT 1 CODEC(T64, LZ4),
    user_weight UInt64 DEFAULT 1 CODEC(T64, LZ4),
    kind Enum8('unknown' = 0, 'release' = 1, 'download' = 2, 'derivative' = 3),
    model LowCardinality(String),
    base_model LowCardinality(String),
    organization LowCardinality(String),
    hub LowCardinality(String),
    -- Which statement of the event this is: of one identity and time the highest counts.
    revision UInt64 CODEC(T64, LZ4),
    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_offset offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (minute, epoch, partition, offset)
-- One file for all columns of a part as small as an insert's block: writing it takes half the time. Merges part them.
SETTINGS min_bytes_for_wide_part = 134217728
AS SELECT time, tenant, identity, epoch, partition, offset, source, id, run, product, user, country, segment, weight, user_weight, kind, model, base_model, organization, hub, revision
FROM {database}.model_events_raw
