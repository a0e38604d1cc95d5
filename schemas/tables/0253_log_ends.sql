-- What the brokers hold of each partition and how far the ledger is, seen by any worker: the ledger alone does not tell
-- what nobody read.
CREATE TABLE IF NOT EXISTS {database}.log_ends
(
    topic LowCardinality(String), -- Without namespace.
    partition UInt32,
    topic_id UUID, -- Of the incarnation that the brokers have.
    start_offset UInt64, -- The first one that the log holds.
    end_offset UInt64, -- The one that the next record gets.
    accounted UInt64, -- The first offset of this incarnation that the ledger does not account for.
    -- Since when accounted is not end_offset and has not moved; 1970 when they are the same.
    waiting_since DateTime64(6, 'UTC'),
    seen_by LowCardinality(String), -- A role, see heartbeats.
    seen_at DateTime64(6, 'UTC') DEFAULT now64(6),
    version UInt64 -- A count, as in heartbeats.
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, partition)
TTL toDateTime(seen_at) + INTERVAL 30 DAY
