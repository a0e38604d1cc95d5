-- When the records of a block entered the log, whatever became of them: the freshness of the pipeline, which the time of
-- events does not tell where history is replayed. 1970 where no record tells, as in rows from before.
ALTER TABLE {database}.ledger
    ADD COLUMN IF NOT EXISTS oldest_produced DateTime64(3, 'UTC') AFTER fetched_at,
    ADD COLUMN IF NOT EXISTS newest_produced DateTime64(3, 'UTC') AFTER oldest_produced,
    ADD COLUMN IF NOT EXISTS produce_lag_us Int64 AFTER newest_produced -- Age of the oldest when the row was written.
