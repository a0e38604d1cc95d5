-- Every statement that `tidemark migrate` sends to an empty database. Written by go test ./schemas -update.

-- The verdicts of audits: one row per check and scope.
CREATE TABLE IF NOT EXISTS tidemark.audits
(
    at DateTime64(6, 'UTC') DEFAULT now64(6),
    audit String, -- The audit's id, the same in all rows that it wrote.
    check LowCardinality(String),
    scope String, -- A table or a topic.
    verdict Enum8('ok' = 1, 'difference' = 2, 'pending' = 3, 'error' = 4),
    detail String,
    took_us UInt64
)
ENGINE = MergeTree
ORDER BY at;

-- What files of providers' usage and cost were imported, append-only: a row per period that a file is about. Rows of
-- billing_usage count if no later import of the same source, account, kind and provider is about their period.
CREATE TABLE IF NOT EXISTS tidemark.billing_imports
(
    -- Chosen at random. Rows of an import count from its rows here on, which come last, in one insert.
    import_id UInt64,
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
ORDER BY (source, account, kind, period_from);

-- What providers and gateways say of usage and cost, append-only, in sums per period and what they name. It is
-- compared with what is counted, and never added to it. See billing_imports for which rows count.
CREATE TABLE IF NOT EXISTS tidemark.billing_usage
(
    import_id UInt64,
    source LowCardinality(String),
    account String,
    kind LowCardinality(String), -- "usage": tokens and requests, "cost": money.
    period_from DateTime64(0, 'UTC'),
    period_to DateTime64(0, 'UTC'), -- Not included.
    provider LowCardinality(String), -- As events carry it; empty if not told.
    project String, -- Project, workspace, team or account within the source.
    model LowCardinality(String), -- As events carry it; empty if not told.
    line String, -- Line item.
    input_tokens Nullable(UInt64), -- All input. Tokens that are not told are null.
    input_uncached Nullable(UInt64),
    input_cache_read Nullable(UInt64),
    input_cache_write Nullable(UInt64),
    output_tokens Nullable(UInt64),
    requests Nullable(UInt64),
    currency LowCardinality(String), -- ISO 4217; empty for usage.
    cost_picos Nullable(Int128) -- In 1e-12 of the currency; null for usage.
)
ENGINE = MergeTree
ORDER BY (source, account, kind, period_from, import_id);

-- What the closed months cost, append-only: what was billed in a month, and does not change any more. What a month
-- cost is found to have been later is billed in a later one, as a correction.
CREATE TABLE IF NOT EXISTS tidemark.closed_costs
(
    month DateTime64(0, 'UTC'), -- In which it was billed: its beginning.
    closing_id UInt64, -- Chosen at random: of two closings of a month, the rows of one count.
    -- When it was used: the beginning of a day. In another month than that of billing it is a correction.
    day DateTime64(0, 'UTC'),
    tenant LowCardinality(String),
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    tier LowCardinality(String),
    region LowCardinality(String),
    context_over UInt64, -- Of the price: of calls with more tokens of input.
    unit LowCardinality(String),
    picos Int64, -- The price of one, in 1e-12 of the currency.
    currency LowCardinality(String),
    book UInt32,
    quantity Int128 -- Below 0 in corrections.
)
ENGINE = MergeTree
ORDER BY (day, tenant, provider, model, month);

-- The months that are closed. A month is closed when its row is here: rows of closed_costs without one are of a
-- closing that did not end, and count for nothing.
CREATE TABLE IF NOT EXISTS tidemark.cost_closings
(
    month DateTime64(0, 'UTC'), -- Its beginning.
    closing_id UInt64, -- Of the closing whose rows count.
    closed_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(closed_at)
ORDER BY month;

-- Rates of exchange, append-only: of the rows of a day and pair, the newest counts.
CREATE TABLE IF NOT EXISTS tidemark.fx
(
    day Date32, -- Whose rate it is, as its publisher says.
    base LowCardinality(String), -- ISO 4217.
    quote LowCardinality(String), -- ISO 4217.
    rate Decimal(38, 18), -- How many of quote one of base was, exactly as published.
    source LowCardinality(String), -- "ecb", "file".
    imported_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
ORDER BY (base, quote, day);

-- Who is at work: one row per worker, which the worker writes again every few seconds. A worker is a process; its name
-- is random and tells nothing of the machine. The version is a count and not a time: after a clock that was ahead is
-- set right, a time would keep a dead worker alive.
CREATE TABLE IF NOT EXISTS tidemark.heartbeats
(
    role LowCardinality(String), -- ingest, rollup or audit.
    -- Empty in the rows that `tidemark migrate` writes: a role that nobody has taken has had no report since then.
    worker String,
    beat UInt64,
    started_at DateTime64(6, 'UTC'),
    stopped Bool, -- The last beat of a worker that shut down in order.
    seen_at DateTime64(6, 'UTC') DEFAULT now64(6),
    -- What the process has used, all of its roles together; 0 where it is not known. User and system time since it
    -- began.
    cpu_us UInt64 DEFAULT 0,
    resident_bytes UInt64 DEFAULT 0 -- Memory now.
)
ENGINE = ReplacingMergeTree(beat)
ORDER BY (role, worker)
TTL toDateTime(seen_at) + INTERVAL 30 DAY DELETE WHERE worker != '';

INSERT INTO tidemark.heartbeats (role, worker, beat, started_at, stopped)
SELECT expected, '', 0, 0, false
FROM (SELECT arrayJoin(['ingest', 'rollup', 'audit', 'log']) AS expected)
WHERE expected NOT IN (SELECT role FROM tidemark.heartbeats WHERE worker = '');

-- What happened to every offset of every partition: one row per block of the log. Every offset within [from_offset,
-- to_offset) that the exceptions do not list is a row of the raw table.
CREATE TABLE IF NOT EXISTS tidemark.ledger
(
    topic LowCardinality(String), -- Without namespace: token_calls.v1.
    epoch UInt32,
    partition UInt32,
    from_offset UInt64,
    to_offset UInt64, -- Exclusive.
    generation Int64, -- Of the consumer group. Where two rows overlap, the higher one counts.
    member String,
    partitions UInt32, -- How many partitions the topic had.
    window UInt64, -- How many offsets back the worker looked for duplicates.
    format UInt8 DEFAULT 0, -- From 1 on content, strays and revised of the buckets are known.
    high_watermark UInt64,
    stored UInt64,
    duplicates UInt64,
    conflicts UInt64,
    dead UInt64,
    control UInt64,
    gap UInt64,
    `exceptions.from` Array(UInt64), -- Ranges of offsets, ascending; to is exclusive.
    `exceptions.to` Array(UInt64),
    `exceptions.disposition` Array(Enum8('duplicate' = 2, 'conflict' = 3, 'dead' = 4, 'control' = 5, 'gap' = 6)),
    `runs.run` Array(String),
    `runs.stored` Array(UInt64),
    `runs.duplicates` Array(UInt64),
    `runs.conflicts` Array(UInt64),
    `runs.dead` Array(UInt64),
    `buckets.minute` Array(Int32), -- The stored rows per minute of event time.
    `buckets.rows` Array(UInt64),
    `buckets.checksum` Array(UInt64), -- Sum of the rows' checksums.
    `buckets.content` Array(UInt64), -- Sum of the rows' checksums over every column.
    `buckets.strays` Array(UInt64), -- Rows in another partition than their identity's.
    `buckets.revised` Array(UInt64), -- Rows that may replace another one: their revision is above 0.
    `buckets.min_offset` Array(UInt64),
    `buckets.max_offset` Array(UInt64),
    min_minute Int32,
    max_minute Int32,
    bytes UInt64,
    resends UInt32, -- Inserts that were sent again because their outcome was unknown.
    insert_us UInt64,
    event_lag_us Int64,
    fetched_at DateTime64(6, 'UTC'),
    -- When the records of the block entered the log, whatever their disposition: the freshness of the pipeline, which
    -- the time of events does not show while history is replayed. 1970 where no record has the time.
    oldest_produced DateTime64(3, 'UTC'),
    newest_produced DateTime64(3, 'UTC'),
    produce_lag_us Int64, -- Age of the oldest record when the row was written.
    written_at DateTime64(6, 'UTC') DEFAULT now64(6),
    -- Panels read what was accounted within a time. Within a partition the time grows with the sorting key, so the
    -- times of a granule are near each other.
    INDEX by_written_at written_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY (topic, epoch, partition, from_offset, generation, to_offset);

-- What the brokers hold of each partition and how far the ledger is, as any worker last saw it. The ledger alone does
-- not show what nobody has read.
CREATE TABLE IF NOT EXISTS tidemark.log_ends
(
    topic LowCardinality(String), -- Without namespace.
    partition UInt32,
    topic_id UUID, -- Of the incarnation that the brokers have.
    start_offset UInt64, -- The first offset that the log holds.
    end_offset UInt64, -- The offset that the next record gets.
    accounted UInt64, -- The first offset of this incarnation that the ledger does not account for.
    -- Since when accounted has been below end_offset without moving; 1970 when both are the same.
    waiting_since DateTime64(6, 'UTC'),
    seen_by LowCardinality(String), -- A role, see heartbeats.
    seen_at DateTime64(6, 'UTC') DEFAULT now64(6),
    version UInt64 -- A count, as in heartbeats.
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, partition)
TTL toDateTime(seen_at) + INTERVAL 30 DAY;

-- Names of models whose prices are those of another name, append-only, as prices.
CREATE TABLE IF NOT EXISTS tidemark.model_aliases
(
    book UInt32,
    import_id UInt64, -- Chosen at random: of two imports that take one number, the rows of one count.
    sign Int8, -- 1: the book puts it in, -1: it takes it out.
    provider LowCardinality(String),
    kind LowCardinality(String), -- "exact", or "prefix": names that begin so.
    pattern String,
    model String -- Whose prices they have.
)
ENGINE = MergeTree
ORDER BY (provider, pattern, book);

-- Releases, downloads and derivatives of models: one row per Kafka record. The sorting key is the record's place in
-- the log, so inserting a record again changes nothing. There are no partitions: events of a century would need a part
-- per month. A part below 32 MiB is one file, which halves the time to write it. Merges into one file go row by row
-- and cost half as much again, so larger parts have files for each column. Statistics of columns, which merges would
-- compute, are of no use to any statement here.
CREATE TABLE IF NOT EXISTS tidemark.model_events_raw
(
    time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    -- Minutes since 1970, rounded down. toStartOfMinute wraps before 1970 and integer division rounds toward 0, so the
    -- expression counts from 1900, the earliest time that is accepted.
    minute Int32 MATERIALIZED toInt32(intDiv(toUnixTimestamp64Micro(time) + 2208988800000000, 60000000) - 36816480) CODEC(Delta(4), LZ4),
    tenant LowCardinality(String),
    identity UInt128 CODEC(NONE), -- The first 16 bytes of SHA-256 over tenant, source and id. They do not compress.
    epoch UInt32, -- The record's place in the log: incarnation of the topic, partition, offset.
    partition UInt32,
    offset UInt64 CODEC(Delta(8), LZ4),
    source LowCardinality(String),
    id String CODEC(ZSTD(1)),
    run LowCardinality(String),
    product LowCardinality(String),
    user UInt64 CODEC(ZSTD(1)),
    country LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    weight UInt64 DEFAULT 1 CODEC(T64, LZ4),
    user_weight UInt64 DEFAULT 1 CODEC(T64, LZ4),
    kind Enum8('unknown' = 0, 'release' = 1, 'download' = 2, 'derivative' = 3),
    model LowCardinality(String),
    base_model LowCardinality(String),
    organization LowCardinality(String),
    hub LowCardinality(String),
    -- Of the records with one identity and time the one with the highest revision counts.
    revision UInt64 CODEC(T64, LZ4),
    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_offset offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (minute, epoch, partition, offset)
SETTINGS min_bytes_for_wide_part = 33554432, auto_statistics_types = '';

-- What is publicly known of each model, each fact with its source. A model that has no row, and a fact without a
-- source, is unknown and shown as such: SELECT ... LEFT JOIN (SELECT * FROM models FINAL) AS m USING (model).
CREATE TABLE IF NOT EXISTS tidemark.models
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
ORDER BY model;

-- The books of prices, each one what was known when it was made. A book is made when its row is here: rows of prices
-- and aliases without one are of an import that did not end, and count for nothing.
CREATE TABLE IF NOT EXISTS tidemark.price_books
(
    book UInt32, -- From 1 on, each greater than the one before.
    import_id UInt64, -- Of the import whose rows it has.
    created_at DateTime64(6, 'UTC') DEFAULT now64(6),
    source LowCardinality(String), -- "litellm", "models.dev", "file", "shipped".
    sha256 String, -- Of the file, in hex.
    note String -- "model_prices_and_context_window.json from 2026-07-24 on".
)
ENGINE = ReplacingMergeTree(created_at)
ORDER BY book;

-- Which book prices which time: of the periods that a call lies in, the one made last. What costs are computed with
-- follows from this table and from nothing else, so the same events always cost the same.
CREATE TABLE IF NOT EXISTS tidemark.price_periods
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
ORDER BY (made, from_bucket, to_bucket, tenant, book);

-- What a book says of the calls that agree in all that a price depends on, for a while. It follows from the book
-- alone, so it can be deleted: the rollups make it again. The audit makes it again and compares.
CREATE TABLE IF NOT EXISTS tidemark.price_rates
(
    book UInt32,
    tenant LowCardinality(String), -- Empty: no price of the book is the tenant's own.
    provider LowCardinality(String),
    model LowCardinality(String), -- That answered.
    tier LowCardinality(String),
    region LowCardinality(String),
    context_over UInt64, -- The highest threshold that the input exceeds, or 0.
    kind UInt32, -- The classes of tokens that the calls have: bits as package prices has them.
    from_minute Int32 CODEC(Delta(4), LZ4), -- Minutes since 1970.
    to_minute Int32, -- Exclusive.
    threshold UInt64, -- Of the prices: of calls with more tokens of input. 0: of calls of every length.
    currency LowCardinality(String), -- ISO 4217; empty if nothing has a price.
    reason LowCardinality(String), -- Why not all has a price.
    prices Array(Nullable(Int64)), -- In 1e-12 of the currency, of each unit in the order of the bits; null: none.
    uncached Nullable(Int64) -- Of input neither from nor to a cache.
)
ENGINE = ReplacingMergeTree
ORDER BY (book, provider, model, tenant, tier, region, context_over, kind, from_minute);

-- Published prices, append-only. The prices of book N are those that the books up to N put in and did not take out
-- again.
CREATE TABLE IF NOT EXISTS tidemark.prices
(
    book UInt32,
    import_id UInt64, -- Chosen at random: of two imports that take one number, the rows of one count.
    sign Int8, -- 1: the book puts it in, -1: it takes it out.
    tenant LowCardinality(String), -- Whose negotiated price it is; empty: everybody's.
    provider LowCardinality(String), -- As events carry it.
    model LowCardinality(String), -- As events carry it.
    region LowCardinality(String), -- Empty: where no price of the region says otherwise.
    tier LowCardinality(String), -- "standard", "batch", "flex", "priority".
    context_over UInt64, -- Holds for all tokens of calls with more tokens of input than that.
    unit LowCardinality(String), -- "input", "cache_read", "output": a token, or "request".
    daily_from UInt16, -- Minutes since midnight, UTC; both 0: all day. The first may be after the second.
    daily_to UInt16,
    valid_from DateTime64(0, 'UTC'), -- 1970-01-01: since ever.
    valid_to DateTime64(0, 'UTC'), -- Not included. 1970-01-01: no end.
    currency LowCardinality(String), -- ISO 4217.
    picos Int64, -- Of one unit, in 1e-12 of the currency.
    published String, -- The number as its source has it.
    per UInt32, -- For how many units: 1, 1000 or 1000000.
    source LowCardinality(String)
)
ENGINE = MergeTree
ORDER BY (provider, model, book);

-- Requests that people made to products: one row per Kafka record. The sorting key is the record's place in the log,
-- so inserting a record again changes nothing. There are no partitions: events of a century would need a part per
-- month. A part below 32 MiB is one file, which halves the time to write it. Merges into one file go row by row and
-- cost half as much again, so larger parts have files for each column. Statistics of columns, which merges would
-- compute, are of no use to any statement here.
CREATE TABLE IF NOT EXISTS tidemark.queries_raw
(
    time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    -- Minutes since 1970, rounded down. toStartOfMinute wraps before 1970 and integer division rounds toward 0, so the
    -- expression counts from 1900, the earliest time that is accepted.
    minute Int32 MATERIALIZED toInt32(intDiv(toUnixTimestamp64Micro(time) + 2208988800000000, 60000000) - 36816480) CODEC(Delta(4), LZ4),
    tenant LowCardinality(String),
    identity UInt128 CODEC(NONE), -- The first 16 bytes of SHA-256 over tenant, source and id. They do not compress.
    epoch UInt32, -- The record's place in the log: incarnation of the topic, partition, offset.
    partition UInt32,
    offset UInt64 CODEC(Delta(8), LZ4),
    source LowCardinality(String),
    id String CODEC(ZSTD(1)),
    run LowCardinality(String),
    product LowCardinality(String),
    user UInt64 CODEC(ZSTD(1)),
    country LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    weight UInt64 DEFAULT 1 CODEC(T64, LZ4),
    user_weight UInt64 DEFAULT 1 CODEC(T64, LZ4),
    kind LowCardinality(String),
    model LowCardinality(String),
    -- Of the records with one identity and time the one with the highest revision counts.
    revision UInt64 CODEC(T64, LZ4),
    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_offset offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (minute, epoch, partition, offset)
SETTINGS min_bytes_for_wide_part = 33554432, auto_statistics_types = '';

-- Published figures to compare measured usage with: one row per Kafka record. The sorting key is the record's place in
-- the log, so inserting a record again changes nothing. There are no partitions: events of a century would need a part
-- per month. A part below 32 MiB is one file, which halves the time to write it. Merges into one file go row by row
-- and cost half as much again, so larger parts have files for each column. Statistics of columns, which merges would
-- compute, are of no use to any statement here.
CREATE TABLE IF NOT EXISTS tidemark.reference_points_raw
(
    time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    -- Minutes since 1970, rounded down. toStartOfMinute wraps before 1970 and integer division rounds toward 0, so the
    -- expression counts from 1900, the earliest time that is accepted.
    minute Int32 MATERIALIZED toInt32(intDiv(toUnixTimestamp64Micro(time) + 2208988800000000, 60000000) - 36816480) CODEC(Delta(4), LZ4),
    tenant LowCardinality(String),
    identity UInt128 CODEC(NONE), -- The first 16 bytes of SHA-256 over tenant, source and id. They do not compress.
    epoch UInt32, -- The record's place in the log: incarnation of the topic, partition, offset.
    partition UInt32,
    offset UInt64 CODEC(Delta(8), LZ4),
    source LowCardinality(String),
    id String CODEC(ZSTD(1)),
    run LowCardinality(String),
    entity LowCardinality(String),
    metric LowCardinality(String),
    value Float64,
    unit LowCardinality(String),
    citation String,
    confidence LowCardinality(String),
    -- Of the records with one identity and time the one with the highest revision counts.
    revision UInt64 CODEC(T64, LZ4),
    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_offset offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (minute, epoch, partition, offset)
SETTINGS min_bytes_for_wide_part = 33554432, auto_statistics_types = '';

-- The offset of each partition up to which the rollups have followed the ledger.
CREATE TABLE IF NOT EXISTS tidemark.rollup_cursors
(
    topic LowCardinality(String), -- Without namespace.
    epoch UInt32,
    partition UInt32,
    position UInt64, -- The first offset that they have not followed.
    version UInt64, -- The newest version that was published before.
    saved_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, epoch, partition);

-- Buckets that the cursors have passed and that the worker still has to recompute. Rows that are done expire: losing
-- one costs at most one recomputation.
CREATE TABLE IF NOT EXISTS tidemark.rollup_pending
(
    rollup LowCardinality(String), -- The name of the view: token_calls_1m.
    -- The same under a name that statements can group by: ROLLUP is a keyword.
    name LowCardinality(String) ALIAS rollup,
    from_bucket DateTime64(0, 'UTC'),
    to_bucket DateTime64(0, 'UTC'), -- Exclusive.
    -- deferred: waits for its turn. mismatch: raw rows do not match the ledger. requested: by `tidemark rollup rebuild`
    -- or `tidemark migrate`; requesting twice has no further effect.
    reason Enum8('deferred' = 1, 'mismatch' = 2, 'requested' = 3),
    done Bool,
    version UInt64, -- Microseconds since 1970 by the database's clock.
    saved_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (rollup, from_bucket, to_bucket)
TTL saved_at + INTERVAL 7 DAY DELETE WHERE done;

-- The versions of each bucket of each rollup. Readers see the newest: one insert here publishes a bucket.
CREATE TABLE IF NOT EXISTS tidemark.rollup_versions
(
    rollup LowCardinality(String), -- The name of the view: token_calls_1m.
    -- The same under a name that statements can group by: ROLLUP is a keyword.
    name LowCardinality(String) ALIAS rollup,
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4),
    version UInt64 CODEC(Delta(8), LZ4), -- Microseconds since 1970 by the database's clock, taken before raw was read.
    slot UInt8 -- Where the rows of the version are. The next version goes to the other slot.
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (rollup, bucket);

-- What each generator, replay or load test reported about the events it made: one row per Kafka record. The sorting
-- key is the record's place in the log, so inserting a record again changes nothing. There are no partitions: events
-- of a century would need a part per month. A part below 32 MiB is one file, which halves the time to write it. Merges
-- into one file go row by row and cost half as much again, so larger parts have files for each column. Statistics of
-- columns, which merges would compute, are of no use to any statement here.
CREATE TABLE IF NOT EXISTS tidemark.runs_raw
(
    time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    -- Minutes since 1970, rounded down. toStartOfMinute wraps before 1970 and integer division rounds toward 0, so the
    -- expression counts from 1900, the earliest time that is accepted.
    minute Int32 MATERIALIZED toInt32(intDiv(toUnixTimestamp64Micro(time) + 2208988800000000, 60000000) - 36816480) CODEC(Delta(4), LZ4),
    tenant LowCardinality(String),
    identity UInt128 CODEC(NONE), -- The first 16 bytes of SHA-256 over tenant, source and id. They do not compress.
    epoch UInt32, -- The record's place in the log: incarnation of the topic, partition, offset.
    partition UInt32,
    offset UInt64 CODEC(Delta(8), LZ4),
    source LowCardinality(String),
    id String CODEC(ZSTD(1)),
    run LowCardinality(String),
    kind LowCardinality(String),
    type LowCardinality(String),
    produced UInt64,
    events UInt64,
    duplicates UInt64,
    conflicts UInt64,
    poison UInt64,
    input_tokens UInt64,
    output_tokens UInt64,
    weight UInt64,
    first_time DateTime64(6, 'UTC'),
    last_time DateTime64(6, 'UTC'),
    detail String,
    input_tokens_high UInt64, -- The upper 64 bits of the sums above. The view shows whole sums.
    output_tokens_high UInt64,
    weight_high UInt64,
    -- What a collector received in a minute, by key, endpoint, sender, type and reason: received = produced + spooled +
    -- rejected + joined + skipped.
    key LowCardinality(String),
    endpoint LowCardinality(String),
    sender LowCardinality(String),
    reason LowCardinality(String),
    received UInt64,
    rejected UInt64,
    joined UInt64,
    skipped UInt64,
    spooled UInt64,
    drained UInt64,
    refused UInt64,
    not_resent UInt64,
    unacknowledged UInt64,
    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_offset offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (minute, epoch, partition, offset)
SETTINGS min_bytes_for_wide_part = 33554432, auto_statistics_types = '';

-- What migrate has done: that it began to give the database a version of the schema, and that it is done. Migrate
-- creates this table first. A row that two processes write at once is there twice, which is the same as once. The
-- columns are those that the table has always had, so that older programs see that they are older.
CREATE TABLE IF NOT EXISTS tidemark.schema_migrations
(
    version UInt32,
    name String, -- "tidemark: begun" or "tidemark: done". Before version 300: the name of a statement.
    checksum String, -- The digest of the schema.
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree
ORDER BY (version, name, checksum);

-- New accounts: one row per Kafka record. The sorting key is the record's place in the log, so inserting a record
-- again changes nothing. There are no partitions: events of a century would need a part per month. A part below 32 MiB
-- is one file, which halves the time to write it. Merges into one file go row by row and cost half as much again, so
-- larger parts have files for each column. Statistics of columns, which merges would compute, are of no use to any
-- statement here.
CREATE TABLE IF NOT EXISTS tidemark.signups_raw
(
    time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    -- Minutes since 1970, rounded down. toStartOfMinute wraps before 1970 and integer division rounds toward 0, so the
    -- expression counts from 1900, the earliest time that is accepted.
    minute Int32 MATERIALIZED toInt32(intDiv(toUnixTimestamp64Micro(time) + 2208988800000000, 60000000) - 36816480) CODEC(Delta(4), LZ4),
    tenant LowCardinality(String),
    identity UInt128 CODEC(NONE), -- The first 16 bytes of SHA-256 over tenant, source and id. They do not compress.
    epoch UInt32, -- The record's place in the log: incarnation of the topic, partition, offset.
    partition UInt32,
    offset UInt64 CODEC(Delta(8), LZ4),
    source LowCardinality(String),
    id String CODEC(ZSTD(1)),
    run LowCardinality(String),
    product LowCardinality(String),
    user UInt64 CODEC(ZSTD(1)),
    country LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    weight UInt64 DEFAULT 1 CODEC(T64, LZ4),
    user_weight UInt64 DEFAULT 1 CODEC(T64, LZ4),
    channel LowCardinality(String),
    plan LowCardinality(String),
    -- Of the records with one identity and time the one with the highest revision counts.
    revision UInt64 CODEC(T64, LZ4),
    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_offset offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (minute, epoch, partition, offset)
SETTINGS min_bytes_for_wide_part = 33554432, auto_statistics_types = '';

-- Calls to models: one row per Kafka record. The sorting key is the record's place in the log, so inserting a record
-- again changes nothing. There are no partitions: events of a century would need a part per month. A part below 32 MiB
-- is one file, which halves the time to write it. Merges into one file go row by row and cost half as much again, so
-- larger parts have files for each column. Statistics of columns, which merges would compute, are of no use to any
-- statement here.
CREATE TABLE IF NOT EXISTS tidemark.token_calls_raw
(
    time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    -- Minutes since 1970, rounded down. toStartOfMinute wraps before 1970 and integer division rounds toward 0, so the
    -- expression counts from 1900, the earliest time that is accepted.
    minute Int32 MATERIALIZED toInt32(intDiv(toUnixTimestamp64Micro(time) + 2208988800000000, 60000000) - 36816480) CODEC(Delta(4), LZ4),
    tenant LowCardinality(String),
    identity UInt128 CODEC(NONE), -- The first 16 bytes of SHA-256 over tenant, source and id. They do not compress.
    epoch UInt32, -- The record's place in the log: incarnation of the topic, partition, offset.
    partition UInt32,
    offset UInt64 CODEC(Delta(8), LZ4),
    source LowCardinality(String),
    id String CODEC(ZSTD(1)),
    run LowCardinality(String),
    product LowCardinality(String),
    user UInt64 CODEC(ZSTD(1)),
    country LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    weight UInt64 DEFAULT 1 CODEC(T64, LZ4),
    user_weight UInt64 DEFAULT 1 CODEC(T64, LZ4),
    model LowCardinality(String),
    requested_model LowCardinality(String),
    provider LowCardinality(String),
    operation LowCardinality(String),
    streaming Bool,
    status Enum8('unknown' = 0, 'ok' = 1, 'error' = 2, 'cancelled' = 3),
    error_type LowCardinality(String),
    latency_us Nullable(UInt64) CODEC(T64, LZ4),
    first_token_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    -- Classes of tokens that do not overlap. A class that the sender does not know is null, never 0.
    input_uncached Nullable(UInt64) CODEC(T64, LZ4),
    input_cache_read Nullable(UInt64) CODEC(T64, ZSTD(1)),
    input_cache_write Nullable(UInt64) CODEC(T64, ZSTD(1)),
    output_visible Nullable(UInt64) CODEC(T64, LZ4),
    output_reasoning Nullable(UInt64) CODEC(T64, ZSTD(1)),
    reported_cost_nanos Nullable(Int64) CODEC(T64, LZ4),
    cost_currency LowCardinality(String),
    reported_cost_picos UInt64 CODEC(T64, LZ4), -- In 1e-12: the cost is nanos x 1000 + picos.
    -- Of the records with one identity and time the one with the highest revision counts.
    revision UInt64 CODEC(T64, LZ4),
    -- How many calls the row adds up: its tokens and its cost are the totals of all of them. Null means one call, 0
    -- none.
    requests Nullable(UInt64) CODEC(T64, LZ4),
    -- Parts of input_cache_write, by the time that the cache keeps them.
    cache_write_5m Nullable(UInt64) CODEC(T64, LZ4),
    cache_write_1h Nullable(UInt64) CODEC(T64, LZ4),
    input_audio Nullable(UInt64) CODEC(T64, LZ4), -- How many of the tokens above are audio or images.
    input_image Nullable(UInt64) CODEC(T64, LZ4),
    output_audio Nullable(UInt64) CODEC(T64, LZ4),
    output_image Nullable(UInt64) CODEC(T64, LZ4),
    service_tier LowCardinality(String),
    region LowCardinality(String),
    client LowCardinality(String), -- The program or library that reported the call.
    client_version LowCardinality(String),
    response_id String, -- The provider's id of the answer.
    attempt Nullable(UInt64) CODEC(T64, LZ4), -- 1 for the first try.
    -- Where the counts of tokens come from, and how well their classes are known.
    usage Enum8('unknown' = 0, 'reported' = 1, 'estimated' = 2, 'missing' = 3),
    split Enum8('unknown' = 0, 'exact' = 1, 'upper_bound' = 2, 'none' = 3),
    joined UInt64 CODEC(T64, LZ4), -- Further reports of the same call that this row includes.
    may_be_double Bool, -- Another row may be about the same call.
    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_offset offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (minute, epoch, partition, offset)
SETTINGS min_bytes_for_wide_part = 33554432, auto_statistics_types = '';

-- The incarnations of each topic. A topic that is deleted and created again has another id and counts its offsets from
-- 0.
CREATE TABLE IF NOT EXISTS tidemark.topics
(
    topic LowCardinality(String), -- Without namespace.
    epoch UInt32,
    topic_id UUID,
    first_seen DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, epoch);

-- Requests per minute, in up to two versions per bucket. Read the view queries_1m.
CREATE TABLE IF NOT EXISTS tidemark.queries_1m_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    country LowCardinality(String),
    queries UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    checksum UInt64 CODEC(NONE), -- Sum of the raw rows' checksums, to compare with the ledger.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, product, segment, country, slot);

-- Requests per hour, in up to two versions per bucket. Read the view queries_1h.
CREATE TABLE IF NOT EXISTS tidemark.queries_1h_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    tenant LowCardinality(String),
    product LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    country LowCardinality(String),
    queries UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, tenant, product, segment, country, slot);

-- Requests per day, in up to two versions per bucket. Read the view queries_1d.
CREATE TABLE IF NOT EXISTS tidemark.queries_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    tenant LowCardinality(String),
    product LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    country LowCardinality(String),
    queries UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, tenant, product, segment, country, slot);

-- Requests per hour, all tenants together, in up to two versions per bucket. Read the view queries_all_1h.
CREATE TABLE IF NOT EXISTS tidemark.queries_all_1h_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    country LowCardinality(String),
    queries UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, product, segment, country, slot);

-- Requests per day, all tenants together, in up to two versions per bucket. Read the view queries_all_1d.
CREATE TABLE IF NOT EXISTS tidemark.queries_all_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    country LowCardinality(String),
    queries UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, product, segment, country, slot);

-- New accounts per minute, in up to two versions per bucket. Read the view signups_1m.
CREATE TABLE IF NOT EXISTS tidemark.signups_1m_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    country LowCardinality(String),
    signups UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    checksum UInt64 CODEC(NONE), -- Sum of the raw rows' checksums, to compare with the ledger.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, product, segment, country, slot);

-- New accounts per hour, in up to two versions per bucket. Read the view signups_1h.
CREATE TABLE IF NOT EXISTS tidemark.signups_1h_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    tenant LowCardinality(String),
    product LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    country LowCardinality(String),
    signups UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, tenant, product, segment, country, slot);

-- New accounts per day, in up to two versions per bucket. Read the view signups_1d.
CREATE TABLE IF NOT EXISTS tidemark.signups_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    tenant LowCardinality(String),
    product LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    country LowCardinality(String),
    signups UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, tenant, product, segment, country, slot);

-- New accounts per hour, all tenants together, in up to two versions per bucket. Read the view signups_all_1h.
CREATE TABLE IF NOT EXISTS tidemark.signups_all_1h_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    country LowCardinality(String),
    signups UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, product, segment, country, slot);

-- New accounts per day, all tenants together, in up to two versions per bucket. Read the view signups_all_1d.
CREATE TABLE IF NOT EXISTS tidemark.signups_all_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    segment Enum8('unknown' = 0, 'consumer' = 1, 'developer' = 2, 'enterprise' = 3, 'government' = 4),
    country LowCardinality(String),
    signups UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, product, segment, country, slot);

-- Calls to models per minute, in up to two versions per bucket. Read the view token_calls_1m.
CREATE TABLE IF NOT EXISTS tidemark.token_calls_1m_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    status Enum8('unknown' = 0, 'ok' = 1, 'error' = 2, 'cancelled' = 3),
    calls UInt128, -- Sum of weights times requests.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    checksum UInt64 CODEC(NONE), -- Sum of the raw rows' checksums, to compare with the ledger.
    streaming_calls UInt128,
    input_uncached UInt128,
    input_cache_read UInt128,
    input_cache_write UInt128,
    output_visible UInt128,
    output_reasoning UInt128,
    unknown_input_calls UInt128, -- Calls with no known class of input tokens.
    unknown_output_calls UInt128, -- Calls with no known class of output tokens.
    -- Microseconds. Read with quantilesBFloat16WeightedMerge(0.5, 0.9, 0.95, 0.99), no other levels.
    latency AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64),
    -- As latency.
    first_token AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64),
    latency_calls UInt128, -- Calls with a known latency.
    first_token_calls UInt128,
    reported_cost_picos Int128, -- In 1e-12 USD.
    reported_cost_calls UInt128, -- Calls with a reported cost in USD.
    other_currency_calls UInt128, -- Calls with a reported cost in another currency, which no sum includes.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, product, provider, model, status, slot);

-- Calls to models per hour, in up to two versions per bucket. Read the view token_calls_1h.
CREATE TABLE IF NOT EXISTS tidemark.token_calls_1h_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    tenant LowCardinality(String),
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    status Enum8('unknown' = 0, 'ok' = 1, 'error' = 2, 'cancelled' = 3),
    calls UInt128, -- Sum of weights times requests.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    streaming_calls UInt128,
    input_uncached UInt128,
    input_cache_read UInt128,
    input_cache_write UInt128,
    output_visible UInt128,
    output_reasoning UInt128,
    unknown_input_calls UInt128, -- Calls with no known class of input tokens.
    unknown_output_calls UInt128, -- Calls with no known class of output tokens.
    -- Microseconds. Read with quantilesBFloat16WeightedMerge(0.5, 0.9, 0.95, 0.99), no other levels.
    latency AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64),
    -- As latency.
    first_token AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64),
    latency_calls UInt128, -- Calls with a known latency.
    first_token_calls UInt128,
    reported_cost_picos Int128, -- In 1e-12 USD.
    reported_cost_calls UInt128, -- Calls with a reported cost in USD.
    other_currency_calls UInt128, -- Calls with a reported cost in another currency, which no sum includes.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, tenant, product, provider, model, status, slot);

