-- Calls to models by minute: the published version of each bucket. A filter on bucket reaches both tables.
CREATE OR REPLACE VIEW {database}.token_calls_1m AS
SELECT
    bucket,
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
FROM {database}.token_calls_1m_rows AS r
INNER JOIN
(
    SELECT bucket, max(version) AS version
    FROM {database}.rollup_versions
    WHERE rollup = 'token_calls_1m'
    GROUP BY bucket
) AS published USING (bucket, version)
