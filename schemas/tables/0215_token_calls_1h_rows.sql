-- Calls to models by hour, in up to two versions a bucket. Read the view token_calls_1h.
-- Sums have 128 bits: a thousand large events are beyond 64. The table is not parted by month, as its raw table.
CREATE OR REPLACE TABLE {database}.token_calls_1h_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    tenant LowCardinality(String),
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    status Enum8('unknown' = 0, 'ok' = 1, 'error' = 2, 'cancelled' = 3),
    calls UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    checksum UInt64 CODEC(NONE), -- Sum of the raw rows' checksums, to compare with the ledger.
    streaming_calls UInt128, -- These and all below count by weight.
    input_uncached UInt128,
    input_cache_read UInt128,
    input_cache_write UInt128,
    output_visible UInt128,
    output_reasoning UInt128,
    unknown_input_calls UInt128, -- Calls of which no class of input tokens is known.
    unknown_output_calls UInt128,
    latency AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64), -- Microseconds; read with quantilesBFloat16WeightedMerge(0.5, 0.9, 0.95, 0.99), no other levels.
    first_token AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64),
    latency_calls UInt128, -- Calls of which the latency is known.
    first_token_calls UInt128,
    reported_cost_picos Int128, -- In 1e-12 USD.
    reported_cost_calls UInt128, -- Calls with a reported cost in USD.
    other_currency_calls UInt128, -- Calls with a reported cost in another currency, which no sum includes.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, tenant, product, provider, model, status, slot)
AS SELECT bucket, tenant, product, provider, model, status, calls, records, checksum, streaming_calls, input_uncached, input_cache_read, input_cache_write, output_visible, output_reasoning, unknown_input_calls, unknown_output_calls, latency, first_token, latency_calls, first_token_calls, reported_cost_picos, reported_cost_calls, other_currency_calls, version, slot
FROM {database}.token_calls_1h_rows
