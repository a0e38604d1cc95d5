-- Buckets that the cursors have passed and that the worker still has to recompute. Rows that are done expire: losing one
-- costs at most one recomputation.
CREATE TABLE rollup_pending
(
    rollup LowCardinality(String), -- The name of the view: token_calls_1m.
    -- The same under a name that statements can group by: ROLLUP is a keyword.
    name LowCardinality(String) ALIAS rollup,
    from_bucket DateTime64(0, 'UTC'),
    to_bucket DateTime64(0, 'UTC'), -- Exclusive.
    -- deferred: waits for its turn. mismatch: raw rows do not match the ledger. requested: by `tidemark rollup rebuild` or
    -- `tidemark migrate`; requesting twice has no further effect.
    reason Enum8('deferred' = 1, 'mismatch' = 2, 'requested' = 3),
    done Bool,
    version UInt64, -- Microseconds since 1970 by the database's clock.
    saved_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (rollup, from_bucket, to_bucket)
TTL saved_at + INTERVAL 7 DAY DELETE WHERE done
