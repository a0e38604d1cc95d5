-- No new accounts at all, with the columns of signups_1h that totals add up: see token_calls_none.
CREATE OR REPLACE VIEW {database}.signups_none AS
SELECT
    bucket,
    tenant,
    product,
    segment,
    country,
    signups,
    records
FROM {database}.signups_1h_rows
WHERE false
