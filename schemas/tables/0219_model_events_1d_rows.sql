-- Releases, downloads and derivatives of models by day, in up to two versions a bucket. Read the view model_events_1d.
-- Sums have 128 bits: a thousand large events are beyond 64. The table is not parted by month, as its raw table.
CREATE OR REPLACE TABLE {database}.model_events_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    kind Enum8('unknown' = 0, 'release' = 1, 'download' = 2, 'derivative' = 3),
    model LowCardinality(String),
    base_model LowCardinality(String),
    organization LowCardinality(String),
    hub LowCardinality(String),
    country LowCardinality(String),
    events UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Records, whatever their weight.
    checksum UInt64 CODEC(NONE), -- Sum of the raw rows' checksums, to compare with the ledger.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, kind, model, base_model, organization, hub, country, slot)
AS SELECT bucket, kind, model, base_model, organization, hub, country, events, records, checksum, version, slot
FROM {database}.model_events_1d_rows
