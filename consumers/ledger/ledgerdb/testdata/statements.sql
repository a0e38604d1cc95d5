-- cursors
SELECT topic, epoch, partition, argMax(position, version) FROM rollup_cursors GROUP BY topic, epoch, partition ORDER BY topic, epoch, partition;

-- all ranges of the ledger
SELECT epoch, partition, from_offset, to_offset, generation FROM ledger WHERE topic = 'queries.v1' AND 1 ORDER BY epoch, partition, from_offset;

-- new ranges of the ledger
SELECT epoch, partition, from_offset, to_offset, generation FROM ledger WHERE topic = 'queries.v1' AND (epoch = 1 AND partition = 0 AND from_offset >= 0 AND to_offset > 100 OR epoch = 1 AND partition = 1 AND from_offset >= 805696 AND to_offset > 5000000 OR (epoch, partition) NOT IN ((1, 0), (1, 1))) ORDER BY epoch, partition, from_offset;

-- chain of a partition
SELECT from_offset, to_offset, generation FROM ledger WHERE topic = 'queries.v1' AND epoch = 1 AND partition = 2;

-- touched minutes
SELECT DISTINCT minute FROM ledger ARRAY JOIN buckets.minute AS minute WHERE topic = 'queries.v1' AND (epoch = 1 AND partition = 0 AND from_offset >= 0 AND to_offset > 100 OR epoch = 1 AND partition = 1 AND from_offset >= 805696 AND to_offset > 5000000 OR (epoch, partition) NOT IN ((1, 0), (1, 1))) AND ((epoch = 1 AND to_offset <= transform(partition, [0, 1], [150, 5000200], toUInt64(0))) OR (epoch = 2 AND to_offset <= transform(partition, [0], [7], toUInt64(0)))) ORDER BY minute;

-- overlaps
SELECT DISTINCT epoch, partition FROM (SELECT epoch, partition, from_offset, max(to_offset) OVER (PARTITION BY epoch, partition ORDER BY from_offset, to_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered FROM ledger FINAL WHERE topic = 'queries.v1' AND stored > 0 AND max_minute >= -10512000 AND min_minute < -10510560 AND ((epoch = 1 AND to_offset <= transform(partition, [0, 1], [150, 5000200], toUInt64(0))) OR (epoch = 2 AND to_offset <= transform(partition, [0], [7], toUInt64(0))))) WHERE from_offset < covered ORDER BY epoch, partition;

-- minutes of the ledger
SELECT m, sum(n), sum(hash), toBool(min(span < reach) = 1 AND uniqExact(epoch) = 1 AND min(least) = max(most) AND max(loose) = 0 AND min(known) > 0) FROM (SELECT epoch, partition, bucket.1 AS m, sum(bucket.2) AS n, sum(bucket.3) AS hash, max(bucket.5) - min(bucket.4) AS span, min(window) AS reach, min(partitions) AS least, max(partitions) AS most, max(bucket.6 + bucket.7) AS loose, min(format) AS known FROM ledger FINAL ARRAY JOIN arrayZip(buckets.minute, buckets.rows, buckets.checksum, buckets.min_offset, buckets.max_offset, buckets.strays, buckets.revised) AS bucket WHERE topic = 'queries.v1' AND stored > 0 AND max_minute >= -10512000 AND min_minute < -10510560 AND ((epoch = 1 AND to_offset <= transform(partition, [0, 1], [150, 5000200], toUInt64(0))) OR (epoch = 2 AND to_offset <= transform(partition, [0], [7], toUInt64(0)))) AND m >= -10512000 AND m < -10510560 GROUP BY epoch, partition, m) GROUP BY m ORDER BY m;

-- minutes of the ledger with losers
SELECT m, sum(n), sum(hash), toBool(min(span < reach) = 1 AND uniqExact(epoch) = 1 AND min(least) = max(most) AND max(loose) = 0 AND min(known) > 0) FROM (SELECT epoch, partition, bucket.1 AS m, sum(bucket.2) AS n, sum(bucket.3) AS hash, max(bucket.5) - min(bucket.4) AS span, min(window) AS reach, min(partitions) AS least, max(partitions) AS most, max(bucket.6 + bucket.7) AS loose, min(format) AS known FROM ledger FINAL ARRAY JOIN arrayZip(buckets.minute, buckets.rows, buckets.checksum, buckets.min_offset, buckets.max_offset, buckets.strays, buckets.revised) AS bucket WHERE topic = 'queries.v1' AND stored > 0 AND max_minute >= -10512000 AND min_minute < -10510560 AND ((epoch = 1 AND to_offset <= transform(partition, [0, 1], [150, 5000200], toUInt64(0))) OR (epoch = 2 AND to_offset <= transform(partition, [0], [7], toUInt64(0)))) AND (epoch, partition, from_offset, to_offset, generation) NOT IN ((1, 0, 10, 20, 3)) AND m >= -10512000 AND m < -10510560 GROUP BY epoch, partition, m) GROUP BY m ORDER BY m;

