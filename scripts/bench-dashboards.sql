-- One day of the store that scripts/bench-dashboards measures, {day} days ago: raw rows as ingest leaves them, and the
-- rollups as the worker publishes them. 200 tenants, 23 models of 14 providers, 4 products, 30 countries, each with its
-- few large and many small ones; 200,000 users. Each INSERT names its columns; those that it leaves out, such as the slot, have
-- their default, so that a new measure needs no change here.
INSERT INTO token_calls_raw (time, tenant, identity, epoch, partition, offset, source, id, product, user, country, segment, model, requested_model, provider, operation, streaming, status, latency_us, first_token_us, input_uncached, input_cache_read, input_cache_write, output_visible, output_reasoning)
SELECT
    toDateTime64(toStartOfDay(now('UTC')) - INTERVAL {day} DAY, 6, 'UTC') + toIntervalMicrosecond(intDiv(number * 86400000000, {calls})) AS time,
    concat('tenant-', toString(toUInt32(200 * pow(rand(1) / 4294967296, 3)))) AS tenant,
    reinterpretAsUInt128(sipHash128(number, {day})) AS identity,
    1 AS epoch, number % 8 AS partition, intDiv(number, 8) + (30 - {day}) * intDiv({calls}, 8) AS offset,
    'bench' AS source, '' AS id,
    ['chat', 'code', 'search', 'api'][1 + toUInt32(4 * pow(rand(2) / 4294967296, 2))] AS product,
    intHash64(toUInt32(200000 * pow(rand(3) / 4294967296, 2)) + 1) AS user,
    ['US', 'IN', 'CN', 'BR', 'DE', 'GB', 'JP', 'FR', 'ID', 'MX', 'CA', 'KR', 'ES', 'IT', 'AU', 'NL', 'PL', 'TR', 'SE', 'CH', 'AR', 'ZA', 'NG', 'EG', 'VN', 'TH', 'PH', 'MY', 'SG', 'NZ'][1 + toUInt32(30 * pow(rand(4) / 4294967296, 2))] AS country,
    toInt8(1 + rand(5) % 4) AS segment,
    ['gpt-4o-mini-2024-07-18', 'gpt-4o-2024-08-06', 'gpt-5-2025-08-07', 'claude-sonnet-4-5-20250929', 'claude-opus-4-5-20251101', 'claude-haiku-4-5-20251001', 'gemini-2.5-flash', 'gemini-2.5-pro', 'deepseek-v3.2', 'qwen3-max', 'qwen3-235b-a22b', 'llama-3.3-70b-versatile', 'mistral-large-2411', 'grok-4-0709', 'kimi-k2-0905', 'command-a-03-2025', 'sonar-pro', 'o3-2025-04-16', 'gpt-4.1', 'gpt-oss-120b', 'glm-4.6', 'minimax-m2', 'nova-pro'][1 + toUInt32(23 * pow(rand(6) / 4294967296, 2)) AS m] AS model,
    model AS requested_model,
    ['openai', 'openai', 'openai', 'anthropic', 'anthropic', 'anthropic', 'gcp.gemini', 'gcp.gemini', 'deepseek', 'alibaba_cloud', 'alibaba_cloud', 'groq', 'mistral_ai', 'x_ai', 'moonshot_ai', 'cohere', 'perplexity', 'openai', 'openai', 'openrouter', 'zhipu', 'minimax', 'aws.bedrock'][m] AS provider,
    'chat' AS operation, rand(7) % 10 < 7 AS streaming,
    multiIf(rand(8) % 1000 < 12, 2, rand(8) % 1000 < 16, 3, 1) AS status,
    300000 + toUInt64(20000000 * pow(rand(9) / 4294967296, 4)) AS latency_us,
    100000 + toUInt64(3000000 * pow(rand(10) / 4294967296, 4)) AS first_token_us,
    toUInt64(50 + 8000 * pow(rand(11) / 4294967296, 3)) AS input_uncached,
    toUInt64(6000 * pow(rand(12) / 4294967296, 3)) AS input_cache_read,
    if(rand(13) % 4 = 0, toUInt64(2000 * pow(rand(14) / 4294967296, 2)), NULL) AS input_cache_write,
    toUInt64(20 + 1500 * pow(rand(15) / 4294967296, 3)) AS output_visible,
    if(rand(16) % 3 = 0, toUInt64(3000 * pow(rand(17) / 4294967296, 3)), NULL) AS output_reasoning