-- Calls to models per day, in up to two versions per bucket. Read the view token_calls_1d.
CREATE TABLE IF NOT EXISTS tidemark.token_calls_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    tenant LowCardinality(String),
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    status Enum8('unknown' = 0, 'ok' = 1, 'error' = 2, 'cancelled' = 3),
    calls UInt128, -- Sum of weights times requests.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    streaming_calls UInt128,
    input_uncached UInt128,
    input_cache_read UInt128,
    input_cache_write UInt128,
    output_visible UInt128,
    output_reasoning UInt128,
    unknown_input_calls UInt128, -- Calls with no known class of input tokens.
    unknown_output_calls UInt128, -- Calls with no known class of output tokens.
    -- Microseconds. Read with quantilesBFloat16WeightedMerge(0.5, 0.9, 0.95, 0.99), no other levels.
    latency AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64),
    -- As latency.
    first_token AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64),
    latency_calls UInt128, -- Calls with a known latency.
    first_token_calls UInt128,
    reported_cost_picos Int128, -- In 1e-12 USD.
    reported_cost_calls UInt128, -- Calls with a reported cost in USD.
    other_currency_calls UInt128, -- Calls with a reported cost in another currency, which no sum includes.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, tenant, product, provider, model, status, slot);

-- Calls to models per hour, all tenants together, in up to two versions per bucket. Read the view token_calls_all_1h.
CREATE TABLE IF NOT EXISTS tidemark.token_calls_all_1h_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    status Enum8('unknown' = 0, 'ok' = 1, 'error' = 2, 'cancelled' = 3),
    calls UInt128, -- Sum of weights times requests.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    streaming_calls UInt128,
    input_uncached UInt128,
    input_cache_read UInt128,
    input_cache_write UInt128,
    output_visible UInt128,
    output_reasoning UInt128,
    unknown_input_calls UInt128, -- Calls with no known class of input tokens.
    unknown_output_calls UInt128, -- Calls with no known class of output tokens.
    -- Microseconds. Read with quantilesBFloat16WeightedMerge(0.5, 0.9, 0.95, 0.99), no other levels.
    latency AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64),
    -- As latency.
    first_token AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64),
    latency_calls UInt128, -- Calls with a known latency.
    first_token_calls UInt128,
    reported_cost_picos Int128, -- In 1e-12 USD.
    reported_cost_calls UInt128, -- Calls with a reported cost in USD.
    other_currency_calls UInt128, -- Calls with a reported cost in another currency, which no sum includes.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, product, provider, model, status, slot)
