-- What migrate has done: that it began to give the database a version of the schema, and that it is done. Migrate creates
-- this table first. A row that two processes write at once is there twice, which is the same as once. The columns are
-- those that the table has always had, so that older programs see that they are older.
CREATE TABLE schema_migrations
(
    version UInt32,
    name String, -- "tidemark: begun" or "tidemark: done". Before version 300: the name of a statement.
    checksum String, -- The digest of the schema.
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree
ORDER BY (version, name, checksum)
