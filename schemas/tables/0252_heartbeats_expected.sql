-- The roles that somebody should have. "log" is not a worker: it stands for those who say what the log holds.
INSERT INTO {database}.heartbeats (role, worker, beat, started_at, stopped) VALUES
    ('ingest', '', 0, 0, false),
    ('rollup', '', 0, 0, false),
    ('audit', '', 0, 0, false),
    ('log', '', 0, 0, false)
