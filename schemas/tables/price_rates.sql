-- What a book says of the calls that agree in all that a price depends on, for a while. It follows from the book alone, so it can be
-- deleted: the rollups make it again. The audit makes it again and compares.
CREATE TABLE price_rates
(
    book UInt32,
    tenant LowCardinality(String), -- Empty: no price of the book is the tenant's own.
    provider LowCardinality(String),
    model LowCardinality(String), -- That answered.
    tier LowCardinality(String),
    region LowCardinality(String),
    context_over UInt64, -- The highest threshold that the input exceeds, or 0.
    kind UInt32, -- The classes of tokens that the calls have: bits as package prices has them.
    from_minute Int32 CODEC(Delta(4), LZ4), -- Minutes since 1970.
    to_minute Int32, -- Exclusive.
    threshold UInt64, -- Of the prices: of calls with more tokens of input. 0: of calls of every length.
    currency LowCardinality(String), -- ISO 4217; empty if nothing has a price.
    reason LowCardinality(String), -- Why not all has a price.
    prices Array(Nullable(Int64)), -- In 1e-12 of the currency, of each unit in the order of the bits; null: none.
    uncached Nullable(Int64) -- Of input neither from nor to a cache.
)
ENGINE = ReplacingMergeTree
ORDER BY (book, provider, model, tenant, tier, region, context_over, kind, from_minute)
