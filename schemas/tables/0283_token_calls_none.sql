-- No calls at all, with the columns of token_calls_1h of the dashboards: what a statement names that takes the parts of
-- hours from another relation where there are none to take. It costs next to nothing.
CREATE OR REPLACE VIEW {database}.token_calls_none AS
SELECT
    bucket,
    tenant,
    product,
    provider,
    model,
    status,
    calls,
    records,
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
    reported_cost_calls,
    other_currency_calls
FROM {database}.token_calls_1h_rows
WHERE false
