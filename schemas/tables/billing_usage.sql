-- What providers and gateways say of usage and cost, append-only, in sums per period and what they name. It is compared
-- with what is counted, and never added to it. See billing_imports for which rows count.
CREATE TABLE billing_usage
(
    import_id UInt64,
    source LowCardinality(String),
    account String,
    kind LowCardinality(String), -- "usage": tokens and requests, "cost": money.
    period_from DateTime64(0, 'UTC'),
    period_to DateTime64(0, 'UTC'), -- Not included.
    provider LowCardinality(String), -- As events carry it; empty if not told.
    project String, -- Project, workspace, team or account within the source.
    model LowCardinality(String), -- As events carry it; empty if not told.
    line String, -- Line item.
    input_tokens Nullable(UInt64), -- All input. Tokens that are not told are null.
    input_uncached Nullable(UInt64),
    input_cache_read Nullable(UInt64),
    input_cache_write Nullable(UInt64),
    output_tokens Nullable(UInt64),
    requests Nullable(UInt64),
    currency LowCardinality(String), -- ISO 4217; empty for usage.
    cost_picos Nullable(Int128) -- In 1e-12 of the currency; null for usage.
)
ENGINE = MergeTree
ORDER BY (source, account, kind, period_from, import_id)
