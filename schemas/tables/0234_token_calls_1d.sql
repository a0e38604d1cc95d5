-- Calls to models by day: the published version of each bucket. It is found by
-- IN, not by a join, which would copy the states; there are few buckets this long.
CREATE OR REPLACE VIEW {database}.token_calls_1d AS
SELECT
    bucket,
    tenant,
    product,
    provider,
    model,
    status,
    calls,
    records,
    checksum,
    streaming_calls,
    input_uncached,
    input_cache_read,
    input_cache_write,
    output_visible,
    output_reasoning,
    input_uncached + input_cache_read + input_cache_write AS input_tokens,
    output_visible + output_reasoning AS output_tokens,
    unknown_input_calls,
    unknown_output_calls,
    latency,
    first_token,
    latency_calls,
    first_token_calls,
    reported_cost_picos,
    intDiv(reported_cost_picos - positiveModulo(reported_cost_picos, 1000), 1000) AS reported_cost_nanos,
    reported_cost_calls,
    other_currency_calls,
    version
FROM {database}.token_calls_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM {database}.rollup_versions WHERE rollup = 'token_calls_1d' GROUP BY bucket)