SETTINGS index_granularity = 256;

-- Calls to models per day, all tenants together, in up to two versions per bucket. Read the view token_calls_all_1d.
CREATE TABLE IF NOT EXISTS tidemark.token_calls_all_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    status Enum8('unknown' = 0, 'ok' = 1, 'error' = 2, 'cancelled' = 3),
    calls UInt128, -- Sum of weights times requests.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    streaming_calls UInt128,
    input_uncached UInt128,
    input_cache_read UInt128,
    input_cache_write UInt128,
    output_visible UInt128,
    output_reasoning UInt128,
    unknown_input_calls UInt128, -- Calls with no known class of input tokens.
    unknown_output_calls UInt128, -- Calls with no known class of output tokens.
    -- Microseconds. Read with quantilesBFloat16WeightedMerge(0.5, 0.9, 0.95, 0.99), no other levels.
    latency AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64),
    -- As latency.
    first_token AggregateFunction(quantilesBFloat16Weighted(0.5, 0.9, 0.95, 0.99), Nullable(UInt64), UInt64),
    latency_calls UInt128, -- Calls with a known latency.
    first_token_calls UInt128,
    reported_cost_picos Int128, -- In 1e-12 USD.
    reported_cost_calls UInt128, -- Calls with a reported cost in USD.
    other_currency_calls UInt128, -- Calls with a reported cost in another currency, which no sum includes.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, product, provider, model, status, slot)
