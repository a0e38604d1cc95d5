-- What the closed months cost, append-only: what was billed in a month, and does not change any more. What a month cost is found to have been
-- later is billed in a later one, as a correction.
CREATE TABLE closed_costs
(
    month DateTime64(0, 'UTC'), -- In which it was billed: its beginning.
    closing_id UInt64, -- Chosen at random: of two closings of a month, the rows of one count.
    day DateTime64(0, 'UTC'), -- When it was used: the beginning of a day. In another month than that of billing it is a correction.
    tenant LowCardinality(String),
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    tier LowCardinality(String),
    region LowCardinality(String),
    context_over UInt64, -- Of the price: of calls with more tokens of input.
    unit LowCardinality(String),
    picos Int64, -- The price of one, in 1e-12 of the currency.
    currency LowCardinality(String),
    book UInt32,
    quantity Int128 -- Below 0 in corrections.
)
ENGINE = MergeTree
ORDER BY (day, tenant, provider, model, month)
