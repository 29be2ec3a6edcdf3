-- How many blocks a deletion would take.
SELECT COUNT(*), CAST(COALESCE(SUM(b.payload_size), 0) AS BIGINT), COALESCE(MIN(b.insert_time), 0), COALESCE(MAX(b.insert_time), 0)
FROM blocks b
WHERE NOT EXISTS (SELECT 1 FROM stream_tags t WHERE t.stream_id = b.stream_id AND t.tag IN ({?}))
--if process: AND (b.process_id = ? OR b.stream_id IN (SELECT s.stream_id FROM streams s WHERE s.process_id = ?))
--if before: AND b.insert_time < ?
--if older: AND b.insert_time < ? AND b.recorded_at < ?
--if tag: AND EXISTS (SELECT 1 FROM stream_tags t WHERE t.stream_id = b.stream_id AND t.tag = ?)
--if known: AND EXISTS (SELECT 1 FROM streams s WHERE s.stream_id = b.stream_id)
--if orphans: AND (NOT EXISTS (SELECT 1 FROM streams s WHERE s.stream_id = b.stream_id) OR NOT EXISTS (SELECT 1 FROM processes r WHERE r.process_id = b.process_id))
--if due: AND NOT EXISTS (SELECT 1 FROM stream_feeds f JOIN members m ON m.view_name = f.view_name AND m.block_no = b.block_no JOIN partitions q ON q.partition_no = m.partition_no WHERE f.stream_id = b.stream_id AND (q.max_insert >= ? OR q.max_recorded >= ?) AND (q.min_insert >= ? OR q.min_recorded >= ?))