SETTINGS index_granularity = 256;

-- Calls by who reported them and how well per hour, in up to two versions per bucket. Read the view call_reports_1h.
CREATE TABLE IF NOT EXISTS tidemark.call_reports_1h_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    tenant LowCardinality(String),
    client LowCardinality(String),
    client_version LowCardinality(String),
    usage Enum8('unknown' = 0, 'reported' = 1, 'estimated' = 2, 'missing' = 3),
    split Enum8('unknown' = 0, 'exact' = 1, 'upper_bound' = 2, 'none' = 3),
    calls UInt128, -- Sum of weights times requests.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    joined_calls UInt128, -- Calls that several reports were joined into.
    may_be_double_calls UInt128, -- Calls that another row may be about too.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, tenant, client, client_version, usage, split, slot);

-- Calls by who reported them and how well per day, in up to two versions per bucket. Read the view call_reports_1d.
CREATE TABLE IF NOT EXISTS tidemark.call_reports_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    tenant LowCardinality(String),
    client LowCardinality(String),
    client_version LowCardinality(String),
    usage Enum8('unknown' = 0, 'reported' = 1, 'estimated' = 2, 'missing' = 3),
    split Enum8('unknown' = 0, 'exact' = 1, 'upper_bound' = 2, 'none' = 3),
    calls UInt128, -- Sum of weights times requests.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    joined_calls UInt128, -- Calls that several reports were joined into.
    may_be_double_calls UInt128, -- Calls that another row may be about too.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, tenant, client, client_version, usage, split, slot);

