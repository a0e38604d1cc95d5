-- Rates of exchange, append-only: of the rows of a day and pair, the newest counts.
CREATE TABLE fx
(
    day Date32, -- Whose rate it is, as its publisher says.
    base LowCardinality(String), -- ISO 4217.
    quote LowCardinality(String), -- ISO 4217.
    rate Decimal(38, 18), -- How many of quote one of base was, exactly as published.
    source LowCardinality(String), -- "ecb", "file".
    imported_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
ORDER BY (base, quote, day)
