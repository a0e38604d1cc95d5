-- The months that are closed. A month is closed when its row is here: rows of closed_costs without one are of a closing that did not end,
-- and count for nothing.
CREATE TABLE cost_closings
(
    month DateTime64(0, 'UTC'), -- Its beginning.
    closing_id UInt64, -- Of the closing whose rows count.
    closed_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(closed_at)
ORDER BY month