-- Releases, downloads and derivatives of models per day, in up to two versions per bucket. Read the view
-- model_events_1d.
CREATE TABLE IF NOT EXISTS tidemark.model_events_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    kind Enum8('unknown' = 0, 'release' = 1, 'download' = 2, 'derivative' = 3),
    model LowCardinality(String),
    base_model LowCardinality(String),
    organization LowCardinality(String),
    hub LowCardinality(String),
    country LowCardinality(String),
    events UInt128, -- Sum of weights.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    checksum UInt64 CODEC(NONE), -- Sum of the raw rows' checksums, to compare with the ledger.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, kind, model, base_model, organization, hub, country, slot);

-- Distinct users over requests and calls per hour, by one dimension at a time: '' (all), product, segment, country,
-- tenant, model, in up to two versions per bucket. Read the view audience_1h.
CREATE TABLE IF NOT EXISTS tidemark.audience_1h_states
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    dimension LowCardinality(String),
    value LowCardinality(String),
    user_weight UInt64,
    -- Read with uniqCombined64Merge. Active users are that times user_weight.
    users AggregateFunction(uniqCombined64, UInt64),
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (dimension, value, bucket, user_weight, slot)
SETTINGS index_granularity = 4;

-- Distinct users over requests and calls per day, by one dimension at a time: '' (all), product, segment, country,
-- tenant, model, in up to two versions per bucket. Read the view audience_1d.
CREATE TABLE IF NOT EXISTS tidemark.audience_1d_states
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    dimension LowCardinality(String),
    value LowCardinality(String),
    user_weight UInt64,
    -- Read with uniqCombined64Merge. Active users are that times user_weight.
    users AggregateFunction(uniqCombined64, UInt64),
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (dimension, value, bucket, user_weight, slot)
SETTINGS index_granularity = 4;

-- Cost of calls to models per hour, in up to two versions per bucket. Read the view costs_1h.
CREATE TABLE IF NOT EXISTS tidemark.costs_1h_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    tenant LowCardinality(String),
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    currency LowCardinality(String),
    reason LowCardinality(String),
    book UInt32,
    calls UInt128, -- Sum of weights times requests.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    tokens UInt128, -- Of all classes, as far as they are known.
    unpriced_tokens UInt128, -- Those of them that have no price, for the reason that the row names or another one.
    input_cost_picos Int128, -- In 1e-12 of the currency, as all costs.
    cache_read_cost_picos Int128,
    cache_write_cost_picos Int128,
    output_cost_picos Int128,
    reasoning_cost_picos Int128,
    request_cost_picos Int128,
    -- The part of the cost that is of calls whose classes of tokens are not known exactly: it is at most that.
    at_most_cost_picos Int128,
    cache_saved_picos Int128, -- What the tokens from and to caches would have cost as other input, less what they cost.
    compared_calls UInt128, -- Calls that have a price in whole, and report a cost in the same currency.
    compared_cost_picos Int128, -- What they cost by the book.
    compared_reported_picos Int128, -- What they report.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, tenant, product, provider, model, currency, reason, book, slot);

-- Cost of calls to models per day, in up to two versions per bucket. Read the view costs_1d.
CREATE TABLE IF NOT EXISTS tidemark.costs_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    tenant LowCardinality(String),
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    currency LowCardinality(String),
    reason LowCardinality(String),
    book UInt32,
    calls UInt128, -- Sum of weights times requests.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    tokens UInt128, -- Of all classes, as far as they are known.
    unpriced_tokens UInt128, -- Those of them that have no price, for the reason that the row names or another one.
    input_cost_picos Int128, -- In 1e-12 of the currency, as all costs.
    cache_read_cost_picos Int128,
    cache_write_cost_picos Int128,
    output_cost_picos Int128,
    reasoning_cost_picos Int128,
    request_cost_picos Int128,
    -- The part of the cost that is of calls whose classes of tokens are not known exactly: it is at most that.
    at_most_cost_picos Int128,
    cache_saved_picos Int128, -- What the tokens from and to caches would have cost as other input, less what they cost.
    compared_calls UInt128, -- Calls that have a price in whole, and report a cost in the same currency.
    compared_cost_picos Int128, -- What they cost by the book.
    compared_reported_picos Int128, -- What they report.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, tenant, product, provider, model, currency, reason, book, slot);

-- Cost of calls to models per hour, all tenants together, in up to two versions per bucket. Read the view
-- costs_all_1h.
CREATE TABLE IF NOT EXISTS tidemark.costs_all_1h_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    currency LowCardinality(String),
    reason LowCardinality(String),
    book UInt32,
    calls UInt128, -- Sum of weights times requests.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    tokens UInt128, -- Of all classes, as far as they are known.
    unpriced_tokens UInt128, -- Those of them that have no price, for the reason that the row names or another one.
    input_cost_picos Int128, -- In 1e-12 of the currency, as all costs.
    cache_read_cost_picos Int128,
    cache_write_cost_picos Int128,
    output_cost_picos Int128,
    reasoning_cost_picos Int128,
    request_cost_picos Int128,
    -- The part of the cost that is of calls whose classes of tokens are not known exactly: it is at most that.
    at_most_cost_picos Int128,
    cache_saved_picos Int128, -- What the tokens from and to caches would have cost as other input, less what they cost.
    compared_calls UInt128, -- Calls that have a price in whole, and report a cost in the same currency.
    compared_cost_picos Int128, -- What they cost by the book.
    compared_reported_picos Int128, -- What they report.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, product, provider, model, currency, reason, book, slot);

