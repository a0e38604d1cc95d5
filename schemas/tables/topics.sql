-- The incarnations of each topic. A topic that is deleted and created again has another id and counts its offsets from 0.
CREATE TABLE topics
(
    topic LowCardinality(String), -- Without namespace.
    epoch UInt32,
    topic_id UUID,
    first_seen DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, epoch)
