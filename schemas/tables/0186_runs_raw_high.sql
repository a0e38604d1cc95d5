-- The sums of a run may be beyond 64 bits.
ALTER TABLE {database}.runs_raw
    ADD COLUMN IF NOT EXISTS input_tokens_high UInt64,
    ADD COLUMN IF NOT EXISTS output_tokens_high UInt64,
    ADD COLUMN IF NOT EXISTS weight_high UInt64