-- Cost of calls to models per day, all tenants together, in up to two versions per bucket. Read the view costs_all_1d.
CREATE TABLE IF NOT EXISTS tidemark.costs_all_1d_rows
(
    bucket DateTime64(0, 'UTC') CODEC(Delta(8), LZ4), -- The first second of the bucket.
    product LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    currency LowCardinality(String),
    reason LowCardinality(String),
    book UInt32,
    calls UInt128, -- Sum of weights times requests.
    records UInt64 CODEC(T64, LZ4), -- Events, whatever their weight.
    tokens UInt128, -- Of all classes, as far as they are known.
    unpriced_tokens UInt128, -- Those of them that have no price, for the reason that the row names or another one.
    input_cost_picos Int128, -- In 1e-12 of the currency, as all costs.
    cache_read_cost_picos Int128,
    cache_write_cost_picos Int128,
    output_cost_picos Int128,
    reasoning_cost_picos Int128,
    request_cost_picos Int128,
    -- The part of the cost that is of calls whose classes of tokens are not known exactly: it is at most that.
    at_most_cost_picos Int128,
    cache_saved_picos Int128, -- What the tokens from and to caches would have cost as other input, less what they cost.
    compared_calls UInt128, -- Calls that have a price in whole, and report a cost in the same currency.
    compared_cost_picos Int128, -- What they cost by the book.
    compared_reported_picos Int128, -- What they report.
    version UInt64 CODEC(Delta(8), LZ4), -- See rollup_versions.
    slot UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, product, provider, model, currency, reason, book, slot);

-- Each event of queries_raw once: the record with the highest revision, and of those the first in the log.
CREATE OR REPLACE VIEW tidemark.queries AS
SELECT
    time,
    minute,
    tenant,
    identity,
    epoch,
    partition,
    offset,
    source,
    id,
    run,
    product,
    user,
    country,
    segment,
    weight,
    user_weight,
    kind,
    model,
    revision
FROM tidemark.queries_raw AS r
ORDER BY minute, revision DESC, epoch, partition, offset
LIMIT 1 BY time, tenant, identity;

-- Each event of signups_raw once: the record with the highest revision, and of those the first in the log.
CREATE OR REPLACE VIEW tidemark.signups AS
SELECT
    time,
    minute,
    tenant,
    identity,
    epoch,
    partition,
    offset,
    source,
    id,
    run,
    product,
    user,
    country,
    segment,
    weight,
    user_weight,
    channel,
    plan,
    revision
FROM tidemark.signups_raw AS r
ORDER BY minute, revision DESC, epoch, partition, offset
LIMIT 1 BY time, tenant, identity;

-- Each event of token_calls_raw once: the record with the highest revision, and of those the first in the log.
CREATE OR REPLACE VIEW tidemark.token_calls AS
SELECT
    time,
    minute,
    tenant,
    identity,
    epoch,
    partition,
    offset,
    source,
    id,
    run,
    product,
    user,
    country,
    segment,
    weight,
    user_weight,
    model,
    requested_model,
    provider,
    operation,
    streaming,
    status,
    error_type,
    latency_us,
    first_token_us,
    input_uncached,
    input_cache_read,
    input_cache_write,
    output_visible,
    output_reasoning,
    reported_cost_nanos,
    cost_currency,
    reported_cost_picos,
    revision,
    requests,
    cache_write_5m,
    cache_write_1h,
    input_audio,
    input_image,
    output_audio,
    output_image,
    service_tier,
    region,
    client,
    client_version,
    response_id,
    attempt,
    usage,
    split,
    joined,
    may_be_double,
    weight * ifNull(requests, 1) AS calls, -- How many calls the row stands for. Tokens and cost count weight times.
    -- The sum of the known classes, null if none is known.
    if(isNull(input_uncached) AND isNull(input_cache_read) AND isNull(input_cache_write), NULL, ifNull(input_uncached, 0) + ifNull(input_cache_read, 0) + ifNull(input_cache_write, 0)) AS input_tokens,
    if(isNull(output_visible) AND isNull(output_reasoning), NULL, ifNull(output_visible, 0) + ifNull(output_reasoning, 0)) AS output_tokens,
    -- The sum of the known classes of input and output: at least that many, where a class is unknown.
    ifNull(input_uncached, 0) + ifNull(input_cache_read, 0) + ifNull(input_cache_write, 0) + ifNull(output_visible, 0) + ifNull(output_reasoning, 0) AS total_tokens
FROM tidemark.token_calls_raw AS r
ORDER BY minute, revision DESC, epoch, partition, offset
LIMIT 1 BY time, tenant, identity;

-- Each event of model_events_raw once: the record with the highest revision, and of those the first in the log.
CREATE OR REPLACE VIEW tidemark.model_events AS
SELECT
    time,
    minute,
    tenant,
    identity,
    epoch,
    partition,
    offset,
    source,
    id,
    run,
    product,
    user,
    country,
    segment,
    weight,
    user_weight,
    kind,
    model,
    base_model,
    organization,
    hub,
    revision
FROM tidemark.model_events_raw AS r
ORDER BY minute, revision DESC, epoch, partition, offset
LIMIT 1 BY time, tenant, identity;

-- Each event of reference_points_raw once: the record with the highest revision, and of those the first in the log.
CREATE OR REPLACE VIEW tidemark.reference_points AS
SELECT
    time,
    minute,
    tenant,
    identity,
    epoch,
    partition,
    offset,
    source,
    id,
    run,
    entity,
    metric,
    value,
    unit,
    citation,
    confidence,
    revision
FROM tidemark.reference_points_raw AS r
ORDER BY minute, revision DESC, epoch, partition, offset
LIMIT 1 BY time, tenant, identity;

-- Each event of runs_raw once: the first record in the log.
CREATE OR REPLACE VIEW tidemark.runs AS
SELECT
    time,
    minute,
    tenant,
    identity,
    epoch,
    partition,
    offset,
    source,
    id,
    run,
    kind,
    type,
    produced,
    events,
    duplicates,
    conflicts,
    poison,
    toUInt128(r.input_tokens) + bitShiftLeft(toUInt128(r.input_tokens_high), 64) AS input_tokens,
    toUInt128(r.output_tokens) + bitShiftLeft(toUInt128(r.output_tokens_high), 64) AS output_tokens,
    toUInt128(r.weight) + bitShiftLeft(toUInt128(r.weight_high), 64) AS weight,
    first_time,
    last_time,
    detail,
    key,
    endpoint,
    sender,
    reason,
    received,
    rejected,
    joined,
    skipped,
    spooled,
    drained,
    refused,
    not_resent,
    unacknowledged
FROM tidemark.runs_raw AS r
ORDER BY minute, epoch, partition, offset
LIMIT 1 BY time, tenant, identity;

-- Requests per minute: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.queries_1m AS
SELECT
    bucket,
    product,
    segment,
    country,
    queries,
    records,
    checksum,
    version
FROM tidemark.queries_1m_rows AS r
INNER JOIN
(
    SELECT bucket, max(version) AS version
    FROM tidemark.rollup_versions
    WHERE rollup = 'queries_1m'
    GROUP BY bucket
) AS published USING (bucket, version);

-- Requests per hour: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.queries_1h AS
SELECT
    bucket,
    tenant,
    product,
    segment,
    country,
    queries,
    records,
    version
FROM tidemark.queries_1h_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'queries_1h' GROUP BY bucket);

-- Requests as rows of a rollup, one per event. The bucket is the event's moment, not rounded.
CREATE OR REPLACE VIEW tidemark.queries_tenant_1m AS
SELECT
    e.time AS bucket,
    e.tenant AS tenant,
    e.product AS product,
    e.segment AS segment,
    e.country AS country,
    toUInt128(e.weight) AS queries,
    toUInt64(1) AS records
FROM tidemark.queries AS e;

-- Requests per day: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.queries_1d AS
SELECT
    bucket,
    tenant,
    product,
    segment,
    country,
    queries,
    records,
    version
FROM tidemark.queries_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'queries_1d' GROUP BY bucket);

-- Requests per hour, all tenants together: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.queries_all_1h AS
SELECT
    bucket,
    product,
    segment,
    country,
    queries,
    records,
    version
FROM tidemark.queries_all_1h_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'queries_all_1h' GROUP BY bucket);

-- Requests per day, all tenants together: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.queries_all_1d AS
SELECT
    bucket,
    product,
    segment,
    country,
    queries,
    records,
    version
FROM tidemark.queries_all_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'queries_all_1d' GROUP BY bucket);

-- New accounts per minute: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.signups_1m AS
SELECT
    bucket,
    product,
    segment,
    country,
    signups,
    records,
    checksum,
    version
FROM tidemark.signups_1m_rows AS r
INNER JOIN
(
    SELECT bucket, max(version) AS version
    FROM tidemark.rollup_versions
    WHERE rollup = 'signups_1m'
    GROUP BY bucket
) AS published USING (bucket, version);

-- New accounts per hour: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.signups_1h AS
SELECT
    bucket,
    tenant,
    product,
    segment,
    country,
    signups,
    records,
    version
FROM tidemark.signups_1h_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'signups_1h' GROUP BY bucket);

-- New accounts as rows of a rollup, one per event. The bucket is the event's moment, not rounded.
CREATE OR REPLACE VIEW tidemark.signups_tenant_1m AS
SELECT
    e.time AS bucket,
    e.tenant AS tenant,
    e.product AS product,
    e.segment AS segment,
    e.country AS country,
    toUInt128(e.weight) AS signups,
    toUInt64(1) AS records
FROM tidemark.signups AS e;

-- New accounts per day: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.signups_1d AS
SELECT
    bucket,
    tenant,
    product,
    segment,
    country,
    signups,
    records,
    version
FROM tidemark.signups_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'signups_1d' GROUP BY bucket);

-- New accounts per hour, all tenants together: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.signups_all_1h AS
SELECT
    bucket,
    product,
    segment,
    country,
    signups,
    records,
    version
