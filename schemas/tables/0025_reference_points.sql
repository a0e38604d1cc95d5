-- Outside figures to compare measured usage with, each once: of the records of one event the first in the log. With the time in LIMIT BY a filter on it
-- reaches the table, and the order is the table's own.
CREATE OR REPLACE VIEW {database}.reference_points AS
SELECT
    *,
    minute
FROM {database}.reference_points_raw
ORDER BY minute, epoch, partition, offset
LIMIT 1 BY time, tenant, identity