FROM numbers({calls});

INSERT INTO queries_raw (time, tenant, identity, epoch, partition, offset, source, id, product, user, country, segment)
SELECT time, tenant, identity, epoch, partition, offset, source, id, product, user, country, segment FROM token_calls_raw
WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY LIMIT 1 BY intDiv(offset, 50), partition;

INSERT INTO signups_raw (time, tenant, identity, epoch, partition, offset, source, id, product, user, country, segment)
SELECT time, tenant, identity, epoch, partition, offset, source, id, product, user, country, segment FROM queries_raw
WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY;

INSERT INTO token_calls_1m_rows (bucket, product, provider, model, status, calls, records, streaming_calls, input_uncached, input_cache_read, input_cache_write, output_visible, output_reasoning, latency, first_token, latency_calls, first_token_calls, version)
SELECT toDateTime64(toStartOfMinute(time), 0, 'UTC') AS bucket, product, provider, model, status, sum(weight * ifNull(requests, 1)), count(), sumIf(weight * ifNull(requests, 1), streaming), sum(weight * ifNull(input_uncached, 0)), sum(weight * ifNull(input_cache_read, 0)), sum(weight * ifNull(input_cache_write, 0)), sum(weight * ifNull(output_visible, 0)), sum(weight * ifNull(output_reasoning, 0)),
    quantilesBFloat16WeightedState(0.5, 0.9, 0.95, 0.99)(latency_us, weight), quantilesBFloat16WeightedState(0.5, 0.9, 0.95, 0.99)(first_token_us, weight), sumIf(weight * ifNull(requests, 1), isNotNull(latency_us)), sumIf(weight * ifNull(requests, 1), isNotNull(first_token_us)), 1
FROM token_calls_raw WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY
GROUP BY bucket, product, provider, model, status;

INSERT INTO token_calls_1h_rows (bucket, tenant, product, provider, model, status, calls, records, streaming_calls, input_uncached, input_cache_read, input_cache_write, output_visible, output_reasoning, latency, first_token, latency_calls, first_token_calls, version)
SELECT toDateTime64(toStartOfHour(time), 0, 'UTC') AS bucket, tenant, product, provider, model, status, sum(weight * ifNull(requests, 1)), count(), sumIf(weight * ifNull(requests, 1), streaming), sum(weight * ifNull(input_uncached, 0)), sum(weight * ifNull(input_cache_read, 0)), sum(weight * ifNull(input_cache_write, 0)), sum(weight * ifNull(output_visible, 0)), sum(weight * ifNull(output_reasoning, 0)),
    quantilesBFloat16WeightedState(0.5, 0.9, 0.95, 0.99)(latency_us, weight), quantilesBFloat16WeightedState(0.5, 0.9, 0.95, 0.99)(first_token_us, weight), sumIf(weight * ifNull(requests, 1), isNotNull(latency_us)), sumIf(weight * ifNull(requests, 1), isNotNull(first_token_us)), 1
FROM token_calls_raw WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY
GROUP BY bucket, tenant, product, provider, model, status;

INSERT INTO token_calls_1d_rows (bucket, tenant, product, provider, model, status, calls, records, streaming_calls, input_uncached, input_cache_read, input_cache_write, output_visible, output_reasoning, latency, first_token, latency_calls, first_token_calls, version)
SELECT toDateTime64(toStartOfDay(r.bucket), 0, 'UTC') AS day, tenant, product, provider, model, status, sum(calls), sum(records), sum(streaming_calls), sum(input_uncached), sum(input_cache_read), sum(input_cache_write), sum(output_visible), sum(output_reasoning),
    quantilesBFloat16WeightedMergeState(0.5, 0.9, 0.95, 0.99)(latency), quantilesBFloat16WeightedMergeState(0.5, 0.9, 0.95, 0.99)(first_token), sum(latency_calls), sum(first_token_calls), 1
