-- Published prices, append-only. The prices of book N are those that the books up to N put in and did not take out again.
CREATE TABLE prices
(
    book UInt32,
    import_id UInt64, -- Chosen at random: of two imports that take one number, the rows of one count.
    sign Int8, -- 1: the book puts it in, -1: it takes it out.
    tenant LowCardinality(String), -- Whose negotiated price it is; empty: everybody's.
    provider LowCardinality(String), -- As events carry it.
    model LowCardinality(String), -- As events carry it.
    region LowCardinality(String), -- Empty: where no price of the region says otherwise.
    tier LowCardinality(String), -- "standard", "batch", "flex", "priority".
    context_over UInt64, -- Holds for all tokens of calls with more tokens of input than that.
    unit LowCardinality(String), -- "input", "cache_read", "output": a token, or "request".
    daily_from UInt16, -- Minutes since midnight, UTC; both 0: all day. The first may be after the second.
    daily_to UInt16,
    valid_from DateTime64(0, 'UTC'), -- 1970-01-01: since ever.
    valid_to DateTime64(0, 'UTC'), -- Not included. 1970-01-01: no end.
    currency LowCardinality(String), -- ISO 4217.
    picos Int64, -- Of one unit, in 1e-12 of the currency.
    published String, -- The number as its source has it.
    per UInt32, -- For how many units: 1, 1000 or 1000000.
    source LowCardinality(String)
)
ENGINE = MergeTree
ORDER BY (provider, model, book)