FROM tidemark.signups_all_1h_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'signups_all_1h' GROUP BY bucket);

-- New accounts per day, all tenants together: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.signups_all_1d AS
SELECT
    bucket,
    product,
    segment,
    country,
    signups,
    records,
    version
FROM tidemark.signups_all_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'signups_all_1d' GROUP BY bucket);

-- Calls to models per minute: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.token_calls_1m AS
SELECT
    bucket,
    product,
    provider,
    model,
    status,
    calls,
    records,
    checksum,
    streaming_calls,
    input_uncached,
    input_cache_read,
    input_cache_write,
    output_visible,
    output_reasoning,
    unknown_input_calls,
    unknown_output_calls,
    latency,
    first_token,
    latency_calls,
    first_token_calls,
    reported_cost_picos,
    reported_cost_calls,
    other_currency_calls,
    r.input_uncached + r.input_cache_read + r.input_cache_write AS input_tokens,
    r.output_visible + r.output_reasoning AS output_tokens,
    -- The sum of the known classes of input and output: at least that many, where a class is unknown.
    r.input_uncached + r.input_cache_read + r.input_cache_write + r.output_visible + r.output_reasoning AS total_tokens,
    intDiv(r.reported_cost_picos - positiveModulo(r.reported_cost_picos, 1000), 1000) AS reported_cost_nanos,
    version
FROM tidemark.token_calls_1m_rows AS r
INNER JOIN
(
    SELECT bucket, max(version) AS version
    FROM tidemark.rollup_versions
    WHERE rollup = 'token_calls_1m'
    GROUP BY bucket
) AS published USING (bucket, version);

-- Calls to models per hour: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.token_calls_1h AS
SELECT
    bucket,
    tenant,
    product,
    provider,
    model,
    status,
    calls,
    records,
    streaming_calls,
    input_uncached,
    input_cache_read,
    input_cache_write,
    output_visible,
    output_reasoning,
    unknown_input_calls,
    unknown_output_calls,
    latency,
    first_token,
    latency_calls,
    first_token_calls,
    reported_cost_picos,
    reported_cost_calls,
    other_currency_calls,
    r.input_uncached + r.input_cache_read + r.input_cache_write AS input_tokens,
    r.output_visible + r.output_reasoning AS output_tokens,
    -- The sum of the known classes of input and output: at least that many, where a class is unknown.
    r.input_uncached + r.input_cache_read + r.input_cache_write + r.output_visible + r.output_reasoning AS total_tokens,
    intDiv(r.reported_cost_picos - positiveModulo(r.reported_cost_picos, 1000), 1000) AS reported_cost_nanos,
    version
FROM tidemark.token_calls_1h_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'token_calls_1h' GROUP BY bucket);

-- Calls to models as rows of a rollup, one per event. The bucket is the event's moment, not rounded.
CREATE OR REPLACE VIEW tidemark.token_calls_tenant_1m AS
SELECT
    e.time AS bucket,
    e.tenant AS tenant,
    e.product AS product,
    e.provider AS provider,
    e.model AS model,
    e.status AS status,
    toUInt128(e.weight * ifNull(e.requests, 1)) AS calls,
    toUInt64(1) AS records,
    if(e.streaming, toUInt128(e.weight * ifNull(e.requests, 1)), toUInt128(0)) AS streaming_calls,
    toUInt128(ifNull(e.input_uncached, 0) * e.weight) AS input_uncached,
    toUInt128(ifNull(e.input_cache_read, 0) * e.weight) AS input_cache_read,
    toUInt128(ifNull(e.input_cache_write, 0) * e.weight) AS input_cache_write,
    toUInt128(ifNull(e.output_visible, 0) * e.weight) AS output_visible,
    toUInt128(ifNull(e.output_reasoning, 0) * e.weight) AS output_reasoning,
    if(isNull(e.input_uncached) AND isNull(e.input_cache_read) AND isNull(e.input_cache_write), toUInt128(e.weight * ifNull(e.requests, 1)), toUInt128(0)) AS unknown_input_calls,
    if(isNull(e.output_visible) AND isNull(e.output_reasoning), toUInt128(e.weight * ifNull(e.requests, 1)), toUInt128(0)) AS unknown_output_calls,
    initializeAggregation('quantilesBFloat16WeightedState(0.5, 0.9, 0.95, 0.99)', e.latency_us, e.weight) AS latency,
    initializeAggregation('quantilesBFloat16WeightedState(0.5, 0.9, 0.95, 0.99)', e.first_token_us, e.weight) AS first_token,
    if(isNotNull(e.latency_us), toUInt128(e.weight * ifNull(e.requests, 1)), toUInt128(0)) AS latency_calls,
    if(isNotNull(e.first_token_us), toUInt128(e.weight * ifNull(e.requests, 1)), toUInt128(0)) AS first_token_calls,
    if(isNotNull(e.reported_cost_nanos) AND e.cost_currency = 'USD', (toInt128(assumeNotNull(e.reported_cost_nanos)) * 1000 + e.reported_cost_picos) * e.weight, toInt128(0)) AS reported_cost_picos,
    if(isNotNull(e.reported_cost_nanos) AND e.cost_currency = 'USD', toUInt128(e.weight * ifNull(e.requests, 1)), toUInt128(0)) AS reported_cost_calls,
    if(isNotNull(e.reported_cost_nanos) AND e.cost_currency != 'USD', toUInt128(e.weight * ifNull(e.requests, 1)), toUInt128(0)) AS other_currency_calls,
    (toUInt128(ifNull(e.input_uncached, 0) * e.weight)) + (toUInt128(ifNull(e.input_cache_read, 0) * e.weight)) + (toUInt128(ifNull(e.input_cache_write, 0) * e.weight)) AS input_tokens,
    (toUInt128(ifNull(e.output_visible, 0) * e.weight)) + (toUInt128(ifNull(e.output_reasoning, 0) * e.weight)) AS output_tokens,
    (toUInt128(ifNull(e.input_uncached, 0) * e.weight)) + (toUInt128(ifNull(e.input_cache_read, 0) * e.weight)) + (toUInt128(ifNull(e.input_cache_write, 0) * e.weight)) + (toUInt128(ifNull(e.output_visible, 0) * e.weight)) + (toUInt128(ifNull(e.output_reasoning, 0) * e.weight)) AS total_tokens,
    intDiv((if(isNotNull(e.reported_cost_nanos) AND e.cost_currency = 'USD', (toInt128(assumeNotNull(e.reported_cost_nanos)) * 1000 + e.reported_cost_picos) * e.weight, toInt128(0))) - positiveModulo((if(isNotNull(e.reported_cost_nanos) AND e.cost_currency = 'USD', (toInt128(assumeNotNull(e.reported_cost_nanos)) * 1000 + e.reported_cost_picos) * e.weight, toInt128(0))), 1000), 1000) AS reported_cost_nanos
FROM tidemark.token_calls AS e;

-- Calls to models per day: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.token_calls_1d AS
SELECT
    bucket,
    tenant,
    product,
    provider,
    model,
    status,
    calls,
    records,
    streaming_calls,
    input_uncached,
    input_cache_read,
    input_cache_write,
    output_visible,
    output_reasoning,
    unknown_input_calls,
    unknown_output_calls,
    latency,
    first_token,
    latency_calls,
    first_token_calls,
    reported_cost_picos,
    reported_cost_calls,
    other_currency_calls,
    r.input_uncached + r.input_cache_read + r.input_cache_write AS input_tokens,
    r.output_visible + r.output_reasoning AS output_tokens,
    -- The sum of the known classes of input and output: at least that many, where a class is unknown.
    r.input_uncached + r.input_cache_read + r.input_cache_write + r.output_visible + r.output_reasoning AS total_tokens,
    intDiv(r.reported_cost_picos - positiveModulo(r.reported_cost_picos, 1000), 1000) AS reported_cost_nanos,
    version
FROM tidemark.token_calls_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'token_calls_1d' GROUP BY bucket);

-- Calls to models per hour, all tenants together: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.token_calls_all_1h AS
SELECT
    bucket,
    product,
    provider,
    model,
    status,
    calls,
    records,
    streaming_calls,
    input_uncached,
    input_cache_read,
    input_cache_write,
    output_visible,
    output_reasoning,
    unknown_input_calls,
    unknown_output_calls,
    latency,
    first_token,
    latency_calls,
    first_token_calls,
    reported_cost_picos,
    reported_cost_calls,
    other_currency_calls,
    r.input_uncached + r.input_cache_read + r.input_cache_write AS input_tokens,
    r.output_visible + r.output_reasoning AS output_tokens,
    -- The sum of the known classes of input and output: at least that many, where a class is unknown.
    r.input_uncached + r.input_cache_read + r.input_cache_write + r.output_visible + r.output_reasoning AS total_tokens,
    intDiv(r.reported_cost_picos - positiveModulo(r.reported_cost_picos, 1000), 1000) AS reported_cost_nanos,
    version
FROM tidemark.token_calls_all_1h_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'token_calls_all_1h' GROUP BY bucket);

-- Calls to models per day, all tenants together: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.token_calls_all_1d AS
SELECT
    bucket,
    product,
    provider,
    model,
    status,
    calls,
    records,
    streaming_calls,
    input_uncached,
    input_cache_read,
    input_cache_write,
    output_visible,
    output_reasoning,
    unknown_input_calls,
    unknown_output_calls,
    latency,
    first_token,
    latency_calls,
    first_token_calls,
    reported_cost_picos,
    reported_cost_calls,
    other_currency_calls,
    r.input_uncached + r.input_cache_read + r.input_cache_write AS input_tokens,
    r.output_visible + r.output_reasoning AS output_tokens,
    -- The sum of the known classes of input and output: at least that many, where a class is unknown.
    r.input_uncached + r.input_cache_read + r.input_cache_write + r.output_visible + r.output_reasoning AS total_tokens,
    intDiv(r.reported_cost_picos - positiveModulo(r.reported_cost_picos, 1000), 1000) AS reported_cost_nanos,
    version
