-- The verdicts of audits: one row per check and scope.
CREATE TABLE audits
(
    at DateTime64(6, 'UTC') DEFAULT now64(6),
    audit String, -- The audit's id, the same in all rows that it wrote.
    check LowCardinality(String),
    scope String, -- A table or a topic.
    verdict Enum8('ok' = 1, 'difference' = 2, 'pending' = 3, 'error' = 4),
    detail String,
    took_us UInt64
)
ENGINE = MergeTree
ORDER BY at
