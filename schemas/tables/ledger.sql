-- What happened to every offset of every partition: one row per block of the log. Every offset within
-- [from_offset, to_offset) that the exceptions do not list is a row of the raw table.
CREATE TABLE ledger
(
    topic LowCardinality(String), -- Without namespace: token_calls.v1.
    epoch UInt32,
    partition UInt32,
    from_offset UInt64,
    to_offset UInt64, -- Exclusive.
    generation Int64, -- Of the consumer group. Where two rows overlap, the higher one counts.
    member String,
    partitions UInt32, -- How many partitions the topic had.
    window UInt64, -- How many offsets back the worker looked for duplicates.
    format UInt8 DEFAULT 0, -- From 1 on content, strays and revised of the buckets are known.
    high_watermark UInt64,
    stored UInt64,
    duplicates UInt64,
    conflicts UInt64,
    dead UInt64,
    control UInt64,
    gap UInt64,
    -- Ranges of offsets, ascending; to is exclusive.
    `exceptions.from` Array(UInt64),
    `exceptions.to` Array(UInt64),
    `exceptions.disposition` Array(Enum8('duplicate' = 2, 'conflict' = 3, 'dead' = 4, 'control' = 5, 'gap' = 6)),
    `runs.run` Array(String),
    `runs.stored` Array(UInt64),
    `runs.duplicates` Array(UInt64),
    `runs.conflicts` Array(UInt64),
    `runs.dead` Array(UInt64),
    -- The stored rows per minute of event time.
    `buckets.minute` Array(Int32),
    `buckets.rows` Array(UInt64),
    `buckets.checksum` Array(UInt64), -- Sum of the rows' checksums.
    `buckets.content` Array(UInt64), -- Sum of the rows' checksums over every column.
    `buckets.strays` Array(UInt64), -- Rows in another partition than their identity's.
    `buckets.revised` Array(UInt64), -- Rows that may replace another one: their revision is above 0.
    `buckets.min_offset` Array(UInt64),
    `buckets.max_offset` Array(UInt64),
    min_minute Int32,
    max_minute Int32,
    bytes UInt64,
    resends UInt32, -- Inserts that were sent again because their outcome was unknown.
    insert_us UInt64,
    event_lag_us Int64,
    fetched_at DateTime64(6, 'UTC'),
    -- When the records of the block entered the log, whatever their disposition: the freshness of the pipeline, which the
    -- time of events does not show while history is replayed. 1970 where no record has the time.
    oldest_produced DateTime64(3, 'UTC'),
    newest_produced DateTime64(3, 'UTC'),
    produce_lag_us Int64, -- Age of the oldest record when the row was written.
    written_at DateTime64(6, 'UTC') DEFAULT now64(6),
    -- Panels read what was accounted within a time. Within a partition the time grows with the sorting key, so the times
    -- of a granule are near each other.
    INDEX by_written_at written_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY (topic, epoch, partition, from_offset, generation, to_offset)
