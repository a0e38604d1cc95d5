-- What became of every offset of every partition, one row a block of the log. See the column exceptions: every offset
-- within [from_offset, to_offset) that it does not list is a row of the raw table.
CREATE TABLE IF NOT EXISTS {database}.ledger
(
    topic LowCardinality(String), -- Without namespace: token_calls.v1.
    epoch UInt32,
    partition UInt32,
    from_offset UInt64,
    to_offset UInt64, -- Exclusive.
    generation Int64, -- Of the consumer group; where two rows overlap, the higher one counts.
    member String,
    partitions UInt32, -- How many the topic had.
    window UInt64, -- How many offsets back duplicates were looked for.
    high_watermark UInt64,
    stored UInt64,
    duplicates UInt64,
    conflicts UInt64,
    dead UInt64,
    control UInt64,
    gap UInt64,
    -- Ranges of offsets, to exclusive, ascending.
    exceptions Nested
    (
        from UInt64,
        to UInt64,
        disposition Enum8('duplicate' = 2, 'conflict' = 3, 'dead' = 4, 'control' = 5, 'gap' = 6)
    ),
    runs Nested
    (
        run String,
        stored UInt64,
        duplicates UInt64,
        conflicts UInt64,
        dead UInt64
    ),
    -- The stored rows by minute of event time; the checksum is the sum of theirs.
    buckets Nested
    (
        minute Int32,
        rows UInt64,
        checksum UInt64,
        min_offset UInt64,
        max_offset UInt64
    ),
    min_minute Int32,
    max_minute Int32,
    bytes UInt64,
    resends UInt32, -- Inserts whose outcome was unknown and that were sent again.
    insert_us UInt64,
    event_lag_us Int64,
    fetched_at DateTime64(6, 'UTC'),
    written_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY (topic, epoch, partition, from_offset, generation, to_offset)
