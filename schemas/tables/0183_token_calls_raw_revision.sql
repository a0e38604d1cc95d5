-- A call may be stated again, and its cost have parts below a nano.
ALTER TABLE {database}.token_calls_raw
    ADD COLUMN IF NOT EXISTS revision UInt64 CODEC(T64, LZ4),
    ADD COLUMN IF NOT EXISTS reported_cost_picos UInt64 CODEC(T64, LZ4)