FROM tidemark.token_calls_all_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'token_calls_all_1d' GROUP BY bucket);

-- Calls by who reported them and how well per hour: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.call_reports_1h AS
SELECT
    bucket,
    tenant,
    client,
    client_version,
    usage,
    split,
    calls,
    records,
    joined_calls,
    may_be_double_calls,
    version
FROM tidemark.call_reports_1h_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'call_reports_1h' GROUP BY bucket);

-- Calls by who reported them and how well as rows of a rollup, one per event. The bucket is the event's moment, not
-- rounded.
CREATE OR REPLACE VIEW tidemark.call_reports_tenant_1m AS
SELECT
    e.time AS bucket,
    e.tenant AS tenant,
    e.client AS client,
    e.client_version AS client_version,
    e.usage AS usage,
    e.split AS split,
    toUInt128(e.weight * ifNull(e.requests, 1)) AS calls,
    toUInt64(1) AS records,
    if(e.joined > 0, toUInt128(e.weight * ifNull(e.requests, 1)), toUInt128(0)) AS joined_calls,
    if(e.may_be_double, toUInt128(e.weight * ifNull(e.requests, 1)), toUInt128(0)) AS may_be_double_calls
FROM tidemark.token_calls AS e;

-- Calls by who reported them and how well per day: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.call_reports_1d AS
SELECT
    bucket,
    tenant,
    client,
    client_version,
    usage,
    split,
    calls,
    records,
    joined_calls,
    may_be_double_calls,
    version
FROM tidemark.call_reports_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'call_reports_1d' GROUP BY bucket);

-- Releases, downloads and derivatives of models per day: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.model_events_1d AS
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
FROM tidemark.model_events_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'model_events_1d' GROUP BY bucket);

-- Distinct users over requests and calls per hour, by one dimension at a time: '' (all), product, segment, country,
-- tenant, model: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.audience_1h AS
SELECT
    bucket,
    dimension,
    value,
    toUInt128(r.user_weight) AS user_weight,
    users,
    version
FROM tidemark.audience_1h_states AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'audience_1h' GROUP BY bucket);

-- Distinct users over requests and calls per day, by one dimension at a time: '' (all), product, segment, country,
-- tenant, model: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.audience_1d AS
SELECT
    bucket,
    dimension,
    value,
    toUInt128(r.user_weight) AS user_weight,
    users,
    version
FROM tidemark.audience_1d_states AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'audience_1d' GROUP BY bucket);

-- Cost of calls to models per hour: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.costs_1h AS
SELECT
    bucket,
    tenant,
    product,
    provider,
    model,
    currency,
    reason,
    book,
    calls,
    records,
    tokens,
    unpriced_tokens,
    input_cost_picos,
    cache_read_cost_picos,
    cache_write_cost_picos,
    output_cost_picos,
    reasoning_cost_picos,
    request_cost_picos,
    at_most_cost_picos,
    cache_saved_picos,
    compared_calls,
    compared_cost_picos,
    compared_reported_picos,
    -- In 1e-12 of the currency. What has no price is not in it: where unpriced_tokens is not 0 the cost is at least
    -- that.
    r.input_cost_picos + r.cache_read_cost_picos + r.cache_write_cost_picos + r.output_cost_picos + r.reasoning_cost_picos + r.request_cost_picos AS cost_picos,
    version
FROM tidemark.costs_1h_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'costs_1h' GROUP BY bucket);

-- Cost of calls to models per day: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.costs_1d AS
SELECT
    bucket,
    tenant,
    product,
    provider,
    model,
    currency,
    reason,
    book,
    calls,
    records,
    tokens,
    unpriced_tokens,
    input_cost_picos,
    cache_read_cost_picos,
    cache_write_cost_picos,
    output_cost_picos,
    reasoning_cost_picos,
    request_cost_picos,
    at_most_cost_picos,
    cache_saved_picos,
    compared_calls,
    compared_cost_picos,
    compared_reported_picos,
    -- In 1e-12 of the currency. What has no price is not in it: where unpriced_tokens is not 0 the cost is at least
    -- that.
    r.input_cost_picos + r.cache_read_cost_picos + r.cache_write_cost_picos + r.output_cost_picos + r.reasoning_cost_picos + r.request_cost_picos AS cost_picos,
    version
FROM tidemark.costs_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'costs_1d' GROUP BY bucket);

-- Cost of calls to models per hour, all tenants together: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.costs_all_1h AS
SELECT
    bucket,
    product,
    provider,
    model,
    currency,
    reason,
    book,
    calls,
    records,
    tokens,
    unpriced_tokens,
    input_cost_picos,
    cache_read_cost_picos,
    cache_write_cost_picos,
    output_cost_picos,
    reasoning_cost_picos,
    request_cost_picos,
    at_most_cost_picos,
    cache_saved_picos,
    compared_calls,
    compared_cost_picos,
    compared_reported_picos,
    -- In 1e-12 of the currency. What has no price is not in it: where unpriced_tokens is not 0 the cost is at least
    -- that.
    r.input_cost_picos + r.cache_read_cost_picos + r.cache_write_cost_picos + r.output_cost_picos + r.reasoning_cost_picos + r.request_cost_picos AS cost_picos,
    version
FROM tidemark.costs_all_1h_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'costs_all_1h' GROUP BY bucket);

-- Cost of calls to models per day, all tenants together: the published version of each bucket.
CREATE OR REPLACE VIEW tidemark.costs_all_1d AS
SELECT
    bucket,
    product,
    provider,
    model,
    currency,
    reason,
    book,
    calls,
    records,
    tokens,
    unpriced_tokens,
    input_cost_picos,
    cache_read_cost_picos,
    cache_write_cost_picos,
    output_cost_picos,
    reasoning_cost_picos,
    request_cost_picos,
    at_most_cost_picos,
    cache_saved_picos,
    compared_calls,
    compared_cost_picos,
    compared_reported_picos,
    -- In 1e-12 of the currency. What has no price is not in it: where unpriced_tokens is not 0 the cost is at least
    -- that.
    r.input_cost_picos + r.cache_read_cost_picos + r.cache_write_cost_picos + r.output_cost_picos + r.reasoning_cost_picos + r.request_cost_picos AS cost_picos,
    version
FROM tidemark.costs_all_1d_rows AS r
WHERE (bucket, version) IN (SELECT bucket, max(version) FROM tidemark.rollup_versions WHERE rollup = 'costs_all_1d' GROUP BY bucket);

-- How far each rollup is complete: a bucket that begins at or before whole_until is whole.
CREATE OR REPLACE VIEW tidemark.rollup_progress AS
SELECT
    name, -- Of the rollup.
    max(published) AS published_at,
    max(newest) AS newest_bucket,
    least(
        if(published_at < now64(6) - INTERVAL 1 HOUR, now64(6), published_at),
        arrayMin(arrayPushBack(
            arrayMap(range -> if(range.2 > newest_bucket, range.1, toDateTime64('2299-12-31 00:00:00', 6, 'UTC')), groupArrayIf((waits_from, waits_to), waits)),
            toDateTime64('2299-12-31 00:00:00', 6, 'UTC')))
    ) - toIntervalSecond(multiIf(endsWith(name, '_1m'), 60, endsWith(name, '_1h'), 3600, 86400)) AS whole_until
FROM (
    SELECT
        v.rollup AS name,
        fromUnixTimestamp64Micro(toInt64(version), 'UTC') AS published,
        bucket AS newest,
        false AS waits,
        toDateTime64(bucket, 6, 'UTC') AS waits_from,
        bucket AS waits_to
    FROM tidemark.rollup_versions AS v
    UNION ALL
    SELECT
        arrayJoin(arrayConcat([toString(p.rollup)], multiIf(p.rollup = 'audience_1h', ['audience_1d'], p.rollup = 'call_reports_1h', ['call_reports_1d'], p.rollup = 'costs_1h', ['costs_1d', 'costs_all_1h', 'costs_all_1d'], p.rollup = 'costs_all_1h', ['costs_all_1d'], p.rollup = 'queries_1h', ['queries_1d'], p.rollup = 'queries_1m', ['queries_all_1h', 'queries_all_1d'], p.rollup = 'queries_all_1h', ['queries_all_1d'], p.rollup = 'signups_1h', ['signups_1d'], p.rollup = 'signups_1m', ['signups_all_1h', 'signups_all_1d'], p.rollup = 'signups_all_1h', ['signups_all_1d'], p.rollup = 'token_calls_1h', ['token_calls_1d'], p.rollup = 'token_calls_1m', ['token_calls_all_1h', 'token_calls_all_1d'], p.rollup = 'token_calls_all_1h', ['token_calls_all_1d'], emptyArrayString()))) AS name,
        toDateTime64('1900-01-01 00:00:00', 6, 'UTC') AS published,
        toDateTime64('1900-01-01 00:00:00', 0, 'UTC') AS newest,
        true AS waits,
        toDateTime64(from_bucket, 6, 'UTC') AS waits_from,
        to_bucket AS waits_to
    FROM tidemark.rollup_pending AS p FINAL
    WHERE NOT done
) AS marks
GROUP BY name;