FROM token_calls_1h_rows AS r WHERE bucket >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND bucket < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY
GROUP BY day, tenant, product, provider, model, status;

INSERT INTO queries_1m_rows (bucket, product, segment, country, queries, records, version)
SELECT toDateTime64(toStartOfMinute(time), 0, 'UTC') AS bucket, product, segment, country, sum(weight), count(), 1 FROM queries_raw
WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY GROUP BY bucket, product, segment, country;

INSERT INTO queries_1h_rows (bucket, tenant, product, segment, country, queries, records, version)
SELECT toDateTime64(toStartOfHour(time), 0, 'UTC') AS bucket, tenant, product, segment, country, sum(weight), count(), 1 FROM queries_raw
WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY GROUP BY bucket, tenant, product, segment, country;

INSERT INTO queries_1d_rows (bucket, tenant, product, segment, country, queries, records, version)
SELECT toDateTime64(toStartOfDay(time), 0, 'UTC') AS bucket, tenant, product, segment, country, sum(weight), count(), 1 FROM queries_raw
WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY GROUP BY bucket, tenant, product, segment, country;

INSERT INTO signups_1m_rows (bucket, product, segment, country, signups, records, version)
SELECT toDateTime64(toStartOfMinute(time), 0, 'UTC') AS bucket, product, segment, country, sum(weight), count(), 1 FROM signups_raw
WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY GROUP BY bucket, product, segment, country;

INSERT INTO signups_1h_rows (bucket, tenant, product, segment, country, signups, records, version)
SELECT toDateTime64(toStartOfHour(time), 0, 'UTC') AS bucket, tenant, product, segment, country, sum(weight), count(), 1 FROM signups_raw
WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY GROUP BY bucket, tenant, product, segment, country;

INSERT INTO signups_1d_rows (bucket, tenant, product, segment, country, signups, records, version)
SELECT toDateTime64(toStartOfDay(time), 0, 'UTC') AS bucket, tenant, product, segment, country, sum(weight), count(), 1 FROM signups_raw
WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY GROUP BY bucket, tenant, product, segment, country;

INSERT INTO queries_all_1h_rows (bucket, product, segment, country, queries, records, version)
SELECT toDateTime64(toStartOfHour(r.bucket), 0, 'UTC') AS start, product, segment, country, sum(queries), sum(records), 1 FROM queries_1m_rows AS r
WHERE bucket >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND bucket < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY GROUP BY start, product, segment, country;

INSERT INTO queries_all_1d_rows (bucket, product, segment, country, queries, records, version)
SELECT toDateTime64(toStartOfDay(r.bucket), 0, 'UTC') AS start, product, segment, country, sum(queries), sum(records), 1 FROM queries_all_1h_rows AS r
WHERE bucket >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND bucket < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY GROUP BY start, product, segment, country;

INSERT INTO signups_all_1h_rows (bucket, product, segment, country, signups, records, version)
SELECT toDateTime64(toStartOfHour(r.bucket), 0, 'UTC') AS start, product, segment, country, sum(signups), sum(records), 1 FROM signups_1m_rows AS r
WHERE bucket >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND bucket < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY GROUP BY start, product, segment, country;

INSERT INTO signups_all_1d_rows (bucket, product, segment, country, signups, records, version)
SELECT toDateTime64(toStartOfDay(r.bucket), 0, 'UTC') AS start, product, segment, country, sum(signups), sum(records), 1 FROM signups_all_1h_rows AS r
WHERE bucket >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND bucket < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY GROUP BY start, product, segment, country;

INSERT INTO token_calls_all_1h_rows (bucket, product, provider, model, status, calls, records, streaming_calls, input_uncached, input_cache_read, input_cache_write, output_visible, output_reasoning, latency, first_token, latency_calls, first_token_calls, version)
SELECT toDateTime64(toStartOfHour(r.bucket), 0, 'UTC') AS start, product, provider, model, status, sum(calls), sum(records), sum(streaming_calls), sum(input_uncached), sum(input_cache_read), sum(input_cache_write), sum(output_visible), sum(output_reasoning),
    quantilesBFloat16WeightedMergeState(0.5, 0.9, 0.95, 0.99)(latency), quantilesBFloat16WeightedMergeState(0.5, 0.9, 0.95, 0.99)(first_token), sum(latency_calls), sum(first_token_calls), 1
