-- What generators, replays and load tests know about what they made, each once: of the records of one event the first in the log. With the time in LIMIT BY a filter on it
-- reaches the table, and the order is the table's own.
CREATE OR REPLACE VIEW {database}.runs AS
SELECT
    time,
    tenant,
    identity,
    epoch,
    partition,
    offset,
    source,
    id,
    run,
    kind,
    type,
    produced,
    events,
    duplicates,
    conflicts,
    poison,
    toUInt128(r.input_tokens) + bitShiftLeft(toUInt128(input_tokens_high), 64) AS input_tokens,
    toUInt128(r.output_tokens) + bitShiftLeft(toUInt128(output_tokens_high), 64) AS output_tokens,
    toUInt128(r.weight) + bitShiftLeft(toUInt128(weight_high), 64) AS weight,
    first_time,
    last_time,
    detail,
    minute
FROM {database}.runs_raw AS r
ORDER BY minute, epoch, partition, offset
LIMIT 1 BY time, tenant, identity
