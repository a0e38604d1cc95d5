-- Up to which offset of each partition the rollups have followed the ledger.
CREATE TABLE IF NOT EXISTS {database}.rollup_cursors
(
    topic LowCardinality(String), -- Without namespace.
    epoch UInt32,
    partition UInt32,
    position UInt64, -- The first offset not followed.
    version UInt64, -- The newest that was published before.
    saved_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, epoch, partition)