FROM token_calls_1m_rows AS r WHERE bucket >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND bucket < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY
GROUP BY start, product, provider, model, status;

INSERT INTO token_calls_all_1d_rows (bucket, product, provider, model, status, calls, records, streaming_calls, input_uncached, input_cache_read, input_cache_write, output_visible, output_reasoning, latency, first_token, latency_calls, first_token_calls, version)
SELECT toDateTime64(toStartOfDay(r.bucket), 0, 'UTC') AS start, product, provider, model, status, sum(calls), sum(records), sum(streaming_calls), sum(input_uncached), sum(input_cache_read), sum(input_cache_write), sum(output_visible), sum(output_reasoning),
    quantilesBFloat16WeightedMergeState(0.5, 0.9, 0.95, 0.99)(latency), quantilesBFloat16WeightedMergeState(0.5, 0.9, 0.95, 0.99)(first_token), sum(latency_calls), sum(first_token_calls), 1
FROM token_calls_all_1h_rows AS r WHERE bucket >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND bucket < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY
GROUP BY start, product, provider, model, status;

INSERT INTO audience_1h_states (bucket, dimension, value, user_weight, users, version)
SELECT toDateTime64(toStartOfHour(time), 0, 'UTC') AS bucket,
    multiIf(grouping(product) = 0, 'product', grouping(segment) = 0, 'segment', grouping(country) = 0, 'country', grouping(tenant) = 0, 'tenant', grouping(model) = 0, 'model', '') AS dimension,
    multiIf(grouping(product) = 0, toString(product), grouping(segment) = 0, toString(segment), grouping(country) = 0, toString(country), grouping(tenant) = 0, toString(tenant), grouping(model) = 0, toString(model), '') AS value,
    toUInt64(1), uniqCombined64State(user), 1
FROM token_calls_raw WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY
GROUP BY GROUPING SETS ((bucket), (bucket, product), (bucket, segment), (bucket, country), (bucket, tenant), (bucket, model));

INSERT INTO audience_1d_states (bucket, dimension, value, user_weight, users, version)
SELECT toDateTime64(toStartOfDay(bucket), 0, 'UTC') AS day, dimension, value, user_weight, uniqCombined64MergeState(users), 1 FROM audience_1h_states
WHERE bucket >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND bucket < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY
GROUP BY day, dimension, value, user_weight;

INSERT INTO rollup_versions (rollup, bucket, version)
SELECT concat(name, '_', suffix) AS rollup, toDateTime64(toStartOfDay(now('UTC')) - INTERVAL {day} DAY, 0, 'UTC') + toIntervalSecond(number * step) AS bucket, 1 AS version
FROM (
    SELECT arrayJoin(['queries', 'signups', 'token_calls', 'audience']) AS name, arrayJoin([('1m', 60), ('1h', 3600), ('1d', 86400), ('all_1h', 3600), ('all_1d', 86400)]) AS r, r.1 AS suffix, r.2 AS step
) AS kinds
CROSS JOIN numbers(1440) AS n WHERE number < intDiv(86400, step) AND (name != 'audience' OR suffix IN ('1h', '1d'));

INSERT INTO ledger (topic, epoch, partition, from_offset, to_offset, generation, member, partitions, window, high_watermark, stored, min_minute, max_minute, bytes, insert_us, event_lag_us, fetched_at, written_at)
SELECT 'token_calls.v1', 1, number % 8, intDiv(number, 8) * 10000 + (30 - {day}) * intDiv({calls}, 8) AS f, f + 10000, 1, 'bench', 8, 262144, f + 10000, 10000, 0, 0, 1550000, 60000, 900000, at, at
FROM (SELECT number, toDateTime64(toStartOfDay(now('UTC')) - INTERVAL {day} DAY, 6, 'UTC') + toIntervalMicrosecond(intDiv(number * 86400000000, intDiv({calls}, 10000))) AS at FROM numbers(intDiv({calls}, 10000))) AS blocks;
