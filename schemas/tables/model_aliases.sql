-- Names of models whose prices are those of another name, append-only, as prices.
CREATE TABLE model_aliases
(
    book UInt32,
    import_id UInt64, -- Chosen at random: of two imports that take one number, the rows of one count.
    sign Int8, -- 1: the book puts it in, -1: it takes it out.
    provider LowCardinality(String),
    kind LowCardinality(String), -- "exact", or "prefix": names that begin so.
    pattern String,
    model String -- Whose prices they have.
)
ENGINE = MergeTree
ORDER BY (provider, pattern, book)
