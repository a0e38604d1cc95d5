-- Releases, downloads and derivatives of models by day: the published version of each bucket. A filter on bucket reaches both tables.
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
INNER JOIN
(
    SELECT bucket, max(version) AS version
    FROM {database}.rollup_versions
    WHERE rollup = 'model_events_1d'
    GROUP BY bucket
) AS published USING (bucket, version)
