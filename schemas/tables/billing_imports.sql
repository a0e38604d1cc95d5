-- What files of providers' usage and cost were imported, append-only: a row per period that a file is about. Rows of
-- billing_usage count if no later import of the same source, account, kind and provider is about their period.
CREATE TABLE billing_imports
(
    import_id UInt64, -- Chosen at random. Rows of an import count from its rows here on, which come last, in one insert.
    imported_at DateTime64(6, 'UTC') DEFAULT now64(6),
    source LowCardinality(String), -- Who says it: "openai", "anthropic", "litellm", "focus".
    account String, -- Which of several accounts with the source.
    kind LowCardinality(String), -- "usage" or "cost".
    provider LowCardinality(String), -- Empty: all providers.
    period_from DateTime64(0, 'UTC'),
    period_to DateTime64(0, 'UTC'), -- Not included.
    format LowCardinality(String),
    file String, -- Its name.
    sha256 String -- Of the file, in hex.
)
ENGINE = MergeTree
ORDER BY (source, account, kind, period_from)
