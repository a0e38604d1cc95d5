-- One day of the log that scripts/bench-dashboards measures, {day} days ago: raw rows and ledger rows as ingest leaves them.
-- 200 tenants, 23 models of 14 providers, 4 products, 30 countries, each with its few large and many small ones; 200,000
-- users. {calls} is the number of calls of a day, a multiple of 400: one call of 50 is a query and a sign-up too. {TYPE checksum} is
-- the checksum of a row. Each INSERT names its columns; those that it leaves out have their default.
INSERT INTO token_calls_raw (time, tenant, identity, epoch, partition, offset, source, id, product, user, country, segment, model, requested_model, provider, operation, streaming, status, latency_us, first_token_us, input_uncached, input_cache_read, input_cache_write, output_visible, output_reasoning)
SELECT
    toDateTime64(toStartOfDay(now('UTC')) - INTERVAL {day} DAY, 6, 'UTC') + toIntervalMicrosecond(intDiv(number * 86400000000, {calls})) AS time,
    concat('tenant-', toString(toUInt32(200 * pow(rand(1) / 4294967296, 3)))) AS tenant,
    reinterpretAsUInt128(sipHash128(number, {day})) AS identity,
    1 AS epoch, number % 8 AS partition, intDiv(number, 8) + intDiv((30 - {day}) * {calls}, 8) AS offset,
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
SELECT time, tenant, identity, epoch, partition, intDiv(offset, 50), source, id, product, user, country, segment FROM token_calls_raw
WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY LIMIT 1 BY intDiv(offset, 50), partition;

INSERT INTO signups_raw (time, tenant, identity, epoch, partition, offset, source, id, product, user, country, segment)
SELECT time, tenant, identity, epoch, partition, offset, source, id, product, user, country, segment FROM queries_raw
WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY;

INSERT INTO ledger (topic, epoch, partition, from_offset, to_offset, generation, member, partitions, window, high_watermark, stored, buckets.minute, buckets.rows, buckets.checksum, buckets.min_offset, buckets.max_offset, min_minute, max_minute, bytes, insert_us, event_lag_us, fetched_at, written_at)
SELECT 'token_calls.v1', 1, partition, min(first), max(last) + 1 AS end, 1, 'bench', 8, 262144, end, sum(n), groupArray(minute), groupArray(n), groupArray(sums), groupArray(first), groupArray(last), min(minute), max(minute), 155 * sum(n), 60000, 900000, max(newest), max(newest)
FROM (
    SELECT partition, intDiv(offset - intDiv((30 - {day}) * {calls}, 8), 10000) AS block, minute, count() AS n, sum({token_calls checksum}) AS sums, min(offset) AS first, max(offset) AS last, max(time) AS newest
    FROM token_calls_raw WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY
    GROUP BY partition, block, minute ORDER BY minute
)
GROUP BY partition, block;

INSERT INTO ledger (topic, epoch, partition, from_offset, to_offset, generation, member, partitions, window, high_watermark, stored, buckets.minute, buckets.rows, buckets.checksum, buckets.min_offset, buckets.max_offset, min_minute, max_minute, bytes, insert_us, event_lag_us, fetched_at, written_at)
SELECT 'queries.v1', 1, partition, min(first), max(last) + 1 AS end, 1, 'bench', 8, 262144, end, sum(n), groupArray(minute), groupArray(n), groupArray(sums), groupArray(first), groupArray(last), min(minute), max(minute), 155 * sum(n), 60000, 900000, max(newest), max(newest)
FROM (
    SELECT partition, intDiv(offset - intDiv((30 - {day}) * {calls}, 400), 10000) AS block, minute, count() AS n, sum({queries checksum}) AS sums, min(offset) AS first, max(offset) AS last, max(time) AS newest
    FROM queries_raw WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY
    GROUP BY partition, block, minute ORDER BY minute
)
GROUP BY partition, block;

INSERT INTO ledger (topic, epoch, partition, from_offset, to_offset, generation, member, partitions, window, high_watermark, stored, buckets.minute, buckets.rows, buckets.checksum, buckets.min_offset, buckets.max_offset, min_minute, max_minute, bytes, insert_us, event_lag_us, fetched_at, written_at)
SELECT 'signups.v1', 1, partition, min(first), max(last) + 1 AS end, 1, 'bench', 8, 262144, end, sum(n), groupArray(minute), groupArray(n), groupArray(sums), groupArray(first), groupArray(last), min(minute), max(minute), 155 * sum(n), 60000, 900000, max(newest), max(newest)
FROM (
    SELECT partition, intDiv(offset - intDiv((30 - {day}) * {calls}, 400), 10000) AS block, minute, count() AS n, sum({signups checksum}) AS sums, min(offset) AS first, max(offset) AS last, max(time) AS newest
    FROM signups_raw WHERE time >= toStartOfDay(now('UTC')) - INTERVAL {day} DAY AND time < toStartOfDay(now('UTC')) - INTERVAL {day} DAY + INTERVAL 1 DAY
    GROUP BY partition, block, minute ORDER BY minute
)
GROUP BY partition, block;
