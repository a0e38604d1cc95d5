-- What is publicly known of each model, each fact with its source. A model that has no row, and a fact without a source,
-- is unknown and shown as such: SELECT ... LEFT JOIN (SELECT * FROM models FINAL) AS m USING (model).
CREATE TABLE models
(
    model String, -- As events carry it: token_calls.model, model_events.model.
    weights Enum8('unknown' = 0, 'open' = 1, 'closed' = 2), -- Open: anybody can download them, under whatever terms.
    weights_source LowCardinality(String),
    license String,
    license_source LowCardinality(String),
    organization String, -- The maker of the model, not its seller.
    organization_source LowCardinality(String),
    country LowCardinality(String), -- Of the organization, ISO 3166-1 alpha-2.
    country_source LowCardinality(String),
    release_date Nullable(Date32),
    release_date_source LowCardinality(String),
    imported_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(imported_at)
ORDER BY model
