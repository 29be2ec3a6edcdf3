SELECT p.block_no
FROM pending p
JOIN blocks b ON b.block_no = p.block_no
WHERE p.view_name = ?
--if process: AND (b.process_id = ? OR b.stream_id IN (SELECT s.stream_id FROM streams s WHERE s.process_id = ?))
--if before: AND b.insert_time < ?
--if older: AND b.insert_time < ? AND b.recorded_at < ?
--if orphans: AND NOT EXISTS (SELECT 1 FROM processes r WHERE r.process_id = b.process_id)
ORDER BY p.block_no
LIMIT 1024
--pg: FOR UPDATE OF p
