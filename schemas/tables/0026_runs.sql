-- What generators, replays and load tests know about what they made, each once: of the records of one event the first in the log. With the time in LIMIT BY a filter on it
-- reaches the table, and the order is the table's own.
CREATE OR REPLACE VIEW {database}.runs AS
SELECT
    *,
    minute
FROM {database}.runs_raw
ORDER BY minute, epoch, partition, offset
LIMIT 1 BY time, tenant, identity
