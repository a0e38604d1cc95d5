-- Panels ask for what was accounted within a time. Within a partition of a topic the time grows with the key, so that the
-- least and the most of a granule are near each other.
ALTER TABLE {database}.ledger ADD INDEX IF NOT EXISTS by_written_at written_at TYPE minmax GRANULARITY 1
