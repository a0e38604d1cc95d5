-- Who is at work: one row per worker, which the worker writes again every few seconds. A worker is a process; its name is
-- random and tells nothing of the machine. The version is a count and not a time: after a clock that was ahead is set
-- right, a time would keep a dead worker alive.
CREATE TABLE heartbeats
(
    role LowCardinality(String), -- ingest, rollup or audit.
    worker String, -- Empty in the rows that `tidemark migrate` writes: a role that nobody has taken has had no report since then.
    beat UInt64,
    started_at DateTime64(6, 'UTC'),
    stopped Bool, -- The last beat of a worker that shut down in order.
    seen_at DateTime64(6, 'UTC') DEFAULT now64(6),
    -- What the process has used, all of its roles together; 0 where it is not known.
    cpu_us UInt64 DEFAULT 0, -- User and system time since it began.
    resident_bytes UInt64 DEFAULT 0 -- Memory now.
)
ENGINE = ReplacingMergeTree(beat)
ORDER BY (role, worker)
TTL toDateTime(seen_at) + INTERVAL 30 DAY DELETE WHERE worker != ''
