-- The offset of each partition up to which the rollups have followed the ledger.
CREATE TABLE rollup_cursors
(
    topic LowCardinality(String), -- Without namespace.
    epoch UInt32,
    partition UInt32,
    position UInt64, -- The first offset that they have not followed.
    version UInt64, -- The newest version that was published before.
    saved_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, epoch, partition)
