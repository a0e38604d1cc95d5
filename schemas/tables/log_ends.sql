-- What the brokers hold of each partition and how far the ledger is, as any worker last saw it. The ledger alone does not
-- show what nobody has read.
CREATE TABLE log_ends
(
    topic LowCardinality(String), -- Without namespace.
    partition UInt32,
    topic_id UUID, -- Of the incarnation that the brokers have.
    start_offset UInt64, -- The first offset that the log holds.
    end_offset UInt64, -- The offset that the next record gets.
    accounted UInt64, -- The first offset of this incarnation that the ledger does not account for.
    -- Since when accounted has been below end_offset without moving; 1970 when both are the same.
    waiting_since DateTime64(6, 'UTC'),
    seen_by LowCardinality(String), -- A role, see heartbeats.
    seen_at DateTime64(6, 'UTC') DEFAULT now64(6),
    version UInt64 -- A count, as in heartbeats.
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, partition)
TTL toDateTime(seen_at) + INTERVAL 30 DAY
