-- Costs are summed up without what is below a nano cut off.
ALTER TABLE {database}.token_calls_1h_rows
    ADD COLUMN IF NOT EXISTS reported_cost_picos Int128 DEFAULT reported_cost_nanos * 1000
