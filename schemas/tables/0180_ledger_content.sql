-- What else a ledger row says of the rows it stored. Rows written before say nothing of it: their format is 0.
ALTER TABLE {database}.ledger
    ADD COLUMN IF NOT EXISTS format UInt8 DEFAULT 0 AFTER window, -- From 1 on the columns below are known.
    ADD COLUMN IF NOT EXISTS buckets.content Array(UInt64) AFTER buckets.checksum, -- The sum of checksums over every column.
    ADD COLUMN IF NOT EXISTS buckets.strays Array(UInt64) AFTER buckets.content, -- Rows in another partition than their identity's.
    ADD COLUMN IF NOT EXISTS buckets.revised Array(UInt64) AFTER buckets.strays -- Rows that may replace another one: of a revision above 0.
