-- Calls to models, each once: of the statements of one event that of the highest
-- revision, of its records the first in the log. With the time in LIMIT BY a filter on it
-- reaches the table, and rows are put in order a minute at a time.
CREATE OR REPLACE VIEW {database}.token_calls AS
SELECT
    *,
    minute,
    weight * ifNull(requests, 1) AS calls, -- How many calls the row stands for; for weight times its tokens and its cost.
    -- The sums of the known classes, null if none is known.
    if(isNull(input_uncached) AND isNull(input_cache_read) AND isNull(input_cache_write), NULL,
        ifNull(input_uncached, 0) + ifNull(input_cache_read, 0) + ifNull(input_cache_write, 0)) AS input_tokens,
    if(isNull(output_visible) AND isNull(output_reasoning), NULL,
        ifNull(output_visible, 0) + ifNull(output_reasoning, 0)) AS output_tokens
FROM {database}.token_calls_raw
ORDER BY minute, revision DESC, epoch, partition, offset
LIMIT 1 BY time, tenant, identity
