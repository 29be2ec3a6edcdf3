-- Blocks that every view they feed has dropped. Those of unknown streams feed none.
SELECT b.block_no
FROM blocks b
WHERE NOT EXISTS (
        SELECT 1 FROM stream_feeds f
        WHERE f.stream_id = b.stream_id AND NOT EXISTS (
            SELECT 1 FROM dropped d WHERE d.view_name = f.view_name AND d.block_no = b.block_no))
    AND NOT EXISTS (SELECT 1 FROM stream_tags t WHERE t.stream_id = b.stream_id AND t.tag IN ({?}))
--if process: AND (b.process_id = ? OR b.stream_id IN (SELECT s.stream_id FROM streams s WHERE s.process_id = ?))
--if before: AND b.insert_time < ?
--if older: AND b.insert_time < ? AND b.recorded_at < ?
--if tag: AND EXISTS (SELECT 1 FROM stream_tags t WHERE t.stream_id = b.stream_id AND t.tag = ?)
--if known: AND EXISTS (SELECT 1 FROM streams s WHERE s.stream_id = b.stream_id)
--if orphans: AND (NOT EXISTS (SELECT 1 FROM streams s WHERE s.stream_id = b.stream_id) OR NOT EXISTS (SELECT 1 FROM processes r WHERE r.process_id = b.process_id))
LIMIT 1024
