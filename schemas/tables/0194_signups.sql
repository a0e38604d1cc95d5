-- New accounts, each once: of the statements of one event that of the highest
-- revision, of its records the first in the log. With the time in LIMIT BY a filter on it
-- reaches the table, and rows are put in order a minute at a time.
CREATE OR REPLACE VIEW {database}.signups AS
SELECT
    *,
    minute
FROM {database}.signups_raw
ORDER BY minute, revision DESC, epoch, partition, offset
LIMIT 1 BY time, tenant, identity
