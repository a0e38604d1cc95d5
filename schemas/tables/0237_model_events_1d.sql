-- Releases, downloads and derivatives of models by day: the published version of each bucket. It is found by
-- IN, not by a join, which would copy the states; there are few buckets this long.
CREATE OR REPLACE VIEW {database}.model_events_1d AS
SELECT
    bucket,
    kind,
    model,
    base_model,
    organization,
    hub,
    country,
    events,
    records,
    checksum,
    version
FROM {database}.model_events_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM {database}.rollup_versions WHERE rollup = 'model_events_1d' GROUP BY bucket)
