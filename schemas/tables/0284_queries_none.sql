-- No requests at all, with the columns of queries_1h that totals add up: see token_calls_none.
CREATE OR REPLACE VIEW {database}.queries_none AS
SELECT
    bucket,
    tenant,
    product,
    segment,
    country,
    queries,
    records
FROM {database}.queries_1h_rows
WHERE false
