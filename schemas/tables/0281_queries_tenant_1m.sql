-- Requests as rows of a rollup, one an event: for one tenant and a short range, since rollups by minute do not tell tenants
-- apart. The bucket is the event's moment, not rounded, so that a filter on it reaches the table, as one on tenant does; who
-- groups by it rounds.
CREATE OR REPLACE VIEW {database}.queries_tenant_1m AS
SELECT
    e.time AS bucket,
    e.tenant AS tenant,
    e.product AS product,
    e.segment AS segment,
    e.country AS country,
    toUInt128(e.weight) AS queries,
    toUInt64(1) AS records
FROM {database}.queries AS e
