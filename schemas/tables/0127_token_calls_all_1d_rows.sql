-- Calls to models by day, all tenants together, in up to two versions a bucket. Read the view token_calls_all_1d. A mark
-- every few rows: the states are kilobytes each, and who asks for one bucket should not read those of its neighbours.
CREATE TABLE IF NOT EXISTS {database}.token_calls_all_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    status Enum8('unknown' = 0, 'ok' = 1, 'error' = 2, 'cancelled' = 3),
    calls UInt64 CODEC(T64, LZ4), -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    checksum UInt64 CODEC(NONE), -- Sum of the raw rows' checksums, to compare with the ledger.
    streaming_calls UInt64 CODEC(T64, LZ4), -- These and all below count by weight.
    input_uncached UInt64 CODEC(T64, LZ4),
    input_cache_read UInt64 CODEC(T64, LZ4),
    input_cache_write UInt64 CODEC(T64, LZ4),
    output_visible UInt64 CODEC(T64, LZ4),
    output_reasoning UInt64 CODEC(T64, LZ4),
    unknown_input_calls UInt64 CODEC(T64, LZ4), -- Calls of which no class of input tokens is known.
    unknown_output_calls UInt64 CODEC(T64, LZ4),
    latency AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64), -- Microseconds; read with quantilesBFloat16WeightedMerge(0.5, 0.9, 0.95, 0.99), no other levels.
    first_token AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64),
    latency_calls UInt64 CODEC(T64, LZ4), -- Calls of which the latency is known.
    first_token_calls UInt64 CODEC(T64, LZ4),
    reported_cost_nanos Int128, -- In 1e-9 USD.
    reported_cost_calls UInt64 CODEC(T64, LZ4), -- Calls with a reported cost in USD.
    other_currency_calls UInt64 CODEC(T64, LZ4), -- Calls with a reported cost in another currency, which no sum includes.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, product, provider, model, status, slot)
SETTINGS index_granularity = 256
