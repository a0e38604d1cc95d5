-- Calls to models as rows of a rollup, one an event: for one tenant and a short range, since rollups by minute do not tell
-- tenants apart. The bucket is the event's moment, not rounded, so that a filter on it reaches the table, as one on tenant
-- does; who groups by it rounds.
CREATE OR REPLACE VIEW {database}.token_calls_tenant_1m AS
SELECT
    e.time AS bucket,
    e.tenant AS tenant,
    e.product AS product,
    e.provider AS provider,
    e.model AS model,
    e.status AS status,
    toUInt128(e.calls) AS calls,
    toUInt64(1) AS records,
    toUInt128(if(e.streaming, e.calls, 0)) AS streaming_calls,
    toUInt128(ifNull(e.input_uncached, 0) * e.weight) AS input_uncached,
    toUInt128(ifNull(e.input_cache_read, 0) * e.weight) AS input_cache_read,
    toUInt128(ifNull(e.input_cache_write, 0) * e.weight) AS input_cache_write,
    toUInt128(ifNull(e.output_visible, 0) * e.weight) AS output_visible,
    toUInt128(ifNull(e.output_reasoning, 0) * e.weight) AS output_reasoning,
    toUInt128(ifNull(e.input_tokens, 0) * e.weight) AS input_tokens,
    toUInt128(ifNull(e.output_tokens, 0) * e.weight) AS output_tokens,
    toUInt128(if(isNull(e.input_tokens), e.calls, 0)) AS unknown_input_calls,
    toUInt128(if(isNull(e.output_tokens), e.calls, 0)) AS unknown_output_calls,
    initializeAggregation('quantilesBFloat16WeightedState(0.5, 0.9, 0.95, 0.99)', e.latency_us, e.weight) AS latency,
    initializeAggregation('quantilesBFloat16WeightedState(0.5, 0.9, 0.95, 0.99)', e.first_token_us, e.weight) AS first_token,
    toUInt128(if(isNotNull(e.latency_us), e.calls, 0)) AS latency_calls,
    toUInt128(if(isNotNull(e.first_token_us), e.calls, 0)) AS first_token_calls,
    if(isNotNull(e.reported_cost_nanos) AND e.cost_currency = 'USD', (toInt128(ifNull(e.reported_cost_nanos, 0)) * 1000 + e.reported_cost_picos) * e.weight, toInt128(0)) AS reported_cost_picos,
    toUInt128(if(isNotNull(e.reported_cost_nanos) AND e.cost_currency = 'USD', e.calls, 0)) AS reported_cost_calls,
    toUInt128(if(isNotNull(e.reported_cost_nanos) AND e.cost_currency != 'USD', e.calls, 0)) AS other_currency_calls
FROM {database}.token_calls AS e
