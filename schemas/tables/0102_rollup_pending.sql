-- Buckets that the cursors have passed and that are still to be recomputed. Losing a mark that is done costs at most one
-- recomputation too many, so they expire.
CREATE TABLE IF NOT EXISTS {database}.rollup_pending
(
    rollup LowCardinality(String), -- The name of the view: token_calls_1m.
    from_bucket DateTime64(0, 'UTC'),
    to_bucket DateTime64(0, 'UTC'), -- Exclusive.
    -- deferred: its turn comes. mismatch: raw is not what the ledger says. asked: somebody asked for it.
    reason Enum8('deferred' = 1, 'mismatch' = 2, 'asked' = 3),
    done Bool,
    version UInt64, -- Microseconds since 1970 by the database's clock.
    saved_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (rollup, from_bucket, to_bucket)
TTL saved_at + INTERVAL 7 DAY DELETE WHERE done
