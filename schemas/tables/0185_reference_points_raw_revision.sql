-- An event may be stated again.
ALTER TABLE {database}.reference_points_raw
    ADD COLUMN IF NOT EXISTS revision UInt64 CODEC(T64, LZ4)
