-- Which book prices which time: of the periods that a call lies in, the one made last. What costs are computed with follows from
-- this table and from nothing else, so the same events always cost the same.
CREATE TABLE price_periods
(
    made UInt64, -- Microseconds since 1970 by the database's clock.
    from_bucket DateTime64(0, 'UTC'), -- The beginning of an hour.
    to_bucket DateTime64(0, 'UTC'), -- Exclusive.
    tenant LowCardinality(String), -- Whose calls; empty: everybody's.
    book UInt32,
    -- import: from the hour of its import on, a book prices what comes. reprice: somebody asked for another book.
    reason Enum8('import' = 1, 'reprice' = 2)
)
ENGINE = ReplacingMergeTree
ORDER BY (made, from_bucket, to_bucket, tenant, book)
