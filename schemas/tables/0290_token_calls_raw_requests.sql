-- How many calls a row adds up: its tokens and its cost are the totals of that many. Null is one call, 0 none.
ALTER TABLE {database}.token_calls_raw
    ADD COLUMN IF NOT EXISTS requests Nullable(UInt64) CODEC(T64, LZ4)
