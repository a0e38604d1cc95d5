-- Who is at work: one row a worker, written again every few seconds by the worker itself. A worker is a process; its name
-- is made up when it starts and tells nothing of the machine. The version is a count, not a time: a clock that was ahead
-- and is right again would keep a dead worker alive.
CREATE TABLE IF NOT EXISTS {database}.heartbeats
(
    role LowCardinality(String), -- ingest, rollup or audit.
    worker String, -- Empty in the rows that came with the table: what is never heard of has been silent since then.
    beat UInt64,
    started_at DateTime64(6, 'UTC'),
    stopped Bool, -- The last one of a worker that was asked to end.
    seen_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(beat)
ORDER BY (role, worker)
TTL toDateTime(seen_at) + INTERVAL 30 DAY DELETE WHERE worker != ''
