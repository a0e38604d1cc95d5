-- New accounts by day, all tenants together, in up to two versions a bucket. Read the view signups_all_1d.
-- Sums have 128 bits: a thousand large events are beyond 64. The table is not parted by month, as its raw table.
CREATE OR REPLACE TABLE {database}.signups_all_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    country LowCardinality(String),
    signups UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Sign-ups, whatever their weight.
    checksum UInt64 CODEC(NONE), -- Sum of the raw rows' checksums, to compare with the ledger.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, product, segment, country, slot)
AS SELECT bucket, product, segment, country, signups, records, checksum, version, slot
FROM {database}.signups_all_1d_rows
