-- The books of prices, each one what was known when it was made. A book is made when its row is here: rows of prices and
-- aliases without one are of an import that did not end, and count for nothing.
CREATE TABLE price_books
(
    book UInt32, -- From 1 on, each greater than the one before.
    import_id UInt64, -- Of the import whose rows it has.
    created_at DateTime64(6, 'UTC') DEFAULT now64(6),
    source LowCardinality(String), -- "litellm", "models.dev", "file", "shipped".
    sha256 String, -- Of the file, in hex.
    note String -- "model_prices_and_context_window.json from 2026-07-24 on".
)
ENGINE = ReplacingMergeTree(created_at)
ORDER BY book
